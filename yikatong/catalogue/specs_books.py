"""What a pack says to accountants: vouchers, the ledger's chart, the budget system. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VoucherSpec:
    """One kind of voucher draft: accounts of both books (平行记账)."""

    kind: str
    title: str
    valid_from: str
    financial_debit: str = ""
    financial_credit: str = ""
    budget_debit: str = ""
    budget_credit: str = ""
    memo_debit: str = ""
    memo_credit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ChartSpec:
    """台账科目表 in force from a day: names by code, and which two each movement moves."""

    valid_from: str
    accounts: Mapping[str, str]
    movements: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class BudgetSpec:
    """How the county meets its budget system: balance formula, details, entrusted programmes."""

    indicator_balance: str
    pay_detail: str
    binding: str
    envelope: str
    field_map: str
    entrusted: tuple[str, ...]
