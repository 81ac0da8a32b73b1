"""A long judgement tells how far it is, may be cancelled, and leaves nothing half stored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from tests.validation.cases import CASES
from tests.validation.cast import HERE, PERIOD
from tests.validation.county import plant
from tests.validation.test_laws import EVERYONE
from tests.validation.world import Planter
from yikatong.catalogue.queries import programme_by_code
from yikatong.kernel.home import CHECKOUT
from yikatong.kernel.period import Period
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch
from yikatong.validation import actions, judging
from yikatong.validation.headway import Cancelled, seconds_left, telling
from yikatong.validation.queries import headway_of, headway_words


@pytest.fixture(scope="module", autouse=True)
def the_world(committing: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    from tests import database  # noqa: PLC0415 - beside the fixtures' own use of it

    with database.connect("ykt_admin", committing) as admin:
        plant(Planter(admin))
    with django_db_blocker.unblock(), database.pointed_at(committing, role="ykt_worker"):
        yield committing


def test_others_see_how_far_it_is_before_it_ends(
    the_world: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests import database  # noqa: PLC0415 - beside the fixtures' own use of it

    seen: list[tuple[str, int, int]] = []

    def look(batch: Any, **rest: Any) -> Any:
        with database.connect("ykt_admin", the_world) as other:
            rows = other.execute("SELECT phase, done, of FROM validation_headway").fetchall()
        seen.extend(rows)
        return kept(batch, **rest)

    kept = actions._store
    monkeypatch.setattr(judging, "LARGE", 1)
    monkeypatch.setattr(actions, "_store", look)
    with acting(machine(HERE)) as actor:
        batch = _batch("AGAIN-1")
        actions.examine(batch, bands=EVERYONE, actor=actor)
        assert headway_of(f"batch|{batch.pk}", scope=actor.scope) is None  # over, and gone
        assert headway_words(batch, scope=actor.scope) == ""
    assert seen == [("存结论", judging.parts(), judging.parts())]


def test_a_cancelled_check_ends_at_its_next_part_and_stores_nothing(the_world: str) -> None:
    one = CASES[0]
    with acting(machine(HERE)) as actor:
        programme = programme_by_code(one.programme, scope=actor.scope)
    with (  # noqa: PT012 - what the job does
        pytest.raises(Cancelled, match="已取消"),
        acting(machine(HERE)) as actor,
        telling("check|7", rows=9, unit_no=1, actor=actor) as told,
    ):
        _cancel(the_world, "check|7")
        actions.check_rows(
                one.hit, programme=programme, period=Period.parse(PERIOD), bands=EVERYONE,
                actor=actor, told=told,
            )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'judging'::regnamespace")
        assert cursor.fetchone() == (0,)
    with acting(machine(HERE)) as actor:
        assert headway_of("check|7", scope=actor.scope) is None


def test_the_estimate_is_what_the_rest_takes_at_the_pace_so_far() -> None:
    start = datetime(2026, 11, 22, tzinfo=UTC)
    assert seconds_left(start, 0, 50, now=start) is None
    assert seconds_left(start, 25, 50, now=start + timedelta(seconds=30)) == 30
    assert seconds_left(start, 50, 50, now=start + timedelta(seconds=30)) == 0


KILLED = """
import sys, django
django.setup()
from tests.validation.cast import HERE
from yikatong.kernel.actor import ALL_UNITS
from yikatong.validation.rules import Bands
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch
from yikatong.validation import actions, judging
judging.LARGE = 1
def wait(*a, **k):
    print("judged", flush=True)
    sys.stdin.read()
actions.bulk.store_changes = wait
with acting(machine(HERE)) as actor:
    batch = Batch.objects.select_related("programme").get(county=HERE, number="AGAIN-1")
    actions.examine(batch, bands=Bands(*ALL_UNITS), actor=actor)
"""


def test_a_judge_killed_in_the_midst_leaves_no_half_of_it(the_world: str) -> None:
    """kill -9 after the findings are written: none of them stays, and it can be done again."""
    before = _stored()
    settings = connection.settings_dict
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", KILLED],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "YKT_PROCESS": "worker",
            "YKT_DATABASE_NAME": str(settings["NAME"]),
            "YKT_SOCKET_DIR": str(settings["HOST"]),
            "PYTHONPATH": str(CHECKOUT),
        },
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "judged\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    deadline = time.monotonic() + 30
    while _left() and time.monotonic() < deadline:
        time.sleep(0.1)  # until the server has seen that its client is gone
    assert _left() == 0
    assert _stored() == before
    with acting(machine(HERE)) as actor:
        actions.examine(_batch("AGAIN-1"), bands=EVERYONE, actor=actor)
    assert _stored() > before


def _batch(number: str) -> Batch:
    return Batch.objects.select_related("programme").get(county=HERE, number=number)


def _cancel(database_name: str, subject: str) -> None:
    from tests import database  # noqa: PLC0415 - beside the fixtures' own use of it

    with database.connect("ykt_admin", database_name) as other:
        other.execute(
            "UPDATE validation_headway SET cancelled_by = 'clerk' WHERE subject = %s", [subject]
        )


def _stored() -> int:
    with acting(machine(HERE)), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM validation_finding")
        return int(cursor.fetchone()[0])


def _left() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND usename = 'ykt_worker' AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        return int(cursor.fetchone()[0])
