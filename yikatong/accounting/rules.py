"""Which accounts a voucher moves. Pure; the chart is the county's setting (domain.md §14, 待核)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One 分录 of a draft: book FINANCIAL or BUDGETARY, side, account, integer fen."""

    book: str
    is_debit: bool
    account: str
    amount_fen: int


def entries(accounts: Mapping[str, str], amount_fen: int) -> tuple[Entry, ...]:
    """Both books of one movement (平行记账): debit and credit of the same amount in each."""
    return (
        Entry("FINANCIAL", True, accounts["financial_debit"], amount_fen),  # noqa: FBT003
        Entry("FINANCIAL", False, accounts["financial_credit"], amount_fen),  # noqa: FBT003
        Entry("BUDGETARY", True, accounts["budget_debit"], amount_fen),  # noqa: FBT003
        Entry("BUDGETARY", False, accounts["budget_credit"], amount_fen),  # noqa: FBT003
    )
