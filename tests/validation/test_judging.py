"""How a list is judged is no matter of its length: the same findings, by plans that fit it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from tests.validation.cases import CASES, Case
from tests.validation.cast import HERE, PERIOD
from tests.validation.county import plant
from tests.validation.test_laws import EVERYONE
from tests.validation.world import Planter
from yikatong.catalogue.queries import programme_by_code
from yikatong.kernel.period import Period
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission import bulk as lines
from yikatong.submission.models import Batch
from yikatong.validation import actions, bulk, judging
from yikatong.validation.actions import check_rows
from yikatong.validation.rules import Report
from yikatong.validation.world import world_facts

# a registry against which a short list must be looked up by index
PEOPLE: Final = 40_000
BIG: Final = ("registry_person", "registry_cardaccount", "registry_cardaccountversion",
              "registry_rosterentry", "payout_payment")  # fmt: skip
MANY: Final = Path(__file__).with_name("many.sql")


@pytest.fixture(scope="module", autouse=True)
def the_world(committing: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    from tests import database  # noqa: PLC0415 - beside the fixtures' own use of it

    with database.connect("ykt_admin", committing) as admin:
        plant(Planter(admin))
    with database.connect("ykt_admin", committing) as admin:
        admin.execute(MANY.read_text(encoding="utf-8").format(people=PEOPLE, county=HERE))
    with database.connect("ykt_admin", committing, autocommit=True) as admin:
        admin.execute("VACUUM ANALYZE")
    with django_db_blocker.unblock(), database.pointed_at(committing, role="ykt_worker"):
        yield


@pytest.mark.parametrize("one", CASES, ids=lambda one: f"{one.code}-{one.programme}")
def test_a_long_list_is_judged_as_a_short_one(one: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    short = _report(one)
    monkeypatch.setattr(judging, "LARGE", 1)
    assert _report(one) == short
    assert _left() == 0


def test_the_registry_is_never_read_whole_for_a_short_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """speed.md §3 d: a thousand rows do not pay for the size of the registry."""
    one = next(case for case in CASES if case.code == "DU-2")
    sheet = tuple((number, *one.hit[0][1:]) for number in range(2, 202))
    with acting(machine(HERE)) as actor:
        programme = programme_by_code(one.programme, scope=actor.scope)
        judging.take_staged(lines.stage(sheet))
        plans: list[tuple[str, Any]] = []
        monkeypatch.setattr(judging, "connection", _Explained(plans))
        facts = world_facts(programme, Period.parse(PERIOD), batch_id=0, actor=actor)
        judging.join_world(facts)
    assert len(plans) > 15
    read_whole = {
        (table, node["Relation Name"])
        for table, plan in plans
        for node in _nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG
    }
    assert not read_whole
    looked_up = {node.get("Relation Name") for _, plan in plans for node in _nodes(plan)}
    assert set(BIG) <= looked_up


def test_the_banks_are_asked_from_the_keys_of_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of which most was never verified is not what a short list has to ask about."""
    with acting(machine(HERE)):
        batch = Batch.objects.get(county=HERE, number="AGAIN-1")
        plans: list[tuple[str, Any]] = []
        monkeypatch.setattr(bulk, "connection", _Explained(plans))
        bulk.versions_to_verify(batch.pk, HERE, "2026-11-22", timezone.now())
    assert [table for table, _ in plans] == ["payee", "card", "unknown", "unverified"]
    assert not {
        node["Relation Name"]
        for _, plan in plans
        for node in _nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG
    }


def _report(one: Case) -> Report:
    given = patch.object(actions, "world_facts", lambda *a, **k: world_facts(*a, **k) | one.facts)
    with acting(machine(HERE)) as actor, given:
        programme = programme_by_code(one.programme, scope=actor.scope)
        period = Period.parse(PERIOD)
        return check_rows(one.hit, programme=programme, period=period, bands=EVERYONE, actor=actor)


def _left() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'judging'::regnamespace")
        return int(cursor.fetchone()[0])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


class _Explained:
    """A connection whose cursors note the plan of each table that they make, then make it."""

    def __init__(self, plans: list[tuple[str, Any]]) -> None:
        self._plans = plans

    def cursor(self) -> _Explained:
        self._cursor = connection.cursor()
        return self

    def __enter__(self) -> _Explained:
        return self

    def __exit__(self, *_: object) -> None:
        self._cursor.close()

    def execute(self, statement: str, given: Any = None) -> None:
        made = re.search(r"CREATE TEMP TABLE (\w+) ON COMMIT DROP AS", statement)
        if made:
            self._cursor.execute(f"EXPLAIN (FORMAT JSON) {statement[made.start() :]}", given)
            told = self._cursor.fetchone()[0]
            plan = told if isinstance(told, list) else json.loads(told)
            self._plans.append((made[1], plan[0]["Plan"]))
        self._cursor.execute(statement, given)

    def fetchone(self) -> Any:
        return self._cursor.fetchone()

    def fetchall(self) -> Any:
        return self._cursor.fetchall()
