"""The user's own workbook back, with what was found written into it (screens.md §7).

Their sheets, styles and validations stay; the cell at fault is coloured and says why. Where that
cannot be done (over 20,000 rows, too many cells, pictures, an old or plain-text file, a workbook
that another program wrote in its own way) the faulty rows come back in a fresh workbook.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl
import xlsxwriter
from openpyxl import load_workbook
from openpyxl.cell import Cell, MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from yikatong.kernel.errors import Refused
from yikatong.submission.sheets_forms import EARLIER
from yikatong.submission.sheets_meaning import Sheet
from yikatong.validation.progress import mark_of
from yikatong.validation.rules import BLOCK, CONFIRM, SEVERITY_WORD, FoundRow, Report
from yikatong.validation.titles import titles_by_severity

RED: Final = PatternFill("solid", fgColor="FDECEB")
YELLOW: Final = PatternFill("solid", fgColor="FFF3DC")
NO_FILL: Final = PatternFill()
EXPLANATION, ADVICE_TITLE = "错误说明（系统填写）", "处理建议"
MARK_TITLE: Final = "校验标识（系统填写）"
COLUMNS: Final = (EXPLANATION, ADVICE_TITLE, MARK_TITLE)
SUMMARY: Final = "错误汇总"
AUTHOR: Final = "一卡通"
BY_SEVERITY: Final = {BLOCK: "更正后重新导入", CONFIRM: "核实后在系统中写明理由"}
BY_RULE: Final = {
    "DG-1": "把这一列设为文本格式，对照证件重新录入完整号码",
    "RQ-1": "补填空白的单元格",
    "ID-1": "对照身份证逐位核对后重录",
    "ID-2a": "对照身份证核对出生日期一段",
    "ID-3": "按说明中的规则换成 18 位，并与本人核对",
    "AM-1": "核对等级、标准和数量，按标准重算金额",
    "AM-2": "填写大于 0、最多两位小数的金额",
    "NU-1": "只填数字，不带单位和文字",
    "DT-1": "写成 2026-03-05 的样子",
    "RG-1": "先用账户收集表登记本人，再导入名单",
    "NM-1": "与身份证、存折首页核对姓名用字",
    "DU-1": "同一享受权只留一行",
    "DU-2": "删去已经发过的这一行",
    "NC-1": "用标准输入法重打这个字",
    "PH-1": "核实电话；确为共用的写明理由",
}
MOST_ROWS: Final = 20_000
MOST_CELLS: Final = 600_000
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_LOST_IN_MARKING: Final = ("xl/media/", "xl/charts/", "xl/drawings/drawing")
# a font family or a date as another program writes it: what openpyxl refuses, and nobody else does
_NOT_OPENED: Final = (ValueError, TypeError, LookupError, AttributeError, SyntaxError)
Found = Mapping[int, Sequence[FoundRow]]


def write_marked(content: bytes, sheet: Sheet, report: Report, target: Path) -> None:
    """Write `target` (.xlsx): `marked` of this file.

    Raises:
        Refused: the target cannot be written.
    """
    if target.suffix.lower() != ".xlsx":
        raise Refused("标注后的工作簿请用 .xlsx 作扩展名。")
    try:
        target.write_bytes(marked(content, sheet, report))
    except OSError as error:
        raise Refused(f"写不了 {target}（{error.strerror}）。") from None


def marked(content: bytes, sheet: Sheet, report: Report) -> bytes:
    """The own workbook of up to 20,000 rows, marked; else a fresh one with the faulty rows."""
    found: dict[int, list[FoundRow]] = {}
    for finding in report.findings:
        if finding.row > 0:
            found.setdefault(finding.row, []).append(finding)
    if report.rows > MOST_ROWS or not _keeps_all(content):
        return _fresh(sheet, found, report)
    try:
        book = load_workbook(io.BytesIO(content))
    except _NOT_OPENED:
        return _fresh(sheet, found, report)
    _mark(book[sheet.name], sheet, found)
    if SUMMARY in book.sheetnames:
        del book[SUMMARY]
    listed = book.create_sheet(SUMMARY)
    for row in _summary(report):
        listed.append([safe(cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _keeps_all(content: bytes) -> bool:
    """Would openpyxl give back all that the workbook holds (it loses pictures and charts), and do
    so within bounds: each cell takes it half a kilobyte, in the process that serves the page.
    """
    if not content.startswith(b"PK"):
        return False
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        names = package.namelist()
        cells = sum(_cells_of(package, name) for name in names)
    return cells <= MOST_CELLS and not any(name.startswith(_LOST_IN_MARKING) for name in names)


def _cells_of(package: zipfile.ZipFile, part: str) -> int:
    """About so many cells are in this part, the empty ones that are only styled too."""
    with package.open(part) as stream:
        return sum(block.count(b"<c") for block in iter(lambda: stream.read(1 << 18), b""))


# -- the own workbook -----------------------------------------------------------------------------


def _mark(page: Worksheet, sheet: Sheet, found: Found) -> None:
    header = sheet.header_row
    _unmark(page, header)
    first = _our_columns(page, header)
    for offset, title in enumerate(COLUMNS):
        page.cell(header, first + offset, title)
    for row in sheet.frame["row"]:
        findings = found.get(row, ())
        page.cell(row, first + 2, mark_of(findings))
        if not findings:
            continue
        page.cell(row, first, safe(_sentences(findings)))
        page.cell(row, first + 1, advice(findings))
        _colour(page, row, first, findings, sheet)
    last = max(int(sheet.frame["row"].max() or header), header)  # type: ignore[arg-type] # an int
    page.column_dimensions[get_column_letter(first)].width = 60
    page.column_dimensions[get_column_letter(first + 1)].width = 30
    page.column_dimensions[get_column_letter(first + 2)].hidden = True
    if not page.tables:  # a table has a filter of its own, and Excel refuses two
        page.auto_filter.ref = f"A{header}:{get_column_letter(first + 2)}{last}"


def _colour(
    page: Worksheet, row: int, first: int, findings: Sequence[FoundRow], sheet: Sheet
) -> None:
    """The cell of each finding's own field; the explanation where it has none in this sheet."""
    by_cell: dict[int, list[FoundRow]] = {}
    for finding in findings:
        place = sheet.place_of(finding.field)
        column = first if place is None else place + 1
        # of merged cells only the first one can be written
        column = first if isinstance(page.cell(row, column), MergedCell) else column
        by_cell.setdefault(column, []).append(finding)
    for column, told in by_cell.items():
        worst = _worst(told)
        cell = page.cell(row, column)
        if worst:
            cell.fill = RED if worst == BLOCK else YELLOW
        cell.comment = Comment(_sentences(told), AUTHOR)


def _our_columns(page: Worksheet, header: int) -> int:
    """Where our columns begin: those of an earlier marking again, else the first free ones."""
    filled = {place: cell.value for place, cell in _cells(page) if cell.value is not None}
    ours = [at for (row, at), value in filled.items() if row == header and value == EXPLANATION]
    return min(ours, default=max((column for _, column in filled), default=0) + 1)


def _unmark(page: Worksheet, header: int) -> None:
    """Take back what an earlier marking coloured and said."""
    cells = _cells(page)
    ours = {column for (row, column), cell in cells if row == header and cell.value in COLUMNS}
    for (row, column), cell in cells:
        if cell.comment is not None and cell.comment.author == AUTHOR:
            cell.comment = None
            cell.fill = NO_FILL
        if row > header and column in ours and not isinstance(cell, MergedCell):
            cell.value = None


def _cells(page: Worksheet) -> list[tuple[tuple[int, int], Cell | MergedCell]]:
    """Those that are there, by row and column. A single one that is only styled, in the last row,
    would have the page's own ways of going through its cells make a million others, or billions.
    """
    return list(page._cells.items())  # noqa: SLF001 - the page tells of them in no other way


# -- a fresh workbook -----------------------------------------------------------------------------


def _fresh(sheet: Sheet, found: Found, report: Report) -> bytes:
    """Only the faulty rows, under the user's own headers, every cell a text."""
    places = {name: sheet.place_of(name) for name in sheet.labels if name in sheet.frame.columns}
    by_place = {place: name for name, place in sorted(places.items()) if place is not None}
    names = [by_place[place] for place in sorted(by_place) if by_place[place] != EARLIER]
    faulty = sheet.frame.filter(pl.col("row").is_in(list(found))).select("row", *names)
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "constant_memory": False}) as book:
        text = book.add_format({"num_format": "@"})
        fills = {
            BLOCK: book.add_format({"num_format": "@", "bg_color": "#FDECEB"}),
            CONFIRM: book.add_format({"num_format": "@", "bg_color": "#FFF3DC"}),
        }
        page = book.add_worksheet("待更正")
        titles = [*(sheet.labels[name] for name in names), "原行号", *COLUMNS]
        _write(page, 0, titles, book.add_format({"bold": True}))
        page.freeze_panes(1, 0)
        page.set_column(0, len(names), 16, text)
        page.set_column(len(names) + 1, len(names) + 1, 60)
        page.set_column(len(names) + 3, len(names) + 3, None, None, {"hidden": True})
        for at, line in enumerate(faulty.iter_rows(named=True), start=1):
            findings = found[line["row"]]
            explained = [str(line["row"]), _sentences(findings), advice(findings)]
            _write(page, at, [*(line[name] for name in names), *explained, mark_of(findings)], text)
            for finding in findings:
                place = places.get(finding.field)
                name = "" if place is None else by_place[place]
                if name in names and (worst := _worst([finding])):
                    page.write_string(at, names.index(name), line[name] or "", fills[worst])
        page.autofilter(0, 0, faulty.height, len(titles) - 1)
        listed = book.add_worksheet(SUMMARY)
        for at, row in enumerate(_summary(report, with_rows=report.rows <= MOST_ROWS)):
            _write(listed, at, row, None)
    return out.getvalue()


def _write(page: Any, at: int, cells: Iterable[Any], how: Any) -> None:
    """Typed strings and numbers: what looks like a formula stays a text."""
    for column, cell in enumerate(cells):
        if isinstance(cell, int):
            page.write_number(at, column, cell)
        elif cell is not None:
            page.write_string(at, column, cell, how)


# -- what is said ---------------------------------------------------------------------------------


def _summary(report: Report, *, with_rows: bool = True) -> Iterable[list[Any]]:
    yield ["共", report.rows, "通过", report.passed, "错误", report.blocked]
    yield ["", "", "提醒", report.to_confirm]
    yield ["规则", "名称", "严重程度", "条数", "处理建议"]
    titles = titles_by_severity()
    counts = Counter((finding.severity, finding.rule) for finding in report.findings)
    for (severity, rule), times in sorted(counts.items()):
        title = titles.get((rule, severity), "文件提示")
        yield [rule, title, SEVERITY_WORD[severity], times, _advised(rule, severity)]
    if not with_rows:
        return
    yield []
    yield ["行号", "规则", "严重程度", "说明"]
    for finding in report.findings:
        yield [finding.row, finding.rule, SEVERITY_WORD[finding.severity], finding.message]


def advice(findings: Sequence[FoundRow]) -> str:
    """What to do about a row, the gravest first, each once."""
    grave = [f for f in findings if f.severity in BY_SEVERITY]
    ordered = sorted(grave, key=lambda finding: finding.severity != BLOCK)
    return "；".join(dict.fromkeys(_advised(f.rule, f.severity) for f in ordered))


def _advised(rule: str, severity: str) -> str:
    return BY_RULE.get(rule) or BY_SEVERITY.get(severity, "")


def _sentences(findings: Sequence[FoundRow]) -> str:
    return "；".join(finding.message for finding in findings)


def _worst(findings: Sequence[FoundRow]) -> str:
    return next((s for s in (BLOCK, CONFIRM) if any(f.severity == s for f in findings)), "")


def safe(cell: Any) -> Any:
    """A text never starts a formula where a writer would take it for one."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
