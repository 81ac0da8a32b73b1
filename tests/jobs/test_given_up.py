"""A job that will not be done: nobody else waits for it, and people are told."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection

from tests.jobs.messages import jobs_run, received
from tests.validation.cast import ELSEWHERE, HERE
from yikatong.cli import session, working
from yikatong.jobs import queue
from yikatong.jobs.models import Quarantine
from yikatong.journey import inbox
from yikatong.kernel.errors import TryAgain
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.validation import given_up
from yikatong.validation.models import CheckRun, Headway, Trial


@pytest.mark.parametrize("poison", [OperationalError("connection lost"), TryAgain("还没有来")])
def test_a_message_that_waits_for_its_retry_holds_up_no_other(
    worker: None, monkeypatch: pytest.MonkeyPatch, poison: Exception
) -> None:
    """Not within a county, not within a bank: the poisoned one waits alone."""
    first, others = received(1), [received(number) for number in range(2, 5)]
    applied: list[int] = []

    def apply(inbox_id: int, **_: Any) -> None:
        if inbox_id == first:
            raise poison
        applied.append(inbox_id)

    monkeypatch.setattr(inbox, "apply", apply)
    jobs_run()
    assert applied == others
    with connection.cursor() as cursor:
        cursor.execute("SELECT (args->>'inbox_id')::bigint, status FROM procrastinate_jobs")
        assert cursor.fetchall() == [(first, "todo")], "it is tried again later"


def test_a_check_that_is_given_up_says_so_to_its_clerk(
    worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "machine_for", machine)
    with acting(machine(HERE)) as actor:
        run, trial = CheckRun.objects.get(county=HERE), Trial.objects.get(county=HERE)
        queue.defer("validation.check_file", run_id=run.pk, county=HERE)
        queue.defer("validation.try_definition", trial_id=trial.pk, county=HERE)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed'")
    for _ in range(2):  # told in every round, written once
        working._tell_failed()
    with acting(machine(HERE)) as actor:
        run.refresh_from_db()
        trial.refresh_from_db()
        assert {run.state, trial.state} == {CheckRun.State.FAILED}
        assert run.trouble == trial.trouble == given_up.GIVEN_UP
        told = Quarantine.objects.filter(county=HERE, kind="后台任务出错")
        assert {one.sentence.split("（")[0] for one in told} == {
            "后台任务 validation.check_file",
            "后台任务 validation.try_definition",
        }
    with acting(machine(ELSEWHERE)):
        assert CheckRun.objects.get(county=ELSEWHERE).state == CheckRun.State.QUEUED
    working._requeue_failed()
    jobs_run()  # taken up after the mending, it finds the check over
    with acting(machine(HERE)) as actor:
        run.refresh_from_db()
        assert (run.state, run.report) == (CheckRun.State.FAILED, {})
        given_up.give_up_check(run.pk, actor=actor)


def test_a_check_that_ended_otherwise_stays_so(worker: None) -> None:
    with acting(machine(HERE)) as actor:
        run = CheckRun.objects.get(county=HERE)
        CheckRun.objects.filter(pk=run.pk).update(
            state=CheckRun.State.STOPPED, trouble="已由本单位取消"
        )
        given_up.give_up_check(run.pk, actor=actor)
        run.refresh_from_db()
        assert (run.state, run.trouble) == (CheckRun.State.STOPPED, "已由本单位取消")


def test_the_headway_of_a_killed_judge_is_gone_once_a_worker_starts(
    worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "machine_for", machine)
    with acting(machine(HERE)):
        assert Headway.objects.filter(county=HERE).count() == 1
    working._forget_headway()
    for county in (HERE, ELSEWHERE):
        with acting(machine(county)):
            assert not Headway.objects.filter(county=county).exists()
