"""Whose findings a correction shows: its origin's until it is checked, then its own, if any."""

from __future__ import annotations

from tests import database
from tests.validation.cast import FAR_AHEAD, HERE, NOON, TOWN, index_of
from tests.validation.world import Planter
from yikatong.catalogue.specs import STOPPING
from yikatong.kernel.actor import ALL_UNITS
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.registry.models import AccountVerification
from yikatong.submission.actions import redraft
from yikatong.submission.models import Batch, Line
from yikatong.validation.actions import examine
from yikatong.validation.models import Finding
from yikatong.validation.queries import findings_by_rule, findings_of, last_run, rule_outcomes_of
from yikatong.validation.rules import PASSED, Bands


def test_a_recheck_that_finds_nothing_shows_nothing(own_database: str) -> None:
    with database.connect("ykt_admin", own_database) as admin:
        planter = Planter(admin)
        with planter.county(HERE):
            planter.offices()
            programme = planter.programme("P20", frequency="monthly")
            for kind in STOPPING:
                planter.roster(kind)
            version = _without_an_answer(planter, "冉未验")
            _without_an_answer(planter, "冉仍未验")
            whole = planter.batch("NOW", programme)
            for row_no, name in enumerate(("冉未验", "冉仍未验"), start=2):
                planter.line(whole, "P20", name, row_no=row_no, digest=index_of(name))
    with database.pointed_at(own_database, role="ykt_worker"):
        with acting(machine(HERE)) as actor:
            origin = Batch.objects.select_related("programme").get(county=HERE, number="NOW")
            examine(origin, bands=Bands(*ALL_UNITS), actor=actor)
            line = Line.objects.get(batch=origin, row_no=2)
            again = redraft(origin, [line.pk], "更正", actor=actor)
            assert again is not None
            assert [one.rule for one in findings_of(again, scope=actor.scope)] == ["AC-1"]
        with acting(machine(HERE)) as actor:
            AccountVerification.objects.create(
                county=HERE,
                unit_no=TOWN + 1,
                version_id=version,
                bank_no=1,
                outcome="MATCH",
                verified_at=NOON,
                valid_until=FAR_AHEAD,
            )
            examine(again, bands=Bands(*ALL_UNITS), actor=actor)
        with acting(machine(HERE)) as actor:
            again = Batch.objects.select_related("programme", "origin").get(pk=again.pk)
            assert not Finding.objects.filter(batch=again).exists()
            assert last_run(again, scope=actor.scope) == 1
            assert {one.verdict for one in rule_outcomes_of(again, scope=actor.scope).values()} == {
                PASSED
            }
            assert not findings_of(again, scope=actor.scope).exists()
            assert findings_by_rule(again, scope=actor.scope) == []
            assert len(findings_of(origin, scope=actor.scope)) == 2, "the origin keeps its own"


def _without_an_answer(planter: Planter, name: str) -> int:
    person = planter.person(name, outcome="")
    return int(
        planter._value("SELECT current_id FROM registry_cardaccount WHERE person_id = %s", person)
    )
