"""What a result row does to a payment. Pure."""

from __future__ import annotations

from enum import StrEnum

from yikatong.kernel.steps import moved
from yikatong.payout.rules import PAYMENT_MOVES, PaymentState


class Effect(StrEnum):
    """What to do with one row of a result file."""

    APPLY = "apply"
    NOTHING = "nothing"
    SET_ASIDE = "set aside"


RESULT_EVENT = {"SUCCESS": "paid", "FAILED": "failed", "RETURNED": "returned"}
SAME = {
    "SUCCESS": (PaymentState.PAID, PaymentState.RETURNED),
    "FAILED": (PaymentState.FAILED,),
    "RETURNED": (PaymentState.RETURNED,),
}


def effect_of(
    result: str, state: str, *, paid_fen: int, amount_fen: int, is_final: bool
) -> tuple[Effect, str]:
    """What this row does to a payment in `state`, and the state that follows.

    A success is never overwritten; a wrong amount or a contradiction is set aside; a code that is
    not final (F10, F11) leaves the payment unknown: only asking helps (trust.md §3.4).
    """
    if result == "PENDING" or state in SAME[result]:
        return Effect.NOTHING, state
    if paid_fen != (0 if result == "FAILED" else amount_fen):
        return Effect.SET_ASIDE, state
    event = RESULT_EVENT[result] if is_final else "unknown"
    if event == "unknown" and state == PaymentState.UNKNOWN:
        return Effect.NOTHING, state
    try:
        return Effect.APPLY, moved(PAYMENT_MOVES, state, event)
    except LookupError:
        return Effect.SET_ASIDE, state
