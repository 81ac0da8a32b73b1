"""Reads of results and day accounts, in a scope."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Final

from django.db.models import Exists, F, OuterRef, Prefetch, QuerySet, Sum
from django.utils.timezone import localdate

from yikatong.connectors.bank.messages import DayAnswer, DayRow
from yikatong.feedback.models import (
    Cure,
    CureMedian,
    DayAccount,
    DayEntry,
    Difference,
    DifferenceWord,
    KeptInVain,
    MonthStatement,
    OfficerNotice,
    PaymentResult,
    Reconciliation,
    ReconciliationSum,
    Refund,
    Residue,
    SmsReport,
)
from yikatong.feedback.rules import (
    BANK_DOWN,
    Day,
    days_are_whole,
    is_ready,
)
from yikatong.kernel.actor import Scope
from yikatong.organisation.queries import county_settings
from yikatong.organisation.rules import department_unit
from yikatong.payout.models import Payment
from yikatong.payout.rules import PaymentState
from yikatong.submission.models import Batch

BY_DEPARTMENT: Final = "department"
BALANCE: Final = {
    "OPENING": 1, "SUM_IN": 1, "SUM_RETURN": 1, "SUM_OUT": -1, "SUM_REFUND": -1, "CLOSING": -1,
}  # fmt: skip


def failures_of(batch: Batch, *, scope: Scope) -> QuerySet[PaymentResult]:
    """Failed and returned payments with the bank's reason: the word that they stand on, each once.

    What a bank called failed and left unknown is in transit, not here.
    """
    return (
        PaymentResult.objects.filter(
            county=scope.county,
            payment__batch=batch,
            outcome=F("payment__state"),
            outcome__in=(PaymentState.FAILED, PaymentState.RETURNED),
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


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """国库凭证 = 代发专户 = 明细, in fen; what a run found, or what stands now."""

    voucher_fen: int = 0
    account_fen: int = 0
    kept_fen: int = 0
    paid_fen: int = 0
    failed_fen: int = 0
    in_transit_fen: int = 0
    stopped_fen: int = 0
    refunded_fen: int = 0

    @property
    def lines_fen(self) -> int:
        return self.paid_fen + self.failed_fen + self.in_transit_fen + self.stopped_fen

    @property
    def holds(self) -> bool:
        """Money kept with a bank pays lines without a voucher of its own."""
        return (
            self.voucher_fen == self.account_fen
            and self.account_fen + self.kept_fen == self.lines_fen
        )


SIDES: Final = tuple(one.name for one in fields(ThreeWay))


def runs(*, scope: Scope) -> QuerySet[Reconciliation]:
    return Reconciliation.objects.filter(county=scope.county).order_by("-id")


def run_on(day: date, *, scope: Scope) -> bool:
    """Whether the county was reconciled by itself on that day."""
    return runs(scope=scope).filter(cause=Reconciliation.Cause.DAILY, day=day).exists()


def sums_of(run: Reconciliation, *, scope: Scope) -> QuerySet[ReconciliationSum]:
    return ReconciliationSum.objects.filter(county=scope.county, run=run).order_by(
        "department_no", "bank_no"
    )


def three_way(run: Reconciliation, *, scope: Scope) -> ThreeWay:
    """The three sums of a run over all that the scope sees."""
    told = sums_of(run, scope=scope).order_by().aggregate(**{name: Sum(name) for name in SIDES})
    return ThreeWay(**{name: int(fen or 0) for name, fen in told.items()})


def differences(
    *, scope: Scope, rule: str = "", closed: bool | None = None
) -> QuerySet[Difference]:
    """对账差异 of the scope, newest first; `closed` None is both."""
    found = Difference.objects.filter(county=scope.county).prefetch_related(
        Prefetch("words", DifferenceWord.objects.order_by("id"))
    )
    if rule:
        found = found.filter(rule=rule)
    ended = DifferenceWord.objects.filter(difference=OuterRef("pk"), kind=DifferenceWord.Kind.CLOSE)
    if closed is not None:
        found = found.filter(Exists(ended) if closed else ~Exists(ended))
    return found.order_by("-id")


def find_difference(difference_id: int, *, scope: Scope) -> Difference | None:
    found: Difference | None = differences(scope=scope).filter(pk=difference_id).first()
    return found


def statements(*, scope: Scope) -> QuerySet[MonthStatement]:
    return (
        MonthStatement.objects.filter(county=scope.county)
        .defer("document", "content")
        .order_by("-id")
    )


def find_statement(statement_id: int, *, scope: Scope) -> MonthStatement | None:
    found: MonthStatement | None = MonthStatement.objects.filter(
        county=scope.county, pk=statement_id
    ).first()
    return found


def cures(*, scope: Scope) -> QuerySet[Cure]:
    """Failed and returned payments of the scope that are not made good yet, oldest first."""
    return (
        Cure.objects.filter(county=scope.county, cured_at=None)
        .select_related("line")
        .order_by("failed_at", "id")
    )


def told_down(bank_no: int, *, until: date, scope: Scope) -> list[Payment]:
    """Payments that a bank could not book for its own system (F11), still unknown, and that no day
    account up to `until` shows as paid though each of these days is told.
    """
    waiting = (
        Payment.objects.filter(
            county=scope.county,
            bank_no=bank_no,
            state=PaymentState.UNKNOWN,
            results__code=BANK_DOWN,
            results__result="FAILED",
            results__at__date__lte=until,
        )
        .exclude(detail_id__in=DayEntry.objects.filter(bank_no=bank_no).values("detail_id"))
        .select_related("share__instruction", "share__batch")
        .order_by("pk")
        .distinct()
    )
    newest: dict[date, Day] = {}
    for one in day_accounts(scope=scope).filter(bank_no=bank_no, day__lte=until).order_by("id"):
        newest[one.day] = Day(one.day, one.opening_fen, one.closing_fen)
    days = list(newest.values())
    return [
        one
        for one in waiting
        if days_are_whole(days, since=localdate(one.share.instruction.at), until=until)
    ]


def correction_unit_of(unit_no: int, department_no: int, *, scope: Scope) -> int:
    """Who drafts a correction of this unit's batch: 彭水 the department, 大渡口 the unit itself."""
    who = county_settings(scope=scope).settings.get("correction_by")
    return department_unit(department_no) if who == BY_DEPARTMENT else unit_no


def ready_to_reissue(*, scope: Scope) -> list[Cure]:
    """Failed and returned payments that are mended and wait to be gathered for 补发."""
    return [
        one
        for one in cures(scope=scope)
        if is_ready(one.standing, draft_status=one.draft_status, is_gathered=one.is_gathered)
    ]


def cure_medians(kind: str, *, scope: Scope) -> list[CureMedian]:
    """`kind` BANK or TOWN; the slowest first, those without a cured one last."""
    found = CureMedian.objects.filter(county=scope.county, kind=kind)
    return list(found.order_by(F("median_days").desc(nulls_last=True), "key"))


def residue_of(*, scope: Scope) -> QuerySet[Residue]:
    """无主款, a row for each, oldest first."""
    return Residue.objects.filter(county=scope.county).order_by("since", "id")


def kept_in_vain(share_id: int | None = None, *, scope: Scope) -> list[KeptInVain]:
    """What stayed with the county's banks, or of one share, and is to go back to the treasury."""
    found = KeptInVain.objects.filter(county=scope.county).order_by("id")
    return list(found if share_id is None else found.filter(share_id=share_id))


def notice_by_id(notice_id: int, *, scope: Scope) -> OfficerNotice:
    found: OfficerNotice = OfficerNotice.objects.filter(county=scope.county).get(pk=notice_id)
    return found


def notices_of(unit_no: int, *, since: date, scope: Scope) -> QuerySet[OfficerNotice]:
    """失败通知 of one unit from a day on, newest first."""
    found = OfficerNotice.objects.filter(county=scope.county, unit_no=unit_no, at__date__gte=since)
    return found.select_related("batch").order_by("-id")


def texts_of(payment_ids: Collection[int], *, scope: Scope) -> dict[int, str]:
    """What a bank last said of the text message of each payment."""
    told = SmsReport.objects.filter(county=scope.county, payment_id__in=list(payment_ids))
    return dict(told.order_by("at", "id").values_list("payment_id", "status"))
