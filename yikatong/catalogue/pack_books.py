"""The part of a pack that accountants read: vouchers, the ledger's chart, the budget system."""

from __future__ import annotations

from typing import Final

from yikatong.catalogue.pack_table import Table
from yikatong.catalogue.specs_books import BudgetSpec, ChartSpec, VoucherSpec
from yikatong.kernel.errors import Refused

FORMULAS: Final = ("CUR_AMT-PAY_APP_AMT", "CUR_AMT")
DETAILS: Final = ("none", "with_application", "after_payment")
# `<MOF>` envelopes are exchanged as files only
BINDINGS: Final = ("http", "file")
ENVELOPES: Final = ("plain", "mof")
ACCOUNTS: Final = (
    "financial_debit",
    "financial_credit",
    "budget_debit",
    "budget_credit",
    "memo_debit",
    "memo_credit",
    "note",
)


def voucher(table: Table) -> VoucherSpec:
    """A kind of voucher from a day on; a book without accounts is not drafted."""
    return VoucherSpec(
        table.text("kind"),
        table.text("title"),
        str(table.day("valid_from")),
        **{name: table.text(name, "") for name in ACCOUNTS},
    )


def chart(table: Table) -> ChartSpec:
    """The ledger's accounts and movements; a movement names two accounts of the chart."""
    valid_from = str(table.day("valid_from"))
    named = table.table("accounts")
    accounts = {code: named.text(code) for code in named.names()}
    moves = table.table("movements")
    movements = []
    for kind in moves.names():
        debit, _, credit = moves.text(kind).partition("/")
        if not {debit, credit} <= set(accounts):
            raise Refused(f"{moves.where}：{kind} 的科目不在本科目表中。")
        movements.append({"kind": kind, "debit": debit, "credit": credit})
    return ChartSpec(valid_from, accounts, tuple(movements))


def budget(table: Table) -> BudgetSpec:
    """How this county meets its budget system."""
    return BudgetSpec(
        table.one_of("indicator_balance", FORMULAS),
        table.one_of("pay_detail", DETAILS),
        table.one_of("binding", BINDINGS),
        table.one_of("envelope", ENVELOPES),
        table.text("field_map"),
        table.texts("entrusted"),
    )
