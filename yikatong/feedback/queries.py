"""Reads of results and day accounts, in a scope."""

from __future__ import annotations

from django.db.models import QuerySet

from yikatong.feedback.models import DayAccount, PaymentResult, Refund
from yikatong.kernel.actor import Scope
from yikatong.payout.models import Payment
from yikatong.payout.rules import PaymentState
from yikatong.submission.models import Batch


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


def refunds_of(batch: Batch, *, scope: Scope) -> QuerySet[Refund]:
    """What the banks sent back to the treasury of a batch, row by row."""
    return Refund.objects.filter(county=scope.county, share__batch=batch).order_by("id")
