"""Reads of units, people and the calendar."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.models import QuerySet

from yikatong.kernel.actor import Actor, Duty, Scope
from yikatong.kernel.calendar import WorkCalendar
from yikatong.kernel.errors import Refused
from yikatong.organisation.models import CalendarDay, County, PayingBank, Post, Unit, User


def actors_of(username: str, *, via: str) -> list[Actor]:
    """The person at each of their posts in force, the first one first; before any scope.

    Raises:
        Refused: nobody of that name, or no post in force.
    """
    posts = (
        Post.objects.filter(user__username=username, is_active=True, user__is_active=True)
        .select_related("user", "unit")
        .order_by("id")
    )
    actors = [_actor(post, via=via) for post in posts]
    if not actors:
        raise Refused(f"没有账号“{username}”，或其岗位已停用。账号写法如 pengshui-town-clerk。")
    return actors


def actor_of(username: str, *, via: str, unit_no: int | None = None) -> Actor:
    """The person at their post: the first, or the one at `unit_no`. Two posts are switched
    between explicitly.
    """
    actors = actors_of(username, via=via)
    chosen = [actor for actor in actors if unit_no is None or actor.unit_no == unit_no]
    if not chosen:
        raise Refused("您在这个机构没有岗位。")
    return chosen[0]


def actor_of_user(user: User, *, via: str, unit_no: int | None = None) -> Actor:
    return actor_of(user.username, via=via, unit_no=unit_no)


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
        unit.department_no or 0: unit for unit in units_of_kind([Unit.Kind.DEPARTMENT], scope=scope)
    }


def paying_banks(*, scope: Scope) -> dict[int, PayingBank]:
    """代发银行 by number."""
    banks = PayingBank.objects.filter(county=scope.county).order_by("bank_no")
    return {bank.bank_no: bank for bank in banks}


def work_calendar(*, scope: Scope) -> WorkCalendar:
    """The working-day table: one for the country, whatever the scope that asks."""
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


def units_named(written: str, *, scope: Scope) -> int | None:
    """A unit's number by that number or by its division code; None where there is none."""
    units = Unit.objects.filter(county=scope.county)
    by_code = units.filter(division_code=written).first()
    if by_code is None and written.isdecimal():
        by_code = units.filter(unit_no=int(written)).first()
    return None if by_code is None else by_code.unit_no


def clerks_of(unit_no: int, *, scope: Scope) -> list[str]:
    """Accounts of the clerks in office at one unit."""
    found = Post.objects.filter(
        unit__county=scope.county,
        unit__unit_no=unit_no,
        duty__in=(Duty.TOWN_CLERK, Duty.DEPT_CLERK),
        is_active=True,
        user__is_active=True,
    )
    return sorted(set(found.values_list("user__username", flat=True)))


def unit_names(unit_nos: Iterable[int], *, scope: Scope) -> dict[int, str]:
    """Names of units by number, in one query."""
    units = Unit.objects.filter(county=scope.county, unit_no__in=list(unit_nos))
    return dict(units.values_list("unit_no", "name"))
