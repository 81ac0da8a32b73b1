"""截止时间: payout data past it waits for the bank's next working day, by the work calendar."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest

from yikatong.connectors.bank.hours import WAITS, next_window, told
from yikatong.connectors.bank.messages import Msg
from yikatong.connectors.bank.names import CHINA
from yikatong.connectors.bank.profiles import BankProfile
from yikatong.kernel.calendar import WorkCalendar

KNOWN = WorkCalendar({
    date(2026, 10, 1): False, date(2026, 10, 2): False, date(2026, 10, 5): False,
    date(2026, 10, 6): False, date(2026, 10, 7): False, date(2026, 10, 10): True,
})  # fmt: skip
UNKNOWN = WorkCalendar({})
BANK = BankProfile(bank_no3="ABC", cut_off=time(16, 30))


def at(day: int, hour: int, minute: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (at(9, 16, 29), None),
        (at(9, 16, 30), None),
        (at(9, 16, 31), at(10, 8, 30)),  # a Friday; that Saturday is worked (调休)
        (at(10, 17), at(12, 8, 30)),  # Sunday is not
        (at(10, 9), None),
        (at(11, 9), at(12, 8, 30)),
        (at(30, 17, month=9), at(8, 8, 30)),  # 国庆节 in between
        (at(3, 10), at(8, 8, 30)),
        (at(9, 0, 1), None),  # before it opens the file may lie there
    ],
)
def test_the_next_window_is_the_next_working_day(now: datetime, opens: datetime | None) -> None:
    assert next_window(now, BANK, KNOWN) == opens


def test_a_bank_without_cut_off_is_never_closed() -> None:
    assert next_window(at(11, 23), BankProfile(bank_no3="BOC"), KNOWN) is None


def test_a_year_without_its_table_is_counted_by_weekdays() -> None:
    assert next_window(at(9, 17), BANK, UNKNOWN) == at(12, 8, 30)
    assert next_window(at(8, 17), BANK, UNKNOWN) == at(9, 8, 30)


def test_only_work_for_the_banks_day_waits() -> None:
    assert {Msg.PAY.value, Msg.REL.value} == WAITS
    assert "16:30" in told(BANK.cut_off)
    with pytest.raises(ValueError, match="aware"):
        next_window(datetime(2026, 10, 9, 17), BANK, KNOWN)  # noqa: DTZ001 - the point of it
