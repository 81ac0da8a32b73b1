"""Reads of shares and payments, in a scope; the money equation of a batch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, QuerySet, Sum

from yikatong.funding.models import FundingRequest, KeptResidue
from yikatong.kernel.actor import Scope
from yikatong.kernel.errors import Refused
from yikatong.organisation.models import PayingBank
from yikatong.organisation.queries import paying_banks
from yikatong.payout.models import BankShare, Payment, PaymentInstruction, ShareRefund, Stop
from yikatong.payout.rules import IN_TRANSIT, LIVE_SHARES, PaymentState, ShareState
from yikatong.registry.models import VerificationRequest
from yikatong.submission.models import Batch
from yikatong.validation.models import LineVerdict


@dataclass(frozen=True, slots=True)
class MoneyEquation:
    """应发 = 成功 + 失败(含退汇) + 在途 + 停发: counts and fen, as sums, never cached (I1).

    应发 are the lines that passed, without those that left again for another batch (`moved_on`).
    """

    due_lines: int = 0
    due_fen: int = 0
    paid_lines: int = 0
    paid_fen: int = 0
    failed_lines: int = 0
    failed_fen: int = 0
    in_transit_lines: int = 0
    in_transit_fen: int = 0
    stopped_lines: int = 0
    stopped_fen: int = 0
    moved_on_lines: int = 0
    moved_on_fen: int = 0

    @property
    def holds(self) -> bool:
        return (
            self.due_fen == self.paid_fen + self.failed_fen + self.in_transit_fen + self.stopped_fen
            and self.due_lines
            == self.paid_lines + self.failed_lines + self.in_transit_lines + self.stopped_lines
        )


def released_lines(share: BankShare, *, scope: Scope) -> int:
    """How many lines the bank was told to pay; 0 before the release."""
    found = PaymentInstruction.objects.filter(county=scope.county, share=share)
    return found.values_list("lines", flat=True).first() or 0


def money_of(batch: Batch, *, scope: Scope) -> MoneyEquation:
    return money_of_batches([batch.pk], scope=scope).get(batch.pk, MoneyEquation())


def money_of_batches(batch_ids: list[int], *, scope: Scope) -> dict[int, MoneyEquation]:
    """The equation of each batch of a page: two queries, whatever their number."""
    passed = {
        row["batch_id"]: (row["n"], row["fen"] or 0)
        for row in LineVerdict.objects.filter(
            county=scope.county, batch_id__in=batch_ids, passed=True
        )
        .values("batch_id")
        .annotate(n=Count("pk"), fen=Sum("line__amount_fen"))
    }
    by_state: dict[int, dict[str, tuple[int, int]]] = {}
    rows = (
        Payment.objects.filter(county=scope.county, batch_id__in=batch_ids)
        .values("batch_id", "state")
        .annotate(n=Count("id"), fen=Sum("amount_fen"))
    )
    for row in rows:
        by_state.setdefault(row["batch_id"], {})[row["state"]] = (row["n"], row["fen"])
    return {
        batch_id: _equation(passed[batch_id], by_state.get(batch_id, {})) for batch_id in passed
    }


def _equation(passed: tuple[int, int], states: dict[str, tuple[int, int]]) -> MoneyEquation:
    def total(*names: PaymentState) -> tuple[int, int]:
        found = [states.get(name, (0, 0)) for name in names]
        return sum(n for n, _ in found), sum(fen for _, fen in found)

    moved = total(PaymentState.WITHDRAWN)
    transit = total(*IN_TRANSIT)
    if not states:  # judged, not yet sent to a bank: all of it is in transit
        transit = passed
    paid = total(PaymentState.PAID)
    failed = total(PaymentState.FAILED, PaymentState.RETURNED)
    stopped = total(PaymentState.STOPPED)
    return MoneyEquation(
        passed[0] - moved[0], passed[1] - moved[1], *paid, *failed, *transit, *stopped, *moved
    )


def shares_of(batch: Batch, *, scope: Scope) -> QuerySet[BankShare]:
    return BankShare.objects.filter(county=scope.county, batch=batch).order_by("bank_no")


def paid_by_bank(*, scope: Scope) -> list[tuple[PayingBank, int, int]]:
    """Each bank that has paid something, with its payments and their fen."""
    banks = paying_banks(scope=scope)
    rows = (
        Payment.objects.filter(county=scope.county, state=PaymentState.PAID)
        .order_by()
        .values_list("bank_no")
        .annotate(Count("id"), Sum("amount_fen"))
    )
    return [(banks[number], lines, int(fen)) for number, lines, fen in sorted(rows)]


def live_shares(batch: Batch, *, scope: Scope) -> list[BankShare]:
    return list(shares_of(batch, scope=scope).filter(state__in=LIVE_SHARES))


def share_by_number(batch_no: str, *, scope: Scope) -> BankShare | None:
    """The share that a bank's message names; None for a stranger."""
    found: BankShare | None = (
        BankShare.objects.filter(county=scope.county, batch_no=batch_no)
        .select_related("batch__programme")
        .first()
    )
    return found


def share_by_id(share_id: int, *, scope: Scope) -> BankShare:
    found: BankShare = (
        BankShare.objects.filter(county=scope.county)
        .select_related("batch__programme")
        .get(pk=share_id)
    )
    return found


def payments_of(batch: Batch, *, scope: Scope) -> QuerySet[Payment]:
    return (
        Payment.objects.filter(county=scope.county, batch=batch)
        .select_related("line", "account_version")
        .defer("account_version__number_cipher")
        .order_by("id")
    )


def payment_by_id(payment_id: int, *, scope: Scope) -> Payment:
    found: Payment | None = (
        Payment.objects.filter(county=scope.county, pk=payment_id)
        .select_related("batch", "share", "line")
        .first()
    )
    if found is None:
        raise Refused("没有这笔代发明细，或不在您的办理范围内。")
    return found


def stops_of(batch: Batch, *, scope: Scope) -> QuerySet[Stop]:
    return Stop.objects.filter(county=scope.county, payment__batch=batch).select_related(
        "payment__line"
    )


def shares_of_bank(*, scope: Scope) -> QuerySet[BankShare]:
    """For a bank's own desk: its shares, newest first."""
    return (
        BankShare.objects.filter(county=scope.county)
        .select_related("batch__programme")
        .order_by("-id")
    )


def refunded_fen(batch: Batch, *, scope: Scope) -> dict[int, int]:
    """What each share sent back to the treasury, through the view `share_refund` of feedback's."""
    rows = ShareRefund.objects.filter(county=scope.county, batch_id=batch.pk)
    return {row.id: row.refunded_fen for row in rows}


def stops_before(share: BankShare, *, scope: Scope, payment: Payment | None = None) -> int:
    """How many confirmed stops of this share the bank was told; with `payment`, its own place."""
    confirmed = Stop.objects.filter(county=scope.county, payment__share=share).exclude(
        confirmed_at=None
    )
    if payment is not None:
        confirmed = confirmed.filter(confirmed_at__lte=payment.stop.confirmed_at)
    return confirmed.count()


def find_payment(payment_id: int, *, scope: Scope) -> Payment | None:
    found: Payment | None = (
        Payment.objects.filter(county=scope.county, pk=payment_id)
        .select_related("batch__programme", "line", "account_version", "stop")
        .defer("account_version__number_cipher")
        .first()
    )
    return found


def find_share(share_id: int, *, scope: Scope) -> BankShare | None:
    found: BankShare | None = shares_of_bank(scope=scope).filter(pk=share_id).first()
    return found


def payments_of_share(share: BankShare, *, scope: Scope) -> QuerySet[Payment]:
    """For the bank itself: its own rows, without the list they came from."""
    return (
        Payment.objects.filter(county=scope.county, share=share)
        .select_related("account_version")
        .defer("account_version__number_cipher")
        .order_by("id")
    )


def share_money(
    share_ids: Collection[int], *, scope: Scope
) -> dict[int, dict[str, tuple[int, int]]]:
    """Of each share: (payments, fen) by payment state, in one query."""
    rows = (
        Payment.objects.filter(county=scope.county, share_id__in=list(share_ids))
        .values("share_id", "state")
        .annotate(n=Count("id"), fen=Sum("amount_fen"))
    )
    found: dict[int, dict[str, tuple[int, int]]] = {}
    for row in rows:
        found.setdefault(row["share_id"], {})[row["state"]] = (row["n"], row["fen"])
    return found


def shares_by_state(*, scope: Scope) -> dict[str, int]:
    """How many shares of the scope stand in each state."""
    rows = BankShare.objects.filter(county=scope.county).order_by().values("state")
    return {row["state"]: row["n"] for row in rows.annotate(n=Count("id"))}


def stops_to_confirm(*, scope: Scope) -> QuerySet[Stop]:
    """停发 that one person asked for and another has not confirmed."""
    return (
        Stop.objects.filter(
            county=scope.county, confirmed_at=None, payment__state=PaymentState.SENT
        )
        .select_related("payment__batch__programme", "payment__line")
        .order_by("id")
    )


def banks_awaited(*, everyone: bool, scope: Scope) -> list[PayingBank]:
    """Banks to ask for files: those that owe an answer, or everyone with a share or a question."""
    shares = BankShare.objects.filter(county=scope.county)
    if not everyone:
        moving = (ShareState.SENT, ShareState.ACKED, ShareState.PAYING, ShareState.RECALLING)
        shares = shares.filter(state__in=moving)
    questions = VerificationRequest.objects.filter(county=scope.county, answered_at=None)
    numbers = {*shares.values_list("bank_no", flat=True).distinct()} | {
        *questions.values_list("bank_no", flat=True).distinct()
    }
    banks = paying_banks(scope=scope)
    return [bank for number, bank in banks.items() if number in numbers]


def banks_owing(*, scope: Scope) -> bool:
    """Whether a bank or the treasury owes an answer that moves a batch by itself."""
    waiting = (ShareState.SENT, ShareState.PAYING, ShareState.RECALLING)
    return (
        BankShare.objects.filter(county=scope.county, state__in=waiting).exists()
        or VerificationRequest.objects.filter(county=scope.county, answered_at=None).exists()
        or FundingRequest.objects.filter(
            county=scope.county,
            state__in=("DRAFT", "SUBMITTED", "APPROVED", "VOUCHERED"),
            batch__status="REQUESTED",
        ).exists()
        or BankShare.objects.filter(
            county=scope.county, state=ShareState.ACKED, batch__status__in=("REQUESTED", "RELEASED")
        ).exists()
    )


def used_for_reissues(share: BankShare, detail_ids: Collection[str], *, scope: Scope) -> set[str]:
    """Which of these failed payments' money pays a re-issue. They stay locked until the end: none
    of them is taken for one meanwhile.
    """
    if not detail_ids:
        return set()
    held = Payment.objects.filter(
        county=scope.county, share=share, detail_id__in=list(detail_ids)
    ).order_by("pk")
    known = dict(held.select_for_update(no_key=True).values_list("pk", "detail_id"))
    used = KeptResidue.objects.filter(
        county=scope.county, source_id__in=list(known), state=KeptResidue.State.TAKEN
    )
    return {known[source_id] for source_id in used.values_list("source_id", flat=True)}


def has_paid(*, scope: Scope) -> bool:
    """Whether any instruction has ever left: from then on there is something to reconcile."""
    return PaymentInstruction.objects.filter(county=scope.county).exists()
