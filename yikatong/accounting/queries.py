"""Reads of voucher drafts, of the ledger and of what they are drafted from, in a scope."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Prefetch, Q, QuerySet, Sum
from django.utils import timezone

from yikatong.accounting.models import (
    LedgerLeg,
    LedgerPosting,
    Recovery,
    Voucher,
    VoucherEntry,
)
from yikatong.accounting.rules import GIVEN_BACK, KEPT, account_names
from yikatong.feedback.queries import refunds_of, residue_of
from yikatong.funding.models import FundingRequest, KeptResidue
from yikatong.funding.queries import funds_fen, live_requests
from yikatong.kernel.actor import Scope
from yikatong.organisation.queries import county_settings
from yikatong.payout.queries import payments_of
from yikatong.payout.rules import PaymentState
from yikatong.submission.models import Batch


@dataclass(frozen=True, slots=True)
class RefundPart:
    """What one refund sent back of one indicator's money, in fen."""

    bank_no: int
    refund_no: str
    indicator: str
    on: date
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Leftover:
    """Of one application, in fen: what was paid, and what stayed with the bank by its reason."""

    paid_fen: int
    failed_fen: int
    stopped_fen: int


@dataclass(frozen=True, slots=True)
class VoucherTotal:
    """Of one kind of voucher: how many drafts, and the debits of each book in fen."""

    kind: str
    drafts: int
    financial_fen: int
    budgetary_fen: int
    memo_fen: int


def vouchers_of(batch: Batch, *, scope: Scope) -> QuerySet[Voucher]:
    return (
        Voucher.objects.filter(county=scope.county, batch=batch)
        .prefetch_related("entries")
        .order_by("id")
    )


def recovery_by_id(recovery_id: int, *, scope: Scope) -> Recovery:
    found: Recovery = (
        Recovery.objects.filter(county=scope.county)
        .select_related("batch__programme")
        .get(pk=recovery_id)
    )
    return found


def refund_parts(batch: Batch, *, scope: Scope) -> list[RefundPart]:
    """The batch's refunds by number and indicator, as their payments stand in the applications."""
    requests = list(live_requests(batch, scope=scope))
    refunds = list(refunds_of(batch, scope=scope))
    details = [one.detail_id for one in refunds if one.detail_id]
    places = dict(
        payments_of(batch, scope=scope)
        .filter(detail_id__in=details)
        .values_list("detail_id", "seq")
    )
    sums: dict[tuple[int, str, str], tuple[date, int]] = {}
    for refund in refunds:
        seq = places.get(refund.detail_id, 0)
        indicator = next(
            (
                one.indicator
                for one in requests
                if one.bank_no == refund.bank_no and one.seq_from <= seq <= one.seq_to
            ),
            "",
        )
        key = (refund.bank_no, refund.refund_no, indicator)
        on, fen = sums.get(key, (timezone.localdate(refund.at), 0))
        sums[key] = (on, fen + refund.amount_fen)
    return [RefundPart(*key, on, fen) for key, (on, fen) in sums.items()]


def leftover_of(request: FundingRequest, *, scope: Scope) -> Leftover:
    """What an application's money became; what went back to the treasury is not left over."""
    rows = (
        payments_of(request.batch, scope=scope)
        .filter(bank_no=request.bank_no, seq__range=(request.seq_from, request.seq_to))
        .order_by()
        .values_list("state")
        .annotate(fen=Sum("amount_fen"))
    )
    fen = dict(rows)
    back = sum(
        part.amount_fen
        for part in refund_parts(request.batch, scope=scope)
        if (part.bank_no, part.indicator) == (request.bank_no, request.indicator)
    )
    paid = fen.get(PaymentState.PAID, 0)
    failed = fen.get(PaymentState.FAILED, 0) + fen.get(PaymentState.RETURNED, 0)
    left = max(funds_fen(request, scope=scope) - paid - back, 0)
    return Leftover(paid, min(failed, left), max(left - failed, 0))


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """试算平衡表 of one account, in fen: turnover of both sides and what stands."""

    account: str
    name: str
    debit_fen: int
    credit_fen: int

    @property
    def balance_fen(self) -> int:
        """借方余额; below nought it stands on the credit side."""
        return self.debit_fen - self.credit_fen

    @property
    def debit_balance_fen(self) -> int:
        return max(self.balance_fen, 0)

    @property
    def credit_balance_fen(self) -> int:
        return max(-self.balance_fen, 0)


def legs(*, scope: Scope, programme_code: str = "", year: str = "") -> QuerySet[LedgerLeg]:
    """分录 of the scope, of one item and of one year where named."""
    found = LedgerLeg.objects.filter(county=scope.county)
    if programme_code:
        found = found.filter(programme_code=programme_code)
    if year:
        found = found.filter(posting__posted_on__year=year)
    return found


def trial_balance(*, scope: Scope, programme_code: str = "", year: str = "") -> list[BalanceRow]:
    """Debit and credit turnover of every account that moved; both columns add up to the same."""
    names = account_names(county_settings(scope=scope).settings.get("charts"), timezone.localdate())
    sums = (
        legs(scope=scope, programme_code=programme_code, year=year)
        .order_by()
        .values_list("account")
        .annotate(
            debit=Sum("amount_fen", filter=Q(is_debit=True)),
            credit=Sum("amount_fen", filter=Q(is_debit=False)),
        )
    )
    return [
        BalanceRow(account, names.get(account, account), debit or 0, credit or 0)
        for account, debit, credit in sorted(sums)
    ]


def postings(*, scope: Scope, programme_code: str = "", year: str = "") -> QuerySet[LedgerPosting]:
    """资金变动 of the scope, newest first, with their legs."""
    found = LedgerPosting.objects.filter(county=scope.county)
    if programme_code:
        found = found.filter(programme_code=programme_code)
    if year:
        found = found.filter(posted_on__year=year)
    return found.select_related("batch").prefetch_related("legs").order_by("-id")


def vouchers(*, scope: Scope, programme_code: str = "", year: str = "") -> QuerySet[Voucher]:
    """凭证草稿 of the scope, newest first, with their entries."""
    found = Voucher.objects.filter(county=scope.county)
    if programme_code:
        found = found.filter(batch__programme__code=programme_code)
    if year:
        found = found.filter(drafted_at__year=year)
    return (
        found.select_related("batch__programme")
        .prefetch_related(Prefetch("entries", VoucherEntry.objects.order_by("id")))
        .order_by("-id")
    )


def voucher_totals(*, scope: Scope) -> list[VoucherTotal]:
    """The drafts of a scope summed by kind; each book's credits equal these debits."""
    drafts = dict(
        vouchers(scope=scope).order_by().values_list("kind").annotate(Count("id", distinct=True))
    )
    debits = {
        (kind, book): int(fen)
        for kind, book, fen in VoucherEntry.objects.filter(
            county=scope.county, voucher__in=vouchers(scope=scope).order_by(), is_debit=True
        )
        .order_by()
        .values_list("voucher__kind", "book")
        .annotate(Sum("amount_fen"))
    }
    books = VoucherEntry.Book
    return [
        VoucherTotal(
            kind,
            drafts[kind],
            *(
                debits.get((kind, book), 0)
                for book in (books.FINANCIAL, books.BUDGETARY, books.MEMO)
            ),
        )
        for kind in sorted(drafts)
    ]


def years_booked(*, scope: Scope) -> list[str]:
    """The years in which anything was posted, newest first."""
    days = LedgerPosting.objects.filter(county=scope.county).dates("posted_on", "year", "DESC")
    return [str(day.year) for day in days]


def kept_drafted(number: str, name: str, *, scope: Scope) -> tuple[int, int]:
    """Of one application: what its drafts of kept residue tell already, in fen, and how many."""
    told = Voucher.objects.filter(
        county=scope.county, kind=KEPT, event__regex=rf"^kept\|{name}\|{re.escape(number)}(\||$)"
    )
    fen = VoucherEntry.objects.filter(voucher__in=told, book="MEMO", is_debit=True)
    return int(fen.aggregate(fen=Sum("amount_fen"))["fen"] or 0), told.count()


def kept_gone(request: FundingRequest, name: str, *, scope: Scope) -> tuple[int, int]:
    """Of what its drafts tell to have stayed, in fen: what went back to the treasury since and no
    draft says yet; and how many drafts say some of it.
    """
    told_fen, _ = kept_drafted(request.number, name, scope=scope)
    back = VoucherEntry.objects.filter(
        county=scope.county, voucher__kind=GIVEN_BACK, book="MEMO", is_debit=True,
        voucher__event__startswith=f"unkept|{name}|{request.number}|",
    )  # fmt: skip
    back_fen = int(back.aggregate(fen=Sum("amount_fen"))["fen"] or 0)
    own = payments_of(request.batch, scope=scope).filter(
        bank_no=request.bank_no, seq__range=(request.seq_from, request.seq_to)
    )
    kinds = ("STOPPED",) if name == "STOPPED" else ("FAILED", "RETURNED")
    there = residue_of(scope=scope).filter(pk__in=own.values("pk"), kind__in=kinds)
    there_fen = int(there.aggregate(fen=Sum("amount_fen"))["fen"] or 0)
    used_fen = 0
    if name != "STOPPED":
        used = KeptResidue.objects.filter(
            county=scope.county, source_id__in=own.values("pk"), state=KeptResidue.State.TAKEN
        )
        used_fen = int(used.aggregate(fen=Sum("amount_fen"))["fen"] or 0)
    return max(told_fen - used_fen - there_fen - back_fen, 0), back.count()


def recoveries_of(batch: Batch, *, scope: Scope) -> QuerySet[Recovery]:
    return Recovery.objects.filter(county=scope.county, batch=batch).order_by("id")
