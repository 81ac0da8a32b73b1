"""Puts work into the queue in the same transaction as the money (house.md §6 of trust.md §3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from procrastinate.contrib.django import app

QUEUE = "main"


def defer(
    task: str, *, lock: str | None = None, at: datetime | None = None, **arguments: Any
) -> None:
    """Queue one job by its task's name; it exists only if the present transaction commits.

    `lock`: jobs of one lock run one after the other. `at`: not before that instant.
    """
    app.configure_task(task, lock=lock, schedule_at=at, queue=QUEUE).defer(**arguments)
