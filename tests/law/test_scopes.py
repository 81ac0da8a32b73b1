"""行级安全: outside one's county there is nothing, and without a scope there is nothing at all."""

from __future__ import annotations

from typing import Any, Final

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests.law.conftest import Enter
from tests.law.counties import EVERYTHING, our_tables
from tests.validation.cast import BANK, DEPARTMENT, ELSEWHERE, HERE, TOWN
from yikatong.law.apply import NOT_TABLES, matrix

IN_A_COUNTY: Final = sorted(
    name
    for name, model in our_tables().items()
    if name not in NOT_TABLES and any(f.column == "county" for f in model._meta.concrete_fields)
)
READERS: Final = {grants.table: grants.read for grants in matrix()}
# one home has one chain, which the worker and 审计管理员 prove as a whole; 安全管理员 makes posts;
# the worker learns from the counties' names whom it works for
READ_ACROSS: Final = {
    ("worker", "audit_auditevent"),
    ("auditadmin", "audit_auditevent"),
    ("secadmin", "organisation_unit"),
    ("worker", "organisation_county"),
}


def count(connection: psycopg.Connection[Any], table: str, county: str = "") -> int:
    where = f" WHERE county = '{county}'" if county else ""
    row = connection.execute(f"SELECT count(*) FROM {table}{where}").fetchone()  # type: ignore[call-overload]  # noqa: S608 - our own names
    return int(row[0])


def test_every_table_with_a_county_is_under_forced_row_security(
    admin: psycopg.Connection[Any],
) -> None:
    held = admin.execute(
        "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid"
        " WHERE attname = 'county' AND relkind IN ('r', 'p')"
        " AND relnamespace = 'public'::regnamespace AND relrowsecurity AND relforcerowsecurity"
    ).fetchall()
    assert sorted(name for (name,) in held) == IN_A_COUNTY
    assert len(IN_A_COUNTY) > 40


def test_the_small_world_holds_a_row_of_both_counties_in_every_table(
    admin: psycopg.Connection[Any],
) -> None:
    """Otherwise the tests below would praise empty tables."""
    for table in IN_A_COUNTY:
        for county in (HERE, ELSEWHERE):
            assert count(admin, table, county) > 0, (table, county)


@pytest.mark.parametrize("table", IN_A_COUNTY)
def test_another_county_sees_no_row(table: str, enter: Enter) -> None:
    for role in READERS[table]:
        if role in {"web", "public"} or (role, table) in READ_ACROSS:
            continue
        login, duty = ("ykt_worker", "") if role == "worker" else ("ykt_web", f"ykt_{role}")
        scope = {**EVERYTHING, "department_no": DEPARTMENT, "bank_no": BANK}
        stranger = enter(login, duty, county=ELSEWHERE, **scope)
        assert count(stranger, table, HERE) == 0, role
        assert count(stranger, table) > 0, f"{role} sees not even their own"


@pytest.mark.parametrize("table", IN_A_COUNTY)
def test_without_a_scope_there_is_nothing(table: str, enter: Enter) -> None:
    for role in READERS[table]:
        if role in {"web", "public"} or (role, table) in READ_ACROSS:
            continue
        login, duty = ("ykt_worker", "") if role == "worker" else ("ykt_web", f"ykt_{role}")
        assert count(enter(login, duty), table) == 0, role
        assert count(enter(login, duty, county="", unit_lo="", unit_hi=""), table) == 0, role


def test_a_village_and_another_town_see_nothing_of_this_town(enter: Enter) -> None:
    for low, high, sees in ((TOWN, TOWN + 999, True), (TOWN + 1000, TOWN + 1999, False)):
        town = enter("ykt_web", "ykt_town", county=HERE, unit_lo=low, unit_hi=high)
        for table in ("submission_batch", "submission_line", "registry_person", "payout_payment"):
            assert (count(town, table) > 0) is sees, (table, low)


def test_a_village_reads_the_lines_of_its_own_people_and_changes_none(enter: Enter) -> None:
    for unit, sees in ((TOWN + 1, True), (TOWN + 2, False)):
        village = enter("ykt_web", "ykt_village", county=HERE, unit_lo=unit, unit_hi=unit)
        for table in ("submission_line", "submission_batch"):
            assert (count(village, table) > 0) is sees, (table, unit)
    village = enter("ykt_web", "ykt_village", county=HERE, unit_lo=TOWN + 1, unit_hi=TOWN + 1)
    for change in ("UPDATE submission_line SET remark = ''", "DELETE FROM submission_line"):
        with pytest.raises(InsufficientPrivilege), village.transaction():
            village.execute(change)  # type: ignore[call-overload]


def test_a_banks_day_is_read_by_no_department(enter: Enter) -> None:
    department = enter("ykt_web", "ykt_department", county=HERE, department_no=DEPARTMENT)
    with pytest.raises(InsufficientPrivilege), department.transaction():
        count(department, "feedback_dayaccount")


def test_a_department_and_a_bank_see_their_own_part(enter: Enter) -> None:
    for number, sees in ((DEPARTMENT, True), (DEPARTMENT + 1, False)):
        department = enter("ykt_web", "ykt_department", county=HERE, department_no=number)
        assert (count(department, "submission_batch") > 0) is sees
        assert count(department, "registry_person") > 0, "its programmes are paid to them"
    for number, sees in ((BANK, True), (BANK + 1, False)):
        bank = enter("ykt_web", "ykt_bank", county=HERE, bank_no=number)
        assert (count(bank, "payout_payment") > 0) is sees
        assert (count(bank, "submission_batch") > 0) is sees


def test_a_row_cannot_be_written_into_another_county(enter: Enter) -> None:
    town = enter("ykt_web", "ykt_town", county=ELSEWHERE, **EVERYTHING)
    with pytest.raises(InsufficientPrivilege, match="row-level security"):
        town.execute(
            "INSERT INTO registry_household (county, unit_no, number, is_sample)"
            " VALUES (%s, %s, 'X', false)",
            [HERE, TOWN],
        )


def test_the_public_process_reads_what_was_published_and_no_person(enter: Enter) -> None:
    public = enter("ykt_public")
    assert count(public, "disclosure_disclosure") == 2
    for table in ("registry_person", "submission_line", "payout_payment", "organisation_user"):
        with pytest.raises(InsufficientPrivilege), public.transaction():
            count(public, table)
