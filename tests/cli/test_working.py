"""A job that was given up leaves a to-do, and is taken up again when the worker starts anew."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import connection

from tests.validation.cast import HERE
from yikatong.cli import working
from yikatong.jobs.models import Quarantine
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting

LogIn = Callable[[str], AbstractContextManager[None]]


def rows(query: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def test_a_job_that_was_given_up_is_told_once_and_queued_again_at_the_next_start(
    own_database: str, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working.session, "machine_for", machine)
    with log_in("ykt_worker"):
        with connection.cursor() as cursor:
            for batch_id, status in ((77, "failed"), (78, "todo")):
                cursor.execute(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts)"
                    " VALUES ('main', 'journey.take',"
                    " jsonb_build_object('county', %s::text, 'batch_id', %s::int, 'name', 'pay'),"
                    " %s::procrastinate_job_status, 6)",
                    [HERE, batch_id, status],
                )
        working._tell_failed()
        working._tell_failed()
        with acting(machine(HERE)):
            (told,) = Quarantine.objects.all()
        assert told.kind == "后台任务出错"
        assert "journey.take" in told.sentence
        assert "./ykt run" in told.sentence
        working._requeue_failed()
        assert rows("SELECT status::text, attempts FROM procrastinate_jobs ORDER BY id") == [
            ("todo", 0),
            ("todo", 6),
        ]
