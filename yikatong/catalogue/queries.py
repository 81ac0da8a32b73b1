"""Reads of the 清单: programmes, the standard in force, rosters and how fresh they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet

from yikatong.catalogue.models import (
    BenefitStandard,
    Definition,
    Programme,
    Relation,
    RequiredRoster,
)
from yikatong.catalogue.rules import own_code
from yikatong.catalogue.specs import ABSENT, STOPPING
from yikatong.kernel.actor import Scope
from yikatong.kernel.errors import Refused


def programmes(*, scope: Scope) -> QuerySet[Programme]:
    """The county's 清单 in its printed order; versions out of force are left out."""
    return Programme.objects.filter(county=scope.county, valid_to=None).order_by("serial")


def programme_by_code(code: str, *, scope: Scope) -> Programme:
    """Raises Refused for a code that the county's list does not hold."""
    found: Programme | None = programmes(scope=scope).filter(code=code.strip()).first()
    if found is None:
        raise Refused(f"清单里没有编码为“{code}”的项目。用 ./ykt catalogue 查看全部编码。")
    return found


def standards_in_force(code: str, on: date, *, scope: Scope) -> QuerySet[BenefitStandard]:
    return BenefitStandard.objects.filter(
        county=scope.county, programme_code=code, valid__contains=on
    ).order_by("grade")


def required_rosters(code: str, *, scope: Scope) -> QuerySet[RequiredRoster]:
    """Those whose absence or age must be answered for before a list is sent (SY-1)."""
    return RequiredRoster.objects.filter(
        county=scope.county, programme_code=code, severity__in=("block", "confirm", "compare")
    )


@dataclass(frozen=True, slots=True)
class RosterNeed:
    """A roster that the rules read for one item: `need` must (RO-1), watch (RO-3), absent (RO-4),
    stop (RO-2) or relation (MX). `asks`: its absence or age is asked about before the list is sent;
    of any other it is told that nothing was compared with it.
    """

    kind: str
    need: str
    days: int
    asks: bool


def rosters_read(
    code: str, first_day: date, last_day: date, *, max_age_days: int, scope: Scope
) -> list[RosterNeed]:
    """Every roster that any rule reads for an item in a period, each use once."""
    wanted = list(RequiredRoster.objects.filter(county=scope.county, programme_code=code))
    found = [
        RosterNeed(
            one.kind,
            _need(one),
            one.max_age_days,
            asks=one.severity != "optional",
        )
        for one in wanted
    ]
    stopped = {one.kind for one in found if one.need == "stop"}
    found += [
        RosterNeed(kind, "stop", max_age_days, asks=False)
        for kind in STOPPING
        if kind not in stopped
    ]
    found += [
        RosterNeed(kind, "relation", max_age_days, asks=False)
        for kind in _benefit_rosters(code, first_day, last_day, scope=scope)
    ]
    return found


def _need(required: RequiredRoster) -> str:
    match required.severity:
        case "block":
            return "must"
        case "compare":
            return "stop"
        case _:
            return "absent" if required.kind in ABSENT else "watch"


def _benefit_rosters(code: str, first_day: date, last_day: date, *, scope: Scope) -> list[str]:
    """The rosters that show a benefit with which this item has a relation in the period."""
    relations = Relation.objects.filter(
        Q(code_a=code) | Q(code_b=code), county=scope.county, since__lte=last_day
    ).filter(Q(until=None) | Q(until__gte=first_day))
    others = {
        relation.code_b if relation.code_a == code else relation.code_a
        for relation in relations
        if relation.kind in {"DENY", "HIGHER", "TOPUP"}
    }
    kinds = programmes(scope=scope).filter(code__in=others).values_list("benefit_roster", flat=True)
    return sorted({kind for kind in kinds if kind})


def all_standards_in_force(on: date, *, scope: Scope) -> QuerySet[BenefitStandard]:
    """Every standard of the county on that day, item by item."""
    return BenefitStandard.objects.filter(county=scope.county, valid__contains=on).order_by(
        "programme_code", "grade"
    )


def definitions(*, scope: Scope, states: Collection[str] = ()) -> QuerySet[Definition]:
    """Items as their departments define them: a department's own, all of the county to finance."""
    found = Definition.objects.filter(county=scope.county)
    return found.filter(state__in=list(states)) if states else found


def find_definition(definition_id: int, *, scope: Scope) -> Definition | None:
    """None where nothing of that number is in the scope."""
    found: Definition | None = definitions(scope=scope).filter(pk=definition_id).first()
    return found


def versions_of_definition(definition: Definition, *, scope: Scope) -> list[Definition]:
    """Every version of the same item, the newest first."""
    return list(definitions(scope=scope).filter(code=definition.code).order_by("-version"))


def next_own_code(department_no: int, *, scope: Scope) -> str:
    """The code that this department's next own item will have."""
    taken = definitions(scope=scope).filter(department_no=department_no)
    return own_code(department_no, taken.order_by().values("code").distinct().count())
