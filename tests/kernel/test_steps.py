"""The grammar: limits in their own unit, and the lesser machines' moves."""

from __future__ import annotations

from itertools import product

import pytest

from yikatong.kernel.steps import (
    Limit,
    Move,
    Passed,
    Returned,
    Seat,
    Status,
    Stays,
    Step,
    moved,
    natural,
)
from yikatong.payout.rules import PAYMENT_MOVES, SHARE_MOVES, PaymentState, ShareState


def step(**values: object) -> Step:
    facts: dict[str, object] = {
        "name": "try",
        "title": "一步",
        "starts": Status.DRAFT,
        "seat": Seat.UNIT_CLERK,
        "does": lambda *_: Passed(),
        "passes": Status.COMPILED,
        "basis": "house",
        "limit": 3,
    }
    return Step(**{**facts, **values})  # type: ignore[arg-type]


def test_a_bare_number_is_working_days_and_natural_says_so() -> None:
    assert step(limit=3).time_limit == Limit(3, is_natural=False)
    assert step(limit=natural(7)).time_limit == Limit(7, is_natural=True)
    assert step(limit=None).time_limit == Limit(None)


def test_one_start_or_several_read_alike() -> None:
    assert step().starts_at == (Status.DRAFT,)
    several = (Status.READY, Status.FUNDED)
    assert step(starts=several).starts_at == several


def test_a_return_needs_a_way_back() -> None:
    there = step(back=Status.DRAFT)
    assert there.lands_on(Returned("原因"), start=Status.COMPILED) == Status.DRAFT
    assert there.lands_on(Stays("等待"), start=Status.COMPILED) == Status.COMPILED
    with pytest.raises(ValueError, match="no way back"):
        step().lands_on(Returned("原因"), start=Status.COMPILED)


def test_an_event_leads_along_its_edge_only() -> None:
    table = (Move("A", "go", "B"), Move("B", "go", "C"))
    assert moved(table, "A", "go") == "B"
    assert moved(table, "B", "go") == "C"
    for at, why in (("C", "go"), ("A", "stop")):
        with pytest.raises(LookupError):
            moved(table, at, why)


@pytest.mark.parametrize("table", [SHARE_MOVES, PAYMENT_MOVES])
def test_an_event_has_one_answer(table: tuple[Move, ...]) -> None:
    assert len({(move.at, move.why) for move in table}) == len(table)


def test_a_failed_payment_stays_failed_for_ever() -> None:
    final = {PaymentState.FAILED, PaymentState.RETURNED, PaymentState.STOPPED}
    final.add(PaymentState.WITHDRAWN)
    whys = {move.why for move in PAYMENT_MOVES}
    for state, why in product(final, whys):
        with pytest.raises(LookupError):
            moved(PAYMENT_MOVES, state, why)
    assert {move.at for move in PAYMENT_MOVES} == set(PaymentState) - final


def test_paid_may_come_back_and_nothing_else() -> None:
    after = {move.to for move in PAYMENT_MOVES if move.at == PaymentState.PAID}
    assert after == {PaymentState.RETURNED}


def test_a_share_that_is_told_to_pay_is_not_recalled() -> None:
    assert {move.at for move in SHARE_MOVES if move.why == "recall"} == {
        ShareState.ACKED,
        ShareState.FUNDED,
    }
