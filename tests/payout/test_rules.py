"""What may become of a share and of a payment: the whole tables, edge by edge."""

from __future__ import annotations

import pytest

from yikatong.kernel.steps import Move, moved
from yikatong.payout.rules import (
    IN_TRANSIT,
    LIVE_SHARES,
    PAYMENT_MOVES,
    PAYMENT_WORD,
    SHARE_MOVES,
    SHARE_WORD,
    PaymentState,
    ShareState,
)

FINAL_PAYMENTS = {
    PaymentState.FAILED,
    PaymentState.RETURNED,
    PaymentState.STOPPED,
    PaymentState.WITHDRAWN,
}
FINAL_SHARES = {ShareState.DONE, ShareState.REJECTED, ShareState.CANCELLED}


def reached(table: tuple[Move, ...], start: str) -> set[str]:
    found, fresh = {start}, {start}
    while fresh:
        fresh = {move.to for move in table if move.at in fresh} - found
        found |= fresh
    return found


@pytest.mark.parametrize(
    ("table", "states"),
    [(SHARE_MOVES, ShareState), (PAYMENT_MOVES, PaymentState)],
    ids=["share", "payment"],
)
def test_every_state_is_reached_from_sent_and_no_event_is_ambiguous(
    table: tuple[Move, ...], states: type[ShareState] | type[PaymentState]
) -> None:
    assert reached(table, "SENT") == set(states)
    assert len({(move.at, move.why) for move in table}) == len(table)


def test_what_is_final_is_left_by_nothing() -> None:
    assert set(PaymentState) - {move.at for move in PAYMENT_MOVES} == FINAL_PAYMENTS
    assert set(ShareState) - {move.at for move in SHARE_MOVES} == FINAL_SHARES


def test_paid_is_left_only_by_a_return() -> None:
    assert [(move.why, move.to) for move in PAYMENT_MOVES if move.at == PaymentState.PAID] == [
        ("returned", PaymentState.RETURNED)
    ]


def test_a_failed_payment_is_never_paid_later() -> None:
    for state in FINAL_PAYMENTS:
        assert PaymentState.PAID not in reached(PAYMENT_MOVES, state)


def test_nothing_is_recalled_after_release() -> None:
    for state in (ShareState.PAYING, ShareState.DONE):
        assert ShareState.RECALLING not in reached(SHARE_MOVES, state)


def test_unknown_is_not_withdrawn_or_stopped_only_told() -> None:
    assert {move.why for move in PAYMENT_MOVES if move.at == PaymentState.UNKNOWN} == {
        "paid",
        "failed",
    }


def test_live_shares_are_those_that_still_move_towards_money() -> None:
    assert set(LIVE_SHARES) == {
        state for state in ShareState if ShareState.DONE in reached(SHARE_MOVES, state)
    } - {ShareState.DONE}


def test_in_transit_is_what_may_still_become_paid() -> None:
    assert set(IN_TRANSIT) == {
        state for state in PaymentState if PaymentState.PAID in reached(PAYMENT_MOVES, state)
    } - {PaymentState.PAID}


def test_every_state_has_a_word() -> None:
    assert set(SHARE_WORD) == set(ShareState)
    assert set(PAYMENT_WORD) == set(PaymentState)
    assert len(set(PAYMENT_WORD.values())) == len(PAYMENT_WORD)


@pytest.mark.parametrize(
    ("at", "why"),
    [("SENT", "funded"), ("REJECTED", "accepted"), ("DONE", "recall"), ("CANCELLED", "funded")],
)
def test_an_event_without_an_edge_is_told(at: str, why: str) -> None:
    with pytest.raises(LookupError):
        moved(SHARE_MOVES, at, why)
