"""Writes samples as the spreadsheets that clerks send: titles above, 合计 and signatures below."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import xlsxwriter

from yikatong.catalogue.specs import ENTITLED, ROSTER_KINDS
from yikatong.cli.sample.lists import SampleLine, SampleList
from yikatong.cli.sample.people import SamplePerson, SamplePopulation
from yikatong.kernel.card import CARD_KIND_WORD
from yikatong.kernel.errors import Refused

MARK: Final = "样例数据"
Cell = str | int | None
MOST_EXACT = 10**15  # past this Excel keeps no digit that it shows
ACCOUNT_HEADER: Final = (
    "状态",
    "农户编码",
    "户主姓名*",
    "户主身份证号*",
    "家庭成员姓名*",
    "身份证号*",
    "乡镇街道",
    "村(居)委会*",
    "村(居)民小组*",
    "性别",
    "联系电话",
    "年龄",
    "与户主关系",
    "卡种",
    "账户名称",
    "银行账号",
    "开户银行",
    "监护人姓名",
    "监护人身份证号",
    "备注",
)
ROSTER_HEADER: Final = ("序号", "身份证号*", "姓名*", "起始日期*", "截止日期", "等级/类别", "备注")
ENTITLED_HEADER: Final = (*ROSTER_HEADER[:-1], "数量", "标的编号", "备注")
LIST_HEADER: Final = (
    "序号",
    "户主姓名*",
    "户主身份证号*",
    "收款人姓名*",
    "收款人身份证号*",
    "银行账号*",
    "开户银行*",
    "乡镇街道",
    "村(居)委会*",
    "村(居)民小组*",
    "享受人*",
    "享受人身份证号*",
    "联系电话",
    "等级",
    "标的编号",
    "数量",
    "月数",
    "补贴标准",
    "补贴金额*",
    "填报日期",
    "备注",
)
AMOUNT_COLUMN: Final = LIST_HEADER.index("补贴金额*")


def write_account_collection(path: Path, population: SamplePopulation) -> int:
    """个人一卡通账户收集表 as .xlsx; the number of people written."""
    title = f"【{MARK}】{population.pack.name}个人一卡通账户收集表"
    rows = (_account_row(person) for person in population.people)
    _write_xlsx(path, [(title,), ACCOUNT_HEADER], rows)
    return len(population.people)


def write_roster(path: Path, population: SamplePopulation, kind: str) -> int:
    """A comparison roster as .xlsx, `kind` one of the roster kinds; the number of rows written.

    Raises:
        Refused: no such roster.
    """
    if kind not in population.rosters:
        raise Refused(f"没有名册“{kind}”，可用 {'、'.join(population.rosters)}。")
    title = f"【{MARK}】{population.pack.short_name}{ROSTER_KINDS[kind]}名册"
    rows: Iterator[Sequence[Cell]] = (
        (
            n,
            row.id_number,
            row.name,
            row.since.isoformat(),
            row.until.isoformat() if row.until else None,
            row.grade or None,
            row.remark or None,
        )
        for n, row in enumerate(population.rosters[kind], 1)
    )
    _write_xlsx(path, [(title,), ROSTER_HEADER], rows)
    return len(population.rosters[kind])


def write_entitled(path: Path, lists: SampleList) -> int:
    """The people of a list as the roster `entitled:<programme>`, with quantity and object."""
    title = f"【{MARK}】{lists.programme.name}核定名册（{ENTITLED}{lists.programme.code}）"
    rows: Iterator[Sequence[Cell]] = (
        (
            n,
            line.beneficiary.id_number,
            line.beneficiary.name,
            lists.period.previous.first_day.isoformat(),
            None,
            line.grade or None,
            None if line.quantity is None else str(line.quantity),
            line.object_key or None,
            None,
        )
        for n, line in enumerate(lists.lines, 1)
    )
    _write_xlsx(path, [(title,), ENTITLED_HEADER], rows)
    return len(lists.lines)


def write_disbursement(path: Path, lists: SampleList, *, filled_on: date) -> int:
    """补贴发放清册: .xlsx, or .csv in GB18030, by the name of `path`; the number of lines written.

    The header stands in row 3, lines follow from row 4, below them 合计 and signatures.
    """
    place = lists.town_name or lists.population.pack.name
    head: list[Sequence[Cell]] = [
        (f"【{MARK}】{place}{lists.period}{lists.programme.name}发放清册",),
        (f"填报单位：{place}", None, None, f"填报日期：{filled_on:%Y年%m月%d日}"),
        LIST_HEADER,
    ]
    total: list[Cell] = [None] * len(LIST_HEADER)
    total[0], total[AMOUNT_COLUMN] = "合计", f"{lists.total.yuan:.2f}"
    tail: list[Sequence[Cell]] = [total, ("制表人：李霞", None, None, "审核人：何芳")]
    rows = (_list_row(n, line, filled_on) for n, line in enumerate(lists.lines, 1))
    if path.suffix.lower() == ".csv":
        _write_csv(path, [*head, *(_as_excel_saves(row) for row in rows), *tail])
    else:
        _write_xlsx(path, head, rows, tail)
    return len(lists.lines)


def _account_row(person: SamplePerson) -> Sequence[Cell]:
    account = person.account
    return (
        "1-正常",
        person.household_no,
        person.head_name,
        person.head_id,
        person.name,
        person.id_number,
        person.town_name,
        person.village_name,
        f"{person.group}组",
        "男" if person.is_male else "女",
        person.phone,
        person.age,
        person.relation,
        CARD_KIND_WORD[account.kind] if account else None,
        person.name if account else None,
        account.number if account else None,
        account.bank_name if account else None,
        person.guardian_name or None,
        person.guardian_id or None,
        MARK,
    )


def _list_row(number: int, line: SampleLine, filled_on: date) -> Sequence[Cell]:
    person, payee = line.beneficiary, line.payee
    account = payee.account
    own = payee.id_number == person.id_number
    shown: Cell = int(line.id_number[:17] + "0") if line.id_is_number else line.id_number
    return (
        number,
        person.head_name,
        _also(person.head_id, person.id_number, shown),
        payee.name,
        shown if own else payee.id_number,
        account.number if account else None,
        account.bank_name if account else None,
        person.town_name,
        person.village_name,
        f"{person.group}组",
        person.name,
        shown,
        person.phone,
        line.grade or None,
        line.object_key or None,
        None if line.quantity is None else str(line.quantity),
        line.months or None,
        None if line.standard is None else str(line.standard),
        f"{line.amount.yuan:.2f}",
        filled_on.isoformat(),
        None,
    )


def _also(head_id: str, own_id: str, shown: Cell) -> Cell:
    """Where the beneficiary is the head, the head's cell carries the same slip of the pen."""
    return shown if head_id == own_id else head_id


def _as_excel_saves(row: Sequence[Cell]) -> Sequence[Cell]:
    """Excel writes a long number into CSV as 5.00243E+17."""
    return tuple(
        f"{cell:.5E}" if isinstance(cell, int) and cell > MOST_EXACT else cell for cell in row
    )


def _write_csv(path: Path, rows: Sequence[Sequence[Cell]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    path.write_bytes(text.getvalue().encode("gb18030"))


def _write_xlsx(
    path: Path,
    head: Sequence[Sequence[Cell]],
    rows: Iterator[Sequence[Cell]],
    tail: Sequence[Sequence[Cell]] = (),
) -> None:
    """Row by row with little memory; every text is a typed string, so that no id loses a digit."""
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        book.set_properties({"title": MARK, "comments": f"{MARK}：人员均为虚构"})
        sheet = book.add_worksheet("名单")
        text = book.add_format({"num_format": "@"})
        bold = book.add_format({"bold": True, "num_format": "@"})
        sheet.set_column(0, len(head[-1]) - 1, 18, text)
        sheet.freeze_panes(len(head), 0)
        at = 0
        for part, style in ((head, bold), (rows, text), (tail, bold)):
            for row in part:
                for column, cell in enumerate(row):
                    if isinstance(cell, str):
                        sheet.write_string(at, column, cell, style)
                    elif cell is not None:
                        sheet.write_number(at, column, cell)
                at += 1
