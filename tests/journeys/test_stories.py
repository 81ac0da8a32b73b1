"""Whole stories through the command line, in both counties: from 清单 to 公示, and astray."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.journeys import (
    stories,
    stories_of_banks,
    stories_of_names,
    stories_of_repair,
    stories_of_silence,
)
from tests.journeys.house import COUNTY, House, a_house, end, wait_until
from tests.journeys.telling import STORIES, Board, Telling

TOLD_IN_ORDER = True
TOLD_BY = (
    stories,
    stories_of_banks,
    stories_of_names,
    stories_of_repair,
    stories_of_silence,
)  # importing them is what fills STORIES
PATIENCE_S = 400.0
PAUSE_S = 0.2
STATUSES = "SELECT number, status FROM submission_batch"


@dataclass
class Told:
    """How each story ended: None is well."""

    house: House
    ends: dict[str, BaseException | None] = field(default_factory=dict)


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """One home, one worker, both simulators; every story told side by side."""
    with a_house() as house:
        house.settle_in("pengshui", "dadukou")
        worker = house.start_worker()
        try:
            yield tell(house)
        finally:
            end(worker)


def tell(house: House) -> Told:
    board, told = Board(), Told(house)
    telling: dict[str, Telling] = {name: one(house, board) for name, one in STORIES.items()}
    until = time.monotonic() + PATIENCE_S
    while telling:
        for slug in COUNTY:
            board.statuses.update(dict(house.rows(slug, STATUSES)))
        for name, one in list(telling.items()):
            try:
                next(one)
                if time.monotonic() < until:
                    continue
                one.throw(TimeoutError(f"stands still: {board.statuses}"))
            except StopIteration:
                told.ends[name] = None
            except (AssertionError, TimeoutError, ValueError, LookupError) as error:
                told.ends[name] = error
                board.budget_has_returned |= name.startswith("the_budget")
            del telling[name]
        time.sleep(PAUSE_S)
    return told


@pytest.mark.parametrize("name", STORIES)
def test_story(told: Told, name: str) -> None:
    error = told.ends[name]
    if error is not None:
        raise error


def test_the_banks_day_accounts_agree_and_no_invariant_is_broken(told: Told) -> None:
    house = told.house
    asked = 0
    for slug, county in COUNTY.items():
        for (bank_no,) in house.rows(slug, "SELECT DISTINCT bank_no FROM payout_bankshare"):
            house.ask_day_account(house.pack(slug).bank(bank_no).bank_no3, county)
            asked += 1

    def read() -> int:
        counted = "SELECT count(*) FROM feedback_dayaccount"
        return sum(house.rows(slug, counted)[0][0] for slug in COUNTY)

    wait_until(lambda: read() >= asked, "the day accounts")
    done = house.ykt("verify", "--json")
    assert done.code == 0, done.json["breached"]
    assert done.json["breaches"] == 0
    assert set(done.json["invariants"]) == {f"I{n}" for n in range(1, 16)}
    assert set(done.json["invariants"].values()) == {0}
    assert done.json["audit"]["chain_ok"] is True
    assert done.json["audit"]["events"] > 100


def test_every_refund_has_its_voucher_and_both_books_balance(told: Told) -> None:
    house = told.house
    missing = (
        "SELECT count(*) FROM feedback_refund AS refund WHERE NOT EXISTS ("
        " SELECT FROM accounting_voucher AS draft WHERE draft.kind = 'V2'"
        " AND draft.event LIKE 'refund|' || refund.bank_no || '|' || refund.refund_no || '|%%')"
    )
    for slug in COUNTY:
        wait_until(lambda s=slug: house.rows(s, missing)[0][0] == 0, "the drafts of refunds")
        refunded = house.rows(
            slug, "SELECT coalesce(sum(amount_fen), 0)::bigint FROM feedback_refund"
        )
        drafted = house.rows(
            slug,
            "SELECT coalesce(sum(entry.amount_fen), 0)::bigint"
            " FROM accounting_voucherentry AS entry"
            " JOIN accounting_voucher AS draft ON draft.id = entry.voucher_id"
            " WHERE draft.kind = 'V2' AND entry.book = 'FINANCIAL' AND entry.is_debit",
        )
        assert refunded == drafted
        unbalanced = house.rows(
            slug,
            "SELECT voucher_id FROM accounting_voucherentry GROUP BY voucher_id, book"
            " HAVING sum(CASE WHEN is_debit THEN amount_fen ELSE -amount_fen END) <> 0",
        )
        assert unbalanced == []


def test_every_fen_that_the_bank_paid_is_in_our_books_and_the_reverse(told: Told) -> None:
    house = told.house
    paid = "SELECT detail_id, amount_fen FROM payout_payment WHERE state = 'PAID'"
    ours = {detail: fen for slug in COUNTY for detail, fen in house.rows(slug, paid)}
    books = house.bank_books()
    back = {row["detail_id"] for row in books["returned"]}
    theirs = [row for row in books["payments"] if row["detail_id"] not in back]
    assert len(theirs) == len({row["detail_id"] for row in theirs})
    assert {row["detail_id"]: row["amount_fen"] for row in theirs} == ours
    assert ours


def test_verify_finds_what_is_broken_from_outside(told: Told) -> None:
    """An empty green proves nothing: a paid result turned around by the administrator is found."""
    house = told.house
    number = house.rows(
        "dadukou", "SELECT number FROM submission_batch WHERE status = 'PUBLISHED' LIMIT 1"
    )[0][0]
    with house.administrator() as admin:
        admin.execute("ALTER TABLE payout_payment DISABLE TRIGGER USER")
        admin.execute(
            "UPDATE payout_payment SET state = 'FAILED' WHERE id = ("
            "SELECT min(payment.id) FROM payout_payment AS payment JOIN submission_batch AS batch"
            " ON batch.id = payment.batch_id WHERE batch.number = %s AND payment.state = 'PAID')",
            [number],
        )
        admin.execute("ALTER TABLE payout_payment ENABLE TRIGGER USER")
    done = house.do("verify", "--json")
    assert done.code == 1
    assert done.json["invariants"]["I5"] == 1
    assert number in done.json["breached"]["I5"][0]
