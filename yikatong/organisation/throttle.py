"""登录限速: an attempt is counted before its password is looked at (trust.md §8).

One statement per key, committed alone: a hundred parallel guesses are counted one after the
other by the row's own lock, and no rollback takes a count back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from yikatong.organisation.models import SignInThrottle

LONGEST_KEY: Final = 120


@dataclass(frozen=True, slots=True)
class Limit:
    """So many attempts within the window are looked at; then nothing is, until the lock ends."""

    most: int
    window: timedelta
    lock: timedelta


BY_USER: Final = Limit(5, timedelta(minutes=15), timedelta(minutes=30))
# a town hall is one address: many people, and all their slips, stand behind it
BY_ADDRESS: Final = Limit(50, timedelta(minutes=15), timedelta(minutes=30))

COUNT: Final = """
INSERT INTO organisation_signinthrottle AS known (key, failures, window_started_at, locked_until)
VALUES (%(key)s, 1, %(now)s, NULL)
ON CONFLICT (key) DO UPDATE SET
    failures = CASE
        WHEN known.locked_until <= %(now)s
          OR (known.locked_until IS NULL AND known.window_started_at <= %(opened)s) THEN 1
        ELSE least(known.failures + 1, 1000000) END,
    window_started_at = CASE
        WHEN known.locked_until <= %(now)s
          OR (known.locked_until IS NULL AND known.window_started_at <= %(opened)s) THEN %(now)s
        ELSE known.window_started_at END,
    locked_until = CASE
        WHEN known.locked_until > %(now)s THEN known.locked_until
        WHEN known.locked_until <= %(now)s OR known.window_started_at <= %(opened)s THEN NULL
        WHEN known.failures + 1 >= %(most)s THEN %(until)s END
RETURNING failures <= %(most)s
"""


def admits(username: str, address: str) -> bool:
    """Count this attempt; True if its password may be looked at.

    A name that nobody bears is counted like any other: the answer must not tell them apart.
    """
    return _counted(f"address:{address}", BY_ADDRESS) and _counted(_user_key(username), BY_USER)


def forget(username: str) -> None:
    """After a success the person's own count begins anew; the address keeps its."""
    SignInThrottle.objects.filter(key=_user_key(username)).update(
        failures=0, window_started_at=timezone.now(), locked_until=None
    )


def _user_key(username: str) -> str:
    return f"user:{username.strip().casefold()}"


def _counted(key: str, limit: Limit) -> bool:
    now = timezone.now()
    facts: dict[str, Any] = {
        "key": key[:LONGEST_KEY],
        "now": now,
        "opened": now - limit.window,
        "until": now + limit.lock,
        "most": limit.most,
    }
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(COUNT, facts)
        (is_admitted,) = cursor.fetchone()
    return bool(is_admitted)
