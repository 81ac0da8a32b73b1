"""How often a job is tried again, and how long it waits in between.

Two kinds of no: `TryAgain` is an answer that is still missing, and the job asks again for as long
as a bank may be closed. Anything else may be a broken connection or a deadlock: a few tries,
further and further apart; then the job stands as failed, and the worker tells people
(cli/working.py).
"""

from __future__ import annotations

from typing import Final

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from yikatong.kernel.errors import TryAgain

TRIES_AFTER_AN_ERROR: Final = 5
MOST_TRIES: Final = 4000
LONGEST_WAIT_S: Final = 300


class Patience(BaseRetryStrategy):
    """`step_s` is how much longer each wait for a missing answer is than the one before, capped."""

    def __init__(self, *, step_s: int = 0) -> None:
        self.step_s = step_s

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Gives when to try again; None leaves the job failed."""
        if isinstance(exception, TryAgain):
            if job.attempts >= MOST_TRIES:
                return None
            wait_s = min(1 + self.step_s * job.attempts, LONGEST_WAIT_S)
            return RetryDecision(retry_in={"seconds": wait_s})
        if job.attempts >= TRIES_AFTER_AN_ERROR:
            return None
        return RetryDecision(retry_in={"seconds": 2**job.attempts})


PATIENCE: Final = Patience()
LINE: Final = Patience(step_s=2)
