"""Writes of many people, cards and roster rows: COPY to TEMP, INSERT … SELECT under the policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

PEOPLE: Final = (
    ("row_no", "int4"),
    ("unit_no", "int4"),
    ("household_no", "text"),
    ("is_head", "bool"),
    ("id_cipher", "bytea"),
    ("id_index", "bytea"),
    ("id_masked", "text"),
    ("name", "text"),
    ("name_key", "text"),
    ("is_male", "bool"),
    ("birth_on", "date"),
    ("relation", "text"),
    ("village_group", "text"),
    ("phone_cipher", "bytea"),
    ("phone_index", "bytea"),
    ("phone_masked", "text"),
    ("number_cipher", "bytea"),
    ("number_index", "bytea"),
    ("last4", "text"),
    ("card_kind", "text"),
    ("bank_no", "int4"),
    ("bank_name", "text"),
    ("account_name", "text"),
    ("account_name_key", "text"),
    ("guardian_index", "bytea"),
)
ROSTER: Final = (
    ("id_index", "bytea"),
    ("name", "text"),
    ("since", "date"),
    ("until", "date"),
    ("grade", "text"),
    ("quantity", "numeric"),
    ("object_key", "text"),
)


def _staged(name: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> int:
    declared = ", ".join(f"{column} {kind}" for column, kind in columns)
    names = ", ".join(column for column, _ in columns)
    count = 0
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
        cursor.execute(f"CREATE TEMP TABLE {name} ({declared}) ON COMMIT DROP")
        with cursor.copy(f"COPY {name} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types([kind for _, kind in columns])
            for row in rows:
                copy.write_row(row)
                count += 1
        cursor.execute(f"ANALYZE {name}")
    return count


def load_people(
    rows: Iterable[Sequence[Any]], *, county: str, by: str, is_sample: bool
) -> tuple[int, int, int]:
    """Register households, people and first accounts from rows of `PEOPLE`'s shape.

    Who is registered already stays as they are: a change is a declaration of its own (K3, K4).
    Returns (people new, accounts new, rows known already).
    """
    read = _staged("arrivals", PEOPLE, rows)
    facts: dict[str, str | bool] = {"county": county, "by": by, "sample": is_sample}
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO registry_household (county, unit_no, number, is_sample)"
            " SELECT DISTINCT ON (household_no) %(county)s, unit_no, household_no, %(sample)s FROM arrivals"
            " WHERE household_no <> '' ORDER BY household_no, is_head DESC, row_no"
            " ON CONFLICT (county, number) DO NOTHING",
            facts,
        )
        cursor.execute(
            "INSERT INTO registry_person (county, unit_no, id_cipher, id_index, id_masked, name, name_key, is_male,"
            " birth_on, household_id, relation_to_head, village_group, phone_cipher, phone_index, phone_masked, is_sample,"
            " entered_by, entered_at)"
            " SELECT %(county)s, arrivals.unit_no, id_cipher, id_index, id_masked, name, name_key, is_male, birth_on,"
            " household.id, relation, village_group, phone_cipher, phone_index, phone_masked, %(sample)s, %(by)s, now()"
            " FROM arrivals LEFT JOIN registry_household AS household"
            "   ON household.county = %(county)s AND household.number = arrivals.household_no"
            " ORDER BY row_no ON CONFLICT (county, id_index) DO NOTHING",
            facts,
        )
        people = int(cursor.rowcount)
        cursor.execute(
            "UPDATE registry_household AS household SET head_id = person.id FROM arrivals, registry_person AS person"
            " WHERE arrivals.is_head AND household.county = %(county)s AND household.number = arrivals.household_no"
            " AND household.head_id IS NULL AND person.county = %(county)s AND person.id_index = arrivals.id_index",
            facts,
        )
        cursor.execute(
            "INSERT INTO registry_cardaccount (county, unit_no, person_id, is_active)"
            " SELECT %(county)s, arrivals.unit_no, person.id, true FROM arrivals JOIN registry_person AS person"
            "   ON person.county = %(county)s AND person.id_index = arrivals.id_index"
            " WHERE arrivals.number_index IS NOT NULL AND NOT EXISTS (SELECT FROM registry_cardaccount AS known"
            "   WHERE known.person_id = person.id AND known.is_active) ORDER BY row_no",
            facts,
        )
        accounts = int(cursor.rowcount)
        cursor.execute(
            "INSERT INTO registry_cardaccountversion (county, unit_no, account_id, number_cipher, number_index, last4,"
            " kind, bank_no, bank_name, account_name, account_name_key, reason, entered_by, confirmed_by, entered_at)"
            " SELECT %(county)s, arrivals.unit_no, account.id, number_cipher, number_index, last4, card_kind, bank_no,"
            " bank_name, account_name, account_name_key, '首次采集', %(by)s, '', now()"
            " FROM arrivals JOIN registry_person AS person"
            "   ON person.county = %(county)s AND person.id_index = arrivals.id_index"
            " JOIN registry_cardaccount AS account ON account.person_id = person.id AND account.is_active"
            " WHERE arrivals.number_index IS NOT NULL AND account.current_id IS NULL ORDER BY row_no",
            facts,
        )
        cursor.execute(
            "UPDATE registry_cardaccount AS account SET current_id = version.id"
            " FROM registry_cardaccountversion AS version"
            " WHERE version.account_id = account.id AND account.current_id IS NULL AND account.county = %(county)s",
            facts,
        )
        _name_guardians(cursor, facts)
    return people, accounts, read - people


def _name_guardians(cursor: CursorWrapper, facts: Mapping[str, str | bool]) -> None:
    """Guardians whom the collection form names, if they are registered themselves."""
    cursor.execute(
        "INSERT INTO registry_guardian (county, unit_no, person_id, guardian_id, relation, evidence, since, entered_by)"
        " SELECT %(county)s, arrivals.unit_no, person.id, guardian.id, '监护人', '账户收集表所载监护人', current_date, %(by)s"
        " FROM arrivals JOIN registry_person AS person"
        "   ON person.county = %(county)s AND person.id_index = arrivals.id_index"
        " JOIN registry_person AS guardian"
        "   ON guardian.county = %(county)s AND guardian.id_index = arrivals.guardian_index"
        " WHERE person.id <> guardian.id AND NOT EXISTS (SELECT FROM registry_guardian AS known"
        "   WHERE known.person_id = person.id AND known.guardian_id = guardian.id)",
        facts,
    )


def arrivals_not_taken(county: str) -> list[tuple[int, str, str, str]]:
    """Of the rows that `load_people` staged in this transaction: what was left as it is.

    Returns (row_no, name, what, last four of the registered account), `what` one of `name`,
    `account`, `guardian` (named, but not registered).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH met AS (SELECT arrivals.*, person.name_key AS known_key, version.number_index AS known_number,"
            "  version.last4 AS known_last4 FROM arrivals"
            " JOIN registry_person AS person ON person.county = %(county)s AND person.id_index = arrivals.id_index"
            " LEFT JOIN registry_cardaccount AS account ON account.person_id = person.id AND account.is_active"
            " LEFT JOIN registry_cardaccountversion AS version ON version.id = account.current_id)"
            " SELECT row_no, name, 'name', '' FROM met WHERE name_key <> known_key"
            " UNION ALL SELECT row_no, name, 'account', known_last4 FROM met WHERE number_index <> known_number"
            " UNION ALL SELECT row_no, name, 'guardian', '' FROM arrivals WHERE guardian_index IS NOT NULL"
            "  AND NOT EXISTS (SELECT FROM registry_person AS guardian WHERE guardian.county = %(county)s"
            "   AND guardian.id_index = arrivals.guardian_index) ORDER BY 1, 3",
            {"county": county},
        )
        return list(cursor.fetchall())


def load_roster(rows: Iterable[Sequence[Any]], *, load_id: int, county: str, kind: str) -> int:
    """Insert the entries of one roster load from rows of `ROSTER`'s shape."""
    _staged("listed", ROSTER, rows)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO registry_rosterentry (load_id, county, kind, id_index, name, since, until, grade, quantity,"
            " object_key) SELECT %s, %s, %s, id_index, name, since, until, grade, quantity, object_key FROM listed",
            [load_id, county, kind],
        )
        return int(cursor.rowcount)


TRIED = (
    "SELECT version.number_index FROM registry_verificationrequest AS request"
    " CROSS JOIN LATERAL jsonb_array_elements_text(request.versions) AS asked (id)"
    " JOIN registry_cardaccountversion AS version ON version.id = asked.id::bigint"
    " WHERE request.county = %(county)s AND request.bank_no = %(bank)s"
    "  AND request.asked_at >= %(since)s AND request.id <> %(own)s"
    " UNION ALL SELECT change.number_index FROM registry_verificationrequest AS request"
    " JOIN registry_accountchange AS change ON change.id = request.for_change_id"
    " WHERE request.county = %(county)s AND request.bank_no = %(bank)s"
    "  AND request.asked_at >= %(since)s AND request.id <> %(own)s"
)
"""The card of every question to a bank since an instant, but for one request."""


def tries_of_card(number_index: bytes, *, county: str, bank_no: int, since: datetime) -> int:
    """How often this bank was asked about one card."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM ({TRIED}) AS tried"  # noqa: S608 - fixed text, above
            " WHERE tried.number_index = %(index)s",
            {"county": county, "bank": bank_no, "since": since, "own": 0, "index": number_index},
        )
        return int(cursor.fetchone()[0])


def versions_over_quota(
    request_id: int, *, county: str, bank_no: int, since: datetime, most: int
) -> list[int]:
    """The versions of a request whose card the bank was asked about `most` times already."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT version.id FROM registry_verificationrequest AS own"  # noqa: S608 - as above
            " CROSS JOIN LATERAL jsonb_array_elements_text(own.versions) AS asked (id)"
            " JOIN registry_cardaccountversion AS version ON version.id = asked.id::bigint"
            f" JOIN (SELECT number_index, count(*) AS tries FROM ({TRIED}) AS tried"
            " GROUP BY number_index) AS past ON past.number_index = version.number_index"
            " WHERE own.id = %(own)s AND past.tries >= %(most)s ORDER BY 1",
            {"county": county, "bank": bank_no, "since": since, "own": request_id, "most": most},
        )
        return [version_id for (version_id,) in cursor.fetchall()]
