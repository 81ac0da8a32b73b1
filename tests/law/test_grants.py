"""权限矩阵: the catalog holds exactly what grants.toml says, in both directions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests import session_home
from tests.law.conftest import Enter
from tests.validation.cast import HERE
from yikatong.kernel.actor import DATABASE_ROLE
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT
from yikatong.law.apply import ALL_ROLES, DEFINERS, OUTSIDE, matrix
from yikatong.law.logins import refuse_powerful_login

Grant = tuple[str, str, str]  # relation, privilege, column ("" where it is the whole relation's)
WHOLE: Final = ("DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
BY_COLUMN: Final = ("SELECT", "INSERT", "UPDATE")
OF_SUPERVISION: Final = ("worker", "audit", "backup")

HELD = """
SELECT relation.relname, privilege, attribute.attname
FROM pg_class AS relation
JOIN pg_attribute AS attribute ON attribute.attrelid = relation.oid AND attnum > 0
    AND NOT attisdropped
CROSS JOIN unnest(%(by_column)s::text[]) AS privilege
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
  AND has_column_privilege(%(role)s, relation.oid, attnum, privilege)
UNION ALL
SELECT relation.relname, privilege, ''
FROM pg_class AS relation CROSS JOIN unnest(%(whole)s::text[]) AS privilege
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
  AND has_table_privilege(%(role)s, relation.oid, privilege)
"""
COLUMNS = """
SELECT relation.relname, array_agg(attname::text) FROM pg_class AS relation
JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') GROUP BY 1
"""


def expected(role: str, columns: dict[str, list[str]]) -> Iterator[Grant]:
    for grants in matrix():
        every = columns[grants.table]
        if role in grants.read:
            hidden = () if role == "worker" else grants.all_but
            yield from ((grants.table, "SELECT", c) for c in every if c not in hidden)
        if role in grants.insert:
            yield from ((grants.table, "INSERT", c) for c in every)
        which = grants.update.get(role, ())
        yield from ((grants.table, "UPDATE", c) for c in (every if which == ("*",) else which))
        if role in grants.delete:
            yield (grants.table, "DELETE", "")
    for name, every in columns.items():
        watched = name.startswith("inv_") or name == "batch_makers"
        if role == "backup" or (watched and role in OF_SUPERVISION):
            yield from ((name, "SELECT", c) for c in every)


@pytest.mark.parametrize("role", ALL_ROLES)
def test_the_catalog_holds_exactly_the_matrix(role: str, admin: psycopg.Connection[Any]) -> None:
    columns = dict(admin.execute(COLUMNS).fetchall())
    assert len(columns) > 60
    asked = {"role": f"ykt_{role}", "by_column": list(BY_COLUMN), "whole": list(WHOLE)}
    held = set(admin.execute(HELD, asked).fetchall())
    wanted = set(expected(role, columns))
    assert held - wanted == set(), "granted, and not in grants.toml"
    assert wanted - held == set(), "in grants.toml, and not granted"


def test_every_relation_of_ours_is_in_the_matrix(admin: psycopg.Connection[Any]) -> None:
    """A table that is forgotten there is closed to everyone, which a screen would notice late."""
    known = {grants.table for grants in matrix()}
    ours = ("organisation", "catalogue", "registry", "submission", "validation", "review")
    ours += ("funding", "payout", "feedback", "accounting", "disclosure", "jobs", "audit")
    names = dict(admin.execute(COLUMNS).fetchall())
    assert {name for name in names if name.split("_")[0] in ours} <= known


def test_only_those_inside_may_append_or_queue(admin: psycopg.Connection[Any]) -> None:
    query = "SELECT has_function_privilege(%s, %s, 'EXECUTE')"
    for role in ALL_ROLES:
        for function in DEFINERS:
            (may,) = admin.execute(query, [f"ykt_{role}", function]).fetchone() or (None,)
            assert may is (role not in OUTSIDE), (role, function)


def test_definers_pin_their_search_path(admin: psycopg.Connection[Any]) -> None:
    loose = admin.execute(
        "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        " AND NOT coalesce(proconfig::text LIKE '%search_path%', false)"
    ).fetchall()
    assert loose == []


# -- logins -------------------------------------------------------------------------------------


def test_no_role_of_ours_is_above_the_law(admin: psycopg.Connection[Any]) -> None:
    powerful = admin.execute(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'ykt\\_%' AND rolname <> 'ykt_admin'"
        " AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolinherit)"
    ).fetchall()
    assert powerful == []
    login = admin.execute(
        "SELECT array_agg(rolname::text ORDER BY rolname) FROM pg_roles"
        " WHERE rolname LIKE 'ykt\\_%' AND rolname <> 'ykt_admin' AND rolcanlogin"
    ).fetchone()
    assert login == (["ykt_backup", "ykt_public", "ykt_web", "ykt_worker"],)


def test_only_the_owner_owns(admin: psycopg.Connection[Any]) -> None:
    owners = admin.execute(
        "SELECT DISTINCT relowner::regrole::text FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')"
    ).fetchall()
    assert owners == [("ykt_owner",)]


@pytest.mark.parametrize("login", ["ykt_web", "ykt_worker", "ykt_public", "ykt_backup"])
def test_our_logins_may_start(login: str, enter: Enter) -> None:
    refuse_powerful_login(enter(login))


def test_the_administrator_may_not_start(admin: psycopg.Connection[Any]) -> None:
    with pytest.raises(Refused, match="权限过大"):
        refuse_powerful_login(admin)


def test_the_web_becomes_a_duty_and_never_the_worker_or_the_owner(enter: Enter) -> None:
    for role in set(DATABASE_ROLE.values()) - {"ykt_worker"}:
        assert enter("ykt_web", role).execute("SELECT current_user").fetchone() == (role,)
    for role in ("ykt_worker", "ykt_owner", "ykt_admin", "ykt_public"):
        with pytest.raises(InsufficientPrivilege):
            enter("ykt_web", role)
    with pytest.raises(InsufficientPrivilege):
        enter("ykt_public", "ykt_town")


# -- 财政可通过、可退回，不能修改 -----------------------------------------------------------------

GUARDED: Final = (
    "submission_line",
    "submission_confirmation",
    "registry_person",
    "registry_household",
    "registry_cardaccount",
    "registry_cardaccountversion",
    "registry_accountchange",
    "payout_payment",
    "payout_bankshare",
    "payout_paymentinstruction",
    "funding_fundingrequest",
    "feedback_paymentresult",
    "catalogue_benefitstandard",
)
VERBS: Final = {
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET county = county",
    "DELETE": "DELETE FROM {table}",
    "TRUNCATE": "TRUNCATE {table} CASCADE",
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("role", ["ykt_finance", "ykt_audit"])
def test_finance_and_audit_change_nothing(role: str, verb: str, enter: Enter) -> None:
    connection = enter("ykt_web", role, county=HERE, unit_lo=0, unit_hi=2_147_483_647)
    for table in GUARDED:
        with pytest.raises(InsufficientPrivilege), connection.transaction():
            connection.execute(VERBS[verb].format(table=table))


def test_finance_moves_a_batch_and_writes_its_verdict_only(enter: Enter) -> None:
    scope = {"county": HERE, "unit_lo": 0, "unit_hi": 2_147_483_647}
    finance = enter("ykt_web", "ykt_finance", **scope)
    moved = finance.execute("UPDATE submission_batch SET due_on = '2026-10-01'").rowcount
    assert moved > 0
    for column in ("period", "made_by", "number", "programme_id", "unit_no"):
        with pytest.raises(InsufficientPrivilege), finance.transaction():
            finance.execute(f"UPDATE submission_batch SET {column} = {column}")  # noqa: S608 - our own names


def test_the_duties_cannot_read_ciphers(enter: Enter) -> None:
    town = enter("ykt_web", "ykt_town", county=HERE, unit_lo=0, unit_hi=2_147_483_647)
    assert town.execute("SELECT count(name) FROM registry_person").fetchone() != (0,)
    for query in (
        "SELECT id_cipher FROM registry_person",
        "SELECT number_cipher FROM registry_cardaccountversion",
    ):
        with pytest.raises(InsufficientPrivilege), town.transaction():
            town.execute(query)


def test_the_site_looks_at_its_login_however_it_was_started(committing: str) -> None:
    """gunicorn by hand, past ./ykt serve: config.wsgi itself refuses the administrator's login."""
    for process, code in (("administrator", 1), ("web", 0), ("public", 0)):
        done = subprocess.run(
            [sys.executable, "-P", "-c", "import config.wsgi"],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "PYTHONPATH": str(CHECKOUT),
                "YKT_PROCESS": process,
                "YKT_DATABASE_NAME": committing,
                "YKT_SOCKET_DIR": str(session_home.server().socket_dir),
                "DJANGO_SETTINGS_MODULE": "config.settings",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert ("权限过大" in done.stderr) == (code == 1)
        assert "Traceback" not in done.stderr
