"""An upgrade: the law is lifted, tables under it change, and it stands again as before."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests import database
from tests.law.counties import plant
from tests.validation.cast import HERE
from yikatong.law import apply as law

ROWS = """SELECT 'policy', tablename || ' ' || policyname,
        coalesce(qual, '') || coalesce(with_check, '') || roles::text
    FROM pg_policies WHERE schemaname = 'public'
UNION ALL SELECT 'view', viewname, definition FROM pg_views WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgrelid::regclass || ' ' || tgname, pg_get_triggerdef(oid)
    FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'forced', oid::regclass::text, relrowsecurity::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relforcerowsecurity
UNION ALL SELECT 'grant', table_name || ' ' || grantee,
        string_agg(privilege_type, ' ' ORDER BY privilege_type)
    FROM information_schema.table_privileges WHERE table_schema = 'public' GROUP BY 2
ORDER BY 1, 2, 3"""
# a column of each kind that something of the law names
HELD = (("jobs_inbox", "bank_no"), ("payout_payment", "state"), ("submission_line", "amount_fen"))


def standing(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(ROWS).fetchall()


def retyped(connection: psycopg.Connection[Any], table: str, column: str) -> None:
    """As Django writes it even where only a comment changes."""
    query = (
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attname = %s"
    )
    ((kind,),) = connection.execute(query, [table, column]).fetchall()
    connection.execute(
        f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind} USING {column}::{kind}"
    )


@pytest.fixture
def owner(own_database: str) -> Any:
    with database.connect("ykt_admin", own_database) as admin:
        admin.execute("SET ROLE ykt_owner")
        yield admin
        admin.rollback()


def test_the_law_stands_after_an_upgrade_as_it_stood_before(
    owner: psycopg.Connection[Any],
) -> None:
    before = standing(owner)
    law.lift(owner.cursor())
    for table, column in HELD:
        retyped(owner, table, column)
    law.apply(owner.cursor())
    assert standing(owner) == before


def test_a_table_under_the_law_cannot_change(owner: psycopg.Connection[Any]) -> None:
    """What `lift` is there for; where this passes without it, it may go."""
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        retyped(owner, "jobs_inbox", "bank_no")


def test_what_an_administrator_added_is_left_alone(own_database: str) -> None:
    with database.connect("ykt_admin", own_database) as admin:
        admin.execute("CREATE VIEW watched AS SELECT 1 AS one")
        admin.execute("SET ROLE ykt_owner")
        law.lift(admin.cursor())
        left = admin.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'").fetchall()
        admin.rollback()
    assert left == [("watched",)]


def test_between_the_two_only_the_owner_meets_a_row(own_database: str) -> None:
    with database.connect("ykt_admin", own_database) as admin:
        plant(admin)
        admin.commit()
        admin.execute("SET ROLE ykt_owner")
        law.lift(admin.cursor())
        seen = {}
        for role in ("ykt_owner", "ykt_worker", "ykt_finance"):
            admin.execute(f"RESET ROLE; SET ROLE {role}")
            admin.execute(
                "SELECT set_config('ykt.county', %s, true), set_config('ykt.unit_lo', '0', true),"
                " set_config('ykt.unit_hi', '2147483647', true)",
                [HERE],
            )
            seen[role] = admin.execute("SELECT count(*) FROM submission_batch").fetchall()[0][0]
        admin.rollback()
    assert seen["ykt_owner"] > 0
    assert (seen["ykt_worker"], seen["ykt_finance"]) == (0, 0)
