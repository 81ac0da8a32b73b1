"""Reads of units, people and the calendar."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.models import QuerySet

from yikatong.kernel.actor import Actor, Duty, Scope
from yikatong.kernel.calendar import WorkCalendar
from yikatong.kernel.errors import Refused
from yikatong.organisation.models import CalendarDay, County, PayingBank, Post, Unit, User


def actor_of(username: str, *, via: str) -> Actor:
    """The person at their post, as sign-in and the command line need it, before any scope.

    Raises:
        Refused: nobody of that name, or no post in force.
    """
    post = (
        Post.objects.filter(user__username=username, is_active=True, user__is_active=True)
        .select_related("user", "unit")
        .first()
    )
    if post is None:
        raise Refused(f"没有账号“{username}”，或其岗位已停用。账号写法如 pengshui-town-clerk。")
    return _actor(post, via=via)


def actor_of_user(user: User, *, via: str) -> Actor:
    return actor_of(user.username, via=via)


def _actor(post: Post, *, via: str) -> Actor:
    unit, duty = post.unit, Duty(post.duty)
    scope = Scope(unit.county)
    if unit.kind in {Unit.Kind.TOWN, Unit.Kind.VILLAGE}:
        scope = Scope(unit.county, (unit.unit_no, unit.unit_hi))
    elif unit.kind == Unit.Kind.DEPARTMENT:
        scope = Scope(unit.county, None, department_no=unit.department_no)
    elif unit.kind == Unit.Kind.BANK:
        scope = Scope(unit.county, None, bank_no=unit.bank_no)
    elif unit.kind == Unit.Kind.ADMIN:
        scope = Scope(unit.county, None)
    return Actor(
        post.user_id, post.user.username, post.user.name, duty, scope, unit.unit_no, unit.name, via
    )


def unit_by_number(unit_no: int, *, scope: Scope) -> Unit:
    unit: Unit | None = Unit.objects.filter(county=scope.county, unit_no=unit_no).first()
    if unit is None:
        raise Refused(f"没有编号为 {unit_no} 的机构。")
    return unit


def units_of_kind(kinds: Iterable[str], *, scope: Scope) -> QuerySet[Unit]:
    return Unit.objects.filter(county=scope.county, kind__in=list(kinds)).order_by("unit_no")


def department_units(*, scope: Scope) -> dict[int, Unit]:
    """Departments by their number."""
    return {
        unit.department_no or 0: unit
        for unit in units_of_kind([Unit.Kind.DEPARTMENT], scope=scope)
    }


def paying_banks(*, scope: Scope) -> dict[int, PayingBank]:
    """代发银行 by number."""
    banks = PayingBank.objects.filter(county=scope.county).order_by("bank_no")
    return {bank.bank_no: bank for bank in banks}


def work_calendar(*, scope: Scope) -> WorkCalendar:
    """The working-day table. One for the country; `scope` says who asks."""
    assert scope.county
    days = CalendarDay.objects.all().values_list("day", "is_working")
    exceptions: dict[date, bool] = dict(days)
    return WorkCalendar(exceptions)


def users_of_county(slug: str) -> QuerySet[User]:
    """Sign-in accounts of one county, by the prefix of their names."""
    return User.objects.filter(username__startswith=f"{slug}-").order_by("username")


def county_settings(*, scope: Scope) -> County:
    """The county of this scope with its settings.

    Raises:
        Refused: the county was not set up in this home.
    """
    county: County | None = County.objects.filter(county=scope.county).first()
    if county is None:
        raise Refused("本区县尚未初始化，请先运行 ./ykt init。")
    return county


def counties_of_home() -> QuerySet[County]:
    """Every county set up here; names only, for sign-in, the public site and the workers."""
    return County.objects.order_by("county")
