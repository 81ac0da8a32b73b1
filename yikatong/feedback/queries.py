"""Reads of results and day accounts, in a scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from django.db.models import QuerySet

from yikatong.connectors.bank.messages import DayAnswer, DayRow
from yikatong.feedback.models import DayAccount, PaymentResult, Refund
from yikatong.kernel.actor import Scope
from yikatong.payout.models import Payment
from yikatong.payout.rules import PaymentState
from yikatong.submission.models import Batch

BALANCE: Final = {
    "OPENING": 1, "SUM_IN": 1, "SUM_RETURN": 1, "SUM_OUT": -1, "SUM_REFUND": -1, "CLOSING": -1,
}  # fmt: skip


def failures_of(batch: Batch, *, scope: Scope) -> QuerySet[PaymentResult]:
    """Failed and returned payments with the bank's reason; the newest word of each."""
    return (
        PaymentResult.objects.filter(
            county=scope.county, payment__batch=batch, result__in=("FAILED", "RETURNED")
        )
        .select_related("payment__line")
        .order_by("code", "payment_id")
    )


def failures_awaiting(*, scope: Scope) -> QuerySet[Payment]:
    """Failed payments whose line has no successor yet, or whose successor is still a draft."""
    return Payment.objects.filter(
        county=scope.county, state__in=(PaymentState.FAILED, PaymentState.RETURNED)
    ).filter(line__copies__batch__status="DRAFT")


def day_accounts(*, scope: Scope) -> QuerySet[DayAccount]:
    return DayAccount.objects.filter(county=scope.county).order_by("-day", "bank_no", "-id")


def day_answers(bank_no: int, rows: Sequence[DayRow], *, scope: Scope) -> tuple[DayAnswer, ...]:
    """What we say to each row of a day account: 相符, or 不符 with its reason.

    A paid row must stand in our books under its serial and amount; the six balances must add up.
    """
    paid = {
        str(serial): fen
        for serial, fen in PaymentResult.objects.filter(
            county=scope.county,
            bank_no=bank_no,
            result="SUCCESS",
            bank_serial__in=[row.bank_serial for row in rows if row.kind == "OUT"],
        ).values_list("bank_serial", "paid_fen")
    }
    sums = {row.kind: row.amount_fen for row in rows if row.kind in BALANCE}
    is_balanced = sum(sums.get(kind, 0) * sign for kind, sign in BALANCE.items()) == 0
    return tuple(_answer(row, paid, is_balanced=is_balanced) for row in rows)


def _answer(row: DayRow, paid: Mapping[str, int], *, is_balanced: bool) -> DayAnswer:
    reason = ""
    if row.kind == "OUT" and row.bank_serial not in paid:
        reason = "我方没有这笔成功记录"
    elif row.kind == "OUT" and paid[row.bank_serial] != row.amount_fen:
        reason = "金额与我方不一致"
    elif row.kind == "CLOSING" and not is_balanced:
        reason = "期初加收入减支出不等于期末"
    return DayAnswer(
        bank_serial=row.bank_serial,
        detail_id=row.detail_id,
        kind=row.kind,
        verdict="1" if reason else "0",
        reason=reason,
    )


def refunds_of(batch: Batch, *, scope: Scope) -> QuerySet[Refund]:
    """What the banks sent back to the treasury of a batch, row by row."""
    return Refund.objects.filter(county=scope.county, share__batch=batch).order_by("id")
