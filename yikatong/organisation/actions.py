"""Sets up a county: its settings, divisions, numbered units, banks, posts and people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from django.contrib.auth.hashers import make_password

from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.errors import Refused
from yikatong.organisation.models import (
    CalendarDay,
    County,
    Division,
    PayingBank,
    Post,
    Unit,
    User,
)
from yikatong.organisation.rules import (
    ADMIN_UNIT,
    AUDIT_UNIT,
    FINANCE_UNIT,
    bank_unit,
    department_unit,
    town_unit,
)

DIVISIONS_AS_OF: Final = date(2023, 6, 30)
DIVISIONS_FROM: Final = "国家统计局统计用区划代码"
WHOLE: Final = 999

# the cast of every home; synthetic, like everyone in it
PEOPLE_OF_POST: Final = (
    (Duty.VILLAGE, "钱大娘"),
    (Duty.TOWN_CLERK, "李霞"),
    (Duty.TOWN_CHECK, "何芳"),
    (Duty.DEPT_CLERK, "孙梅"),
    (Duty.DEPT_CHIEF, "王强"),
    (Duty.FINANCE, "赵敏"),
    (Duty.BANK, "陈行"),
    (Duty.AUDIT, "周正"),
    (Duty.SYSADMIN, "系统管理员"),
    (Duty.SECADMIN, "安全管理员"),
    (Duty.AUDITADMIN, "审计管理员"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A division below the county: its code and name; a town's villages with it."""

    code: str
    name: str
    villages: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Bank:
    """代发银行 as a pack names it."""

    no: int
    code3: str
    name: str
    short_name: str
    cnaps: str
    payout_account: str
    note: str


def set_up_county(
    *,
    county: str,
    slug: str,
    name: str,
    short_name: str,
    finance: str,
    settings: Mapping[str, Any],
    departments: Mapping[int, str],
    banks: Sequence[Bank],
    towns: Sequence[Place],
    is_sample: bool,
    actor: Actor,
) -> None:
    """Once per home and county.

    Raises:
        Refused: the county is set up already.
    """
    if actor.scope.county != county or County.objects.filter(county=county).exists():
        raise Refused(f"{name}已经初始化过，不再重复。")
    County.objects.create(
        county=county,
        slug=slug,
        name=name,
        short_name=short_name,
        settings=dict(settings),
        is_sample=is_sample,
    )
    units = [
        Unit(
            county=county,
            unit_no=FINANCE_UNIT,
            unit_hi=FINANCE_UNIT,
            kind=Unit.Kind.FINANCE,
            name=finance,
        ),
        Unit(
            county=county,
            unit_no=AUDIT_UNIT,
            unit_hi=AUDIT_UNIT,
            kind=Unit.Kind.AUDIT,
            name=f"{short_name}纪检监察、审计",
        ),
        Unit(
            county=county,
            unit_no=ADMIN_UNIT,
            unit_hi=ADMIN_UNIT,
            kind=Unit.Kind.ADMIN,
            name=f"{short_name}系统管理",
        ),
    ]
    for place, town in enumerate(towns, start=1):
        first = town_unit(place)
        units.append(_place(county, first, first + WHOLE, Unit.Kind.TOWN, town))
        units.extend(
            _place(county, first + n, first + n, Unit.Kind.VILLAGE, village)
            for n, village in enumerate(town.villages, start=1)
        )
    for number, department in departments.items():
        unit_no = department_unit(number)
        units.append(
            Unit(
                county=county,
                unit_no=unit_no,
                unit_hi=unit_no,
                kind=Unit.Kind.DEPARTMENT,
                name=department,
                department_no=number,
            )
        )
    for bank in banks:
        unit_no = bank_unit(bank.no)
        units.append(
            Unit(
                county=county,
                unit_no=unit_no,
                unit_hi=unit_no,
                kind=Unit.Kind.BANK,
                name=bank.name,
                bank_no=bank.no,
            )
        )
        facts = asdict(bank)
        facts["bank_no"] = facts.pop("no")
        PayingBank.objects.create(county=county, unit_no=unit_no, **facts)
    Unit.objects.bulk_create(units)
    _divisions(county, towns)


def post_people(
    *, county: str, slug: str, departments: Sequence[int], bank_no: int, actor: Actor
) -> list[str]:
    """One person per post, without a password: the first town, one bank; the two department
    posts in every department, between which their holders switch.
    """
    if actor.scope.county != county:
        raise Refused("不在本区县的范围内。")
    town = Unit.objects.filter(county=county, kind=Unit.Kind.TOWN).order_by("unit_no").first()
    village = Unit.objects.filter(county=county, kind=Unit.Kind.VILLAGE).order_by("unit_no").first()
    if town is None or village is None:
        raise Refused("区划里没有镇街或村（社区），无法设置岗位。")
    all_departments = [department_unit(number) for number in departments]
    where = {
        Duty.VILLAGE: [village.unit_no],
        Duty.TOWN_CLERK: [town.unit_no],
        Duty.TOWN_CHECK: [town.unit_no],
        Duty.DEPT_CLERK: all_departments,
        Duty.DEPT_CHIEF: all_departments,
        Duty.FINANCE: [FINANCE_UNIT],
        Duty.BANK: [bank_unit(bank_no)],
        Duty.AUDIT: [AUDIT_UNIT],
        Duty.SYSADMIN: [ADMIN_UNIT],
        Duty.SECADMIN: [ADMIN_UNIT],
        Duty.AUDITADMIN: [ADMIN_UNIT],
    }
    made = []
    for duty, name in PEOPLE_OF_POST:
        user = User.objects.create(
            username=f"{slug}-{duty.value}", name=name, password=make_password(None)
        )
        for unit in Unit.objects.filter(county=county, unit_no__in=where[duty]).order_by("unit_no"):
            Post.objects.create(user=user, duty=duty.value, unit=unit)
        made.append(user.username)
    return made


def keep_calendar(exceptions: Mapping[date, bool], *, actor: Actor) -> int:
    """The exceptional days of the working calendar, once for the country."""
    _known_county(actor)
    days = [CalendarDay(day=day, is_working=works) for day, works in sorted(exceptions.items())]
    CalendarDay.objects.bulk_create(days, ignore_conflicts=True)
    return len(days)


def give_password(user: User, password: str, *, actor: Actor) -> None:
    """For `demo` and the security administrator; in production at first sign-in."""
    _known_county(actor)
    User.objects.filter(pk=user.pk).update(password=make_password(password))


def _place(county: str, low: int, high: int, kind: Unit.Kind, place: Place) -> Unit:
    return Unit(
        county=county,
        unit_no=low,
        unit_hi=high,
        kind=kind,
        name=place.name,
        division_code=place.code,
    )


def _divisions(county: str, towns: Sequence[Place]) -> None:
    rows = [(town.code, town.name, "town", county) for town in towns]
    rows += [(v.code, v.name, "village", town.code) for town in towns for v in town.villages]
    Division.objects.bulk_create(
        (
            Division(
                code=code,
                name=name,
                level=level,
                parent_code=parent,
                source=DIVISIONS_FROM,
                valid_from=DIVISIONS_AS_OF,
            )
            for code, name, level, parent in rows
        ),
        ignore_conflicts=True,
    )


def _known_county(actor: Actor) -> None:
    if not actor.scope.county:
        raise Refused("没有指明区县。")
