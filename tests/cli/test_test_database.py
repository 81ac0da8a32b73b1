"""The tests' own ground: a copied database under the real law, entered as real roles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction


def one(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_a_test_logs_in_as_the_web_and_not_as_a_superuser() -> None:
    assert one("SELECT session_user") == "ykt_web"
    assert (
        one("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user") is False
    )


@pytest.mark.django_db
def test_the_law_is_in_force_in_the_copy() -> None:
    assert one("SELECT count(*) FROM pg_policies") > 10
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        one("SELECT count(*) FROM submission_line")


def test_what_commits_has_a_database_of_its_own(
    committing: str,
    log_in: Callable[[str], AbstractContextManager[None]],
    connect: Callable[..., psycopg.Connection[Any]],
) -> None:
    assert one("SELECT current_database()") == committing
    with log_in("ykt_worker"):
        assert one("SELECT session_user") == "ykt_worker"
        assert one("SELECT current_database()") == committing
    assert one("SELECT session_user") == "ykt_web"
    row = connect("ykt_public").execute("SELECT session_user, current_database()").fetchone()
    assert row == ("ykt_public", committing)


def test_the_databases_own_grants_are_copied_too(own_database: str) -> None:
    assert (
        one(f"SELECT has_database_privilege('ykt_public', '{own_database}', 'TEMPORARY')") is False
    )
    assert (
        one(f"SELECT has_database_privilege('ykt_worker', '{own_database}', 'TEMPORARY')") is True
    )
