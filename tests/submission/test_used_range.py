"""A list need not begin in A1: what is told of it counts as the user's own sheet does."""

import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
import xlsxwriter
import xlwt

from yikatong.submission import sheets
from yikatong.submission.sheets import MissingColumns, read_sheet
from yikatong.submission.sheets_forms import DISBURSEMENT

ID = "11010519491231002X"
HEADER = ["序号", "姓名", "身份证号", "幸运数字", "金额"]
LINES = [[1, "冉光荣", ID, 7, "5"], [2, "谭明", ID, 8, "6元"], ["合计", None, None, None, 99]]
LIST = [HEADER, *LINES]
Write = Callable[[int, int, Any], object]
Make = Callable[[int, int, list[list[Any]]], bytes]


def _written(write: Write, top: int, left: int, rows: list[list[Any]]) -> None:
    for r, row in enumerate(rows, top):
        for c, cell in enumerate(row, left):
            if cell is not None:
                write(r, c, cell)


def by_openpyxl(top: int, left: int, rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    _written(lambda r, c, cell: page.cell(r + 1, c + 1, cell), top, left, rows)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def by_xlsxwriter(top: int, left: int, rows: list[list[Any]]) -> bytes:
    """With a cell above and to the left of all that has a colour and no content."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet()
        page.write_blank(0, 0, None, book.add_format({"bg_color": "#FFF3DC"}))
        _written(page.write, top, left, rows)
    return out.getvalue()


def by_xlwt(top: int, left: int, rows: list[list[Any]]) -> bytes:
    book = xlwt.Workbook()
    _written(book.add_sheet("名单").write, top, left, rows)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.fixture(params=["here", "child"])
def _either_reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "child":
        monkeypatch.setattr(sheets, "SMALL_FILE", 0)


@pytest.mark.usefixtures("_either_reader")
@pytest.mark.parametrize("make", [by_openpyxl, by_xlsxwriter, by_xlwt])
@pytest.mark.parametrize(("top", "left"), [(0, 0), (0, 1), (4, 0), (3, 2), (8, 30)])
def test_rows_and_columns_are_told_as_the_sheet_shows_them(make: Make, top: int, left: int) -> None:
    sheet = read_sheet(make(top, left, LIST), DISBURSEMENT, name="名单")
    assert sheet.frame["beneficiary_name"].to_list() == ["冉光荣", "谭明"]
    assert sheet.frame["amount_fen"].to_list() == [500, 600]
    assert sheet.header_row == top + 1
    assert sheet.frame["row"].to_list() == [top + 2, top + 3]
    assert sheet.totals is not None
    assert sheet.totals.row == top + 4
    assert [n.message for n in sheet.notices if f"第 {top + 3} 行" in n.message]
    asked = ("seq", "beneficiary_name", "payee_id", "amount")
    assert [sheet.place_of(field) for field in asked] == [left, left + 1, left + 2, left + 4]
    assert sheet.place_of("quantity") is None
    assert [column.place for column in sheet.mapped] == [left + at for at in range(len(HEADER))]


@pytest.mark.usefixtures("_either_reader")
@pytest.mark.parametrize("make", [by_openpyxl, by_xlwt])
def test_a_list_that_lacks_a_column_tells_the_places_of_the_others(make: Make) -> None:
    with pytest.raises(MissingColumns) as refusal:
        read_sheet(make(2, 3, [["姓名", "金额"], ["冉光荣", 5]]), DISBURSEMENT, name="名单")
    assert [column.place for column in refusal.value.mapped] == [3, 4]


@pytest.mark.usefixtures("_either_reader")
def test_what_a_person_said_of_a_column_is_found_where_it_stands() -> None:
    content = by_openpyxl(1, 2, LIST)
    sheet = read_sheet(content, DISBURSEMENT, name="名单", mapping={"幸运数字": "quantity"})
    assert sheet.place_of("quantity") == 2 + HEADER.index("幸运数字")
    assert sheet.frame["quantity"].to_list() == ["7", "8"]
