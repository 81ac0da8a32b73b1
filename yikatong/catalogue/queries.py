"""Reads of the 清单: programmes, the standard in force, rosters and how fresh they are."""

from __future__ import annotations

from datetime import date

from django.db.models import QuerySet

from yikatong.catalogue.models import BenefitStandard, Programme, RequiredRoster
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
    return RequiredRoster.objects.filter(county=scope.county, programme_code=code)


def all_standards_in_force(on: date, *, scope: Scope) -> QuerySet[BenefitStandard]:
    """Every standard of the county on that day, item by item."""
    return BenefitStandard.objects.filter(county=scope.county, valid__contains=on).order_by(
        "programme_code", "grade"
    )
