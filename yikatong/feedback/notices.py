"""失败通知: the units that must act are told on the platform and by text, once per event."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.conf import settings
from django.utils import timezone

from yikatong.connectors.sms.file_outbox import FileOutbox
from yikatong.connectors.sms.ports import NotSent, OfficerText, TextSender
from yikatong.feedback.models import OfficerNotice
from yikatong.feedback.queries import correction_unit_of, notice_by_id
from yikatong.feedback.rules import Failure, officer_text
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import TryAgain
from yikatong.kernel.money import Money
from yikatong.organisation.queries import clerks_of, county_settings
from yikatong.organisation.rules import department_unit
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch

USUAL_DAYS: Final = 5
MOST_TRIES: Final = 5
TROUBLE_MOST: Final = 200


def tell(batch: Batch, payments: Collection[Failure], what: str, *, actor: Actor) -> int:
    """Of these failed payments: the drafting unit, who corrects, and the department (彭 四(四),
    渡 四(五)). Gives how many units are told for the first time.
    """
    if not payments:
        return 0
    scope = actor.scope
    days = int(county_settings(scope=scope).settings.get("correct_working_days", USUAL_DAYS))
    units = {
        batch.unit_no,
        correction_unit_of(batch.unit_no, batch.department_no, scope=scope),
        department_unit(batch.department_no),
    }
    fen, first = sum(one.amount_fen for one in payments), min(one.pk for one in payments)
    made = 0
    for unit_no in sorted(units):
        notice, is_new = OfficerNotice.objects.get_or_create(
            county=batch.county,
            event=f"{what}|{batch.pk}|{first}|{unit_no}",
            defaults={
                "unit_no": unit_no,
                "department_no": batch.department_no,
                "batch": batch,
                "sentence": f"{batch.title}：{len(payments)} 笔{what}，{Money(fen)} 元。",
                "lines": len(payments),
                "amount_fen": fen,
                "at": timezone.now(),
                "text": officer_text(
                    batch.programme.short_name, batch.period, len(payments), days, what
                ),
            },
        )
        if is_new:
            made += 1
            defer("feedback.send_text", notice_id=notice.pk, county=batch.county)
    return made


def sender() -> TextSender:
    """The home's way of sending: files, until a provider is bought."""
    return FileOutbox(settings.OFFICER_TEXTS)


def send(notice_id: int, *, actor: Actor) -> None:
    """The text of one notice, no transaction open while it is sent; five tries, then it stands as
    not sent, and the notice on the platform remains.

    Raises:
        TryAgain: not taken this time.
    """
    with acting(actor):
        notice = notice_by_id(notice_id, scope=actor.scope)
        to = clerks_of(notice.unit_no, scope=actor.scope)
    if notice.text_state != OfficerNotice.Text.WAITING:
        return
    key = f"{notice.county}-{notice.pk}"
    trouble = "" if to else "这个单位没有在岗的经办人"
    if to:
        try:
            sender().send(OfficerText(key, tuple(to), notice.text, timezone.localtime(notice.at)))
        except NotSent as error:
            trouble = str(error)
    tries = notice.tries + 1
    state = OfficerNotice.Text.SENT
    if trouble:
        is_last = tries >= MOST_TRIES or not to
        state = OfficerNotice.Text.FAILED if is_last else OfficerNotice.Text.WAITING
    with acting(actor):
        OfficerNotice.objects.filter(pk=notice.pk, county=actor.scope.county).update(
            text_state=state,
            tries=tries,
            text_at=None if trouble else timezone.now(),
            trouble=trouble[:TROUBLE_MOST],
        )
    if state == OfficerNotice.Text.WAITING:
        raise TryAgain(trouble)
