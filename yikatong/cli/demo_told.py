"""What `demo` tells of its run: the money of each county, its banks, its vouchers, the accounts.

Counties are the columns, so that amounts stand whole in a window of eighty characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from yikatong.cli import setup
from yikatong.cli.demo_story import console
from yikatong.kernel.money import Money

MONEY: Final = (
    ("应发", "due_fen"),
    ("成功", "paid_fen"),
    ("失败", "failed_fen"),
    ("在途", "in_transit_fen"),
    ("停发", "stopped_fen"),
    ("补发成功", "reissued_paid_fen"),
)
COUNTS: Final = (
    ("批次", "batches"),
    ("名单行", "lines"),
    ("未通过行", "blocked_lines"),
    ("补发行", "reissued_lines"),
    ("公示笔数", "disclosed_lines"),
)
BOOKS: Final = (
    ("财务会计", "financial_fen"),
    ("预算会计", "budgetary_fen"),
    ("备查", "memo_fen"),
)
SIDES: Final = (
    ("国库凭证", "voucher_fen"),
    ("代发专户", "account_fen"),
    ("明细", "lines_fen"),
)


def show(figures: Mapping[str, Any], *, sound: bool) -> None:
    """Print the figures of `demo --json` for people."""
    counties = list(figures["counties"])
    money = _table("资金去向（首次发放，元）", counties)
    for name, key in MONEY:
        _row(money, name, (_yuan(figures["counties"][slug][key]) for slug in counties))
    for name, key in COUNTS:
        _row(money, name, (str(figures["counties"][slug][key]) for slug in counties))
    console.print(money)

    banks = _table("经各代发银行成功（笔、元）", counties)
    names = {c: b["name"] for slug in counties for c, b in figures["banks"][slug].items()}
    for code, name in names.items():
        paid = (figures["banks"][slug].get(code) for slug in counties)
        _row(banks, name, (_paid(one) for one in paid))
    console.print(banks)

    sides = _table("三方对账（元）", counties)
    for name, key in SIDES:
        _row(sides, name, (_yuan(figures["three_way"][slug][key]) for slug in counties))
    told = (figures["three_way"][slug] for slug in counties)
    _row(sides, "差异", (f"{one['differences']} 条 {_mark(one['holds'])}" for one in told))
    console.print(sides)

    vouchers = _table("凭证草稿合计（元）", counties)
    kinds = {k: v["name"] for slug in counties for k, v in figures["vouchers"][slug].items()}
    for kind, name in sorted(kinds.items()):
        drafted = [figures["vouchers"][slug].get(kind, {}) for slug in counties]
        _row(vouchers, f"{kind} {name}", (f"{one.get('drafts', 0)} 张" for one in drafted))
        for book, key in BOOKS:
            if any(one.get(key) for one in drafted):
                _row(vouchers, f"　　{book}", (_yuan(one.get(key, 0)) for one in drafted))
    console.print(vouchers)

    console.print(
        f"应发 = 成功 + 失败 + 在途 + 停发 {_mark(sound)}；"
        f"不变量违反 {figures['verify']['breaches']} 处；用时 {figures['seconds']} 秒"
    )


def show_accounts(passwords: Mapping[str, str]) -> None:
    """The posts' accounts with their passwords, which nobody can read again."""
    table = Table(title="演示账号（口令随机，只显示这一次）", box=SIMPLE_HEAD)
    table.add_column("账号")
    table.add_column("口令")
    for name, password in passwords.items():
        table.add_row(name, password)
    console.print(table)


def _table(title: str, counties: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("")
    for slug in counties:
        table.add_column(setup.pack_of(slug).name, justify="right")
    return table


def _row(table: Table, name: str, cells: Iterable[str]) -> None:
    table.add_row(name, *cells)


def _yuan(fen: int) -> str:
    return str(Money(fen))


def _paid(one: Mapping[str, Any] | None) -> str:
    return "—" if one is None else f"{one['lines']} 笔 {_yuan(one['paid_fen'])}"


def _mark(holds: bool) -> str:  # noqa: FBT001 - the very thing that is told
    return "✓" if holds else "✗"
