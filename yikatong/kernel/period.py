"""期次: a month of a year, written YYYY-MM. Yearly items use the month they are paid for."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

from yikatong.kernel.errors import Refused

MOST_MONTHS_AHEAD = 12
WRITTEN = re.compile(r"(20\d{2})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One calendar month. `str` gives YYYY-MM; the last day is the date on which ages count."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Period:
        match = WRITTEN.fullmatch(text.strip())
        if match is None:
            raise Refused(f"期次“{text}”写法不对，请写成 年-月，例如 2026-03。")
        return cls(int(match[1]), int(match[2]))

    def not_far_ahead(self, today: date) -> Period:
        """The period itself. Raises Refused for one more than a year ahead: a slip of the keys."""
        ahead = (self.year - today.year) * 12 + self.month - today.month
        if ahead > MOST_MONTHS_AHEAD:
            raise Refused(
                f"期次 {self} 比本月晚 {ahead} 个月，最多提前 12 个月，请核对年份和月份。"
            )
        return self

    @property
    def first_day(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        return date(self.year, self.month, calendar.monthrange(self.year, self.month)[1])

    @property
    def previous(self) -> Period:
        if self.month == 1:
            return Period(self.year - 1, 12)
        return Period(self.year, self.month - 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"
