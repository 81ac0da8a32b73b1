"""What a reader can only take for a blank (an error value, a formula nobody computed) is told."""

import io

import openpyxl
import pytest

from yikatong.submission import sheets_package
from yikatong.submission.sheets import Sheet, read_sheet
from yikatong.submission.sheets_door import WEB
from yikatong.submission.sheets_forms import DISBURSEMENT
from yikatong.submission.sheets_package import check_package

HEADER = ["姓名", "身份证号", "金额", "备注"]
ID = "11010519491231002X"


def made(*cells: str) -> bytes:
    """A list with one line for each of these remarks, written as openpyxl does: no results."""
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    for cell in cells:
        book.active.append(["冉光荣", ID, 5, cell])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def told(content: bytes) -> list[str]:
    sheet: Sheet = read_sheet(content, DISBURSEMENT, name="名单.xlsx")
    return [notice.message for notice in sheet.notices if notice.rule == "ER-1"]


def test_what_can_be_read_is_not_spoken_of() -> None:
    assert told(made("好", "x")) == []


def test_errors_and_uncomputed_formulas_are_counted() -> None:
    errors, formulas = told(made("#N/A", "=1+1", "#REF!", "好"))
    assert errors.startswith("工作簿里有 2 个单元格是错误值")
    assert formulas.startswith("工作簿里有 1 个公式没有保存计算结果")


@pytest.mark.parametrize("step", [1, 7, 64, 1 << 18])
def test_each_is_counted_once_wherever_the_blocks_are_cut(
    step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = made("#N/A", "=1+1", "=A1", "好", "#VALUE!")
    monkeypatch.setattr(sheets_package, "_STEP", step)
    package = check_package(content, WEB)
    assert (package.errors, package.unsolved) == (2, 2)
