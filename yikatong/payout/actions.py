"""发放: shares, payments, release, stop, cancel, recall. Never sets a batch's status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.utils import timezone

from yikatong.audit.actions import record
from yikatong.funding.actions import match_money
from yikatong.funding.models import FundingRequest
from yikatong.funding.queries import live_requests, received_fen
from yikatong.jobs.models import Quarantine
from yikatong.jobs.numbers import wire_number
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.digest import of_digests
from yikatong.kernel.errors import Refused, TryAgain
from yikatong.kernel.money import Money
from yikatong.kernel.points import point
from yikatong.kernel.steps import NOTHING, Inputs, Passed, Reason, Returned, Verdict, moved
from yikatong.organisation.queries import paying_banks
from yikatong.payout import bulk
from yikatong.payout.models import BankShare, Payment, PaymentInstruction, Stop
from yikatong.payout.queries import live_shares, refunded_fen, shares_of
from yikatong.payout.rules import SHARE_MOVES, PaymentState, ShareState
from yikatong.submission.actions import redraft
from yikatong.submission.bulk import lines_of
from yikatong.submission.models import Approval, Batch
from yikatong.submission.queries import approval_of

SHORTEST_REASON: Final = 4
REASON_MOST: Final = 200
CLOSING: Final = frozenset({Duty.FINANCE, Duty.DEPT_CLERK, Duty.DEPT_CHIEF})
STOPPABLE: Final = frozenset({"READY", "REQUESTED", "IN_REVIEW", "RELEASED", "FUNDED"})


def send_roster(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """推送、发送数据: what passed, cut by bank; each payment is born here, on a fixed version.

    Raises:
        Refused: what passed is not what was recorded at the verdict (I6).
    """
    passing = approval_of(batch, Approval.Kind.PASSING, scope=actor.scope)
    now = lines_of(batch.pk, only_passed=True)
    if passing is None or bytes(passing.digest) != now.digest:
        raise Refused("通过验证的明细与验证结论时不一致，不能发送。请联系系统管理员核查。")
    banks = paying_banks(scope=actor.scope)
    made = 0
    for bank_no, _, _ in bulk.banks_of_passed(batch.pk):
        share = BankShare.objects.create(
            county=batch.county,
            unit_no=batch.unit_no,
            department_no=batch.department_no,
            bank_no=bank_no,
            batch=batch,
            batch_no=wire_number(banks[bank_no].code3, batch.county, timezone.localdate()),
        )
        made += bulk.make_payments(
            batch_id=batch.pk,
            share_id=share.pk,
            bank_no=bank_no,
            is_reissue=batch.origin_id is not None,
        )
        defer("payout.post_roster", share_id=share.pk, county=batch.county)
    defer(
        "funding.read_indicators",
        county=batch.county,
        fiscal_year=batch.period[:4],
        programme_code=batch.programme.code,
    )
    if made != now.lines:
        raise Refused(f"应发送 {now.lines} 笔，只生成了 {made} 笔，已撤销。请联系系统管理员核查。")
    return Passed(touched=now.digest, note=f"{made} 笔，{Money(now.amount_fen)} 元")


def received(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """银行接收: when every bank has answered. A refused share's lines leave, the others travel on.

    Raises:
        TryAgain: a bank has not answered.
    """
    shares = list(shares_of(batch, scope=actor.scope))
    if any(share.state == ShareState.SENT for share in shares):
        raise TryAgain("还有银行没有回执")
    refused = [share for share in shares if share.state == ShareState.REJECTED]
    lines: list[int] = []
    for share in refused:
        lines.extend(bulk.withdraw_payments(share.pk))
    if lines:
        why = "；".join(sorted({share.reason for share in refused}))
        redraft(batch, lines, f"银行拒收：{why}", actor=actor)
    if len(refused) == len(shares):
        return Returned("各银行均拒收：" + "；".join(sorted({s.reason for s in refused})))
    return Passed(
        note=f"{len(shares) - len(refused)} 家银行已接收"
        + (f"，{len(refused)} 家拒收" if refused else "")
    )


def let_go(
    share: BankShare, first_seq: int, last_seq: int, reason: str, *, is_last: bool, actor: Actor
) -> bool:
    """A refused part: its lines leave into a new draft, unless they are all that is left of the
    share; gives whether any live row stays. With the last part gone the share itself is refused,
    and `received` redrafts it.
    """
    live = share.payments.filter(state=PaymentState.SENT)
    if is_last and not live.exclude(seq__range=(first_seq, last_seq)).exists():
        return False
    lines = bulk.withdraw_rows(share.pk, first_seq, last_seq)
    if lines:
        redraft(share.batch, lines, f"银行拒收：{reason}", actor=actor)
    return True


def set_unwritable_aside(share: BankShare, problems: Mapping[str, str], *, actor: Actor) -> bool:
    """Rows (`detail_id` → why) that this bank's characters or fields cannot hold, F12: their lines
    leave into a new draft before anything is sent. Gives whether anything is left to send.
    """
    reason = "银行无法处理（F12）：" + "；".join(sorted(set(problems.values()))[:3])
    live = share.payments.filter(state=PaymentState.SENT)
    if not live.exclude(detail_id__in=list(problems)).exists():
        move_share(share, "refused", actor=actor, reason=reason[:REASON_MOST])
        defer(
            "journey.nudge", lock=f"batch-{share.batch_id}", batch_id=share.batch_id,
            county=share.county,
        )  # fmt: skip
        return False
    redraft(share.batch, bulk.withdraw_named(share.pk, list(problems)), reason, actor=actor)
    return True


def instruct(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """代发指令: two legs meet; one keyed instruction per share. The database compares to the fen.

    Who a roster shows dead since approval is stopped first; the money is residue.
    """
    shares = [s for s in live_shares(batch, scope=actor.scope) if s.state == ShareState.FUNDED]
    if not shares:
        raise TryAgain("没有资金已到账的份额")
    dead = bulk.dead_before_period([share.pk for share in shares])
    for payment in Payment.objects.filter(pk__in=dead, county=batch.county):
        _stop_dead(payment, actor=actor)
    sent = []
    for share in shares:
        live = list(
            share.payments.filter(state=PaymentState.SENT).values_list("amount_fen", flat=True)
        )
        requests = live_requests(batch, scope=actor.scope).filter(bank_no=share.bank_no)
        digest = bulk.sent_digest(share.pk)
        PaymentInstruction.objects.create(
            county=batch.county,
            unit_no=batch.unit_no,
            department_no=batch.department_no,
            bank_no=share.bank_no,
            share=share,
            key=f"REL:{share.batch_no}:1",
            lines=len(live),
            amount_fen=sum(live),
            voucher_number="、".join(one.voucher_number or one.number for one in requests),
            digest=digest,
            at=timezone.now(),
        )
        point("instruction-made")
        move_share(share, "released", actor=actor)
        sent.append(digest)
        defer("payout.post_release", share_id=share.pk, county=batch.county)
    return Passed(touched=of_digests(sent), note=f"{len(shares)} 家银行")


def cancel(batch: Batch, *, actor: Actor, inputs: Reason = Reason()) -> Verdict:  # noqa: B008 - frozen
    """撤销发放, before release, by its own unit."""
    if len(inputs.reason.strip()) < SHORTEST_REASON:
        raise Refused("请写明撤销的原因（不少于 4 个字）。")
    return Passed(note=inputs.reason.strip())


def recall(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """撤回数据: CAN to every bank that has the data, withdrawal to the budget system."""
    for share in live_shares(batch, scope=actor.scope):
        move_share(share, "recall", actor=actor)
        defer("payout.post_cancel", share_id=share.pk, county=batch.county)
    for application in live_requests(batch, scope=actor.scope):
        defer("funding.withdraw_request", request_id=application.pk, county=batch.county)
    return Passed()


def recalled(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """撤回确认: bank, withdrawn request and refund; no line is alive in two batches.

    Raises:
        TryAgain: a confirmation or a refund is still missing.
    """
    shares = list(shares_of(batch, scope=actor.scope))
    if any(share.state == ShareState.RECALLING for share in shares):
        raise TryAgain("还有银行没有确认撤回")
    refunds = refunded_fen(batch, scope=actor.scope)
    for application in live_requests(batch, scope=actor.scope):
        received_so_far = received_fen(application, scope=actor.scope)
        refunded = sum(
            refunds.get(share.pk, 0) for share in shares if share.bank_no == application.bank_no
        )
        if received_so_far == 0 or refunded < received_so_far:
            raise TryAgain("拨款申请尚未撤回，或资金尚未退库")
    lines: list[int] = []
    for share in shares:
        lines.extend(bulk.withdraw_payments(share.pk))
    redraft(batch, lines, "撤回后更正", actor=actor)
    return Passed(note=f"{len(lines)} 笔退回更正")


def stop(payment: Payment, *, reason: str, actor: Actor) -> Stop:
    """停发 of one payment, asked by one person before release; another confirms."""
    _stoppable(payment, actor)
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("请写明停发的原因（不少于 4 个字）。")
    asked, is_new = Stop.objects.get_or_create(
        payment=payment,
        defaults={
            "county": payment.county,
            "unit_no": payment.unit_no,
            "department_no": payment.department_no,
            "reason": reason.strip(),
            "asked_by": actor.username,
            "asked_at": timezone.now(),
        },
    )
    if not is_new:
        raise Refused("这笔已有停发申请，等待另一人复核。")
    _record_stop(payment, "payment.stop", asked.reason, actor=actor)
    return asked


def confirm_stop(asked: Stop, *, actor: Actor) -> Payment:
    """The second person of a stop: from here the money of this payment is residue."""
    if asked.asked_by == actor.username:
        raise Refused("停发须由另一人复核。")
    payment = asked.payment
    _stoppable(payment, actor)
    Stop.objects.filter(pk=asked.pk).update(
        confirmed_by=actor.username, confirmed_at=timezone.now()
    )
    Payment.objects.filter(pk=payment.pk, state=PaymentState.SENT).update(
        state=PaymentState.STOPPED
    )
    defer("payout.post_stop", payment_id=payment.pk, county=payment.county)
    _record_stop(payment, "payment.stopped", asked.reason, actor=actor)
    return payment


def _stoppable(payment: Payment, actor: Actor) -> None:
    """停发 is the drafting unit's or its department's, before the instruction leaves."""
    if actor.unit_no != payment.unit_no and actor.scope.department_no != payment.department_no:
        raise Refused("停发由编制单位或主管部门办理，不在您的办理范围内。")
    if payment.batch.status not in STOPPABLE or payment.state != PaymentState.SENT:
        raise Refused("这笔已经下达代发指令或已有结果，不能停发。")


def _record_stop(payment: Payment, action: str, note: str, *, actor: Actor) -> None:
    """One event per press; the payment by its wire number, never the person."""
    record(
        actor=actor,
        action=action,
        result="done",
        unit_no=payment.unit_no,
        department_no=payment.department_no,
        batch_id=payment.batch_id,
        note=f"{payment.detail_id}：{note}",
    )


def close_exception(item: Quarantine, *, reason: str, actor: Actor) -> None:
    """销账 of an 异常挂账 by finance or the department: what was found out is written down."""
    if actor.duty not in CLOSING:
        raise Refused("异常挂账由财政或主管部门查清后销账。")
    if item.closed_at is not None:
        raise Refused("这一笔已经销账。")
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("请写明查清的情况和处理结果（不少于 4 个字）。")
    Quarantine.objects.filter(pk=item.pk, county=item.county, closed_at=None).update(
        closed_at=timezone.now(), closed_by=actor.username, closing_reason=reason.strip()
    )
    record(
        actor=actor,
        action="quarantine.close",
        result="done",
        unit_no=item.unit_no,
        department_no=item.department_no,
        batch_id=item.batch_id,
        note=f"{item.kind}：{reason.strip()}",
    )


def fund_from_kept(application: FundingRequest, *, actor: Actor) -> None:
    """No bank tells of money that never moved: once a share has all of its money, and some of it is
    what stayed from failed lines, the share is funded.
    """
    share = BankShare.objects.select_for_update(no_key=True).get(
        county=actor.scope.county, batch_id=application.batch_id, bank_no=application.bank_no
    )
    if share.state == ShareState.ACKED and match_money(application, actor=actor):
        move_share(share, "funded", actor=actor)
    defer(
        "journey.nudge", lock=f"batch-{share.batch_id}", batch_id=share.batch_id,
        county=share.county,
    )  # fmt: skip


def move_share(share: BankShare, why: str, *, actor: Actor, reason: str = "") -> None:
    """Take one edge of the share's machine; the fencing number moves with it.

    Raises:
        TryAgain: the share has moved on meanwhile.
    """
    to = moved(SHARE_MOVES, share.state, why)
    changed = BankShare.objects.filter(
        pk=share.pk, county=actor.scope.county, state=share.state, fence=share.fence
    ).update(state=to, reason=reason[:300] or share.reason, fence=share.fence + 1)
    if changed != 1:
        raise TryAgain("份额已被另一进程推进")
    share.state, share.fence = to, share.fence + 1


def tell_held(batch_no: str, until: datetime, why: str, *, actor: Actor) -> None:
    """The bank is closed: the share's page says until when its data waits."""
    BankShare.objects.filter(county=actor.scope.county, batch_no=batch_no).update(
        held_until=until, held_why=why
    )


def _stop_dead(payment: Payment, *, actor: Actor) -> None:
    Stop.objects.create(
        county=payment.county,
        unit_no=payment.unit_no,
        department_no=payment.department_no,
        payment=payment,
        reason="审批后名册显示已死亡，系统停发",
        asked_by=actor.name,
        asked_at=timezone.now(),
        confirmed_by="死亡人员名册",
        confirmed_at=timezone.now(),
    )
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.STOPPED)
    defer("payout.post_stop", payment_id=payment.pk, county=payment.county)
