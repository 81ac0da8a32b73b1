"""Reads of requests, confirmations and what each bank is still to pay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import F, Func, OuterRef, QuerySet, Subquery, Sum
from django.db.models.fields import BigIntegerField
from django.utils import timezone

from yikatong.funding.models import (
    FundingMatch,
    FundingRequest,
    Indicator,
    IndicatorReading,
    KeptResidue,
    LivePayment,
    Reissue,
    RequestRefund,
    ShareDue,
)
from yikatong.funding.rules import Usable
from yikatong.kernel.actor import Scope
from yikatong.submission.models import Batch

DEAD = (
    FundingRequest.State.RETURNED,
    FundingRequest.State.WITHDRAWN,
    FundingRequest.State.REFUNDED,
)


@dataclass(frozen=True, slots=True)
class IndicatorSeen:
    """An indicator, what was last read of it, and what may still be applied for (fen)."""

    indicator: Indicator
    reading: IndicatorReading
    available_fen: int


def shares_due(batch: Batch, *, scope: Scope) -> list[ShareDue]:
    return list(ShareDue.objects.filter(county=scope.county, batch=batch).order_by("bank_no"))


def requests_of(batch: Batch, *, scope: Scope) -> QuerySet[FundingRequest]:
    return FundingRequest.objects.filter(county=scope.county, batch=batch).order_by("id")


def live_requests(batch: Batch, *, scope: Scope) -> QuerySet[FundingRequest]:
    return requests_of(batch, scope=scope).exclude(state__in=DEAD)


def open_requests(*, scope: Scope) -> QuerySet[FundingRequest]:
    """What the budget system must still be asked about."""
    ended = (*DEAD, FundingRequest.State.PAID, FundingRequest.State.KEPT)
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


def kept_fen(request: FundingRequest, *, scope: Scope) -> int:
    """Σ of the kept residue that this request uses; 0 for one that the treasury pays."""
    known = request.kept.filter(county=scope.county, state=KeptResidue.State.TAKEN)
    return int(known.aggregate(fen=Sum("amount_fen"))["fen"] or 0)


def funds_fen(request: FundingRequest, *, scope: Scope) -> int:
    """What this request can pay from: the treasury's money, or what stayed with the bank."""
    return received_fen(request, scope=scope) + kept_fen(request, scope=scope)


def is_funded(request: FundingRequest, *, scope: Scope) -> bool:
    """To the fen: the treasury's money as asked for, or residue, which is taken whole or not."""
    if request.source == FundingRequest.Source.RESIDUE:
        return kept_fen(request, scope=scope) > 0
    return received_fen(request, scope=scope) == request.amount_fen


def reissues_of(batch_id: int, bank_no: int, *, scope: Scope) -> QuerySet[Reissue]:
    """Live payments of a share that make a failed one good, in their order."""
    found = Reissue.objects.filter(county=scope.county, batch_id=batch_id, bank_no=bank_no)
    return found.order_by("seq")


def kept_lines(batch: Batch, bank_no: int, *, scope: Scope) -> dict[int, str]:
    """Places of a share whose money lies with this very bank since they failed, each with the
    indicator that it came from.
    """
    usable = reissues_of(batch.pk, bank_no, scope=scope).filter(
        source_bank_no=bank_no, free_fen__gte=F("amount_fen")
    )
    return dict(usable.values_list("seq", "indicator"))


def share_due_of(request: FundingRequest, *, scope: Scope) -> ShareDue | None:
    """The share that an application is for; None once nothing of it is due any more."""
    found: ShareDue | None = ShareDue.objects.filter(
        county=scope.county, batch_id=request.batch_id, bank_no=request.bank_no
    ).first()
    return found


def matches_of(batch: Batch, *, scope: Scope) -> QuerySet[FundingMatch]:
    return FundingMatch.objects.filter(county=scope.county, batch=batch).order_by("bank_no")


def live_lines(batch: Batch, bank_no: int, *, scope: Scope) -> list[tuple[int, int]]:
    """(place in the share, fen) of each live payment, in order."""
    rows = LivePayment.objects.filter(county=scope.county, batch_id=batch.pk, bank_no=bank_no)
    return list(rows.order_by("seq").values_list("seq", "amount_fen"))


def indicators_seen(
    *, scope: Scope, programme_code: str = "", fiscal_year: str = ""
) -> list[IndicatorSeen]:
    """Indicators of the county with their newest reading and what may still be applied for."""
    newest = IndicatorReading.objects.filter(indicator=OuterRef("pk")).order_by("-read_at", "-id")
    found = Indicator.objects.filter(county=scope.county).order_by("bgt_id")
    if programme_code:
        found = found.filter(programme_code=programme_code)
    if fiscal_year:
        found = found.filter(fiscal_year=fiscal_year)
    rows = found.annotate(
        last_reading=Subquery(newest.values("pk")[:1]),
        available_fen=Func("pk", function="indicator_available", output_field=BigIntegerField()),
    ).values_list("pk", "last_reading", "available_fen")
    told = list(rows)
    indicators = {one.pk: one for one in found}
    readings = IndicatorReading.objects.in_bulk([reading for _, reading, _ in told if reading])
    return [
        IndicatorSeen(indicators[pk], readings[reading], fen or 0)
        for pk, reading, fen in told
        if reading
    ]


def usable_indicators(batch: Batch, *, scope: Scope) -> list[Usable]:
    """The indicators of the batch's programme and year, in the order of their numbers."""
    seen = indicators_seen(
        scope=scope, programme_code=batch.programme.code, fiscal_year=batch.period[:4]
    )
    return [Usable(one.indicator.bgt_id, one.available_fen, one.reading.read_at) for one in seen]


def request_for_money(
    batch: Batch, bank_no: int, *, application_no: str, voucher_no: str, scope: Scope
) -> FundingRequest | None:
    """The live application that a bank's notice of money names; the only one if it names none."""
    own = list(live_requests(batch, scope=scope).filter(bank_no=bank_no))
    for one in own:
        if (application_no and one.budget_number == application_no) or (
            voucher_no and one.voucher_number == voucher_no
        ):
            return one
    return own[0] if len(own) == 1 else None


def first_received_on(request: FundingRequest, *, scope: Scope) -> date | None:
    """The day on which the first money of an application came, Shanghai time."""
    first = (
        request.confirmations.filter(county=scope.county, is_ours=True).order_by("at", "id").first()
    )
    return None if first is None else timezone.localdate(first.at)


def indicator_facts(bgt_id: str, *, scope: Scope) -> Indicator | None:
    found: Indicator | None = Indicator.objects.filter(county=scope.county, bgt_id=bgt_id).first()
    return found


def requests_on_indicators(
    *, scope: Scope, programme_code: str = "", fiscal_year: str = ""
) -> QuerySet[FundingRequest]:
    """拨款申请 of the scope with their hold and batch, newest first."""
    found = FundingRequest.objects.filter(county=scope.county)
    if programme_code:
        found = found.filter(batch__programme__code=programme_code)
    if fiscal_year:
        found = found.filter(batch__period__startswith=fiscal_year)
    return found.select_related("batch", "hold").order_by("-id")


def requests_by_number(numbers: Collection[str], *, scope: Scope) -> dict[str, FundingRequest]:
    found = FundingRequest.objects.filter(county=scope.county, number__in=list(numbers))
    return {one.number: one for one in found}


def refunded_of(request: FundingRequest, *, scope: Scope) -> int:
    """What the bank sent back of this application, through a view over feedback's table."""
    row = RequestRefund.objects.filter(county=scope.county, pk=request.pk).first()
    return row.refunded_fen if row else 0
