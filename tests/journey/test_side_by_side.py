"""Two banks' messages may end at the same time: the batch is still looked at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest
from django.db import connection

from tests import database
from tests.payout.funded import Funded, plant_funded
from tests.validation.cast import HERE
from tests.validation.world import Planter
from yikatong.journey import inbox
from yikatong.kernel.actor import Duty
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.payout.actions import move_share
from yikatong.payout.models import BankShare
from yikatong.payout.rules import ShareState

LogIn = Callable[[str], AbstractContextManager[None]]
BANK = machine(HERE, Duty.BANK_MESSAGE)
PATIENCE_S = 20
A_LOOK_S = 0.5


@pytest.fixture
def worker(committing: str, log_in: LogIn) -> Iterator[str]:
    with log_in("ykt_worker"):
        yield committing


@pytest.fixture
def paying(worker: str) -> Funded:
    with database.connect("ykt_admin", worker, autocommit=True) as admin:
        return plant_funded(admin, "2026-00000077", state="PAYING", status="PAYING")


@pytest.fixture
def other_share(worker: str, paying: Funded) -> int:
    with database.connect("ykt_admin", worker, autocommit=True) as admin:
        planter = Planter(admin)
        with planter.county(HERE):
            return int(
                planter.put(
                    BankShare,
                    batch=paying.batch,
                    batch_no="ABC2026-00000077",
                    state="PAYING",
                    bank_no=2,
                )
            )


def end(share_id: int) -> None:
    """What the last row of a result file does to its share."""
    share = BankShare.objects.select_related("batch").get(pk=share_id)
    move_share(share, "settled", actor=BANK)
    inbox._nudge(share, BANK, ShareState.PAYING)


def test_the_last_of_two_that_end_side_by_side_sees_both(paying: Funded, other_share: int) -> None:
    has_ended, may_commit = threading.Event(), threading.Event()

    def first() -> None:
        try:
            with acting(BANK):
                end(paying.share)
                has_ended.set()
                assert may_commit.wait(PATIENCE_S)
        finally:
            connection.close()

    def second() -> None:
        try:
            assert has_ended.wait(PATIENCE_S)
            with acting(BANK):
                end(other_share)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(first), threads.submit(second)]
        assert has_ended.wait(PATIENCE_S)
        # whether the second waits or not, it has had the time to look past the first
        threading.Event().wait(A_LOOK_S)
        may_commit.set()
        for one in both:
            one.result(PATIENCE_S)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'journey.nudge'"
            " AND (args->>'batch_id')::bigint = %s",
            [paying.batch],
        )
        assert cursor.fetchone()[0] == 1
