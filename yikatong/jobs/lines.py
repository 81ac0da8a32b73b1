"""断路器: a bank that is not reached several times in a row is left alone for a growing while.

One bank's outage then costs the others nothing: the worker does not stand waiting at a dead line.
The messages stay in the outbox, and go as soon as the line holds again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import F, QuerySet
from django.utils import timezone

from yikatong.jobs.models import BankLine
from yikatong.kernel.actor import Actor, Scope

FAILURES: Final = 3
FIRST_REST_S: Final = 5
LONGEST_REST_S: Final = 600
REASON_MOST: Final = 200


def rest_s(failures: int) -> int:
    """How long a bank is left alone after so many failures in a row; 0 below the limit."""
    if failures < FAILURES:
        return 0
    # a doubling beyond the cap's reach is not computed
    return min(FIRST_REST_S << min(failures - FAILURES, 16), LONGEST_REST_S)


def resting_until(bank_no: int, *, scope: Scope) -> datetime | None:
    """Until when this bank is left alone; None where it may be asked."""
    found: datetime | None = (
        BankLine.objects.filter(county=scope.county, bank_no=bank_no, open_until__gt=timezone.now())
        .values_list("open_until", flat=True)
        .first()
    )
    return found


def lines_down(*, scope: Scope) -> QuerySet[BankLine]:
    """Lines whose last try failed; one that holds again is not among them."""
    return BankLine.objects.filter(county=scope.county, failures__gt=0)


def line_down(bank_no: int, *, scope: Scope) -> BankLine | None:
    """This bank's line, where its last try failed."""
    found: BankLine | None = lines_down(scope=scope).filter(bank_no=bank_no).first()
    return found


def note_broken(bank_no: int, reason: str, *, actor: Actor) -> None:
    """One more failure in a row; from the third on the bank is left alone for a while."""
    now = timezone.now()
    line, _ = BankLine.objects.get_or_create(county=actor.scope.county, bank_no=bank_no)
    BankLine.objects.filter(pk=line.pk).update(
        failures=F("failures") + 1, reason=reason[:REASON_MOST], failed_at=now
    )
    line.refresh_from_db()
    wait_s = rest_s(line.failures)
    BankLine.objects.filter(pk=line.pk).update(
        open_until=now + timedelta(seconds=wait_s) if wait_s else None
    )


def note_holds(bank_no: int, *, actor: Actor) -> None:
    """It was reached: the count starts anew."""
    BankLine.objects.filter(county=actor.scope.county, bank_no=bank_no, failures__gt=0).update(
        failures=0, open_until=None
    )
