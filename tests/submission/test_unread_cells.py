"""What a reader can only take for a blank (an error value, a formula nobody computed) is told."""

import io
import re
import zipfile
from collections.abc import Callable

import openpyxl
import pytest

from yikatong.submission import sheets, sheets_package
from yikatong.submission.sheets import Sheet, read_sheet
from yikatong.submission.sheets_door import WEB
from yikatong.submission.sheets_forms import DISBURSEMENT
from yikatong.submission.sheets_package import check_package

HEADER = ["姓名", "身份证号", "金额", "备注"]
ID = "11010519491231002X"


def made(*cells: str, beside: dict[str, dict[str, str]] | None = None) -> bytes:
    """A list with one line for each of these remarks, written as openpyxl does: no results. Other
    sheets stand `beside` it, by their names, with these cells.
    """
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    page.title = "名单"
    page.append(HEADER)
    for cell in cells:
        page.append(["冉光荣", ID, 5, cell])
    for name, content in (beside or {}).items():
        other = book.create_sheet(name, 0)
        for place, cell in content.items():
            other[place] = cell
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def changed(content: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """The same workbook, some of its parts written otherwise."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            body = old.read(entry)
            is_it = entry.filename.endswith(part)
            new.writestr(entry.filename, change(body.decode()).encode() if is_it else body)
    return out.getvalue()


def told(content: bytes) -> list[str]:
    sheet: Sheet = read_sheet(content, DISBURSEMENT, name="名单.xlsx")
    return [notice.message for notice in sheet.notices if notice.rule == "ER-1"]


def test_what_can_be_read_is_not_spoken_of() -> None:
    assert told(made("好", "x")) == []


@pytest.mark.parametrize("small", [0, sheets.SMALL_FILE])
def test_errors_and_uncomputed_formulas_are_counted_and_named(
    small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "SMALL_FILE", small)
    errors, formulas = told(made("#N/A", "=1+1", "#REF!", "好"))
    assert errors == (
        "工作簿里有 2 个单元格是错误值（如 #N/A、#REF!），都按空白读取：“名单”的 D2、D4。"
        "请改正后重新上传。"
    )
    assert formulas == (
        "工作簿里有 1 个公式没有保存计算结果，都按空白读取：“名单”的 D3。请在 Excel 或 WPS 里打开，"
        "重新计算后保存，或粘贴为数值，再重新上传。"
    )


def test_of_many_the_first_are_named_those_of_the_list_before_all_others() -> None:
    content = made("#N/A", "好", "#REF!", beside={"参数 & <表>": {"B3": "#N/A", "AA10": "#NUM!"}})
    (errors,) = told(content)
    assert "4 个单元格" in errors
    assert "都按空白读取：“名单”的 D2、D4，“参数 & <表>”的 B3、AA10。" in errors
    (errors,) = told(made(*["#N/A"] * 7, beside={"参数": {"B3": "#N/A"}}))
    assert "8 个单元格" in errors
    assert "：“名单”的 D2、D3、D4、D5、D6 等处。" in errors


def test_a_cell_that_does_not_say_where_it_stands_is_counted_all_the_same() -> None:
    content = changed(
        made("#N/A", "=1+1"), "sheet1.xml", lambda xml: re.sub(r'<c r="[A-Z]+\d+"', "<c", xml)
    )
    errors, formulas = told(content)
    assert "1 个单元格是错误值（如 #N/A、#REF!），都按空白读取。" in errors
    assert "1 个公式没有保存计算结果，都按空白读取。" in formulas


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("workbook.xml.rels", lambda xml: xml.replace("/xl/worksheets/", "worksheets/")),
        ("workbook.xml.rels", lambda xml: xml.replace('"', "'")),
        ("xl/workbook.xml", lambda xml: xml.replace("名单", "&#x540D;单").replace('"', "'")),
    ],
)
def test_the_sheet_is_named_however_the_package_writes_it(
    part: str, change: Callable[[str], str]
) -> None:
    content = made("#N/A")
    assert changed(content, part, change) != changed(content, part, str)
    assert "“名单”的 D2。" in told(changed(content, part, change))[0]


@pytest.mark.parametrize("empty", ["<v/>", "<v></v>"])
def test_a_formula_whose_result_is_an_empty_text_has_one(empty: str) -> None:
    """As Excel writes =IF(D9="","",D9)."""
    unsolved = re.compile(r'<c r="(D[23])"><f>(\w+)</f><v ?(?:/>|></v>)</c>')
    content = changed(
        made("=D8", "=D9"),
        "sheet1.xml",
        lambda xml: unsolved.sub(rf'<c r="\1" t="str"><f>\2</f>{empty}</c>', xml),
    )
    assert told(content) == []
    (formulas,) = told(changed(content, "sheet1.xml", lambda xml: xml.replace(empty, "", 1)))
    assert "1 个公式没有保存计算结果，都按空白读取：“名单”的 D2。" in formulas


@pytest.mark.parametrize("step", [1, 7, 64, 1 << 18])
def test_each_is_counted_once_wherever_the_blocks_are_cut(
    step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = made("#N/A", "=1+1", "=A1", "好", "#VALUE!", "=A1")
    monkeypatch.setattr(sheets_package, "_STEP", step)
    package = check_package(content, WEB)
    assert (package.errors.count, package.unsolved.count) == (2, 3)
    assert package.errors.places == {"名单": ("D2", "D6")}
    assert package.unsolved.places == {"名单": ("D3", "D4", "D7")}


@pytest.mark.parametrize("small", [0, sheets.SMALL_FILE])
def test_hidden_rows_of_the_list_are_read_and_told(
    small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "SMALL_FILE", small)
    book = openpyxl.load_workbook(io.BytesIO(made("a", "b", "c", beside={"别的": {"A1": "x"}})))
    for row in (1, 3, 4, 9):  # a header, two lines, and nothing at all
        book["名单"].row_dimensions[row].hidden = True
    book["别的"].row_dimensions[2].hidden = True
    book["名单"].column_dimensions["D"].hidden = True
    out = io.BytesIO()
    book.save(out)
    sheet = read_sheet(out.getvalue(), DISBURSEMENT, name="名单.xlsx")
    assert sheet.frame["row"].to_list() == [2, 3, 4]
    (notice,) = [notice for notice in sheet.notices if notice.rule == "HR-1"]
    assert "有 2 行在工作表里是隐藏的或被筛选掉的（第 3、4 行）" in notice.message
