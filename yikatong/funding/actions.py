"""拨款申请: one per bank share; what the treasury says is recorded, and judged to the fen."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from yikatong.funding.models import FundingRequest, TreasuryConfirmation
from yikatong.funding.queries import live_requests, received_fen, requests_of, shares_due
from yikatong.jobs.actions import quarantine
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import Refused, TryAgain
from yikatong.kernel.money import Money
from yikatong.kernel.steps import NOTHING, Inputs, Passed, Verdict
from yikatong.organisation.queries import paying_banks
from yikatong.submission.models import Batch

FUNDED = "FUNDED"


def request(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """拨款申请: Σ of each bank's live lines, to its 内部代发账户, through the budget system.

    AM-5 (余额 ≥ Σ) is the budget system's own check at filing; its no is the step `unfunded`.
    """
    banks = paying_banks(scope=actor.scope)
    dues = [due for due in shares_due(batch, scope=actor.scope) if due.live_fen > 0]
    if not dues:
        raise Refused("本批没有待发金额，不需要申请拨款。")
    count = batch.funding_requests.count()
    for place, due in enumerate(dues, start=1):
        made = FundingRequest.objects.create(
            county=batch.county,
            unit_no=batch.unit_no,
            department_no=batch.department_no,
            batch=batch,
            bank_no=due.bank_no,
            number=f"{batch.number}-{due.bank_no}-{count + place}",
            indicator=f"ZB{batch.county}{batch.period[:4]}{batch.programme.code}",
            lines=due.live_lines,
            amount_fen=due.live_fen,
            payee_account=banks[due.bank_no].payout_account,
            requested_by=actor.username,
            requested_at=timezone.now(),
        )
        defer("funding.file_request", request_id=made.pk, county=batch.county)
    total = Money(sum(due.live_fen for due in dues))
    return Passed(note=f"{len(dues)} 家银行，合计 {total} 元")


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
    """Record money that a bank reports; True once it equals the request to the fen.

    Short, excess, double or on a wrong account: recorded and set aside, the status is kept.
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
        where = "" if is_ours else f"其中 {Money(amount_fen)} 元进了别的账户，不计入；"
        quarantine(
            kind="到账不符",
            fingerprint=f"funding|{application.number}|{bank_serial}",
            sentence=(
                f"拨款申请 {application.number} 申请 {Money(application.amount_fen)} 元，{where}"
                f"累计到账 {Money(received)} 元，不相等。请与财政、银行核对后处理。"
            ),
            unit_no=application.unit_no,
            department_no=application.department_no,
            bank_no=application.bank_no,
            batch_id=application.batch_id,
            amount_fen=received - application.amount_fen,
            actor=actor,
        )
    return is_equal


def note_state(
    application: FundingRequest,
    state: FundingRequest.State,
    *,
    budget_number: str = "",
    voucher_number: str = "",
    return_reason: str = "",
    actor: Actor,
) -> None:
    """What the budget system says of an application. An ended one is never reopened."""
    FundingRequest.objects.filter(pk=application.pk, county=actor.scope.county).exclude(
        state__in=("RETURNED", "WITHDRAWN", "REFUNDED")
    ).update(
        state=state,
        budget_number=budget_number or application.budget_number,
        voucher_number=voucher_number or application.voucher_number,
        return_reason=return_reason[:300] or application.return_reason,
    )


def confirm(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """资金到账: every live share has exactly its money: received = requested = Σ live lines.

    Raises:
        TryAgain: a share is not funded yet, or not to the fen.
    """
    dues = [due for due in shares_due(batch, scope=actor.scope) if due.live_fen > 0]
    requests = {one.bank_no: one for one in live_requests(batch, scope=actor.scope)}
    for due in dues:
        application = requests.get(due.bank_no)
        if due.state != FUNDED or application is None:
            raise TryAgain("资金尚未全部到账")
        if received_fen(application, scope=actor.scope) != application.amount_fen:
            raise TryAgain("到账金额与申请不符")
    total = Money(sum(due.live_fen for due in dues))
    return Passed(note=f"{len(dues)} 家银行，合计 {total} 元")


def returned(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """预算退回: the budget system's own no. What was filed beside it is withdrawn with it.

    Raises:
        TryAgain: nothing was returned, or money of another share is on its way already.
    """
    latest = {one.bank_no: one for one in requests_of(batch, scope=actor.scope)}
    no = next((one for one in latest.values() if one.state == FundingRequest.State.RETURNED), None)
    if no is None:
        raise TryAgain("预算系统没有退回")
    alive = list(live_requests(batch, scope=actor.scope))
    if alive:
        for other in alive:
            defer("funding.withdraw_request", request_id=other.pk, county=batch.county)
        raise TryAgain("同批其他申请尚在撤回")
    return Passed(note=f"预算系统退回：{no.return_reason}")
