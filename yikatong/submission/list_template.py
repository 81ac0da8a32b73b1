"""发放清册模板 of one item as an .xlsx: headers, checks, dropdowns, the last period's list.

Ids are masked, as everywhere a clerk sees them; a hidden column names the line that a row came
from, so on return the unchanged person is recalled and a retyped id counts as typed.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from yikatong.submission.sheets_forms import DISBURSEMENT, ROW_KEY, Form, Kind

VERSION: Final = "1"
SHEET, HELP, LISTS = "名单", "填写说明", "字典"
MASK: Final = "*" * 18
KEY_START: Final = "L"
# rows that get the checks below the list: a clerk adds new people there
SPARE_ROWS: Final = 2_000
LAST_ROW: Final = 1_048_575
TEXT_KINDS: Final = frozenset(
    {Kind.ID, Kind.ACCOUNT, Kind.PHONE, Kind.NAME, Kind.KEY, Kind.TEXT, Kind.CODED}
)
PARTIES: Final = ("beneficiary_name", "beneficiary_id")
PAYEE: Final = ("payee_name", "payee_id")
HEAD: Final = ("head_name", "head_id")
PLACE: Final = ("village", "group")
FEN: Final = Decimal(100)
# with any prefix: other programs write the same properties under their own
_PROPERTY: Final = re.compile(
    r'<(?:\w+:)?property\b[^>]*\bname="(ykt_[a-z]+)"[^>]*>'
    r"\s*<(?:\w+:)?lpwstr\b[^>]*>([^<]{0,60})<"
)
MOST_PROPERTIES: Final = 64 * 1024
GUIDE: Final = (
    "只在“名单”工作表里填写，不要改动表头，不要合并单元格。",
    "带 * 的列必须填写。身份证号、账号、电话已设为文本格式，请直接录入，不要用公式。",
    "带出的上期名单身份证号只显示首尾，中间是星号：没有变化的人不用重录。",
    "换人、改身份证号时请录入完整的 18 位号码。不再发放的人请整行删除。",
    "金额单位是元，最多两位小数。",
    "本平台为非涉密平台，严禁传输国家秘密。",
)


@dataclass(frozen=True, slots=True)
class Item:
    """What the template is for. `required` are fields of the disbursement form; `columns` are the
    item's own (`Programme.columns`): those with a field by the item's word, the others as text.
    """

    programme_code: str
    title: str
    period: str
    required: tuple[str, ...]
    is_household: bool
    columns: tuple[Mapping[str, Any], ...] = ()

    @property
    def form(self) -> Form:
        return DISBURSEMENT.of_item(self.columns)

    @property
    def printed(self) -> tuple[str, ...]:
        """Headers that the item keeps as text and no rule reads."""
        return tuple(column["word"] for column in self.columns if not column["field"])

    def word_of(self, name: str) -> str:
        """The header as the item prints it, with its unit: 补贴面积（亩）."""
        own = (column["word"] for column in self.columns if column["field"] == name)
        return next((word for word in own if word), self.form.field(name).word)


@dataclass(frozen=True, slots=True)
class EarlierLine:
    """A line of the last period, as its clerk may see it; numbers as plain text."""

    line_id: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Mark:
    """What a template says of itself in its document properties."""

    version: str
    programme_code: str
    period: str


def fields_of(item: Item) -> tuple[str, ...]:
    """The columns of an item's list, in order: names of fields, and the headers that it prints."""
    own = tuple(column["field"] for column in item.columns if column["field"])
    extra = tuple(
        name
        for name in (*own, *item.required, *(() if own else ("standard",)))
        if name not in {*PARTIES, *PAYEE, "amount"}
    )
    first = ("seq", *(HEAD if item.is_household else ()), *PARTIES, *PAYEE)
    middle = dict.fromkeys((*PLACE, *extra, *item.printed))
    return (*first, *middle, "amount", "phone", "remark", ROW_KEY)


def write_template(
    item: Item, earlier: Sequence[EarlierLine], *, villages: Sequence[str], grades: Sequence[str]
) -> bytes:
    """The workbook. `villages` and `grades` become dropdowns where there are any."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"title": f"{item.title} {item.period} 名单模板"})
        for name, value in (
            ("ykt_template", VERSION),
            ("ykt_programme", item.programme_code),
            ("ykt_period", item.period),
        ):
            book.set_custom_property(name, value, "text")
        page = book.add_worksheet(SHEET)
        _help(book, item)
        lists = {"village": villages, "grade": grades}
        _dictionary(book, lists)
        names = fields_of(item)
        _head(book, page, names, item)
        _list(page, names, earlier, item)
        _checks(page, names, lists, len(earlier) + SPARE_ROWS, item)
    return out.getvalue()


def mark_of_template(source: Path | bytes) -> Mark | None:
    """Which template a workbook began as; None for any other. The package was looked at before."""
    try:
        with (
            zipfile.ZipFile(source if isinstance(source, Path) else io.BytesIO(source)) as package,
            package.open("docProps/custom.xml") as stream,
        ):
            text = stream.read(MOST_PROPERTIES).decode("utf-8", errors="replace")
    except (zipfile.BadZipFile, KeyError, OSError, ValueError, zlib.error, NotImplementedError):
        return None
    found = dict(_PROPERTY.findall(text))
    if "ykt_template" not in found:
        return None
    return Mark(
        found["ykt_template"], found.get("ykt_programme", ""), found.get("ykt_period", "")
    )  # fmt: skip


def _head(book: Any, page: Any, names: Sequence[str], item: Item) -> None:
    required = {*PARTIES, *PAYEE, "amount", *item.required}
    plain = book.add_format({"bold": True, "bg_color": "#DCE6F1", "border": 1})
    must = book.add_format({"bold": True, "bg_color": "#1F3864", "font_color": "white"})
    text = book.add_format({"num_format": "@"})
    money = book.add_format({"num_format": "0.00"})
    for at, name in enumerate(names):
        kind = Kind.TEXT if name in item.printed else DISBURSEMENT.field(name).kind
        star = "*" if name in required else ""
        how = text if kind in TEXT_KINDS else money if kind is Kind.MONEY else None
        hidden = {"hidden": True} if name == ROW_KEY else {}
        page.set_column(at, at, 22 if kind is Kind.ID else 14, how, hidden)
        word = name if name in item.printed else item.word_of(name)
        title = f"{word}（系统填写）" if name == ROW_KEY else f"{word}{star}"
        page.write_string(0, at, title, must if star else plain)
    page.freeze_panes(1, 0)
    page.ignore_errors({"number_stored_as_text": f"A1:AZ{LAST_ROW}"})


def _list(page: Any, names: Sequence[str], earlier: Sequence[EarlierLine], item: Item) -> None:
    for row, line in enumerate(earlier, start=1):
        values = line.values | {"seq": str(row), ROW_KEY: f"{KEY_START}{line.line_id}"}
        for at, name in enumerate(names):
            if name in item.printed or not (value := values.get(name, "")):
                continue
            if DISBURSEMENT.field(name).kind in {Kind.MONEY, Kind.NUMBER}:
                page.write_number(row, at, Decimal(value))
            else:
                page.write_string(row, at, value)


def _checks(
    page: Any, names: Sequence[str], lists: dict[str, Sequence[str]], last: int, item: Item
) -> None:
    for at, name in enumerate(names):
        if name in item.printed:
            continue
        rule = _check(name, xl_col_to_name(at), lists, last, word=item.word_of(name))
        if rule is not None:
            page.data_validation(1, at, last, at, rule | {"error_title": "请核对"})


def _check(
    name: str, letter: str, lists: dict[str, Sequence[str]], last: int, *, word: str
) -> dict[str, Any] | None:
    """What Excel asks of one column; None where anything may stand in it."""
    field = DISBURSEMENT.field(name)
    if lists.get(name):
        source = xl_col_to_name(list(lists).index(name))
        return {
            "validate": "list",
            "source": f"={LISTS}!${source}$1:${source}${len(lists[name])}",
            "error_message": f"请从下拉列表里选择{word}。",
            "error_type": "warning",
        }
    if field.kind is Kind.ID:
        # COUNTIF compares 15 digits only, unless the pattern is a text
        once = f'COUNTIF({letter}$2:{letter}${last},{letter}2&"*")=1'
        unique = f",{once}" if name == "beneficiary_id" else ""
        return {
            "validate": "custom",
            "value": f"=AND(LEN({letter}2)=18{unique})",
            "error_message": "身份证号应为 18 位，同一名单里不应重复。",
            "error_type": "warning",
        }
    if name == "amount":
        return {
            "validate": "decimal",
            "criteria": "between",
            "minimum": 0.01,
            "maximum": 9_999_999.99,
            "error_message": "金额应大于 0，单位是元。",
        }
    if field.kind in {Kind.MONEY, Kind.NUMBER}:
        return {
            "validate": "decimal",
            "criteria": ">=",
            "value": 0,
            "error_message": f"{word}应为不小于 0 的数字。",
        }
    return None


def _help(book: Any, item: Item) -> None:
    page = book.add_worksheet(HELP)
    page.set_column(0, 0, 90)
    for at, sentence in enumerate((f"{item.title}（{item.period}）", *GUIDE)):
        page.write_string(at, 0, sentence)


def _dictionary(book: Any, lists: dict[str, Sequence[str]]) -> None:
    page = book.add_worksheet(LISTS)
    page.hide()
    for column, values in enumerate(lists.values()):
        for row, value in enumerate(values):
            page.write_string(row, column, value)
