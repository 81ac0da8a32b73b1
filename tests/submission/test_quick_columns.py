"""Columns read at once are the columns read cell by cell, whatever stands in them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from yikatong.kernel.errors import Refused
from yikatong.submission import sheets, sheets_quick
from yikatong.submission.sheets import Sheet, read_sheet
from yikatong.submission.sheets_door import HEAD_ROWS, WEB
from yikatong.submission.sheets_forms import DISBURSEMENT
from yikatong.submission.sheets_package import Limits

ID = "11010519491231002X"
HEADER = ["姓名", "身份证号", "银行账号", "数量", "补贴金额", "备注", "组"]
LINE = ["冉光荣", ID, "6228480402561234", 2.5, 100, "好", "1组"]
BELOW = HEAD_ROWS + 8
Make = Callable[[list[list[Any]]], bytes]


def by_openpyxl(rows: list[list[Any]]) -> bytes:
    """Texts in the table of shared strings."""
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def by_xlsxwriter(rows: list[list[Any]]) -> bytes:
    """Texts in their cells, dates as formatted numbers."""
    out = io.BytesIO()
    options = {"in_memory": True, "constant_memory": True, "default_date_format": "yyyy-mm-dd"}
    with xlsxwriter.Workbook(out, options) as book:
        page = book.add_worksheet()
        for place, row in enumerate(rows):
            page.write_row(place, 0, row)
    return out.getvalue()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each asking for columns at once was answered; small workbooks are worth it here."""
    monkeypatch.setattr(sheets_quick, "FEWEST_BYTES", 0)
    answered: list[bool] = []
    real = sheets_quick.columns

    def columns(*arguments: Any, **more: Any) -> Any:
        found = real(*arguments, **more)
        answered.append(found is not None)
        return found

    monkeypatch.setattr(sheets_quick, "columns", columns)
    return answered


def same(one: Sheet, other: Sheet) -> bool:
    return one.frame.equals(other.frame) and replace(one, frame=other.frame) == other


def cell_by_cell(content: bytes) -> Sheet:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheets_quick, "head_of", lambda *_: None)
        return read_sheet(content, DISBURSEMENT, name="名单.xlsx")


def with_columns(**columns: list[Any]) -> list[list[Any]]:
    """A list in which these columns hold these cells, at the end of it."""
    longest = max((len(cells) for cells in columns.values()), default=0)
    rows = [list(LINE) for _ in range(BELOW + longest)]
    for title, cells in columns.items():
        for row, cell in zip(rows[BELOW:], cells, strict=False):
            row[HEADER.index(title)] = cell
    return [HEADER, *rows]


ALIKE: dict[str, dict[str, list[Any]]] = {
    "plain": {},
    "numbers as they come": {
        "数量": [0.1 + 0.2, 80.96000000000001, 1e-7, 12, 3.0, -2.5, 1e15, 1e22]
    },
    "blanks": {"姓名": [None, "", "  "], "数量": [None, 3]},
    "an empty column": {"备注": [None]},
    "errors": {"备注": ["#N/A", "#REF!"], "数量": ["#DIV/0!"]},
    "far rows": {"组": ["x" * 300, "é𠮷\n行", "1_x000D_2", "<&>"]},
}
MIXED: dict[str, dict[str, list[Any]]] = {
    "destroyed digits": {"银行账号": [6228480402561234567, 6228480402561234]},
    "texts among numbers": {"数量": ["12亩", "12.5", " 7 "]},
    "numbers among texts": {"姓名": [7, 7.25]},
    "dates": {"备注": [date(2026, 3, 5), time(3, 4)]},
    "truth": {"备注": [True, False, "是"]},
    "formulas": {"数量": ["=1+1", '="a"']},
}


@pytest.mark.parametrize("make", [by_openpyxl, by_xlsxwriter])
@pytest.mark.parametrize("name", ALIKE)
def test_columns_of_one_kind_are_read_at_once(name: str, make: Make, taken: list[bool]) -> None:
    content = make(with_columns(**ALIKE[name]))
    assert same(read_sheet(content, DISBURSEMENT, name="名单.xlsx"), cell_by_cell(content))


@pytest.mark.parametrize("make", [by_openpyxl, by_xlsxwriter])
@pytest.mark.parametrize("name", MIXED)
def test_what_is_mixed_is_read_cell_by_cell(name: str, make: Make, taken: list[bool]) -> None:
    content = make(with_columns(**MIXED[name]))
    assert same(read_sheet(content, DISBURSEMENT, name="名单.xlsx"), cell_by_cell(content))


@pytest.mark.parametrize("name", ["plain", "numbers as they come", "blanks", "far rows"])
def test_a_plain_list_is_really_read_at_once(name: str, taken: list[bool]) -> None:
    read_sheet(by_xlsxwriter(with_columns(**ALIKE[name])), DISBURSEMENT, name="名单.xlsx")
    assert taken == [True]


@pytest.mark.parametrize("name", ["destroyed digits", "texts among numbers", "numbers among texts"])
def test_a_doubtful_list_is_not(name: str, taken: list[bool]) -> None:
    read_sheet(by_xlsxwriter(with_columns(**MIXED[name])), DISBURSEMENT, name="名单.xlsx")
    assert taken == [False]


def test_by_the_child_and_from_the_disk_too(
    tmp_path: Path, taken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = by_xlsxwriter(with_columns(数量=[0.1 + 0.2]))
    (tmp_path / "名单.xlsx").write_bytes(content)
    on_disk = read_sheet(tmp_path / "名单.xlsx", DISBURSEMENT)
    monkeypatch.setattr(sheets, "SMALL_FILE", 0)
    assert read_sheet(content, DISBURSEMENT, name="a.xlsx").frame.equals(on_disk.frame)


@pytest.mark.parametrize("rows", [HEAD_ROWS - 2, HEAD_ROWS - 1, HEAD_ROWS, HEAD_ROWS + 1])
def test_no_row_is_lost_where_the_head_ends(rows: int, taken: list[bool]) -> None:
    lines = [[*LINE[:5], str(number), "1组"] for number in range(rows)]
    content = by_openpyxl([HEADER, *lines])
    sheet = read_sheet(content, DISBURSEMENT, name="a.xlsx")
    assert sheet.frame["remark"].to_list() == [str(number) for number in range(rows)]
    assert sheet.frame["row"].to_list() == list(range(2, rows + 2))


@pytest.mark.parametrize("left", [0, 2])
def test_a_list_below_a_title_and_right_of_empty_columns(left: int, taken: list[bool]) -> None:
    shifted = [[None] * left + row for row in with_columns(数量=[7.5])]
    content = by_openpyxl([[None] * left + ["2026 年花名册"], [], *shifted, ["合计"]])
    assert same(read_sheet(content, DISBURSEMENT, name="a.xlsx"), cell_by_cell(content))
    assert taken == ([True] if left == 0 else [])


def test_a_sheet_beside_the_list_is_told_of_as_before(taken: list[bool]) -> None:
    book = openpyxl.Workbook()
    for page in (book.worksheets[0], book.create_sheet("第二份")):
        for row in with_columns():
            page.append(row)
    out = io.BytesIO()
    book.save(out)
    sheet = read_sheet(out.getvalue(), DISBURSEMENT, name="a.xlsx")
    assert sheet.notices == cell_by_cell(out.getvalue()).notices
    assert any("第二份" in notice.message for notice in sheet.notices)


def test_more_rows_than_allowed_are_refused_all_the_same(taken: list[bool]) -> None:
    content = by_openpyxl(with_columns(数量=[1] * 40))
    few = Limits(WEB.file_bytes, WEB.inflated_bytes, 30)
    with pytest.raises(Refused, match="超过 30 行"):
        read_sheet(content, DISBURSEMENT, name="a.xlsx", limits=few)


CELL = st.one_of(
    st.none(),
    st.text(st.sampled_from("冉0123456789.-元 ,亩E+"), max_size=6),
    st.integers(-(10**18), 10**18),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.dates(date(1950, 1, 1), date(2060, 1, 1)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6))
def test_whatever_the_cells_are_both_readers_agree(cells: list[tuple[Any, Any, Any]]) -> None:
    rows = with_columns(银行账号=[one[0] for one in cells], 数量=[one[1] for one in cells],
                        备注=[one[2] for one in cells])  # fmt: skip
    content = by_openpyxl(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheets_quick, "FEWEST_BYTES", 0)
        quick = read_sheet(content, DISBURSEMENT, name="a.xlsx")
    assert same(quick, cell_by_cell(content))
