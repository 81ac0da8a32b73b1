"""The clerk's own workbook comes back marked, and tells on return what was cured."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
import xlsxwriter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.table import Table

from yikatong.kernel.errors import Refused
from yikatong.submission.sheets import Sheet, read_sheet
from yikatong.submission.sheets_forms import DISBURSEMENT
from yikatong.validation import marking
from yikatong.validation.marking import COLUMNS, RED, SUMMARY, YELLOW, marked, write_marked
from yikatong.validation.progress import Progress, progress
from yikatong.validation.row_rules import examine
from yikatong.validation.rules import FoundRow, Report

ID, OTHER = "11010519491231002X", "440524188001010014"
HEADER = ["序号", "姓名", "身份证号", "性别", "补贴金额（元）"]
GOOD = ["1", "冉光荣", ID, "女", "5"]
WRONG = ["2", "=HYPERLINK(1)", ID[:-1] + "1", "女", "12,34"]
COORDINATE = re.compile(r"([A-Z])([0-9]+)")
DOUBTFUL = ["3", "谭明", ID, "男", "5"]


def book(*rows: list[Any], prepare: Callable[[Any], None] = lambda _: None) -> bytes:
    made = openpyxl.Workbook()
    page = made.worksheets[0]
    page.title = "清册"
    made.create_sheet("说明", 0).append(["请勿修改"])
    page.append(["2026年清册"])
    for row in (HEADER, *rows):
        page.append(row)
    for cells in page.iter_rows():
        for cell in cells:
            cell.data_type = "s" if isinstance(cell.value, str) else cell.data_type
    prepare(page)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def judged(content: bytes, name: str = "a.xlsx") -> tuple[Sheet, Report]:
    sheet = read_sheet(content, DISBURSEMENT, name=name)
    found = examine(sheet.frame, on=date(2026, 11, 22))
    findings = tuple(FoundRow(r, f, c, s, m) for r, f, c, s, m in found.iter_rows())
    bad = {f.row for f in findings if f.severity == "block"}
    open_ = {f.row for f in findings if f.severity == "confirm"} - bad
    rows = sheet.frame.height
    return sheet, Report(rows, rows - len(bad | open_), len(bad), len(open_), 0, findings)


def opened(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content))


def _is_red(cell: Any) -> bool:
    return bool(cell.fill.fgColor.rgb == RED.fgColor.rgb)


def values(page: Any, row: int) -> list[Any]:
    return [cell.value for cell in page[row]]


def test_the_cell_of_the_fault_is_marked_and_the_rest_is_let_be() -> None:
    rule = DataValidation(type="list", formula1='"男,女"', sqref="D3:D9")
    content = book(GOOD, WRONG, DOUBTFUL, prepare=lambda page: page.add_data_validation(rule))
    sheet, report = judged(content)
    back = opened(marked(content, sheet, report))
    assert back.sheetnames == ["说明", "清册", SUMMARY]
    page = back["清册"]
    assert values(page, 2) == [*HEADER, *COLUMNS]
    assert values(page, 4)[:5] == WRONG
    assert page["B4"].data_type == "s", "a name that looks like a formula stays a text"
    for cell, fill in (("C4", RED), ("E4", RED), ("C5", YELLOW)):
        assert page[cell].fill.fgColor.rgb == fill.fgColor.rgb
        assert page[cell].comment is not None
    assert page["A4"].comment is None
    assert "校验码不符" in page["C4"].comment.text
    assert "校验码不符" in page["F4"].value
    assert "对照身份证" in page["G4"].value
    assert [page[f"F{row}"].value for row in (3,)] == [None]
    assert page["H3"].value == "YKT1"
    assert page.column_dimensions["H"].hidden
    assert page.auto_filter.ref == "A2:H5"
    assert page.data_validations.dataValidation[0].formula1 == '"男,女"'
    told = [row for row in back[SUMMARY].iter_rows(values_only=True) if row[0] == "ID-1"]
    assert told[0][:4] == ("ID-1", "身份证号位数或字符不对", "错误", 1)


@pytest.mark.parametrize("moved", ["D5", "A5", "D1"])
def test_a_list_that_does_not_begin_in_a1_is_marked_where_it_stands(moved: str) -> None:
    """With empty columns before it, or empty rows above it, or both."""
    at = COORDINATE.fullmatch(moved)
    assert at is not None
    right, down = ord(at[1]) - ord("A"), int(at[2]) - 1

    def move(page: Any) -> None:
        page.move_range("A1:E4", rows=down, cols=right)

    def cell(name: str) -> str:
        found = COORDINATE.fullmatch(name)
        assert found is not None
        return f"{chr(ord(found[1]) + right)}{int(found[2]) + down}"

    content = book(GOOD, WRONG, prepare=move)
    page = opened(marked(content, *judged(content)))["清册"]
    assert page[cell("C4")].value == WRONG[2]
    told = {name.coordinate for row in page.iter_rows() for name in row if name.comment}
    assert told == {cell("C4"), cell("E4")}
    assert {name.coordinate for row in page.iter_rows() for name in row if _is_red(name)} == told
    assert "校验码不符" in page[cell("F4")].value
    assert page[cell("H3")].value == "YKT1"


def test_on_return_it_is_told_what_was_cured_even_when_rows_moved() -> None:
    content = book(GOOD, WRONG, DOUBTFUL)
    sheet, report = judged(content)
    assert progress(sheet.frame, report.findings) is None
    again = opened(marked(content, sheet, report))
    page = again["清册"]
    page["C4"] = ID
    page["D3"] = "男"
    page.move_range("A4:H4", rows=3)
    page.delete_rows(4)
    out = io.BytesIO()
    again.save(out)
    sheet, report = judged(out.getvalue())
    assert [notice.rule for notice in sheet.notices] == []
    since = progress(sheet.frame, report.findings)
    assert since == Progress(cured=1, still=2, new=1)
    assert since.sentence == "与上次相比：修好 1 条，仍有 2 条，新增 1 条。"
    # marked a second time: the same columns, and no colour left where nothing is wrong now
    page = opened(marked(out.getvalue(), sheet, report))["清册"]
    assert values(page, 2) == [*HEADER, *COLUMNS]
    assert page["C6"].comment is None


def test_a_fault_in_a_merged_cell_is_said_beside_it() -> None:
    content = book(DOUBTFUL, DOUBTFUL, prepare=lambda page: page.merge_cells("C3:C4"))
    sheet, report = judged(content)
    page = opened(marked(content, sheet, report))["清册"]
    assert "没有填写" in page["F4"].value


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_large_or_plain_files_come_back_as_the_faulty_rows(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "MOST_ROWS", 2)
    content = book(GOOD, WRONG, DOUBTFUL)
    if name == "a.csv":
        rows = [HEADER, GOOD, WRONG, DOUBTFUL]
        quoted = (",".join(f'"{cell}"' for cell in row) for row in rows)
        content = "\n".join(quoted).encode()
    sheet, report = judged(content, name)
    fresh = marked(content, sheet, report)
    page = opened(fresh)["待更正"]
    assert values(page, 1) == [*HEADER, "原行号", *COLUMNS]
    assert [row[1].value for row in page.iter_rows(min_row=2)] == ["=HYPERLINK(1)", "谭明"]
    assert all(c.data_type in {"s", "n"} for row in page.iter_rows() for c in row)
    assert page["C2"].fill.fgColor.rgb.endswith("FDECEB")
    again, report = judged(fresh)
    assert progress(again.frame, report.findings) == Progress(cured=0, still=3, new=0)


def test_pictures_are_not_thrown_away_by_marking() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as made:
        page = made.add_worksheet()
        for at, row in enumerate((HEADER, WRONG)):
            for column, cell in enumerate(row):
                page.write_string(at, column, cell)
        chart = made.add_chart({"type": "bar"})
        chart.add_series({"values": "=Sheet1!$A$1:$A$2"})
        page.insert_chart("J1", chart)
    sheet, report = judged(out.getvalue())
    assert opened(marked(out.getvalue(), sheet, report)).sheetnames == ["待更正", SUMMARY]


def repacked(content: bytes, entry: str, pattern: str, theirs: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            changed = re.sub(pattern, theirs, text) if name == entry else text
            assert (changed != text) == (name == entry)
            new.writestr(name, changed)
    return out.getvalue()


def test_a_styled_cell_in_the_last_row_and_column_costs_nothing() -> None:
    def prepare(page: Any) -> None:
        for place in ("XFD1048576", "XFD2", "B1048576"):
            page[place].fill = YELLOW

    content = book(WRONG, prepare=prepare)
    content = repacked(content, "xl/worksheets/sheet2.xml", r' t="n"></c>', "/>")
    sheet, report = judged(content)
    page = opened(marked(content, sheet, report))["清册"]
    assert [page.cell(2, column).value for column in range(1, 9)] == [*HEADER, *COLUMNS]
    assert _is_red(page["C3"])
    assert page["XFD1048576"].fill.fgColor.rgb == YELLOW.fgColor.rgb


@pytest.mark.parametrize(
    ("entry", "pattern", "theirs"),
    [
        ("xl/styles.xml", '<family val="2"', '<family val="50"'),
        ("docProps/core.xml", r"2[0-9TZ:-]+</dcterms:created", "前天</dcterms:created"),
        ("xl/worksheets/sheet2.xml", 'type="list"', 'type="列表"'),
    ],
)
def test_a_workbook_that_another_program_wrote_in_its_own_way_comes_back_too(
    entry: str, pattern: str, theirs: str
) -> None:
    rule = DataValidation(type="list", formula1='"男,女"', sqref="D3:D9")
    own = book(WRONG, prepare=lambda page: page.add_data_validation(rule))
    content = repacked(own, entry, pattern, theirs)
    sheet, report = judged(content)
    page = opened(marked(content, sheet, report))["待更正"]
    assert page["C2"].value == WRONG[2]


def test_a_workbook_of_too_many_empty_cells_comes_back_fresh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def prepare(page: Any) -> None:
        for at in range(1, 200):
            page.cell(7, at).fill = YELLOW

    content = repacked(
        book(WRONG, prepare=prepare), "xl/worksheets/sheet2.xml", r' t="n"></c>', "/>"
    )
    sheet, report = judged(content)
    assert "清册" in opened(marked(content, sheet, report)).sheetnames
    monkeypatch.setattr(marking, "MOST_CELLS", 200)
    assert "待更正" in opened(marked(content, sheet, report)).sheetnames


def test_a_table_of_their_own_keeps_its_filter() -> None:
    table = Table(displayName="T", ref="A2:E3")
    content = book(WRONG, prepare=lambda page: page.add_table(table))
    sheet, report = judged(content)
    page = opened(marked(content, sheet, report))["清册"]
    assert (list(page.tables), page.auto_filter.ref) == (["T"], None)


def test_a_target_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    content = book(GOOD)
    sheet, report = judged(content)
    for target in (tmp_path / "a.csv", tmp_path / "none" / "a.xlsx"):
        with pytest.raises(Refused, match=r"xlsx|写不了"):
            write_marked(content, sheet, report, target)


def test_a_forged_mark_cures_nothing() -> None:
    frame = pl.DataFrame({"row": [2, 3], "earlier": ["YKT1_ID-1", "x"]})
    finding = FoundRow(3, "amount", "AM-2", "block", "…")
    assert progress(frame, [finding]) == Progress(cured=1, still=0, new=1)
    assert progress(frame.with_columns(earlier=pl.lit(None, dtype=pl.String)), []) is None
