"""B11 to B14, each a word on one application, put together to where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from yikatong.connectors.budget.messages import ApplicationState, RefundFact, State

STAGES: Final = ("B11", "B12", "B13", "B14")
LATER: Final = (State.SUBMITTED, State.APPROVED, State.VOUCHERED, State.PAID)


def folded(state: ApplicationState, message: str, row: Mapping[str, Any]) -> ApplicationState:
    """An application after one more word on it; words may come late, twice, or out of order."""
    if message == "B11":
        said = State(row["status"])
        is_final = said is State.RETURNED
        return replace(
            state,
            pay_app_no=row["pay_app_no"] or state.pay_app_no,
            pay_app_amt_fen=row["pay_app_amt_fen"] or state.pay_app_amt_fen,
            status=said if is_final else _later(state.status, said),
            return_reason=row["return_reason"] or state.return_reason,
            is_withdrawn=bool(row["is_withdrawn"]) or state.is_withdrawn,
        )
    if message == "B12":
        return replace(
            state,
            pay_app_no=row["pay_app_no"],
            pay_cert_no=row["pay_cert_no"],
            vou_date=row["vou_date"],
            status=_later(state.status, State.VOUCHERED),
        )
    if message == "B13":
        return replace(
            state,
            pay_cert_no=row["pay_cert_no"],
            xpay_amt_fen=row["xpay_amt_fen"],
            xpay_date=row["xpay_date"],
            agent_business_no=row["agent_business_no"],
            status=_later(state.status, State.PAID),
        )
    if row["refund_no"] in {one.refund_no for one in state.refunds}:
        return state
    fact = RefundFact(
        refund_no=row["refund_no"],
        amount_fen=row["amount_fen"],
        reason=row["reason"],
        at=datetime.fromisoformat(row["at"]),
    )
    refunded = state.refunded_fen + fact.amount_fen
    return replace(
        state,
        refunds=(*state.refunds, fact),
        refunded_fen=refunded,
        status=State.REFUNDED if refunded >= state.xpay_amt_fen else State.PART_REFUNDED,
    )


def _later(one: State, other: State) -> State:
    if one not in LATER or other not in LATER:
        return one if one is not State.SUBMITTED else other
    return max(one, other, key=LATER.index)
