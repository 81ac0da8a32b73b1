"""进度: how far a long judgement is, told while its transaction is still open, and its 取消.

A judgement is one transaction: killed at any moment it leaves nothing half stored, and its job is
taken up again from the beginning. What others may see of it meanwhile is written beside it, on a
connection of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Protocol

from django.db import connection
from django.utils import timezone

from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import Refused

READING, JOINING, RULES, STORING = (
    "读取文件、逐行检查",
    "关联登记、名册与历史",
    "逐条规则核对",
    "存结论",
)
# two looks a second are enough for a person, and cost nothing beside a rule over a long list
EVERY_S: Final = 0.5


class Cancelled(Refused):
    """Somebody who may has asked that this judgement ends; nothing of it is stored."""


class Told(Protocol):
    """Called before each part of the work; may raise Cancelled."""

    def __call__(self, phase: str, done: int, of: int) -> None: ...


def silent(phase: str, done: int, of: int) -> None:
    """For a list that is judged before anyone could look."""


def seconds_left(started_at: datetime, done: int, of: int, *, now: datetime) -> int | None:
    """Whole seconds, by what the parts done so far have taken; None before the first is done."""
    if done <= 0:
        return None
    spent = (now - started_at).total_seconds()
    return round(spent * (of - done) / done)


@contextmanager
def telling(subject: str, *, rows: int, unit_no: int, actor: Actor) -> Iterator[Told]:
    """Tell the headway of `subject` (`check|<id>` or `batch|<id>`) until the work ends.

    Raises Cancelled out of the call that finds it asked for.
    """
    beside = connection.copy(alias="default")
    try:
        started = timezone.now()
        with beside.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('ykt.county', %s, false), set_config('ykt.unit_lo', '0', false),"
                " set_config('ykt.unit_hi', '2147483647', false)",
                [actor.scope.county],
            )
            cursor.execute(
                "INSERT INTO validation_headway (county, unit_no, subject, rows, phase, done, of,"
                " started_at, told_at) VALUES (%s, %s, %s, %s, %s, 0, 0, %s, %s)"
                " ON CONFLICT (county, subject) DO UPDATE SET rows = excluded.rows, done = 0,"
                " of = 0, phase = excluded.phase, started_at = excluded.started_at,"
                " told_at = excluded.told_at, cancelled_by = ''",
                [actor.scope.county, unit_no, subject, rows, READING, started, started],
            )
            asked = (
                "UPDATE validation_headway SET phase = %s, done = %s, of = %s, told_at = %s"
                " WHERE county = %s AND subject = %s RETURNING cancelled_by"
            )

            def told(phase: str, done: int, of: int) -> None:
                now = timezone.now()
                cursor.execute(asked, [phase, done, of, now, actor.scope.county, subject])
                (cancelled_by,) = cursor.fetchone() or ("",)
                if cancelled_by:
                    raise Cancelled("已取消，没有存下任何结果。需要时请重新检查。")

            try:
                yield _not_too_often(told)
            finally:
                cursor.execute(
                    "DELETE FROM validation_headway WHERE county = %s AND subject = %s",
                    [actor.scope.county, subject],
                )
    finally:
        beside.close()


def _not_too_often(told: Told) -> Told:
    last: list[datetime] = []

    def tell(phase: str, done: int, of: int) -> None:
        now = timezone.now()
        if last and done < of and (now - last[0]).total_seconds() < EVERY_S:
            return
        last[:] = [now]
        told(phase, done, of)

    return tell
