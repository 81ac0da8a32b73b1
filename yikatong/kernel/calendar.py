"""工作日: counting days when the holidays are given. The table itself is data of the county.

A year is known when the table names at least one exceptional day in it: every year has 国庆节.
Counting into an unknown year is refused; a deadline guessed wrong is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from yikatong.kernel.errors import Refused

MOST_DAYS: Final = 3660
SATURDAY: Final = 5


class YearUnknown(Refused):
    """The table does not reach that far. A batch then has no due day; it is not held up by one."""


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Weekdays work, weekends do not, but for the exceptional days.

    `exceptions` says of a day whether it is worked: False for a holiday on a weekday, True for a
    weekend worked instead (调休).
    """

    exceptions: Mapping[date, bool]
    years: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exceptions", dict(self.exceptions))
        object.__setattr__(self, "years", frozenset(day.year for day in self.exceptions))

    def is_working(self, day: date) -> bool:
        """Raises YearUnknown for a year that the table does not hold."""
        if day.year not in self.years:
            raise YearUnknown(
                f"节假日表未更新：缺少 {day.year} 年，请系统管理员导入国务院办公厅公布的安排。"
            )
        return self.exceptions.get(day, day.weekday() < SATURDAY)

    def add_working_days(self, start: date, days: int) -> date:
        """The day on which the `days`-th working day after `start` falls; `start` is not counted.

        0 gives `start` itself, worked or not. Raises YearUnknown.
        """
        _refuse_wide(days)
        day = start
        for _ in range(MOST_DAYS):
            if days == 0:
                return day
            day += timedelta(days=1)
            days -= self.is_working(day)
        raise Refused("期限超出节假日表，请系统管理员核对。")

    def working_days_until(self, today: date, due: date) -> int:
        """Working days left: those after `today` up to and with `due`. Negative when overdue."""
        if due < today:
            return -self.working_days_until(due, today)
        _refuse_wide((due - today).days)
        days = (today + timedelta(days=n) for n in range(1, (due - today).days + 1))
        return sum(self.is_working(day) for day in days)


def add_natural_days(start: date, days: int) -> date:
    """自然日: every day counts, `start` does not."""
    _refuse_wide(days)
    return start + timedelta(days=days)


def natural_days_until(today: date, due: date) -> int:
    """Days left; negative when overdue."""
    return (due - today).days


def _refuse_wide(days: int) -> None:
    if not 0 <= days <= MOST_DAYS:
        raise Refused(f"期限应为 0 至 {MOST_DAYS} 天，现在是 {days} 天。")
