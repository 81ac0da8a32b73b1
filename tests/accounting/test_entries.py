"""平行记账: each book of a voucher balances by itself, for every chart that a pack holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.journeys.house import COUNTY
from yikatong.accounting.rules import entries
from yikatong.cli import setup

CHART = {
    "financial_debit": "业务活动费用",
    "financial_credit": "财政拨款收入",
    "budget_debit": "行政支出",
    "budget_credit": "财政拨款预算收入",
}


@given(st.integers(1, 10**13))
def test_both_books_balance_to_the_fen(amount_fen: int) -> None:
    made = entries(CHART, amount_fen)
    for book in ("FINANCIAL", "BUDGETARY"):
        own = [entry for entry in made if entry.book == book]
        assert sum(entry.amount_fen if entry.is_debit else -entry.amount_fen for entry in own) == 0
        assert [entry.is_debit for entry in own] == [True, False]
        assert {entry.amount_fen for entry in own} == {amount_fen}


def test_debit_and_credit_stand_on_the_accounts_of_the_chart() -> None:
    assert [(entry.book, entry.is_debit, entry.account) for entry in entries(CHART, 1)] == [
        ("FINANCIAL", True, "业务活动费用"),
        ("FINANCIAL", False, "财政拨款收入"),
        ("BUDGETARY", True, "行政支出"),
        ("BUDGETARY", False, "财政拨款预算收入"),
    ]


@pytest.mark.parametrize("slug", COUNTY)
def test_every_county_has_a_chart_for_the_payment_voucher(slug: str) -> None:
    charts = {voucher.kind: voucher for voucher in setup.pack_of(slug).vouchers}
    chart = {key: getattr(charts["V1"], key) for key in CHART}
    assert all(chart.values())
    assert len(entries(chart, 100)) == 4


def test_a_chart_that_lacks_an_account_is_no_chart() -> None:
    with pytest.raises(KeyError):
        entries({"financial_debit": "业务活动费用"}, 1)
