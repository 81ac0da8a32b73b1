"""When a bank takes payout data: until its cut-off time on a working day (interfaces §2.7).

What is ready later waits here, not there: a file that lies with the bank overnight looks sent and
is not, and a reminder would nag a closed counter.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

from yikatong.connectors.bank.messages import Msg
from yikatong.connectors.bank.profiles import BankProfile
from yikatong.kernel.calendar import SATURDAY, WorkCalendar, YearUnknown

WAITS: Final = frozenset({Msg.PAY.value, Msg.REL.value})
"""Work for the bank's day. A CAN and a question never wait: each hour counts or costs nothing."""
MOST_DAYS: Final = 31


def next_window(now: datetime, profile: BankProfile, calendar: WorkCalendar) -> datetime | None:
    """When the bank takes payout data again; None while it does. `now` in the bank's time zone.

    Raises:
        ValueError: a naive `now`.
    """
    if now.tzinfo is None:
        raise ValueError("the instant is aware")
    if profile.cut_off is None:
        return None
    if _works(now.date(), calendar) and now.time() <= profile.cut_off:
        return None
    day = now.date()
    for _ in range(MOST_DAYS):
        day += timedelta(days=1)
        if _works(day, calendar):
            break
    return datetime.combine(day, profile.opens, now.tzinfo)


def _works(day: date, calendar: WorkCalendar) -> bool:
    """A year without its table is counted by weekdays: money does not wait for a calendar."""
    try:
        return calendar.is_working(day)
    except YearUnknown:
        return day.weekday() < SATURDAY


def told(cut_off: time | None) -> str:
    """The reason in words, for the share's page."""
    return f"已过该行截止时间 {cut_off:%H:%M} 或非工作日" if cut_off else ""
