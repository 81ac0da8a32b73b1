"""反馈: results once, refunds, the day account; the work of `settle`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl
from django.utils import timezone

from yikatong.connectors.bank.messages import DayRow, RefundRow, ResultRow, SmsRow
from yikatong.feedback import bulk, notices, results
from yikatong.feedback.models import DayAccount, Refund, SmsReport
from yikatong.feedback.queries import correction_unit_of
from yikatong.feedback.reissues import conclude_unpaid
from yikatong.feedback.rules import (
    BANK_DOWN,
    MOST_ATTEMPTS,
    Effect,
    Failure,
    attempts_word,
)
from yikatong.jobs.actions import quarantine
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import TryAgain
from yikatong.kernel.money import Money
from yikatong.kernel.points import point
from yikatong.kernel.steps import NOTHING, Inputs, Passed, Verdict
from yikatong.organisation.queries import paying_banks
from yikatong.payout.actions import move_share
from yikatong.payout.models import BankShare, Payment
from yikatong.payout.queries import live_shares, used_for_reissues
from yikatong.payout.rules import IN_TRANSIT, PaymentState, ShareState
from yikatong.submission.actions import redraft
from yikatong.submission.models import Batch

ENTRIES = frozenset({"IN", "OUT", "RETURN", "REFUND"})  # rows of a day, beside its balances
STRANGER = "结果行不在本批已下达的明细中"
BY_HAND = "F99"  # 已故、其他: a to-do, never an automatic redraft


def apply_results(
    share: BankShare, rows: Sequence[ResultRow], *, file_sm3: bytes, actor: Actor
) -> int:
    """Apply a result file to one share, under its lock. What contradicts our books is set aside.

    Returns how many payments changed. The share is DONE once none of its payments is in transit.
    """
    locked: BankShare = BankShare.objects.select_for_update(no_key=True).get(pk=share.pk)
    bank, now = paying_banks(scope=actor.scope)[locked.bank_no], timezone.now()
    told = bulk.told_of(locked, file_sm3=file_sm3, scope=actor.scope)
    frame = results.frame_of(rows, bank=bank.code3, now=now)
    if locked.state not in {ShareState.PAYING, ShareState.DONE}:
        early = frame.filter(pl.col("result") != results.PENDING)
        for row in early.iter_rows(named=True):
            _set_aside(
                locked, row["detail_id"], row["result"], row["paid_fen"], STRANGER, told, actor
            )
        frame = frame.filter(pl.col("result") == results.PENDING)
    changed = 0
    turns = list(results.waves(frame))
    for wave in turns:
        applied, odd = bulk.apply(told, wave, results.judgements(wave), now=now)
        changed += applied
        for one in odd:
            _set_aside(locked, one.detail_id, one.result, one.paid_fen, _why(one), told, actor)
    # a file that ended every payment of the share has left none: they are not read again
    is_whole = len(turns) == 1 and 0 < changed == told.lines and bool(frame["is_final"].all())
    still = not is_whole and Payment.objects.filter(share=locked, state__in=IN_TRANSIT).exists()
    if not still and locked.state == ShareState.PAYING:
        move_share(locked, "settled", actor=actor)
    if changed and (frame["result"] == results.RETURNED).any():
        _redraft_returned(locked.batch, told.file_id, actor=actor)
        defer("accounting.draft_kept", batch_id=locked.batch_id, county=locked.county)
    return changed


def _why(one: bulk.Oddity) -> str:
    """Why a row was set aside."""
    if not one.state:
        return STRANGER
    if one.what == Effect.APPLY:
        return "银行流水号或结果行已记在另一笔上"
    ours = f"我方为 {one.state} {Money(one.amount_fen)} 元"
    return f"银行报 {one.result} {Money(one.paid_fen)} 元，{ours}"


def note_refund(share: BankShare, rows: Sequence[RefundRow], *, actor: Actor) -> int:
    """Record what a bank sent back to the treasury, each row once; gives the fen that were new."""
    fresh = 0
    used = used_for_reissues(
        share, [row.detail_id for row in rows if row.detail_id], scope=actor.scope
    )
    for row in rows:
        if row.detail_id in used:
            _refund_set_aside(share, row, actor=actor)
            continue
        _, is_new = Refund.objects.get_or_create(
            county=actor.scope.county,
            bank_no=share.bank_no,
            refund_no=row.refund_no,
            detail_id=row.detail_id,
            defaults={
                "unit_no": share.unit_no,
                "department_no": share.department_no,
                "share": share,
                "amount_fen": row.amount_fen,
                "reason": row.reason,
                "bank_serial": row.bank_serial,
                "at": row.refunded_at,
            },
        )
        fresh += row.amount_fen if is_new else 0
    if fresh:  # what the county kept before and keeps no longer goes back with it
        defer("feedback.call_back", county=share.county)
    return fresh


def _refund_set_aside(share: BankShare, row: RefundRow, *, actor: Actor) -> None:
    quarantine(
        kind="退款与补发冲突",
        fingerprint=f"refund|{share.bank_no}|{row.refund_no}|{row.detail_id}",
        sentence=(
            f"批次 {share.batch_no} 明细 {row.detail_id}：银行报退国库 {Money(row.amount_fen)} 元，"
            "但这笔款已留存用于补发。未入账，请与银行、财政核对。"
        ),
        unit_no=share.unit_no,
        department_no=share.department_no,
        bank_no=share.bank_no,
        batch_id=share.batch_id,
        amount_fen=row.amount_fen,
        actor=actor,
    )


def note_texts(share: BankShare, rows: Sequence[SmsRow], *, actor: Actor) -> int:
    """Record what became of text messages, each word once; gives how many rows are not of this
    share.
    """
    known = {
        payment.detail_id: payment
        for payment in Payment.objects.filter(
            county=actor.scope.county, share=share, detail_id__in=[row.detail_id for row in rows]
        )
    }
    reports = [
        SmsReport(
            county=actor.scope.county,
            unit_no=share.unit_no,
            department_no=share.department_no,
            bank_no=share.bank_no,
            payment=known[row.detail_id],
            status=row.status,
            at=row.reported_at,
        )
        for row in rows
        if row.detail_id in known
    ]
    SmsReport.objects.bulk_create(reports, ignore_conflicts=True, batch_size=1000)
    return len(rows) - len(reports)


def note_day(
    bank_no: int, day: str, rows: Sequence[DayRow], *, file_sm3: bytes, actor: Actor
) -> DayAccount:
    """日终对账: the bank's six balances beside ours; a difference stands in I3, and set aside."""
    balance = {
        row.kind: row.amount_fen for row in rows if not row.batch_no or row.kind.startswith("SUM_")
    }
    paid = [row for row in rows if row.kind == "OUT"]
    our_lines, our_fen = bulk.our_day(actor.scope.county, bank_no, day)
    account = DayAccount.objects.create(
        county=actor.scope.county,
        unit_no=0,
        bank_no=bank_no,
        day=day,
        opening_fen=balance.get("OPENING", 0),
        in_fen=balance.get("SUM_IN", 0),
        out_fen=balance.get("SUM_OUT", 0),
        returned_fen=balance.get("SUM_RETURN", 0),
        refunded_fen=balance.get("SUM_REFUND", 0),
        closing_fen=balance.get("CLOSING", 0),
        paid_lines=len(paid),
        our_out_fen=our_fen,
        our_lines=our_lines,
        file_sm3=file_sm3,
        at=timezone.now(),
    )
    entries = [
        (row.kind, row.amount_fen, row.batch_no, row.detail_id, row.bank_serial)
        for row in rows
        if row.kind in ENTRIES
    ]
    bulk.keep_day_entries(account.pk, account.county, bank_no, entries)
    point("mid-reconcile")
    conclude_unpaid(account, actor=actor)
    if account.out_fen != our_fen or account.paid_lines != our_lines:
        quarantine(
            kind="日终对账不符",
            fingerprint=f"day|{account.county}|{bank_no}|{day}|{account.out_fen}|{our_fen}",
            sentence=(
                f"{day} 银行成功 {account.paid_lines} 笔 {Money(account.out_fen)} 元，"
                f"我方 {our_lines} 笔 {Money(our_fen)} 元。请逐笔核对。"
            ),
            bank_no=bank_no,
            amount_fen=account.out_fen - our_fen,
            actor=actor,
        )
    return account


def settle(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """发放结果: every share has its results; final failures go into a draft that points at them.

    Raises:
        TryAgain: a payment is still in transit or unknown.
    """
    if live_shares(batch, scope=actor.scope):
        raise TryAgain("还有银行没有出完结果")
    failed = bulk.failures(batch.pk, batch.county, PaymentState.FAILED)
    notices.tell(batch, failed, "发放失败", actor=actor)
    down = [one for one in failed if one.code == BANK_DOWN]
    rest = [one for one in failed if one.code != BANK_DOWN]
    again = _again(batch, down, actor=actor)
    lines = _left_to_redraft(batch, rest, actor=actor)
    if lines:
        redraft(
            batch,
            lines,
            "发放失败，更正后补发",
            actor=actor,
            unit_no=correction_unit(batch, actor=actor),
        )
    note = f"{len(lines)} 笔失败另起更正批次" if lines else "全部发放完毕"
    if again:
        note += f"；{again} 笔银行系统异常，系统已另起补发"
    return Passed(note=note)


def _again(batch: Batch, down: Sequence[Failure], *, actor: Actor) -> int:
    """自动重发: lines with nothing to mend come into a draft of their own, so that they wait for no
    correction; after so many attempts a person looks. Gives how many lines.
    """
    tried = [one for one in down if one.attempt < MOST_ATTEMPTS]
    for one in down:
        if one.attempt >= MOST_ATTEMPTS:
            _to_do(batch, one, actor=actor)
    if tried:
        attempts = attempts_word(one.attempt for one in tried)
        redraft(
            batch,
            [one.line_id for one in tried],
            f"银行系统异常，日终账确认未支付，系统自动重发：{attempts}",
            actor=actor,
            unit_no=correction_unit(batch, actor=actor),
        )
    return len(tried)


def correction_unit(batch: Batch, *, actor: Actor) -> int:
    """Who drafts a correction batch: 彭水 the department, 大渡口 the 编制单位 itself (settings)."""
    return correction_unit_of(batch.unit_no, batch.department_no, scope=actor.scope)


def _redraft_returned(batch: Batch, file_id: int, *, actor: Actor) -> None:
    """退汇 after success, as this file tells: the line goes into a new draft likewise."""
    returned = bulk.failures(batch.pk, batch.county, PaymentState.RETURNED, file_id=file_id)
    notices.tell(batch, returned, "退汇", actor=actor)
    lines = _left_to_redraft(batch, returned, actor=actor)
    if lines:
        redraft(
            batch,
            lines,
            "退汇，更正后补发",
            actor=actor,
            unit_no=correction_unit(batch, actor=actor),
        )


def _left_to_redraft(batch: Batch, failed: Iterable[Failure], *, actor: Actor) -> list[int]:
    """The lines that may be drafted again by themselves; the others become a person's to-do."""
    lines = []
    for one in failed:
        if one.code != BY_HAND:
            lines.append(one.line_id)
        else:
            _to_do(batch, one, actor=actor)
    return lines


def _to_do(batch: Batch, failed: Failure, *, actor: Actor) -> None:
    quarantine(
        kind="失败待人工处理",
        fingerprint=f"failed|{failed.detail_id}",
        sentence=(
            f"批次 {batch.number} 第 {failed.seq} 笔："
            f"{failed.bank_text or '银行未说明原因'}。不自动补发，请发放单位核实后处理。"
        ),
        unit_no=batch.unit_no,
        department_no=batch.department_no,
        bank_no=failed.bank_no,
        batch_id=batch.pk,
        amount_fen=failed.amount_fen,
        actor=actor,
    )


def _set_aside(
    share: BankShare,
    detail_id: str,
    result: str,
    paid_fen: int,
    what: str,
    told: bulk.Told,
    actor: Actor,
) -> None:
    quarantine(
        kind="银行结果与账不符",
        fingerprint=f"result|{share.batch_no}|{detail_id}|{result}|{paid_fen}",
        sentence=(
            f"批次 {share.batch_no} 明细 {detail_id}：{what}。"
            f"结果文件 {told.file_sm3.hex()[:12]}，未入账，请与银行核对。"
        ),
        unit_no=share.unit_no,
        department_no=share.department_no,
        bank_no=share.bank_no,
        batch_id=share.batch_id,
        amount_fen=paid_fen,
        actor=actor,
    )
