"""A roster replaces the one before: whom it dropped is told, so that a file of this month's deaths
alone is not taken for all of them.
"""

from __future__ import annotations

from datetime import date

from tests import database
from tests.validation.cast import HERE, LI_XIA
from tests.validation.world import Planter
from yikatong.organisation.scoping import acting
from yikatong.registry.queries import LeftOut, left_out_of_newest

JANUARY, FEBRUARY, MARCH = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)


def test_whom_the_newest_roster_drops_is_told(own_database: str) -> None:
    def left_out() -> LeftOut | None:
        with database.pointed_at(own_database, role="ykt_web"), acting(LI_XIA):
            return left_out_of_newest("retired", scope=LI_XIA.scope)

    def load(as_of: date, *names: str, **values: date) -> None:
        with (
            database.connect("ykt_admin", own_database) as admin,
            (planter := Planter(admin)).county(HERE),
        ):
            planter.roster("retired", *names, as_of=as_of, **values)

    assert left_out() is None
    load(FEBRUARY, "冉一", "冉二", "冉三")
    assert left_out() is None, "there is none before"
    load(JANUARY, "冉四")
    found = left_out()
    assert found == LeftOut(JANUARY, 1)
    load(MARCH, "冉二", "冉五", until=MARCH)
    found = left_out()
    assert found == LeftOut(FEBRUARY, 2)
    assert "上一份（截止 2026-02-28）里有 2 人不在这一份里" in found.sentence
    load(date(2026, 4, 30), "冉六")
    assert left_out() is None, "those of March have ended by themselves"
