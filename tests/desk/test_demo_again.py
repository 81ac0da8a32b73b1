"""A demo in the home of an earlier day, and in the home of a real county."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta

import pytest
from django.db import connections

from tests.desk.conftest import PEOPLE, SEED
from yikatong.cli import demo_people, session, setup
from yikatong.kernel.actor import Scope
from yikatong.kernel.errors import Refused
from yikatong.organisation.scoping import acting
from yikatong.registry.collection import Trouble
from yikatong.registry.queries import newest_roster

LogIn = Callable[[str], AbstractContextManager[None]]
# rosters of `init` are older than a county allows by then
LATER = timedelta(days=20)
PENGSHUI = "pengshui"


@pytest.fixture(autouse=True)
def _log_ins_are_the_tests_own(county: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The commands' own log in is that of a home; here the login changes on this database."""
    logins = {"web": "ykt_web", "worker": "ykt_worker"}
    settings = connections["default"].settings_dict
    before = settings["USER"]

    def log_in(process: str) -> None:
        if settings["USER"] != logins[process]:
            connections["default"].close()
            settings["USER"] = logins[process]

    monkeypatch.setattr(session, "log_in", log_in)
    yield
    connections["default"].close()
    settings["USER"] = before


def later(monkeypatch: pytest.MonkeyPatch) -> date:
    day = setup.today() + LATER
    monkeypatch.setattr(setup, "today", lambda: day)
    return day


def test_the_people_of_a_home_are_the_same_on_every_later_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their birthdays were made up on the day of `init`: made up anew they would be strangers."""
    pack = setup.pack_of(PENGSHUI)
    made = setup.sample_population(pack, people=PEOPLE, seed=SEED)
    later(monkeypatch)
    assert setup.sample_population(pack, people=PEOPLE, seed=SEED).people != made.people
    assert demo_people.registered(pack, seed=SEED).people == made.people


def test_rosters_that_have_grown_too_old_are_loaded_anew_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pack = setup.pack_of(PENGSHUI)
    population = demo_people.registered(pack, seed=SEED)
    scope = Scope(pack.code)

    def newest() -> dict[str, date | None]:
        with acting(session.machine_for(pack.code)):
            return {kind: newest_roster(kind, scope=scope) for kind in population.rosters}

    first = newest()
    demo_people.keep_rosters_fresh(population)
    session.log_in("worker")
    assert newest() == first, "fresh ones stay"
    day = later(monkeypatch)
    demo_people.keep_rosters_fresh(population)
    session.log_in("worker")
    assert set(newest().values()) == {day - setup.SAMPLE_ROSTER_AGE}


@pytest.mark.parametrize(("slug", "seed"), [("dadukou", SEED), (PENGSHUI, SEED + 1)])
def test_no_demo_is_played_among_other_people(slug: str, seed: int) -> None:
    with pytest.raises(Refused, match="空目录"):
        demo_people.registered(setup.pack_of(slug), seed=seed)


def test_made_up_people_who_are_not_registered_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody goes missing in silence: a demo would meet strangers."""
    troubled = (0, 0, 0, [Trouble(2, "第 2 行没有登记。")])
    monkeypatch.setattr("yikatong.registry.actions.register_people", lambda *_, **__: troubled)
    with pytest.raises(Refused, match="没有全部登记：第 2 行"):
        setup._register_people(setup.pack_of(PENGSHUI), people=PEOPLE, seed=SEED)
