"""An item's own header words are read and printed, before what they mean elsewhere."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from yikatong.catalogue.definitions import RESERVED, columns_of
from yikatong.catalogue.pack import load_pack
from yikatong.catalogue.specs import COLUMN_WORD, ProgrammeSpec
from yikatong.submission.list_template import Item, write_template
from yikatong.submission.sheets import MissingColumns, Sheet, read_sheet
from yikatong.submission.sheets_apart import Child
from yikatong.submission.sheets_door import WEB
from yikatong.submission.sheets_forms import DISBURSEMENT, header_keys

Make = Callable[..., bytes]
PACK = load_pack(Path(__file__).parents[2] / "packs" / "dadukou")
ID = "11010519491231002X"


def form_of(code: str) -> Any:
    spec = PACK.programme(code)
    return DISBURSEMENT.of_item(columns_of(spec)).requiring(*spec.required_columns)


def read(content: bytes, code: str) -> Sheet:
    return read_sheet(content, form_of(code), name="名单.xlsx")


def template(spec: ProgrammeSpec) -> list[str]:
    item = Item(
        spec.code, spec.name, "2026-09", spec.required_columns, spec.is_household,
        tuple(columns_of(spec)),
    )  # fmt: skip
    book = openpyxl.load_workbook(
        io.BytesIO(write_template(item, [], villages=[], grades=spec.grades))
    )
    return [str(cell.value) for cell in book["名单"][1]]


def test_an_instalment_is_the_grade_of_the_item_that_calls_it_so(make_xlsx: Make) -> None:
    rows = [
        ["姓名", "身份证号", "期次", "验收面积（亩）", "小班号", "金额"],
        ["冉光荣", ID, "第一期", 2, "班1", 1000],
    ]
    row = read(make_xlsx(rows), "P06").frame.row(0, named=True)
    assert (row["grade"], row["quantity"], row["object_key"]) == ("第一期", "2", "班1")
    plain = read_sheet(make_xlsx(rows), DISBURSEMENT, name="名单.xlsx")
    assert plain.frame["grade"][0] is None, "期次 means nothing to an item that does not say so"
    assert not plain.notices


def test_what_is_only_printed_is_never_taken_for_a_field(make_xlsx: Make) -> None:
    """低保: 户人数 stands first and is not the 保障人数 that the money is counted by."""
    rows = [
        ["姓名", "身份证号", "户人数", "保障类别", "保障人数", "分类增发", "金额"],
        ["冉光荣", ID, 5, "农村", 2, "100.50", 900],
    ]
    sheet = read(make_xlsx(rows), "P10")
    row = sheet.frame.row(0, named=True)
    assert (row["quantity"], row["supplement"], row["grade"]) == ("2", "100.50", "农村")
    assert not sheet.notices, "a column of the item's own is no stranger"


def test_a_missing_column_is_named_by_the_item_s_own_word(make_xlsx: Make) -> None:
    rows = [["姓名", "身份证号", "保障类别", "金额"], ["冉光荣", ID, "农村", 900]]
    with pytest.raises(MissingColumns, match="缺少必需的列：保障人数"):
        read(make_xlsx(rows), "P10")


def test_the_reading_child_knows_the_words_too(make_xlsx: Make) -> None:
    rows = [["姓名", "身份证号", "期次", "验收面积", "小班号", "金额"]]
    rows += [["冉光荣", ID, "第二期", 2, f"班{n}", 600] for n in range(3)]
    with Child() as child:
        there = child.read(make_xlsx(rows), form_of("P06"), WEB, mapping={})
    assert there.frame["grade"].to_list() == ["第二期"] * 3


@pytest.mark.parametrize("spec", PACK.programmes, ids=lambda spec: spec.code)
def test_each_item_s_template_prints_its_words_and_is_read_back(spec: ProgrammeSpec) -> None:
    head = template(spec)
    for field in spec.columns:
        star = "*" if field in spec.required_columns else ""
        assert f"{spec.words.get(field, COLUMN_WORD[field])}{star}" in head
    assert set(spec.extra_columns) <= set(head)
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(head)
    page.append(["1" if "金额" in title or title[:2] == "序号" else "冉光荣" for title in head])
    out = io.BytesIO()
    book.save(out)
    sheet = read(out.getvalue(), spec.code)
    used = {column.label: column.field for column in sheet.mapped if column.is_used}
    for field in spec.columns:
        assert field in used.values(), field
    assert not set(spec.extra_columns) & set(used)
    assert [notice.message for notice in sheet.notices if notice.rule == "COL-1"] == []


def test_no_item_may_call_a_column_what_means_a_person_or_an_account() -> None:
    kept = {"quantity", "standard", "object_key", "grade", "months", "supplement"}
    fixed = {
        key: field.name
        for field in DISBURSEMENT.fields
        if field.name not in kept
        for key in header_keys(field.word)
    }
    unguarded = {
        "性别",
        "年龄",
        "与户主关系",
        "账户名称",
        "卡种",
        "乡镇街道",
        "村居民小组",
        "填报日期",
    }
    assert set(fixed) - set(RESERVED) <= unguarded
