"""Dropping any one rule changes what some truth table finds: no file stands there for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from tests.validation.cases import CASES, EVERYONE, Row
from tests.validation.cast import HERE, PERIOD
from tests.validation.county import plant
from tests.validation.test_row_rules import HITS, frame, made_id
from tests.validation.test_row_rules import TODAY as ROW_DAY
from tests.validation.world import Planter
from yikatong.catalogue.queries import programme_by_code
from yikatong.kernel.period import Period
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission import bulk as lines
from yikatong.submission.models import Batch
from yikatong.validation import judging, row_rules
from yikatong.validation.rulebook import Law, laws
from yikatong.validation.rules import Bands
from yikatong.validation.world import world_facts

FIRST_CASE = {(one.code, one.severity): one for one in reversed(CASES)}


@pytest.fixture(scope="module", autouse=True)
def the_world(committing: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    from tests import database  # noqa: PLC0415 - beside the fixtures' own use of it

    with database.connect("ykt_admin", committing) as admin:
        plant(Planter(admin))
    with django_db_blocker.unblock(), database.pointed_at(committing, role="ykt_worker"):
        yield


@pytest.mark.parametrize("law", laws(), ids=lambda law: law.file)
def test_a_book_without_this_file_misses_something(
    law: Law, monkeypatch: pytest.MonkeyPatch
) -> None:
    with acting(machine(HERE)) as actor:
        one = FIRST_CASE.get((law.code, law.severity))
        if one is None:  # AM-3 looks at the origin, which only a stored batch has
            batch = Batch.objects.select_related("programme").get(county=HERE, number="AGAIN-1")
            judging.take_batch(batch.pk)
            programme, batch_id = batch.programme, batch.pk
        else:
            _take(one.hit)
            programme, batch_id = programme_by_code(one.programme, scope=actor.scope), 0
        facts = world_facts(programme, Period.parse(PERIOD), batch_id=batch_id, actor=actor)
        judging.join_world(facts if one is None else facts | one.facts)
        bands = EVERYONE if one is None else one.bands
        whole = _found(bands)
        monkeypatch.setattr(judging, "laws", lambda: tuple(one for one in laws() if one != law))
        assert _found(bands) < whole


def _take(rows: tuple[Row, ...]) -> None:
    judging.take_staged(lines.stage(rows))


def _found(bands: Bands) -> set[tuple[str, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.hit, pg_temp.found")
        judging.run_rules(bands)
        cursor.execute("SELECT rule, severity, line_id FROM found")
        return set(cursor.fetchall())


@pytest.mark.parametrize("place", range(len(row_rules.ROW_RULES)))
def test_a_door_without_this_check_lets_something_through(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = frame(*(change for _, _, change in HITS))
    shared = frame(
        *(
            {"row": n, "beneficiary_id": made_id("19600101", sequence=f"{n:03}")}
            for n in range(1, 6)
        )
    )
    sheet = pl.concat([alone, shared]).with_columns(phone=pl.lit("13900000000"))
    whole = row_rules.examine(sheet, on=ROW_DAY)
    kept = [rule for at, rule in enumerate(row_rules.ROW_RULES) if at != place]
    monkeypatch.setattr(row_rules, "ROW_RULES", kept)
    assert row_rules.examine(sheet, on=ROW_DAY).height < whole.height
