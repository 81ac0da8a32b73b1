"""平行记账: each book of a voucher balances by itself, for every chart that a pack holds."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.journeys.house import COUNTY
from yikatong.accounting.rules import (
    KIND_WORD,
    POSTING_WORD,
    USUAL_NAMES,
    chart_in_force,
    entries,
)
from yikatong.cli import setup
from yikatong.kernel.errors import Refused
from yikatong.law.apply import FOLDER

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


@pytest.mark.parametrize("kind", KIND_WORD)
@pytest.mark.parametrize("slug", COUNTY)
def test_every_county_has_a_chart_for_every_voucher(slug: str, kind: str) -> None:
    vouchers = [asdict(one) for one in setup.pack_of(slug).vouchers]
    made = entries(chart_in_force(vouchers, kind, date(2026, 11, 22)), 100)
    books = {entry.book for entry in made}
    assert books == {
        "V2B": {"MEMO"}, "V2BR": {"MEMO"}, "V2BT": {"MEMO"}, "V4": {"FINANCIAL"},
        "V4R": {"FINANCIAL"}, "V5": {"FINANCIAL"}, "V5R": {"FINANCIAL"},
    }.get(kind, {"FINANCIAL", "BUDGETARY"})  # fmt: skip


@pytest.mark.parametrize("slug", COUNTY)
def test_every_movement_of_the_ledger_has_its_accounts_and_a_name(slug: str) -> None:
    (chart,) = setup.pack_of(slug).charts
    assert {move["kind"] for move in chart.movements} == set(POSTING_WORD)
    usual = (FOLDER / "ledger.sql").read_text(encoding="utf-8")
    for move in chart.movements:
        written = f"('{move['kind']}', '{move['debit']}', '{move['credit']}')"
        assert written in usual, "a home without a chart posts to the same accounts"
    assert dict(chart.accounts) == USUAL_NAMES


def test_a_new_chart_is_in_force_from_its_day_on_and_the_old_one_before() -> None:
    old = CHART | {"kind": "V1", "valid_from": "2019-01-01"}
    new = CHART | {"kind": "V1", "valid_from": "2027-01-01", "financial_debit": "新科目"}
    for versions in ([old, new], [new, old]):
        assert chart_in_force(versions, "V1", date(2026, 12, 31)) == old
        assert chart_in_force(versions, "V1", date(2027, 1, 1)) == new


def test_a_home_of_the_first_issue_still_drafts_its_v1_and_names_what_it_lacks() -> None:
    settings = {"V1": CHART | {"kind": "V1"}}
    assert chart_in_force(settings, "V1", date(2026, 1, 1))["financial_debit"] == "业务活动费用"
    with pytest.raises(Refused, match="V2"):
        chart_in_force(settings, "V2", date(2026, 1, 1))


@pytest.mark.parametrize("chart", [{"financial_debit": "业务活动费用"}, {}])
def test_a_chart_that_lacks_an_account_is_no_chart(chart: dict[str, str]) -> None:
    with pytest.raises(Refused, match="凭证科目"):
        entries(chart, 1)
