"""Reads of requests, confirmations and what each bank is still to pay."""

from __future__ import annotations

from django.db.models import QuerySet, Sum

from yikatong.funding.models import FundingRequest, ShareDue
from yikatong.kernel.actor import Scope
from yikatong.submission.models import Batch

DEAD = (
    FundingRequest.State.RETURNED,
    FundingRequest.State.WITHDRAWN,
    FundingRequest.State.REFUNDED,
)


def shares_due(batch: Batch, *, scope: Scope) -> list[ShareDue]:
    return list(ShareDue.objects.filter(county=scope.county, batch=batch).order_by("bank_no"))


def requests_of(batch: Batch, *, scope: Scope) -> QuerySet[FundingRequest]:
    return FundingRequest.objects.filter(county=scope.county, batch=batch).order_by("id")


def live_requests(batch: Batch, *, scope: Scope) -> QuerySet[FundingRequest]:
    return requests_of(batch, scope=scope).exclude(state__in=DEAD)


def open_requests(*, scope: Scope) -> QuerySet[FundingRequest]:
    """What the budget system must still be asked about."""
    ended = (*DEAD, FundingRequest.State.PAID)
    return (
        FundingRequest.objects.filter(county=scope.county).exclude(state__in=ended).order_by("id")
    )


def request_by_id(request_id: int, *, scope: Scope) -> FundingRequest:
    found: FundingRequest = (
        FundingRequest.objects.filter(county=scope.county)
        .select_related("batch__programme")
        .get(pk=request_id)
    )
    return found


def received_fen(request: FundingRequest, *, scope: Scope) -> int:
    """Σ of what the bank reported for this request on its own payout account."""
    known = request.confirmations.filter(county=scope.county, is_ours=True)
    return int(known.aggregate(fen=Sum("amount_fen"))["fen"] or 0)
