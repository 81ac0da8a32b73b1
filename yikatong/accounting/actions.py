"""会计核算: drafts of vouchers V1–V5, one per event and kind; both books in parallel (待核)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.utils import timezone

from yikatong.accounting import rules
from yikatong.accounting.models import Recovery, Voucher, VoucherEntry
from yikatong.accounting.queries import (
    Leftover,
    kept_drafted,
    kept_gone,
    leftover_of,
    refund_parts,
)
from yikatong.accounting.rules import chart_in_force, entries, is_earlier_year
from yikatong.audit.actions import record
from yikatong.funding.models import FundingRequest
from yikatong.funding.queries import (
    first_received_on,
    indicator_facts,
    kept_fen,
    live_requests,
    received_fen,
)
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money
from yikatong.kernel.steps import NOTHING, Inputs, Passed, Verdict
from yikatong.organisation.queries import county_settings
from yikatong.payout.queries import money_of
from yikatong.submission.models import Batch

KEEPS: Final = "keep"
BOOKED: Final = frozenset({"BOOKED", "PUBLISHED", "CLOSED"})
SHORTEST_REASON: Final = 4
MAY_RECOVER: Final = frozenset({Duty.DEPT_CLERK})


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """辅助核算 of one draft: 项目＋批次＋指标（文号）＋功能科目＋镇街."""

    batch: Batch
    indicator: str = ""
    document_no: str = ""
    exp_func_code: str = ""

    def columns(self) -> dict[str, Any]:
        batch = self.batch
        parts = (batch.programme.short_name, batch.number, self.indicator)
        return {
            "auxiliary": "|".join(parts)[:200],
            "programme_code": batch.programme.code,
            "batch_number": batch.number,
            "indicator": self.indicator,
            "document_no": self.document_no,
            "exp_func_code": self.exp_func_code,
            "town_no": batch.unit_no,
        }


def draft(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """V1 国库集中支付到代发户, one per application (V5 where the payout is entrusted); where the
    county keeps residue, V2B tells what stayed, V2BR what of it a re-issue used. A replay drafts
    nothing twice.

    Raises:
        Refused: 应发 ≠ 成功 + 失败 + 在途 + 停发.
    """
    money = money_of(batch, scope=actor.scope)
    if not money.holds:
        raise Refused("应发与成功、失败、在途、停发之和不相等，不能生成凭证。请先核对。")
    settings = county_settings(scope=actor.scope).settings
    total = 0
    for application in live_requests(batch, scope=actor.scope):
        total += _draft_payment(batch, application, settings, actor=actor)
        left = leftover_of(application, scope=actor.scope)
        if _is_entrusted(batch, settings):
            _draft(
                rules.ENTRUSTED_PAID,
                f"paid|{application.number}",
                left.paid_fen,
                _auxiliary(batch, application.indicator, actor),
                settings,
                actor=actor,
            )
        else:
            _draft_kept(batch, application, left, settings, actor=actor)
    return Passed(note=f"凭证合计 {Money(total)} 元")


def draft_kept(batch: Batch, *, actor: Actor) -> int:
    """V2B of what came back after the batch was booked, where the county keeps it; gives how many
    drafts are new.
    """
    settings = county_settings(scope=actor.scope).settings
    if batch.status not in BOOKED or _is_entrusted(batch, settings):
        return 0
    return sum(
        _draft_kept(batch, one, leftover_of(one, scope=actor.scope), settings, actor=actor)
        for one in live_requests(batch, scope=actor.scope)
    )


def _draft_kept(
    batch: Batch,
    application: FundingRequest,
    left: Leftover,
    settings: Mapping[str, Any],
    *,
    actor: Actor,
) -> int:
    """V2B of what stayed beyond earlier drafts, and its reverse for what this application used."""
    auxiliary = _auxiliary(batch, application.indicator, actor)
    made = 0
    if settings.get("residue") == KEEPS:
        for name, fen in (("FAILED", left.failed_fen), ("STOPPED", left.stopped_fen)):
            told_fen, count = kept_drafted(application.number, name, scope=actor.scope)
            event = f"kept|{name}|{application.number}" + (f"|{count + 1}" if count else "")
            made += _draft(rules.KEPT, event, fen - told_fen, auxiliary, settings, actor=actor)
    used_fen = kept_fen(application, scope=actor.scope)
    made += _draft(
        rules.USED, f"used|{application.number}", used_fen, auxiliary, settings, actor=actor
    )
    return made


def draft_refunds(batch: Batch, *, actor: Actor) -> int:
    """V2 for money of this year that went back to the treasury, V3 for an earlier year's; V2BT
    where it had been kept before.

    What is refunded was paid first: its V1 is drafted with it where `book` has not come yet.
    Gives how many drafts are new.
    """
    settings = county_settings(scope=actor.scope).settings
    made = 0
    applications = {one.indicator: one for one in live_requests(batch, scope=actor.scope)}
    for part in refund_parts(batch, scope=actor.scope):
        application = applications.get(part.indicator)
        funded_on = first_received_on(application, scope=actor.scope) if application else None
        if application is not None:
            _draft_payment(batch, application, settings, actor=actor)
        kind = rules.REFUND
        if _is_entrusted(batch, settings):
            kind = rules.ENTRUSTED_PAID
        elif funded_on is not None and is_earlier_year(funded_on.year, part.on.year):
            kind = rules.EARLIER_YEAR
        made += _draft(
            kind,
            f"refund|{part.bank_no}|{part.refund_no}|{part.indicator}",
            part.amount_fen,
            _auxiliary(batch, part.indicator, actor),
            settings,
            actor=actor,
            on=part.on,
        )
    return made + sum(
        _draft_given_back(batch, one, settings, actor=actor)
        for one in live_requests(batch, scope=actor.scope)
    )


def _draft_given_back(
    batch: Batch, application: FundingRequest, settings: Mapping[str, Any], *, actor: Actor
) -> int:
    """V2BT: what an earlier draft tells to have stayed went back to the treasury after all."""
    made = 0
    for name in ("FAILED", "STOPPED"):
        fen, count = kept_gone(application, name, scope=actor.scope)
        event = f"unkept|{name}|{application.number}|{count + 1}"
        auxiliary = _auxiliary(batch, application.indicator, actor)
        made += _draft(rules.GIVEN_BACK, event, fen, auxiliary, settings, actor=actor)
    return made


def note_recovery(
    batch: Batch, *, kind: str, amount_fen: int, happened_on: date, reason: str, actor: Actor
) -> Recovery:
    """追回错发 or its 上缴, entered by the department; a job drafts its V4.

    Raises:
        Refused: not the department's clerk, no reason, in the future, or more remitted than came.
    """
    if actor.duty not in MAY_RECOVER or actor.scope.department_no != batch.department_no:
        raise Refused("追回款由主管部门经办登记。")
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("请写明追回或上缴的说明（不少于 4 个字）。")
    if amount_fen <= 0 or happened_on > timezone.localdate():
        raise Refused("金额应大于 0，日期不能晚于今天。")
    # two entries at once would each see room: the batch's own row makes them queue
    Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    known = Recovery.objects.filter(county=batch.county, batch=batch)
    fen = dict.fromkeys(Recovery.Kind.values, 0)
    for one in known:
        fen[one.kind] += one.amount_fen
    paid_fen = money_of(batch, scope=actor.scope).paid_fen
    if kind == Recovery.Kind.RECEIVED and fen[kind] + amount_fen > paid_fen:
        raise Refused(f"累计追回不能超过本批已发放的 {Money(paid_fen)} 元。")
    if (
        kind == Recovery.Kind.REMITTED
        and fen[kind] + amount_fen > fen[Recovery.Kind.RECEIVED.value]
    ):
        raise Refused("累计上缴不能超过累计收到的追回款。")
    made = Recovery.objects.create(
        county=batch.county,
        unit_no=batch.unit_no,
        department_no=batch.department_no,
        batch=batch,
        kind=kind,
        amount_fen=amount_fen,
        happened_on=happened_on,
        reason=reason.strip(),
        entered_by=actor.username,
        entered_at=timezone.now(),
    )
    record(
        actor=actor,
        action="recovery.enter",
        result="done",
        unit_no=batch.unit_no,
        department_no=batch.department_no,
        batch_id=batch.pk,
        note=f"{Recovery.Kind(kind).label} {Money(amount_fen)} 元：{reason.strip()}",
    )
    defer("accounting.draft_recovery", recovery_id=made.pk, county=batch.county)
    return made


def draft_recovery(recovery: Recovery, *, actor: Actor) -> bool:
    """V4 of one entry: 借 银行存款 / 贷 应缴财政款, and the reverse when it is handed in."""
    settings = county_settings(scope=actor.scope).settings
    is_received = recovery.kind == Recovery.Kind.RECEIVED
    return _draft(
        rules.RECOVERED if is_received else rules.REMITTED,
        f"recovery|{recovery.pk}",
        recovery.amount_fen,
        Auxiliary(recovery.batch),
        settings,
        actor=actor,
        on=recovery.happened_on,
    )


def _draft_payment(
    batch: Batch, application: FundingRequest, settings: Mapping[str, Any], *, actor: Actor
) -> int:
    amount_fen = received_fen(application, scope=actor.scope)
    _draft(
        rules.ENTRUSTED if _is_entrusted(batch, settings) else rules.PAYMENT,
        f"funding|{application.number}",
        amount_fen,
        _auxiliary(batch, application.indicator, actor),
        settings,
        actor=actor,
    )
    return amount_fen


def _is_entrusted(batch: Batch, settings: Mapping[str, Any]) -> bool:
    return batch.programme.code in settings.get("entrusted", ())


def _auxiliary(batch: Batch, indicator: str, actor: Actor) -> Auxiliary:
    facts = indicator_facts(indicator, scope=actor.scope)
    if facts is None:
        return Auxiliary(batch, indicator)
    return Auxiliary(batch, indicator, facts.document_no, facts.exp_func_code)


def _draft(
    kind: str,
    event: str,
    amount_fen: int,
    auxiliary: Auxiliary,
    settings: Mapping[str, Any],
    *,
    actor: Actor,
    on: date | None = None,
) -> bool:
    """One voucher with its entries; False where it stands already, or nothing moved."""
    if amount_fen <= 0:
        return False
    batch = auxiliary.batch
    chart = chart_in_force(settings["vouchers"], kind, on or timezone.localdate())
    voucher, is_new = Voucher.objects.get_or_create(
        event=event,
        kind=kind,
        defaults={
            "county": batch.county,
            "unit_no": batch.unit_no,
            "department_no": batch.department_no,
            "batch": batch,
            "summary": f"{batch.title} {chart.get('title', rules.KIND_WORD[kind])}"[:200],
            "drafted_at": timezone.now(),
        },
    )
    if is_new:
        columns = auxiliary.columns()
        VoucherEntry.objects.bulk_create(
            VoucherEntry(
                voucher=voucher,
                county=batch.county,
                book=entry.book,
                is_debit=entry.is_debit,
                account=entry.account,
                amount_fen=entry.amount_fen,
                **columns,
            )
            for entry in entries(chart, amount_fen)
        )
    return is_new
