"""`catalogue`, `load`, `check`, `submit`: spreadsheets in, findings and numbers out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final

from yikatong.cli import session
from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money
from yikatong.kernel.period import Period

BLOCKED, SOUND = 1, 0
NO_MAPPING: Final[Mapping[str, str]] = MappingProxyType({})
SHOWN = 50


def catalogue(county: str | None, *, as_json: bool) -> None:
    """The 清单 of this home."""
    session.log_in("worker")
    from yikatong.catalogue.queries import programmes
    from yikatong.organisation.queries import counties_of_home, department_units
    from yikatong.organisation.scoping import acting

    listed = []
    for one in counties_of_home():
        if county is not None and county not in (one.slug, one.county):
            continue
        with acting(session.machine_for(one.county)) as actor:
            departments = department_units(scope=actor.scope)
            listed += [
                {
                    "code": programme.code,
                    "name": programme.name,
                    "department": departments[programme.department_no].name,
                    "county": one.slug,
                    "flag": programme.flag,
                }
                for programme in programmes(scope=actor.scope)
            ]
    if as_json:
        session.show_json(listed)
        return
    for item in listed:
        flag = f"（{item['flag']}）" if item["flag"] else ""
        sys.stdout.write(
            f"{item['county']}  {item['code']}  {item['name']}  {item['department']}{flag}\n"
        )


def load_people(file: Path, county: str, as_user: str | None) -> int:
    """个人一卡通账户收集表. 0 all registered, 1 some rows were not (each said), 2 unreadable."""
    session.log_in("web")
    from yikatong.organisation.scoping import acting
    from yikatong.registry.actions import left_as_it_was, register_people
    from yikatong.registry.collection import shared_phones
    from yikatong.submission.sheets import read_sheet
    from yikatong.submission.sheets_door import BULK
    from yikatong.submission.sheets_forms import ACCOUNT_COLLECTION

    code = session.county_code(county)
    clerk = _first_fitting(as_user, county, code, Duty.TOWN_CLERK)
    sheet = read_sheet(session.read_bytes(file), ACCOUNT_COLLECTION, name=file.name, limits=BULK)
    with acting(clerk):
        people, accounts, known, troubles = register_people(
            sheet.frame, is_sample=False, actor=clerk
        )
        left = left_as_it_was(sheet.frame, actor=clerk)
    for notice in sheet.notices:
        session.say(notice.message)
    told = (*troubles, *left, *shared_phones(sheet.frame))
    _tell((trouble.sentence for trouble in told), most=len(told))
    session.say(
        f"登记 {people} 人，账户 {accounts} 个；已登记 {known} 人；未登记 {len(troubles)} 行。"
    )
    return BLOCKED if troubles else SOUND


def load_roster(kind: str, file: Path, county: str, as_of: str, as_user: str | None) -> int:
    """A comparison roster with its as-of date; exit as `load people`."""
    session.log_in("web")
    from yikatong.organisation.scoping import acting
    from yikatong.registry.actions import load_roster as keep
    from yikatong.registry.queries import left_out_of_newest, newest_roster
    from yikatong.submission.sheets import read_sheet
    from yikatong.submission.sheets_door import BULK
    from yikatong.submission.sheets_forms import ROSTER

    try:
        day = date.fromisoformat(as_of)
    except ValueError:
        raise Refused(f"名册截止日期“{as_of}”写法不对，请写成 2026-10-31。") from None
    code = session.county_code(county)
    clerk = _first_fitting(as_user, county, code, Duty.TOWN_CLERK)
    content = session.read_bytes(file)
    sheet = read_sheet(content, ROSTER, name=file.name, limits=BULK)
    with acting(clerk):
        stored, troubles = keep(
            sheet.frame, kind=kind, as_of=day, file_name=file.name, content=content, actor=clerk
        )
        newest = newest_roster(kind, scope=clerk.scope)
        left_out = left_out_of_newest(kind, scope=clerk.scope) if newest == day else None
    _tell((trouble.sentence for trouble in troubles), most=len(troubles))
    if newest is not None and newest > day:
        session.say(f"已有截止 {newest} 的同类名册，比对时用较新的那份；这一份只留存备查。")
    if left_out is not None:
        session.say(left_out.sentence)
    session.say(f"名册 {kind}（{day}）导入 {stored} 行；未采用 {len(troubles)} 行。")
    return BLOCKED if troubles else SOUND


def told_mapping(said: Sequence[str]) -> dict[str, str]:
    """`--map 列名=字段` as header → field; a field by its name or its Chinese word, '' for none."""
    from yikatong.submission.sheets_forms import DISBURSEMENT

    words = {field.word: field.name for field in DISBURSEMENT.fields}
    mapping = {}
    for one in said:
        header, mark, field = one.rpartition("=")
        name = words.get(field.strip(), field.strip())
        if not mark or not header.strip() or name not in {"", *words.values()}:
            known = "、".join(words)
            raise Refused(f"“{one}”写法不对，请写成 列名=字段。可用的字段：{known}。")
        mapping[header.strip()] = name
    return mapping


def check(
    file: Path,
    county: str,
    programme: str,
    period: str,
    *,
    as_json: bool,
    marked: Path | None,
    mapping: Sequence[str] = (),
) -> int:
    """Judge a sheet by every rule, as the worker with the county's scope; store nothing."""
    session.must_be_readable(file)
    session.log_in("worker")
    when = Period.parse(period).not_far_ahead(_today())
    from yikatong.catalogue.queries import programme_by_code
    from yikatong.kernel.actor import ALL_UNITS
    from yikatong.organisation.scoping import acting
    from yikatong.submission.sheets_door import BULK, unchanged
    from yikatong.validation.actions import check_rows
    from yikatong.validation.intake import read_list
    from yikatong.validation.marking import write_marked
    from yikatong.validation.progress import progress
    from yikatong.validation.rules import Bands

    code = session.county_code(county)
    with unchanged(file), acting(session.machine_for(code)) as actor:
        item = programme_by_code(programme, scope=actor.scope)
        intake = read_list(
            file,
            file.name,
            item,
            when,
            today=_today(),
            limits=BULK,
            mapping=told_mapping(mapping),
        )
        report = check_rows(
            intake.rows, programme=item, period=when, bands=Bands(*ALL_UNITS), actor=actor
        )
        content = b"" if marked is None else session.read_bytes(file)
    report = report.with_notices(intake.notices)
    if marked is not None:
        write_marked(content, intake.sheet, report, marked)
        session.say(f"标注后的工作簿：{marked}")
    since = progress(intake.sheet.frame, report.findings)
    if since is not None:
        session.say(since.sentence)
    if as_json:
        session.show_json(report.as_json() | ({} if since is None else since.as_json()))
    else:
        _tell(finding.message for finding in report.findings)
        session.say(
            f"共 {report.rows} 行，{Money(report.amount_fen)} 元：通过 {report.passed}，"
            f"错误 {report.blocked}，待核 {report.to_confirm}。"
        )
    return BLOCKED if report.blocked else SOUND


def submit(
    file: Path,
    county: str,
    programme: str,
    period: str,
    *,
    as_json: bool,
    marked: Path | None,
    as_user: str | None,
    unit: str | None,
    mapping: Sequence[str] = (),
) -> int:
    """The same as `check`, then stored as a draft by the named clerk; prints its number."""
    session.log_in("web")
    clerk = drafting_clerk(as_user, county, session.county_code(county), programme)
    code = check(file, county, programme, period, as_json=False, marked=marked, mapping=mapping)
    session.log_in("web")
    unit_no = None if unit is None else _unit_of(unit, clerk)
    number = store_list(
        file,
        clerk,
        programme,
        Period.parse(period),
        unit_no=unit_no,
        mapping=told_mapping(mapping),
    )
    if as_json:
        session.show_json({"number": number, "status": "DRAFT"})
    else:
        sys.stdout.write(f"{number}\n")
    return SOUND if code in (SOUND, BLOCKED) else code


def store_list(
    file: Path,
    clerk: Actor,
    programme: str,
    period: Period,
    *,
    unit_no: int | None = None,
    mapping: Mapping[str, str] = NO_MAPPING,
) -> str:
    """Keep the file, read it, store it as a draft of the clerk's unit; the batch's number."""
    from yikatong.catalogue.queries import programme_by_code
    from yikatong.organisation.scoping import acting
    from yikatong.submission.actions import draft
    from yikatong.submission.sheets_door import BULK, unchanged
    from yikatong.submission.uploads import keep_file, sealed
    from yikatong.validation.intake import read_list

    session.must_be_readable(file)
    unit = clerk.unit_no if unit_no is None else unit_no
    with acting(clerk):
        item = programme_by_code(programme, scope=clerk.scope)
        # packed and encrypted while it is read; what is kept is what was read
        with ThreadPoolExecutor(1) as beside, unchanged(file):
            coming = beside.submit(sealed, file, county=clerk.scope.county)
            intake = read_list(
                file, file.name, item, period, today=_today(), limits=BULK, mapping=mapping
            )
            sealed_file = coming.result()
        kept = keep_file(
            name=file.name,
            file=sealed_file,
            unit_no=unit,
            department_no=item.department_no,
            actor=clerk,
        )
        batch = draft(
            programme=item,
            period=period,
            unit_no=unit,
            rows=intake.rows,
            source_file=kept,
            actor=clerk,
        )
    return batch.number


def drafting_clerk(as_user: str | None, county: str, code: str, programme: str) -> Actor:
    """Who drafts: the named person, else the county's first post that fits the item's 发放单位."""
    from yikatong.catalogue.queries import programme_by_code
    from yikatong.journey.steps import JOURNEYS
    from yikatong.kernel.steps import Seat
    from yikatong.organisation.queries import actors_of
    from yikatong.organisation.scoping import acting

    if as_user is not None:
        actors = actors_of(as_user, via=session.VIA)
        if actors[0].scope.county != code:
            raise Refused(f"{as_user} 不是本区县的人员，不能在这里编制。")
    else:
        actors = actors_of(f"{_slug(county, code)}-town-clerk", via=session.VIA)
    with acting(actors[0]):
        item = programme_by_code(programme, scope=actors[0].scope)
    townships_draft = any(step.seat == Seat.DEPT_CLERK for step in JOURNEYS[code].values())
    if as_user is None and item.paying_unit == "department" and not townships_draft:
        actors = actors_of(f"{_slug(county, code)}-dept-clerk", via=session.VIA)
    fitting = [a for a in actors if a.scope.department_no in (None, item.department_no)]
    if not fitting or fitting[0].duty not in {Duty.TOWN_CLERK, Duty.DEPT_CLERK}:
        raise Refused("编制名单由镇街经办或主管部门经办办理，不在这个账号的岗位职责内。")
    return fitting[0]


def _first_fitting(as_user: str | None, county: str, code: str, duty: Duty) -> Actor:
    from yikatong.organisation.queries import actors_of

    actor = actors_of(as_user or f"{_slug(county, code)}-{duty.value}", via=session.VIA)[0]
    if actor.scope.county != code:
        raise Refused(f"{actor.username} 不是本区县的人员。")
    if actor.duty not in {Duty.TOWN_CLERK, Duty.DEPT_CLERK}:
        raise Refused("导入由镇街经办或主管部门经办办理，不在这个账号的岗位职责内。")
    return actor


def _slug(county: str, code: str) -> str:
    from yikatong.organisation.queries import counties_of_home

    return next((one.slug for one in counties_of_home() if one.county == code), county)


def _unit_of(unit: str, clerk: Actor) -> int:
    """A unit by its number or division code, within the clerk's scope."""
    from yikatong.organisation.queries import units_named
    from yikatong.organisation.scoping import acting

    with acting(clerk):
        found = units_named(unit, scope=clerk.scope)
    low, high = clerk.scope.units or (clerk.unit_no, clerk.unit_no)
    if found is None or not low <= found <= high:
        raise Refused(f"编制单位“{unit}”不在您的办理范围内。")
    return found


def _today() -> date:
    from django.utils import timezone

    return timezone.localdate()


def _tell(sentences: Iterable[str], *, most: int = SHOWN) -> None:
    """Findings for people: the first of them, and how many more."""
    listed = list(sentences)
    for sentence in listed[:most]:
        session.say(sentence)
    if len(listed) > most:
        session.say(f"……还有 {len(listed) - most} 条，用 --json 或 --marked 查看全部。")
