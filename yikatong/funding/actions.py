"""拨款申请: one per bank share; what the treasury says is recorded, and judged to the fen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import IntegrityError
from django.utils import timezone

from yikatong.connectors.budget.messages import ReconRow
from yikatong.funding.models import (
    FundingMatch,
    FundingRequest,
    ShareDue,
    TreasuryConfirmation,
    TreasuryEntry,
)
from yikatong.funding.queries import (
    funds_fen,
    is_funded,
    kept_lines,
    live_lines,
    live_requests,
    matches_of,
    received_fen,
    refunded_of,
    requests_by_number,
    requests_of,
    share_due_of,
    shares_due,
    usable_indicators,
)
from yikatong.funding.rules import (
    PAID,
    PAID_OR_VOUCHERED,
    Cut,
    KeptCut,
    cut_by_indicator,
    difference,
    kept_cut,
    shortcoming,
)
from yikatong.jobs.actions import quarantine
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor, Scope
from yikatong.kernel.errors import Refused, TryAgain
from yikatong.kernel.money import Money
from yikatong.kernel.steps import NOTHING, Inputs, Passed, Verdict
from yikatong.organisation.queries import county_settings, paying_banks
from yikatong.organisation.wire import profile_of
from yikatong.submission.models import Batch

FUNDED = "FUNDED"
EXCEEDED: Final = "超过可用额度"  # the sentences of funding.sql
GONE: Final = "留存款已不足"
KEEPS: Final = "keep"


def request(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """拨款申请: each bank's live lines, to its 内部代发账户, one per indicator that it needs.

    AM-5 (可用额度 ≥ 申请) is checked here in words and by the database under a lock; the budget
    system's own no is the step `unfunded`. Where the county keeps residue, lines whose money lies
    with this very bank since they failed are paid from it, and not applied for.

    Raises:
        Refused: no live line, no indicator read, or the indicators do not reach.
    """
    dues = [due for due in shares_due(batch, scope=actor.scope) if due.live_fen > 0]
    if not dues:
        raise Refused("本批没有待发金额，不需要申请拨款。")
    stayed = _what_stayed(batch, dues, actor=actor)
    cuts = _treasury_cuts(batch, dues, stayed, actor=actor)
    for bank_no, part in stayed.items():
        cut = Cut(bank_no, part.indicator, 0, part.seq_to, part.lines, 0)
        made = _make(batch, cut, FundingRequest.Source.RESIDUE, actor=actor)
        defer("payout.fund_from_kept", request_id=made.pk, county=batch.county)
    for cut in cuts:
        made = _make(batch, cut, FundingRequest.Source.TREASURY, actor=actor)
        defer("funding.file_request", request_id=made.pk, county=batch.county)
    if cuts and batch.origin_id is not None:  # what lies elsewhere since it failed pays none of it
        defer("feedback.call_back", county=batch.county)
    total = Money(sum(due.live_fen for due in dues))
    note = f"{len(dues)} 家银行，合计 {total} 元"
    if stayed:
        note += f"，其中留存款 {Money(sum(one.amount_fen for one in stayed.values()))} 元"
    used = "、".join(dict.fromkeys(cut.indicator for cut in cuts))
    return Passed(note=f"{note}，指标 {used}" if cuts else note)


def _what_stayed(batch: Batch, dues: Sequence[ShareDue], *, actor: Actor) -> dict[int, KeptCut]:
    """Of each bank's share, what its residue pays; nothing where the county refunds it."""
    if county_settings(scope=actor.scope).settings.get("residue") != KEEPS:
        return {}
    found = {}
    for due in dues:
        kept = kept_lines(batch, due.bank_no, scope=actor.scope)
        if kept:
            part = kept_cut(live_lines(batch, due.bank_no, scope=actor.scope), kept)
            if part is not None:
                found[due.bank_no] = part
    return found


def _treasury_cuts(
    batch: Batch, dues: Sequence[ShareDue], stayed: Mapping[int, KeptCut], *, actor: Actor
) -> list[Cut]:
    """What must be applied for: each share behind the places that residue pays."""
    asked = {due.bank_no: due.live_fen for due in dues}
    lines = {due.bank_no: due.live_lines for due in dues}
    first = dict.fromkeys(asked, 0)
    for bank_no, part in stayed.items():
        asked[bank_no] -= part.amount_fen
        lines[bank_no] -= part.lines
        first[bank_no] = part.seq_to + 1
    asked = {bank_no: fen for bank_no, fen in asked.items() if fen > 0}
    if not asked:
        return []
    cuts = cut_by_indicator(
        asked,
        usable_indicators(batch, scope=actor.scope),
        lines_of=lambda bank_no: [
            one for one in live_lines(batch, bank_no, scope=actor.scope) if one[0] >= first[bank_no]
        ],
        lines_in_all=lines,
    )
    return [replace(cut, seq_from=max(cut.seq_from, first[cut.bank_no])) for cut in cuts]


def _make(batch: Batch, cut: Cut, source: FundingRequest.Source, *, actor: Actor) -> FundingRequest:
    bank = paying_banks(scope=actor.scope)[cut.bank_no]
    is_kept = source == FundingRequest.Source.RESIDUE
    with _over_application_is_refused():
        return FundingRequest.objects.create(
            county=batch.county,
            unit_no=batch.unit_no,
            department_no=batch.department_no,
            batch=batch,
            bank_no=cut.bank_no,
            number=f"{batch.number}-{cut.bank_no}-{batch.funding_requests.count() + 1}",
            source=source,
            state=FundingRequest.State.KEPT if is_kept else FundingRequest.State.DRAFT,
            indicator=cut.indicator,
            seq_from=cut.seq_from,
            seq_to=cut.seq_to,
            lines=cut.lines,
            amount_fen=cut.amount_fen,
            payee_account=bank.payout_account,
            requested_by=actor.username,
            requested_at=timezone.now(),
        )


@contextmanager
def _over_application_is_refused() -> Iterator[None]:
    """The database's own refusal, in words: another application took the 额度 meanwhile."""
    try:
        yield
    except IntegrityError as error:
        told = str(error.__cause__ or error)
        if GONE in told or "residue_is_used_once" in told:
            raise Refused(
                "失败款刚被另一批补发用去，或已退回国库，这一批要重新计算。请再办一次拨款申请。"
            ) from None
        if EXCEEDED not in told:
            raise
        raise Refused(
            "指标可用额度刚被另一笔申请占用，不足以支付本批。请稍后重试，或与财政核对指标余额。"
        ) from None


def note_money(
    application: FundingRequest,
    *,
    amount_fen: int,
    bank_serial: str,
    voucher_number: str,
    payee_account: str,
    at: datetime,
    actor: Actor,
) -> bool:
    """Record money that a bank reports; True once each application of the share has its own.

    Equal to the fen makes the match that release asks for. Short, partial, excess, double or on a
    wrong account: recorded and set aside with a to-do, the status is kept.
    """
    is_ours = payee_account == application.payee_account
    _, is_new = TreasuryConfirmation.objects.get_or_create(
        county=application.county,
        bank_no=application.bank_no,
        bank_serial=bank_serial,
        defaults={
            "unit_no": application.unit_no,
            "department_no": application.department_no,
            "request": application,
            "amount_fen": amount_fen,
            "voucher_number": voucher_number,
            "payee_account": payee_account,
            "is_ours": is_ours,
            "at": at,
        },
    )
    received = received_fen(application, scope=actor.scope)
    is_equal = received == application.amount_fen and is_ours
    if not is_equal and is_new:
        what = shortcoming(
            received_fen=received,
            asked_fen=application.amount_fen,
            came_fen=amount_fen,
            is_ours=is_ours,
        )
        where = "" if is_ours else f"其中 {Money(amount_fen)} 元进了别的账户，不计入；"
        quarantine(
            kind="到账不符",
            fingerprint=f"funding|{application.number}|{bank_serial}",
            sentence=(
                f"{what}：拨款申请 {application.number} "
                f"申请 {Money(application.amount_fen)} 元，{where}"
                f"累计到账 {Money(received)} 元，不相等。请与财政、银行核对后处理。"
            ),
            unit_no=application.unit_no,
            department_no=application.department_no,
            bank_no=application.bank_no,
            batch_id=application.batch_id,
            amount_fen=received - application.amount_fen,
            actor=actor,
        )
    return is_equal and match_money(application, actor=actor)


def match_money(application: FundingRequest, *, actor: Actor) -> bool:
    """Make the match of the application's share once all its money is there to the fen."""
    requests = list(
        live_requests(application.batch, scope=actor.scope).filter(bank_no=application.bank_no)
    )
    if not requests or not all(is_funded(one, scope=actor.scope) for one in requests):
        return False
    due = share_due_of(application, scope=actor.scope)
    FundingMatch.objects.get_or_create(
        batch=application.batch,
        bank_no=application.bank_no,
        defaults={
            "county": application.county,
            "unit_no": application.unit_no,
            "department_no": application.department_no,
            "batch_no": due.batch_no if due else "",
            "applications": "、".join(one.number for one in requests),
            "amount_fen": sum(funds_fen(one, scope=actor.scope) for one in requests),
            "at": timezone.now(),
        },
    )
    return True


def note_state(
    application: FundingRequest,
    state: FundingRequest.State,
    *,
    budget_number: str = "",
    voucher_number: str = "",
    return_reason: str = "",
    actor: Actor,
) -> None:
    """What the budget system says of an application. An ended one is never reopened.

    Its hold follows in the database: released when it comes back, spent when it is paid.
    """
    is_filed = bool(budget_number) and application.filed_at is None
    FundingRequest.objects.filter(pk=application.pk, county=actor.scope.county).exclude(
        state__in=("RETURNED", "WITHDRAWN", "REFUNDED")
    ).update(
        state=state,
        budget_number=budget_number or application.budget_number,
        voucher_number=voucher_number or application.voucher_number,
        return_reason=return_reason[:300] or application.return_reason,
        filed_at=timezone.now() if is_filed else application.filed_at,
    )


def confirm(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """资金到账: every live share has exactly its money: received = requested = Σ live lines.

    Raises:
        TryAgain: a share is not funded yet, or not to the fen.
    """
    dues = [due for due in shares_due(batch, scope=actor.scope) if due.live_fen > 0]
    requests = list(live_requests(batch, scope=actor.scope))
    banks = paying_banks(scope=actor.scope)
    matched = {one.bank_no for one in matches_of(batch, scope=actor.scope)}
    for due in dues:
        own = [one for one in requests if one.bank_no == due.bank_no]
        if due.state != FUNDED or not own or due.bank_no not in matched:
            raise TryAgain("资金尚未全部到账")
        if not all(is_funded(one, scope=actor.scope) for one in own):
            raise TryAgain("到账金额与申请不符")
        profile = profile_of(banks[due.bank_no])
        allowed = PAID_OR_VOUCHERED if profile.pays_before_funds else PAID
        applied = [one for one in own if one.source == FundingRequest.Source.TREASURY]
        if any(one.state not in allowed for one in applied):
            raise TryAgain("预算系统尚未确认支付")
    total = Money(sum(due.live_fen for due in dues))
    return Passed(note=f"{len(dues)} 家银行，合计 {total} 元")


def returned(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """预算退回: the budget system's own no. What was filed beside it is withdrawn with it.

    Raises:
        TryAgain: nothing was returned, or money of another share is on its way already.
    """
    latest = {(one.bank_no, one.indicator): one for one in requests_of(batch, scope=actor.scope)}
    no = next((one for one in latest.values() if one.state == FundingRequest.State.RETURNED), None)
    if no is None:
        raise TryAgain("预算系统没有退回")
    alive = list(live_requests(batch, scope=actor.scope))
    if alive:
        for other in alive:
            defer("funding.withdraw_request", request_id=other.pk, county=batch.county)
        raise TryAgain("同批其他申请尚在撤回")
    return Passed(note=f"预算系统退回：{no.return_reason}")


AGREES: Final = "0"
DIFFERS: Final = "1"


def judge_reconciliation(
    rows: Sequence[ReconRow], *, check_no: str, actor: Actor
) -> list[ReconRow]:
    """B15: each row kept as told, and answered 0 相符 or 1 不符 with its reason.

    R4 of the 三方对账 compares what was kept and opens an item for what stays different.
    """
    now = timezone.now()
    TreasuryEntry.objects.bulk_create(
        [
            TreasuryEntry(
                county=actor.scope.county,
                check_no=check_no,
                tracking_id=row.tracking_id,
                pay_app_no=row.pay_app_no,
                pay_cert_no=row.pay_cert_no,
                asked_fen=row.pay_app_amt_fen,
                paid_fen=row.xpay_amt_fen,
                refunded_fen=row.refunded_fen,
                at=now,
            )
            for row in rows
        ],
        batch_size=1000,
    )
    known = requests_by_number([row.tracking_id for row in rows], scope=actor.scope)
    return [_judged(row, known.get(row.tracking_id), scope=actor.scope) for row in rows]


def _judged(row: ReconRow, request: FundingRequest | None, *, scope: Scope) -> ReconRow:
    if request is None:
        why = "我方没有这笔申请"
    else:
        why = difference(
            asked=(row.pay_app_amt_fen, request.amount_fen),
            paid=(row.xpay_amt_fen, received_fen(request, scope=scope)),
            refunded=(row.refunded_fen, refunded_of(request, scope=scope)),
            vouchers=(row.pay_cert_no, request.voucher_number),
        )
    if not why:
        return replace(row, result=AGREES)
    return replace(row, result=DIFFERS, reason=why)
