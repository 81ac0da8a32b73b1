"""断路器: a bank that is down is left alone for a growing while, and no other bank waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.validation.cast import HERE
from yikatong.connectors.bank.refusals import Unreachable
from yikatong.jobs import lines
from yikatong.jobs.models import BankLine
from yikatong.kernel.errors import TryAgain
from yikatong.organisation import wire
from yikatong.organisation.machines import machine
from yikatong.organisation.models import PayingBank
from yikatong.organisation.scoping import acting

LogIn = Callable[[str], AbstractContextManager[None]]
WORKER = machine(HERE)
DOWN = PayingBank(county=HERE, bank_no=91, code3="AAA", name="甲银行")
UP = PayingBank(county=HERE, bank_no=92, code3="BBB", name="乙银行")


class Line:
    """Counts who was really called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def broken(self) -> int:
        self.calls.append("down")
        raise Unreachable("接口连接不上")

    def fine(self) -> int:
        self.calls.append("up")
        return 1


@pytest.fixture
def line(own_database: str, log_in: LogIn) -> Iterator[Line]:
    with log_in("ykt_worker"):
        yield Line()


def tried(line: Line, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Unreachable):
            wire.on_the_line(DOWN, line.broken, actor=WORKER)


def test_a_bank_is_left_alone_after_three_failures_and_the_others_are_not(line: Line) -> None:
    tried(line, lines.FAILURES)
    assert line.calls == ["down"] * lines.FAILURES
    tried(line, 5)
    assert line.calls == ["down"] * lines.FAILURES, "a resting bank was called"
    assert wire.on_the_line(UP, line.fine, actor=WORKER) == 1
    with acting(WORKER) as actor:
        (shown,) = lines.lines_down(scope=actor.scope)
        assert (shown.bank_no, shown.failures) == (DOWN.bank_no, lines.FAILURES)
        assert shown.reason == "接口连接不上"
        assert lines.line_down(UP.bank_no, scope=actor.scope) is None


def test_two_failures_are_no_outage(line: Line) -> None:
    tried(line, lines.FAILURES - 1)
    with acting(WORKER) as actor:
        assert lines.resting_until(DOWN.bank_no, scope=actor.scope) is None
    assert wire.on_the_line(DOWN, line.fine, actor=WORKER) == 1
    tried(line, lines.FAILURES - 1)
    assert line.calls.count("down") == 2 * (lines.FAILURES - 1), "not in a row"


def test_after_its_rest_it_is_tried_once_and_rests_longer(line: Line) -> None:
    tried(line, lines.FAILURES)
    rests = []
    for _ in range(3):
        with acting(WORKER):
            shown = BankLine.objects.get(bank_no=DOWN.bank_no)
            assert shown.open_until is not None
            assert shown.failed_at is not None
            rests.append((shown.open_until - shown.failed_at).total_seconds())
            BankLine.objects.update(open_until=shown.failed_at - timedelta(seconds=1))
        tried(line, 2)
    assert rests == [5, 10, 20]
    assert line.calls.count("down") == lines.FAILURES + 3
    with acting(WORKER):
        BankLine.objects.update(open_until=None)
    wire.on_the_line(DOWN, line.fine, actor=WORKER)
    with acting(WORKER) as actor:
        assert not lines.lines_down(scope=actor.scope).exists()


def test_the_queue_takes_it_for_a_missing_answer() -> None:
    assert issubclass(Unreachable, TryAgain)


@given(st.integers(0, 10_000))
def test_the_rest_grows_and_has_an_end(failures: int) -> None:
    rest = lines.rest_s(failures)
    assert (rest > 0) == (failures >= lines.FAILURES)
    assert rest <= lines.rest_s(failures + 1) <= lines.LONGEST_REST_S
