"""Banks' messages are dealt with side by side, those of one bank in their order."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from procrastinate import App

from tests.jobs.messages import jobs_run, received
from tests.validation.cast import HERE
from yikatong.jobs import queue
from yikatong.journey import inbox
from yikatong.journey import jobs as journey_jobs
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch

PATIENCE_S = 20


def test_banks_and_the_other_work_go_on_side_by_side(
    worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits for the others: one after the other none would come to its end."""
    together = threading.Barrier(queue.LANES + 1)
    met: list[str] = []

    def meet(*_: Any, **__: Any) -> None:
        together.wait(PATIENCE_S)
        met.append("met")

    def meet_and_find_nothing(*_: Any) -> list[Any]:
        meet()
        return []

    monkeypatch.setattr(inbox, "apply", meet)
    monkeypatch.setattr(journey_jobs, "steps_from", meet_and_find_nothing)
    for bank_no in range(1, queue.LANES + 1):
        received(bank_no, bank_no)
    with acting(machine(HERE)):
        batch = Batch.objects.filter(county=HERE).first()
        assert batch is not None
        queue.defer("journey.nudge", batch_id=batch.pk, county=HERE)
    jobs_run()
    assert len(met) == queue.LANES + 1


def test_the_messages_of_one_bank_are_taken_as_they_came(
    worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    monkeypatch.setattr(inbox, "apply", lambda inbox_id, **_: taken.append(inbox_id))
    came = [
        (serial % queue.LANES + 1, received(serial, serial % queue.LANES + 1))
        for serial in range(1, 13)
    ]
    jobs_run()
    for bank_no in range(1, queue.LANES + 1):
        own = [inbox_id for bank, inbox_id in came if bank == bank_no]
        assert [inbox_id for inbox_id in taken if inbox_id in own] == own


def test_a_queue_that_breaks_is_told_once_the_others_have_ended(
    worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    async def run(self: App, *, queues: list[str], **_: Any) -> None:
        if queues == [queue.lane_of(1)]:
            raise ConnectionError("the line is cut")
        await asyncio.sleep(0.2)
        ended.append(queues[0])

    monkeypatch.setattr(App, "run_worker_async", run)
    for bank_no in range(1, queue.LANES + 1):
        received(bank_no, bank_no)
    with pytest.raises(ConnectionError, match="cut"):
        jobs_run()
    assert len(ended) == queue.LANES - 1
