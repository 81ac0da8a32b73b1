"""Who is on which comparison roster: rates near those of a mountain county, all made up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final, Protocol

from yikatong.catalogue.specs import ROSTER_KINDS

if TYPE_CHECKING:
    from yikatong.cli.sample.people import SamplePerson

WORKING_AGES: Final = range(22, 61)
OLD_AGE: Final = 60
CHILD_UNDER: Final = 18
EXTREME_OF_OLD_ALONE: Final = 0.3
POOR: Final = 0.07
REGISTERED: Final = 0.14
RURAL: Final = 0.9
PAYROLL: Final = 0.02
CADRE: Final = 0.03
PRISON: Final = 0.032
ORPHAN: Final = 0.008
DISABLED: Final = 0.045
DISABLED_POOR: Final = 0.25
DEAD: Final = 0.002
DEAD_OLD: Final = 0.03
DISABILITY_GRADES: Final = ("一级", "二级", "三级", "四级")


@dataclass(frozen=True, slots=True)
class RosterRow:
    """A line of a comparison roster; `until` None where it goes on."""

    id_number: str
    name: str
    since: date
    until: date | None = None
    grade: str = ""
    remark: str = ""


class _Add(Protocol):
    def __call__(
        self, kind: str, person: SamplePerson, grade: str = "", days: int = 3000
    ) -> None: ...


def enrol(
    people: Sequence[SamplePerson], *, chance: random.Random, today: date
) -> dict[str, tuple[RosterRow, ...]]:
    """Every roster kind with its rows. 低保 and 特困 never meet, nor does 低保 meet a payroll."""
    rosters: dict[str, list[RosterRow]] = {kind: [] for kind in ROSTER_KINDS}

    def add(kind: str, person: SamplePerson, grade: str = "", days: int = 3000) -> None:
        since = today - timedelta(days=chance.randint(60, days))
        rosters[kind].append(
            RosterRow(person.id_number, person.name, max(since, person.born_on), None, grade)
        )

    for _, members in groupby(people, key=lambda person: person.household_no):
        household = list(members)
        draw = chance.random()
        alone = household[0] if len(household) == 1 else None
        if alone is not None and alone.age >= OLD_AGE and draw < EXTREME_OF_OLD_ALONE:
            add("extreme_poverty", alone, chance.choice(("全自理", "半自理", "全护理")))
        elif draw < POOR:
            for person in household:
                add("minimum_living", person, "农村" if chance.random() < RURAL else "城市")
        elif draw < REGISTERED:
            for person in household:
                add("registered_poor", person)
        else:
            _enrol_others(household, add, chance)
        for person in household:
            _enrol_anyone(person, add, chance, is_poor=draw < POOR)
    return {kind: tuple(rows) for kind, rows in rosters.items()}


def _enrol_others(household: Sequence[SamplePerson], add: _Add, chance: random.Random) -> None:
    for person in household:
        draw = chance.random()
        if person.age in WORKING_AGES and draw < PAYROLL:
            add("fiscal_payroll", person)
        elif person.age in WORKING_AGES and draw < CADRE:
            add("village_cadre", person)
        elif person.age in WORKING_AGES and draw < PRISON:
            add("imprisoned", person)
        elif person.age < CHILD_UNDER and draw < ORPHAN:
            add("orphan", person, chance.choice(("散居孤儿", "事实无人抚养儿童")))


def _enrol_anyone(person: SamplePerson, add: _Add, chance: random.Random, *, is_poor: bool) -> None:
    if chance.random() < (DISABLED_POOR if is_poor else DISABLED):
        add("disabled", person, chance.choice(DISABILITY_GRADES))
    if chance.random() < (DEAD_OLD if person.age >= OLD_AGE else DEAD):
        add("deceased", person, days=700)
