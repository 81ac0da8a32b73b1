"""Whom we wait for is asked soon after something moved, and ever later while nothing does."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from yikatong.cli.pace import Pace

SOONEST, LATEST = 0.2, 15.0


def asked_at(until: float, *, moves_at: float = -1.0) -> list[float]:
    """The instants at which a party is asked, looked at every 0.1 s."""
    pace, found, now, last = Pace(SOONEST, LATEST), [], 0.0, 0.0
    while now < until:
        if pace.is_due(now):
            found.append(now)
            pace.asked(now, has_moved=last < moves_at <= now)
            last = now
        now += 0.1
    return found


def test_a_bank_that_has_nothing_to_say_for_an_hour_is_not_asked_five_times_a_second() -> None:
    asked = asked_at(3600)
    assert asked[0] == 0.0
    assert asked[1] <= 0.4
    assert len(asked) < 3600 / LATEST + 20
    assert max(b - a for a, b in pairwise(asked)) <= LATEST + 0.2


def test_what_comes_after_a_while_is_not_noticed_much_later_than_it_took() -> None:
    for took in (1.0, 4.0, 10.0):
        noticed = next(at for at in asked_at(60) if at >= took)
        assert noticed <= took * 1.6 + 2 * SOONEST


def test_something_that_moved_makes_it_quick_again() -> None:
    asked = [at for at in asked_at(130, moves_at=100) if at >= 100]
    assert asked[2] - asked[0] < 1


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_our_own_work_never_puts_a_question_off(asked: float, worked: float) -> None:
    pace = Pace(SOONEST, LATEST)
    for _ in range(20):
        pace.asked(asked, has_moved=False)
    before = pace.due_at
    pace.hurry(worked)
    assert pace.due_at == min(before, worked + SOONEST)


def test_who_counts_quiet_rounds_asks_at_one_pace() -> None:
    pace = Pace(SOONEST, SOONEST)
    for now in range(5):
        pace.asked(float(now), has_moved=False)
        assert pace.wait == SOONEST
