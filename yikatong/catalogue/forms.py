"""What a department's clerk fills in to define an item; it becomes what a pack would say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms

from yikatong.catalogue import formulas
from yikatong.catalogue.definition_words import (
    COLUMN_USE,
    FRESH,
    KEEP_WORD,
    OWN_ROSTER,
    PLAIN,
    RELATION_PARTS,
    RELATION_ROWS,
    RELATION_WORD,
    REQUIRED,
    ROSTER_USE,
    SCOPE_WORD,
    SEVERITY,
    STANDARD_ROWS,
    initial_of,
    listed,
    offered,
)
from yikatong.catalogue.definitions import (
    MOST_RELATIONS,
    MOST_STANDARDS,
    SMS,
    read_definition,
)
from yikatong.catalogue.pack_checks import MOST_ROSTER_DAYS
from yikatong.catalogue.specs import (
    COLUMN_WORD,
    ENTITLED,
    FORMULA_WORD,
    FREQUENCY_WORD,
    ITEM_CHECKS,
    OBJECT_WORD,
    ROSTER_KINDS,
    formula_columns,
)
from yikatong.kernel.errors import Refused


def _text(label: str, most: int, hint: str = "", **words: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=most,
        help_text=hint,
        error_messages={
            "required": f"请填写{label}。",
            "max_length": f"{label}最多 {most} 个字。",
        },
        **words,
    )


def _choice(label: str, choices: Any, hint: str = "", **words: Any) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        choices=choices,
        help_text=hint,
        error_messages={"required": f"请选择{label}。", "invalid_choice": f"请从{label}里选。"},
        **words,
    )


def _whole(label: str, most: int, hint: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=0,
        max_value=most,
        required=False,
        help_text=hint,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        error_messages={
            "invalid": f"{label}应为整数。",
            "min_value": f"{label}不能小于 0。",
            "max_value": f"{label}最多 {most}。",
        },
    )


def _lines(label: str, hint: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=600,
        help_text=hint,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


def _day(**words: Any) -> forms.DateField:
    return forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "日期请写成 2026-03-05。"},
        **words,
    )


class DefinitionForm(forms.Form):
    """One item. `others` are code → name of the county's items that a relation may name."""

    name = _text("项目名称", 100, "按政策文件的全称，公示和清单都用它。")
    short_name = _text("简称", 7, "不超过 7 个字，用在到账短信里。")
    target = _text("补贴对象", 120, "谁可以享受，例如“承包农户”。")
    note = _text("政策依据", 300, "文号和条款。", required=False)
    payee_kind = _choice("发放类型", (("person", "到人"), ("household", "到户")))
    paying_unit = _choice("发放单位", (("department", "主管部门"), ("township", "镇街")))
    frequency = _choice("发放频次", list(FREQUENCY_WORD.items()))
    unit = _text("计量单位", 10, "标准是每什么多少元，例如“亩”“人·月”。")
    object_kind = _choice(
        "标的",
        [(key, word or "没有，一人（户）一笔") for key, word in OBJECT_WORD.items()],
        "同一人可有几笔的，按什么区分。",
        required=False,
    )
    disclosure = _choice(
        "公示方式", (("named", "逐人公示"), ("totals", "只公示人数和金额（涉及隐私的选这个）"))
    )
    extra_columns = _lines("只存文字的列", "一行一个表头；模板里印出来，随原表保存，不参与核对。")
    grades = _lines("等级", "一行一个，例如“一级”“二级”；不分等级不填。")
    formula = _choice("计算方式", list(FORMULA_WORD.items()))
    formula_text = _text(
        "计算公式",
        200,
        "例如“补贴金额=补贴标准×补贴面积”；差额补助写“最高金额=…”。可用 ＋ － × ÷ （ ）；"
        "按个案核定可不填。",
        required=False,
    )
    rounding = _choice("取整", (("half_up", "逐行四舍五入到分"),))
    cap_yuan = _whole("单笔上限（元）", 100_000_000, "不填为不限。")
    months = _whole("默认月数", 120, "表里没写月数时按几个月算；不按月发填 0。")
    age_min = _whole("最小年龄", 120, "按期末那天的周岁。")
    age_min_female = _whole("女性最小年龄", 120, "与男性不同时填。")
    age_max = _whole("最大年龄", 120)
    benefit_roster = _choice(
        "表明已享受本项的名册",
        [("", "没有"), *ROSTER_KINDS.items()],
        "别的项目据它判断此人已享受本项。",
        required=False,
    )
    function_code = _text("功能科目", 10, required=False)
    economic_code = _text("部门经济分类", 10, required=False)
    government_code = _text("政府经济分类", 10, required=False)

    def __init__(
        self,
        others: Mapping[str, str],
        data: Any = None,
        *,
        own: tuple[str, int],
        content: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=FRESH | ({} if content is None else initial_of(content)))
        self.own = own
        for field, word in COLUMN_WORD.items():
            self.fields[f"use_{field}"] = _choice(f"“{word}”列", COLUMN_USE, required=False)
            self.fields[f"word_{field}"] = _text(f"“{word}”在本项表头里叫什么", 20, required=False)
        for kind, word in (*offered(), (OWN_ROSTER, "本项核定名册")):
            uses = ROSTER_USE if kind != OWN_ROSTER else ROSTER_USE[:2]
            self.fields[f"roster_{kind}"] = _choice(word, uses, required=False)
            self.fields[f"days_{kind}"] = _whole(f"{word}名册有效天数", MOST_ROSTER_DAYS)
        for name, word in ITEM_CHECKS.items():
            self.fields[f"check_{name}"] = forms.BooleanField(label=word, required=False)
        told = content or {"programme": {}}
        related = len(told.get("relations", ())) + len(told.get("compatible", ()))
        filled = len(told["programme"].get("standards", ()))
        self.standards = _row_count(data, "standard", filled + STANDARD_ROWS, MOST_STANDARDS)
        self.relations = _row_count(data, "relation", related + RELATION_ROWS, MOST_RELATIONS)
        for n in range(self.standards):
            self._standard_row(n)
        for n in range(self.relations):
            self._relation_row(n, others)

    def _standard_row(self, n: int) -> None:
        row = f"第 {n + 1} 条标准的"
        self.fields[f"standard_{n}_grade"] = _text(f"{row}等级", 20, required=False)
        self.fields[f"standard_{n}_amount"] = forms.DecimalField(
            label=f"{row}金额（元）",
            required=False,
            min_value=Decimal("0.0000001"),
            max_digits=18,
            decimal_places=7,
            error_messages={
                "invalid": "标准应为数字。",
                "min_value": "标准应大于 0。",
                "max_decimal_places": "标准最多 7 位小数。",
                "max_whole_digits": "标准太大，请核对。",
                "max_digits": "标准太长，请核对。",
            },
            widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        )
        self.fields[f"standard_{n}_from"] = _day(label=f"{row}起始日期")
        self.fields[f"standard_{n}_to"] = _day(label=f"{row}截止日期")
        self.fields[f"standard_{n}_note"] = _text(f"{row}依据", 300, required=False)

    def _relation_row(self, n: int, others: Mapping[str, str]) -> None:
        named = [("", "不设"), *((code, f"{code} {name}") for code, name in others.items())]
        self.fields[f"relation_{n}_b"] = _choice("对方项目", named, required=False)
        self.fields[f"relation_{n}_kind"] = _choice("种类", RELATION_WORD, required=False)
        self.fields[f"relation_{n}_scope"] = _choice("范围", SCOPE_WORD, required=False)
        self.fields[f"relation_{n}_severity"] = _choice("处理", SEVERITY, required=False)
        self.fields[f"relation_{n}_keep"] = _choice("取舍", KEEP_WORD, required=False)
        self.fields[f"relation_{n}_grade"] = _text("仅限本项等级", 20, required=False)
        self.fields[f"relation_{n}_age"] = _whole("仅限未满周岁", 120)
        self.fields[f"relation_{n}_since"] = _day(label="生效日期")
        self.fields[f"relation_{n}_until"] = _day(label="失效日期")
        self.fields[f"relation_{n}_basis"] = _text("关系的依据", 300, required=False)

    # -- as the page shows it ------------------------------------------------------------------

    def column_rows(self) -> Iterator[dict[str, Any]]:
        for field, word in COLUMN_WORD.items():
            yield {"word": word, "use": self[f"use_{field}"], "called": self[f"word_{field}"]}

    def roster_rows(self) -> list[dict[str, Any]]:
        return [
            {"use": self[f"roster_{kind}"], "days": self[f"days_{kind}"]}
            for kind in (OWN_ROSTER, *dict(offered()))
        ]

    def check_fields(self) -> list[Any]:
        return [self[f"check_{name}"] for name in ITEM_CHECKS]

    def standard_rows(self) -> list[dict[str, Any]]:
        return self._rows("standard", self.standards, ("grade", "amount", "from", "to", "note"))

    def relation_rows(self) -> list[dict[str, Any]]:
        parts = ("b", "kind", "scope", "severity", "keep", "grade", "age", "since", "until")
        return self._rows("relation", self.relations, (*parts, "basis"))

    def _rows(self, name: str, count: int, parts: Sequence[str]) -> list[dict[str, Any]]:
        return [{part: self[f"{name}_{n}_{part}"] for part in parts} for n in range(count)]

    # -- as it is kept ---------------------------------------------------------------------------

    def clean(self) -> dict[str, Any]:
        facts = super().clean() or {}
        self._check_formula(facts)
        if not self.errors:
            try:
                facts["content"] = self._content(facts)
                read_definition(facts["content"], code=self.own[0], department_no=self.own[1])
            except Refused as error:
                self.add_error(None, str(error))
        return facts

    def _check_formula(self, facts: Mapping[str, Any]) -> None:
        """Beside the field itself, with the place of what cannot be read."""
        text = facts.get("formula_text", "")
        if not text:
            return
        words = {field: facts.get(f"word_{field}", "") for field in COLUMN_WORD}
        known = formula_columns({field: word for field, word in words.items() if word})
        try:
            formulas.parse(text).sql(known)
        except Refused as error:
            self.add_error("formula_text", str(error))

    def _content(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        used = [field for field in COLUMN_WORD if facts[f"use_{field}"]]
        rosters: dict[str, list[str]] = {use: [] for use, _ in ROSTER_USE[1:]}
        roster_days: dict[str, int] = {}
        for name in (OWN_ROSTER, *dict(offered())):
            if not (use := facts[f"roster_{name}"]):
                continue
            kind = f"{ENTITLED}{self.own[0]}" if name == OWN_ROSTER else name
            rosters[use].append(kind)
            if facts[f"days_{name}"] is not None:
                roster_days[kind] = facts[f"days_{name}"]
        ages = {
            key: facts[f"age_{key}"]
            for key in ("min", "max", "min_female")
            if facts[f"age_{key}"] is not None
        }
        programme: dict[str, Any] = {name: facts[name] for name in PLAIN} | {
            "sms": SMS,
            "months": facts["months"] or 0,
            "grades": listed(facts["grades"]),
            "extra_columns": listed(facts["extra_columns"]),
            "columns": used,
            "required_columns": [f for f in used if facts[f"use_{f}"] == REQUIRED],
            "words": {f: facts[f"word_{f}"] for f in used if facts[f"word_{f}"]},
            "checks": {name: 0 for name in ITEM_CHECKS if not facts[f"check_{name}"]},
            "roster_days": roster_days,
            "standards": list(self._standards(facts)),
            **rosters,
        }
        if facts["cap_yuan"] is not None:
            programme["cap_yuan"] = facts["cap_yuan"]
        if ages:
            programme["age"] = ages
        relations, compatible = self._relations(facts)
        return {"programme": programme, "relations": relations, "compatible": compatible}

    def _standards(self, facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for n in range(self.standards):
            row = {part: facts[f"standard_{n}_{part}"] for part in ("grade", "from", "to", "note")}
            amount = facts[f"standard_{n}_amount"]
            if amount is None and not any(row.values()):
                continue
            if amount is None or row["from"] is None:
                raise Refused(f"第 {n + 1} 条标准要写明金额和起始日期。")
            until = {} if row["to"] is None else {"valid_to": row["to"].isoformat()}
            yield {
                "grade": row["grade"],
                "amount_yuan": format(amount.normalize(), "f"),
                "unit": f"元/{facts['unit']}",
                "valid_from": row["from"].isoformat(),
                "sample": False,
                "note": row["note"],
                **until,
            }

    def _relations(
        self, facts: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        relations, compatible = [], []
        for n in range(self.relations):
            row = {part: facts[f"relation_{n}_{part}"] for part in RELATION_PARTS}
            if not row["b"] and not row["kind"]:
                continue
            if not (row["b"] and row["kind"]):
                raise Refused(f"第 {n + 1} 条关系要选项目和种类。")
            if row["kind"] == "COMPATIBLE":
                compatible.append({"b": row["b"], "basis": row["basis"]})
                continue
            if row["since"] is None:
                raise Refused(f"第 {n + 1} 条关系要写明生效日期。")
            keep = {"own": self.own[0], "other": row["b"]}.get(row["keep"], "")
            kept = {
                "since": row["since"].isoformat(),
                "until": None if row["until"] is None else row["until"].isoformat(),
                "under_age": row["age"],
            }
            relations.append(
                {
                    "b": row["b"],
                    "kind": row["kind"],
                    "scope": row["scope"] or "person",
                    "severity": row["severity"] or "block",
                    "legal_basis": row["basis"],
                    "grade_a": row["grade"],
                    "keep": keep,
                    **{key: value for key, value in kept.items() if value is not None},
                }
            )
        return relations, compatible


def _row_count(data: Any, name: str, offered_rows: int, most: int) -> int:
    """As many rows as were sent, or as many as there are with a few blank ones."""
    if data is None:
        return min(offered_rows, most)
    sent = [key.split("_")[1] for key in data if key.startswith(f"{name}_")]
    return min(max((int(n) + 1 for n in sent if n.isdecimal()), default=0), most)


class DefinitionDecisionForm(forms.Form):
    """确认生效, 退回, 停用, 作废 of one definition; `digest` is what the person looked at."""

    decision = forms.ChoiceField(
        choices=[("confirm", ""), ("return", ""), ("retire", ""), ("drop", "")]
    )
    reason = forms.CharField(max_length=300, required=False, strip=True)
    digest = forms.CharField(max_length=64, required=False)
