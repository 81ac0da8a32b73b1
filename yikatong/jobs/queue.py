"""Puts work into the queue in the same transaction as the money (house.md §6 of trust.md §3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from procrastinate.contrib.django import app

MAIN: Final = "main"
# what banks say is dealt with in so many lanes beside the rest: each bank keeps to its own, so that
# its messages are taken as they came, while another's large file is at work in the next lane
LANES: Final = 3


def lane_of(bank_no: int) -> str:
    """The queue of a bank's messages. The worker takes the jobs of a queue one after the other."""
    return f"bank-{bank_no % LANES}"


def defer(
    task: str,
    *,
    queue: str = MAIN,
    lock: str | None = None,
    at: datetime | None = None,
    **arguments: Any,
) -> None:
    """Queue one job by its task's name; it exists only if the present transaction commits.

    `lock`: jobs of one lock run one after the other. `at`: not before that instant.
    """
    app.configure_task(task, lock=lock, schedule_at=at, queue=queue).defer(**arguments)
