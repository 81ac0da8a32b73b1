"""补发: what is mended is gathered in one draft; what a bank never booked is found unpaid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from yikatong.audit.actions import record
from yikatong.feedback import bulk, results
from yikatong.feedback.models import DayAccount
from yikatong.feedback.queries import correction_unit_of, ready_to_reissue, told_down
from yikatong.feedback.rules import GATHERING, attempts_word
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import Refused
from yikatong.kernel.period import Period
from yikatong.payout.actions import move_share
from yikatong.payout.bulk import hold_failed
from yikatong.payout.models import BankShare, Payment
from yikatong.payout.rules import IN_TRANSIT, ShareState
from yikatong.submission.actions import new_batch
from yikatong.submission.bulk import take_over
from yikatong.submission.models import Batch, Line
from yikatong.submission.queries import batch_by_id

MOST = 20_000


def conclude_unpaid(account: DayAccount, *, actor: Actor) -> int:
    """系统异常（F11）: what the bank could not book and its closed days do not show was not paid.

    Only the day account ends such an unknown; a day that is not over says nothing. Gives how many
    failed by it.
    """
    day = date.fromisoformat(str(account.day))
    if day >= timezone.localdate():
        return 0
    now, failed = timezone.now(), 0
    unpaid = told_down(account.bank_no, until=day, scope=actor.scope)
    shares: dict[int, list[tuple[int, Payment]]] = {}
    for place, one in enumerate(unpaid, start=1):
        shares.setdefault(one.share_id, []).append((place, one))
    for share_id, theirs in sorted(shares.items()):
        share: BankShare = BankShare.objects.select_for_update(no_key=True).get(pk=share_id)
        told = bulk.told_of(share, file_sm3=bytes(account.file_sm3), scope=actor.scope)
        rows = results.not_booked(theirs, day=day, now=now)
        applied, _ = bulk.apply(told, rows, results.judgements(rows), now=now)
        failed += applied
        still = Payment.objects.filter(share=share, state__in=IN_TRANSIT).exists()
        if applied and not still and share.state == ShareState.PAYING:
            move_share(share, "settled", actor=actor)
            defer(
                "journey.nudge", lock=f"batch-{share.batch_id}", batch_id=share.batch_id,
                county=share.county,
            )  # fmt: skip
    return failed


@dataclass(frozen=True, slots=True)
class Gathered:
    """A new batch of so many lines, and the drafts (`id`) that have none left since."""

    batch: Batch
    lines: int
    emptied: tuple[int, ...]


def gather_cured(programme_code: str, period: str, *, actor: Actor) -> Gathered:
    """更正发放（第N次）: everything of an item and a period that this unit may pay again now.

    The failed payments are locked first: of two who press at once, the second finds them gathered.

    Raises:
        Refused: not the correcting unit's clerk, or nothing is mended; what was typed is no period,
            or one too far ahead.
    """
    if actor.duty not in GATHERING:
        raise Refused("补发批次由编制更正批次的经办人生成。")
    ready = [
        one
        for one in ready_to_reissue(scope=actor.scope)
        if (one.programme_code, one.period) == (programme_code, period)
        and correction_unit_of(one.unit_no, one.department_no, scope=actor.scope) == actor.unit_no
    ][:MOST]
    if not ready:
        # only now: what failed in such a period, kept before there was this limit, is still paid
        Period.parse(period).not_far_ahead(timezone.localdate())
        raise Refused("没有已更正、可补发的明细。先由镇街更正账户并核验，再来生成。")
    held = set(hold_failed([one.line_id for one in ready]))
    chosen = [one for one in ready if one.line_id in held]
    if not chosen:
        raise Refused("没有已更正、可补发的明细。先由镇街更正账户并核验，再来生成。")
    attempts = {one.attempt + 1 for one in chosen}
    word = f"补发，第{attempts.pop()}次" if len(attempts) == 1 else "补发"
    first = min(chosen, key=lambda one: one.batch_id)
    return _gather(
        batch_by_id(first.batch_id, scope=actor.scope),
        [one.line_id for one in chosen],
        f"更正发放：{attempts_word(one.attempt for one in chosen)}",
        actor=actor,
        word=word,
    )


def _gather(
    origin: Batch, line_ids: Sequence[int], reason: str, *, actor: Actor, word: str
) -> Gathered:
    """The successors of these failed lines, wherever they wait, in one draft of this unit.

    `line_ids` are locked by the caller. Each failed line has one successor, so nobody can gather
    it a second time.

    Raises:
        Refused: every one of them was gathered or sent up meanwhile.
    """
    batch = new_batch(
        programme=origin.programme,
        period=origin.period,
        unit_no=actor.unit_no,
        actor=actor,
        source_file_id=None,
        origin=origin,
        reason=reason,
        gathered=word,
    )
    moved, copied = take_over(line_ids, batch_id=batch.pk, unit_no=batch.unit_no, by=actor.username)
    count = sum(moved.values()) + copied
    if count == 0:
        raise Refused("这些明细刚被另一人生成了补发批次，请刷新后再看。")
    for source in Batch.objects.filter(county=actor.scope.county, pk__in=list(moved)):
        _record_gathered(
            source, f"移出 {moved[source.pk]} 行到补发批次 {batch.number}", actor=actor
        )
    _record_gathered(batch, f"集成 {count} 行：{reason}", actor=actor)
    left = Line.objects.filter(county=actor.scope.county, batch_id__in=list(moved))
    full = set(left.values_list("batch_id", flat=True))
    return Gathered(batch, count, tuple(sorted(set(moved) - full)))


def _record_gathered(batch: Batch, note: str, *, actor: Actor) -> None:
    record(
        actor=actor,
        action="batch.gather",
        result="stays",
        unit_no=batch.unit_no,
        department_no=batch.department_no,
        batch_id=batch.pk,
        from_status=batch.status,
        to_status=batch.status,
        note=note,
    )
