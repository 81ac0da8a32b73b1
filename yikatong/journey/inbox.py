"""What each of a bank's messages does: one handler per kind, each in the inbox's transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, cast

from django.db import connection

from yikatong.connectors.bank.codes import NOT_A_REFUSAL, TRY_LATER
from yikatong.connectors.bank.files import InboundFile, Received, decode, join
from yikatong.connectors.bank.messages import (
    MSG_WORD,
    PARTED,
    DayRow,
    Funding,
    Message,
    Msg,
    Receipt,
    RefundRow,
    ResultRow,
    ReturnRow,
    SmsRow,
    VerifyAnswer,
)
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.refusals import FileRefused, NotComplete
from yikatong.feedback.actions import apply_results, note_day, note_refund, note_texts
from yikatong.feedback.queries import day_answers
from yikatong.funding.actions import note_money
from yikatong.funding.queries import request_for_money
from yikatong.jobs.actions import (
    note_answered,
    note_part_answered,
    quarantine,
    settle_incoming,
)
from yikatong.jobs.models import Inbox
from yikatong.jobs.queries import parts_of, unanswered_parts, unapplied_by_id
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor
from yikatong.kernel.points import point
from yikatong.organisation.queries import paying_banks
from yikatong.organisation.wire import envelope_of, post, profile_of
from yikatong.payout.actions import let_go, move_share
from yikatong.payout.models import BankShare
from yikatong.payout.queries import share_by_id, share_by_number, shares_of
from yikatong.payout.rules import ShareState
from yikatong.registry.queries import request_by_number
from yikatong.registry.verifications import note_verification

APPLIED, SET_ASIDE = "applied", "quarantined"
ACCEPTED: Final = "ACCEPTED"
WITHOUT_SHARE: Final = frozenset({Msg.VRQ, Msg.DZR})
ANSWERED_BY: Final[dict[Msg, tuple[Msg, ...]]] = {
    Msg.VRS: (Msg.VRQ,),
    Msg.FND: (Msg.PAY,),
    Msg.RES: (Msg.PAY, Msg.REL),
    Msg.RET: (Msg.PAY, Msg.REL),
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
        receipts = [cast("Receipt", row) for row in message.rows]
        # a PAY is answered part by part, and what is to come again later is not answered
        return {
            row.for_msg for row in receipts if row.for_msg != Msg.PAY and row.code not in TRY_LATER
        }
    return {str(one) for one in ANSWERED_BY.get(message.msg, ())}


def _complete(kept: Inbox, actor: Actor) -> list[tuple[Inbox, Received]]:
    """This file and, for a message in parts, its siblings; decoded and checked."""
    bank = paying_banks(scope=actor.scope)[kept.bank_no or 0]
    envelope, profile = envelope_of(bank), profile_of(bank)
    name = PartName.parse(kept.name)
    is_cut = name.msg in PARTED and name.parts > 1
    files = parts_of(kept, scope=actor.scope) if is_cut else [kept]
    return [
        (
            one,
            decode(
                InboundFile(one.name, bytes(one.payload), bytes(one.signature)),
                envelope,
                profile=profile,
            ),
        )
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
    """Look at the batch when no other share of it is still in one of the `waiting` states.

    Two banks' messages may end side by side, each not yet seeing what the other has moved: one
    after the other they look, so that the last of them sees all.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"nudge|{share.batch_id}"]
        )
    others = shares_of(share.batch, scope=actor.scope).exclude(pk=share.pk)
    if others.filter(state__in=waiting).exists():
        return
    defer("journey.nudge", lock=f"batch-{share.batch_id}", batch_id=share.batch_id, county=share.county)


def _share(message: Message, actor: Actor) -> BankShare | None:
    return share_by_number(message.batch_no, scope=actor.scope)


def _receipt(kept: Inbox, message: Message, actor: Actor) -> str:
    receipt = cast("Receipt", message.rows[0])
    is_accepted = receipt.status == ACCEPTED
    if receipt.code in TRY_LATER:
        return ""  # the very same message goes again, by the reminder
    if receipt.for_msg in WITHOUT_SHARE:
        return "" if is_accepted else f"银行拒收{MSG_WORD[Msg(receipt.for_msg)]}：{receipt.reason}"
    share = _share(message, actor)
    if share is None:
        return "回执所指的批次不是我方的"
    if receipt.code in NOT_A_REFUSAL:
        return f"银行提示 {receipt.code}：{receipt.reason}"
    if receipt.for_msg == Msg.PAY and share.state == ShareState.SENT:
        _roster_answered(share, receipt, actor)
    elif receipt.for_msg == Msg.CAN and share.state == ShareState.RECALLING and is_accepted:
        move_share(share, "recalled", actor=actor)
    elif not is_accepted:
        return f"银行拒收 {receipt.for_msg}：{receipt.code} {receipt.reason}"
    _nudge(share, actor, ShareState.SENT, ShareState.RECALLING)
    point("receipt-recorded")
    return ""


def _roster_answered(share: BankShare, receipt: Receipt, actor: Actor) -> None:
    """Moves the share: at a bank that takes part by part, with the last part's answer.

    A refused part's rows leave like a refused share's, the others travel on.
    """
    bank = paying_banks(scope=actor.scope)[share.bank_no]
    is_accepted = receipt.status == ACCEPTED
    why = "" if is_accepted else f"{receipt.code} {receipt.reason}"
    if not profile_of(bank).takes_parts:
        note_answered([Msg.PAY], share.batch_no, actor=actor)
        move_share(share, "accepted" if is_accepted else "refused", actor=actor, reason=why)
        return
    part = note_part_answered(Msg.PAY, share.batch_no, receipt.for_part, actor=actor)
    awaited = unanswered_parts(Msg.PAY, share.batch_no, scope=actor.scope).exists()
    has_rows = True
    if not is_accepted and part is not None and part.first_seq and part.last_seq:
        first, last = part.first_seq, part.last_seq
        has_rows = let_go(share, first, last, why, is_last=not awaited, actor=actor)
    if not awaited:
        move_share(share, "accepted" if has_rows else "refused", actor=actor, reason=why)


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
    rows = cast("Sequence[ResultRow]", message.rows)  # as one frame where there are many
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
    # the number of a day account tells its day; the file may have been made later
    day = date.fromisoformat(message.batch_no[9:17]).isoformat()
    bank = paying_banks(scope=actor.scope)[kept.bank_no or 0]
    note_day(bank.bank_no, day, rows, file_sm3=bytes(kept.sm3), actor=actor)
    answer = day_answers(bank.bank_no, rows, scope=actor.scope)
    post(Message(Msg.DZR, message.batch_no, answer), bank, actor=actor)
    return ""


def _returns(kept: Inbox, message: Message, actor: Actor) -> str:
    share = _share(message, actor)
    if share is None:
        return "退票所指的批次不是我方的"
    rows = [_as_result(cast("ReturnRow", row)) for row in message.rows]
    apply_results(share, rows, file_sm3=bytes(kept.sm3), actor=actor)
    return ""


def _as_result(row: ReturnRow) -> ResultRow:
    """退票 goes the way of every result: once per row, for the whole amount, after a success."""
    return ResultRow(
        detail_id=row.detail_id,
        result="RETURNED",
        reason_code=row.reason_code,
        bank_reason_code=row.bank_reason_code,
        bank_reason_text=row.bank_reason_text,
        paid_fen=row.amount_fen,
        paid_at=row.returned_at,
        bank_serial=row.bank_serial,
    )


def _texts(kept: Inbox, message: Message, actor: Actor) -> str:
    share = _share(message, actor)
    if share is None:
        return "短信回报所指的批次不是我方的"
    strangers = note_texts(share, [cast("SmsRow", row) for row in message.rows], actor=actor)
    return f"有{strangers}条短信回报不在本批明细中" if strangers else ""


def _standing(kept: Inbox, message: Message, actor: Actor) -> str:
    """Where a batch stands, told while its parts were coming in: its receipts follow."""
    return ""


HANDLERS: Final[dict[Msg, Callable[[Inbox, Message, Actor], str]]] = {
    Msg.ACK: _receipt,
    Msg.FND: _funding,
    Msg.RES: _results,
    Msg.RFD: _refunds,
    Msg.VRS: _answers,
    Msg.DZ: _day,
    Msg.RET: _returns,
    Msg.SMS: _texts,
    Msg.STA: _standing,
}
