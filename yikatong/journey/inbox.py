"""What each of a bank's messages does: one handler per kind, each in the inbox's transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from yikatong.connectors.bank.codes import NOT_A_REFUSAL
from yikatong.connectors.bank.files import InboundFile, Received, decode, join
from yikatong.connectors.bank.messages import (
    PARTED,
    DayRow,
    Funding,
    Message,
    Msg,
    Receipt,
    RefundRow,
    ResultRow,
    VerifyAnswer,
)
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.refusals import FileRefused, NotComplete
from yikatong.feedback.actions import apply_results, note_day, note_refund
from yikatong.funding.actions import note_money
from yikatong.funding.queries import request_for_money
from yikatong.jobs.actions import note_answered, quarantine, settle_incoming
from yikatong.jobs.models import Inbox
from yikatong.jobs.queries import parts_of, unapplied_by_id
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor
from yikatong.organisation.queries import paying_banks
from yikatong.organisation.wire import envelope_of
from yikatong.payout.actions import move_share
from yikatong.payout.models import BankShare
from yikatong.payout.queries import share_by_id, share_by_number, shares_of
from yikatong.payout.rules import ShareState
from yikatong.registry.actions import note_verification
from yikatong.registry.queries import request_by_number

APPLIED, SET_ASIDE = "applied", "quarantined"
ACCEPTED: Final = "ACCEPTED"
ANSWERED_BY: Final[dict[Msg, tuple[Msg, ...]]] = {
    Msg.VRS: (Msg.VRQ,),
    Msg.FND: (Msg.PAY,),
    Msg.RES: (Msg.PAY, Msg.REL),
}


def apply(inbox_id: int, *, actor: Actor) -> None:
    """Apply one kept message and mark it, in one transaction. A file that breaks the protocol or
    names nothing of ours is set aside with its reason; nothing is dropped.
    """
    kept = unapplied_by_id(inbox_id, scope=actor.scope)
    if kept is None:
        return
    try:
        parts = _complete(kept, actor)
        message = join([part for _, part in parts])
    except NotComplete:
        return  # the last part applies them all
    except FileRefused as error:
        _refuse(kept, str(error), actor=actor)
        return
    note_answered(_answers_to(message), message.batch_no, actor=actor)
    handler = HANDLERS[message.msg]
    sentence = handler(kept, message, actor)
    if sentence:
        _refuse(kept, sentence, actor=actor)
        return
    for one, _ in parts:
        settle_incoming(one, APPLIED, actor=actor)


def _answers_to(message: Message) -> set[str]:
    """Which of our messages this one shows to have reached the bank."""
    if message.msg == Msg.ACK:
        return {str(cast("Receipt", row).for_msg) for row in message.rows}
    return {str(one) for one in ANSWERED_BY.get(message.msg, ())}


def _complete(kept: Inbox, actor: Actor) -> list[tuple[Inbox, Received]]:
    """This file and, for a message in parts, its siblings; decoded and checked."""
    bank = paying_banks(scope=actor.scope)[kept.bank_no or 0]
    envelope = envelope_of(bank)
    name = PartName.parse(kept.name)
    is_cut = name.msg in PARTED and name.parts > 1
    files = parts_of(kept, scope=actor.scope) if is_cut else [kept]
    return [
        (one, decode(InboundFile(one.name, bytes(one.payload), bytes(one.signature)), envelope))
        for one in files
    ]


def _refuse(kept: Inbox, why: str, *, actor: Actor) -> None:
    quarantine(
        kind="银行报文待核",
        fingerprint=f"inbox|{kept.pk}",
        sentence=f"{kept.name}：{why}",
        bank_no=kept.bank_no,
        actor=actor,
    )
    settle_incoming(kept, SET_ASIDE, actor=actor)


def _nudge(share: BankShare, actor: Actor, *waiting: ShareState) -> None:
    """Look at the batch when no other share of it is still in one of the `waiting` states."""
    others = shares_of(share.batch, scope=actor.scope).exclude(pk=share.pk)
    if others.filter(state__in=waiting).exists():
        return
    defer("journey.nudge", lock=f"batch-{share.batch_id}", batch_id=share.batch_id, county=share.county)


def _share(message: Message, actor: Actor) -> BankShare | None:
    return share_by_number(message.batch_no, scope=actor.scope)


def _receipt(kept: Inbox, message: Message, actor: Actor) -> str:
    receipt = cast("Receipt", message.rows[0])
    if receipt.for_msg == Msg.VRQ:
        return "" if receipt.status == ACCEPTED else f"银行拒收核验请求：{receipt.reason}"
    share = _share(message, actor)
    if share is None:
        return "回执所指的批次不是我方的"
    is_accepted = receipt.status == ACCEPTED
    if receipt.code in NOT_A_REFUSAL:
        return f"银行提示 {receipt.code}：{receipt.reason}"
    if receipt.for_msg == Msg.PAY and share.state == ShareState.SENT:
        why = "accepted" if is_accepted else "refused"
        move_share(share, why, actor=actor, reason="" if is_accepted else f"{receipt.code} {receipt.reason}")
    elif receipt.for_msg == Msg.CAN and share.state == ShareState.RECALLING and is_accepted:
        move_share(share, "recalled", actor=actor)
    elif not is_accepted:
        return f"银行拒收 {receipt.for_msg}：{receipt.code} {receipt.reason}"
    _nudge(share, actor, ShareState.SENT, ShareState.RECALLING)
    return ""


def _funding(kept: Inbox, message: Message, actor: Actor) -> str:
    share = _share(message, actor)
    if share is None:
        return "到账通知所指的批次不是我方的"
    for row in message.rows:
        money = cast("Funding", row)
        application = request_for_money(
            share.batch,
            share.bank_no,
            application_no=money.application_no,
            voucher_no=money.voucher_no,
            scope=actor.scope,
        )
        if application is None:
            return "到账通知没有对应的拨款申请"
        is_equal = note_money(
            application,
            amount_fen=money.amount_fen,
            bank_serial=money.bank_serial,
            voucher_number=money.voucher_no,
            payee_account=money.payee_acct_no,
            at=money.received_at,
            actor=actor,
        )
        if is_equal and share.state == ShareState.ACKED:
            move_share(share, "funded", actor=actor)
    _nudge(share, actor, ShareState.ACKED)
    return ""


def _results(kept: Inbox, message: Message, actor: Actor) -> str:
    share = _share(message, actor)
    if share is None:
        return "结果所指的批次不是我方的"
    rows = [cast("ResultRow", row) for row in message.rows]
    apply_results(share, rows, file_sm3=bytes(kept.sm3), actor=actor)
    if share_by_id(share.pk, scope=actor.scope).state == ShareState.DONE:
        _nudge(share, actor, ShareState.PAYING)
    return ""


def _refunds(kept: Inbox, message: Message, actor: Actor) -> str:
    share = _share(message, actor)
    if share is None:
        return "退款通知所指的批次不是我方的"
    note_refund(share, [cast("RefundRow", row) for row in message.rows], actor=actor)
    defer("accounting.draft_refunds", batch_id=share.batch_id, county=share.county)
    if share.state == ShareState.CANCELLED:
        _nudge(share, actor)
    return ""


def _answers(kept: Inbox, message: Message, actor: Actor) -> str:
    request = request_by_number(message.batch_no, scope=actor.scope)
    if request is None:
        return "核验结果所指的请求不是我方的"
    note_verification(request, [cast("VerifyAnswer", row) for row in message.rows], actor=actor)
    return ""


def _day(kept: Inbox, message: Message, actor: Actor) -> str:
    rows = [cast("DayRow", row) for row in message.rows]
    day = PartName.parse(kept.name).day.isoformat()
    note_day(kept.bank_no or 0, day, rows, file_sm3=bytes(kept.sm3), actor=actor)
    return ""


HANDLERS: Final[dict[Msg, Callable[[Inbox, Message, Actor], str]]] = {
    Msg.ACK: _receipt,
    Msg.FND: _funding,
    Msg.RES: _results,
    Msg.RFD: _refunds,
    Msg.VRS: _answers,
    Msg.DZ: _day,
}
