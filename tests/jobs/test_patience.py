"""A missing answer is asked for as long as a bank may be closed; an error gets a few tries."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from procrastinate.jobs import Job

from yikatong.jobs.patience import (
    LINE,
    LONGEST_WAIT_S,
    MOST_TRIES,
    PATIENCE,
    TRIES_AFTER_AN_ERROR,
    Patience,
)
from yikatong.kernel.errors import TryAgain


def waits(strategy: Patience, error: BaseException, attempts: int) -> float | None:
    job = Job(
        id=1,
        queue="main",
        lock=None,
        queueing_lock=None,
        task_name="t",
        priority=0,
        attempts=attempts,
    )
    before = datetime.now(UTC)
    decision = strategy.get_retry_decision(exception=error, job=job)
    if decision is None:
        return None
    assert decision.retry_at is not None
    return (decision.retry_at - before).total_seconds()


@pytest.mark.parametrize("attempts", [0, 10, 1000])
def test_a_missing_answer_of_our_own_is_asked_for_each_second(attempts: int) -> None:
    assert waits(PATIENCE, TryAgain("银行尚未答复"), attempts) == pytest.approx(1, abs=0.5)


def test_a_line_that_is_down_is_tried_less_and_less_but_for_days() -> None:
    later = [waits(LINE, TryAgain("连不上"), attempts) for attempts in (0, 1, 2, 1000)]
    assert later == pytest.approx([1, 3, 5, LONGEST_WAIT_S], abs=0.5)
    assert waits(LINE, TryAgain("连不上"), MOST_TRIES) is None
    assert MOST_TRIES * LONGEST_WAIT_S > 7 * 24 * 3600, "a week of holidays"


def test_an_error_is_tried_a_few_times_further_and_further_apart_then_given_up() -> None:
    error = ConnectionError("server closed the connection")
    tries = [waits(PATIENCE, error, attempts) for attempts in range(TRIES_AFTER_AN_ERROR)]
    assert tries == pytest.approx([1, 2, 4, 8, 16], abs=0.5)
    assert waits(PATIENCE, error, TRIES_AFTER_AN_ERROR) is None
