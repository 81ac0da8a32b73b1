// 页面上的小帮手。Every action is a plain link or form; without this file all of it still works.

const on = (type, selector, act) =>
  document.addEventListener(type, (event) => {
    const found = event.target instanceof Element && event.target.closest(selector);
    if (found) act(found, event);
  });

// --- 对话框 ---
on("click", "[data-opens]", (button, event) => {
  const dialog = document.getElementById(button.dataset.opens);
  if (dialog && dialog.showModal) {
    event.preventDefault();
    dialog.showModal();
  }
});
on("click", "[data-closes]", (button, event) => {
  event.preventDefault();
  button.closest("dialog").close();
});

// --- 选文件：名称和大小先在这里看一眼 ---
const asSize = (bytes) =>
  bytes < 1048576 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1048576).toFixed(1)} MB`;

const fault = (file, drop) => {
  const endings = (drop.dataset.endings || "").split(",").filter(Boolean);
  const most = Number(drop.dataset.most || 0);
  const name = file.name.toLowerCase();
  if (name.endsWith(".et")) return "WPS 的 .et 文件请先另存为 .xlsx 再上传。";
  if (endings.length && !endings.some((ending) => name.endsWith(ending)))
    return `“${file.name}”不是可用的格式，请选择 ${endings.join("、")} 文件。`;
  if (most && file.size > most) return `“${file.name}”有 ${asSize(file.size)}，最多 ${asSize(most)}，请拆分后再上传。`;
  if (!file.size) return `“${file.name}”是空文件，请重新选择。`;
  return "";
};

const show = (drop) => {
  const input = drop.querySelector("input[type=file]");
  const said = drop.querySelector("[data-chosen]");
  const file = input.files[0];
  const bad = file ? fault(file, drop) : "";
  said.textContent = file ? bad || `${file.name}（${asSize(file.size)}）` : "";
  said.toggleAttribute("data-bad", Boolean(bad));
  input.setCustomValidity(bad);
};
on("change", ".drop input[type=file]", (input) => show(input.closest(".drop")));
on("dragover", ".drop", (drop) => drop.toggleAttribute("data-over", true));
for (const type of ["dragleave", "drop"]) on(type, ".drop", (drop) => drop.toggleAttribute("data-over", false));

// --- 上传进度（htmx 发出的事件）---
document.addEventListener("htmx:xhr:progress", (event) => {
  const bar = event.target.querySelector && event.target.querySelector("[data-upload] progress");
  if (!bar || !event.detail.lengthComputable) return;
  const box = bar.closest("[data-upload]");
  const percent = Math.round((100 * event.detail.loaded) / event.detail.total);
  box.hidden = false;
  bar.value = percent;
  box.querySelector("[data-percent]").textContent = percent < 100 ? `已上传 ${percent}%` : "已上传，正在读取…";
});

// --- 同一张表单只交一次 ---
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (event.submitter && "download" in event.submitter.dataset) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
  for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-disabled", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
  }
});

// --- 表格：↑↓ 换行，回车打开，空格勾选，/ 查找，F8 下一处错误 ---
const rowsOf = (table) => [...table.querySelectorAll("tbody tr")];
const goTo = (row) => {
  if (!row) return;
  row.tabIndex = -1;
  row.focus();
  row.scrollIntoView({ block: "nearest" });
};
document.addEventListener("keydown", (event) => {
  const at = document.activeElement;
  const isTyping = at && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName) && at.type !== "checkbox";
  const table = (at && at.closest("table[data-keys]")) || document.querySelector("table[data-keys]");
  if (!table) return;
  if (event.key === "F8") {
    const bad = rowsOf(table).filter((row) => row.hasAttribute("data-error"));
    const here = at && at.closest("tr");
    const next = bad.find((row) => here && here.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING);
    event.preventDefault();
    goTo(next || bad[0]);
    return;
  }
  if (isTyping) return;
  const row = at && at.closest("table[data-keys] tbody tr");
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const rows = rowsOf(table);
    if (!row && !table.contains(at)) return;
    event.preventDefault();
    goTo(row ? rows[rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)] : rows[0]);
  } else if (row && at === row && event.key === "Enter") {
    const link = row.querySelector("a[href]");
    if (link) link.click();
  } else if (row && at === row && event.key === " ") {
    const box = row.querySelector("input[type=checkbox]");
    if (box) {
      event.preventDefault();
      box.click();
    }
  }
});

// --- 勾选：本页全选，数一数 ---
on("change", "table[data-keys] input[type=checkbox]", (box) => {
  const table = box.closest("table");
  const boxes = [...table.querySelectorAll("tbody input[type=checkbox]")];
  if (box.closest("thead")) for (const each of boxes) each.checked = box.checked;
  const chosen = boxes.filter((each) => each.checked);
  for (const each of boxes) each.closest("tr").setAttribute("aria-selected", String(each.checked));
  const said = document.querySelector(`[data-counts="${table.id}"]`);
  if (said) said.textContent = chosen.length ? `已选本页 ${chosen.length} 条` : "未选择";
});

// --- 浮动提示：HX-Trigger: {"toast": {"text": "…", "tone": "ok"}} ---
document.addEventListener("toast", (event) => {
  const place = document.querySelector(".toasts");
  const note = document.createElement("p");
  note.className = `toast toast--${event.detail.tone || "ok"}`;
  note.textContent = event.detail.text;
  place.append(note);
  setTimeout(() => note.remove(), 6000);
});

// --- 窄屏：一行一张卡片，列名写在值的旁边；没有脚本时左右滚动 ---
const asCards = () => {
  for (const table of document.querySelectorAll(".table:not(.table--cards)")) {
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent.trim());
    if (!heads.length) continue;
    table.classList.add("table--cards");
    // display: block takes a table's meaning away from screen readers; the roles give it back
    table.setAttribute("role", "table");
    for (const part of table.querySelectorAll("thead, tbody, tfoot")) part.setAttribute("role", "rowgroup");
    for (const head of table.querySelectorAll("thead th")) head.setAttribute("role", "columnheader");
    for (const row of table.querySelectorAll("tr")) {
      row.setAttribute("role", "row");
      let column = 0;
      for (const cell of row.children) {
        if (cell.tagName === "TD") {
          cell.setAttribute("role", "cell");
          if (heads[column] && cell.colSpan === 1) cell.dataset.label = heads[column];
          const text = cell.textContent.trim();
          const isEmpty = text === "" && !cell.querySelector("input, select, button, svg, img");
          cell.toggleAttribute("data-blank", text === "—" || isEmpty);
          const inner = document.createElement("div");
          inner.className = "cell";
          inner.append(...cell.childNodes);
          cell.append(inner);
        } else if (!cell.closest("thead")) cell.setAttribute("role", "rowheader");
        column += cell.colSpan;
      }
    }
  }
};
asCards();
document.addEventListener("htmx:load", asCards);
