"""The owner of the tables as these tests use him: past all grants, so that only triggers refuse."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.errors import RestrictViolation

Owner = psycopg.Connection[Any]


def refused(connection: Owner, statement: str, *arguments: object, match: str = "") -> None:
    with pytest.raises(RestrictViolation, match=match), connection.transaction():
        connection.execute(statement, arguments)  # type: ignore[call-overload]


def value(connection: Owner, query: str, *arguments: object) -> Any:
    row = connection.execute(query, arguments).fetchone()  # type: ignore[call-overload]
    assert row is not None, query
    return row[0]


def batch_in(connection: Owner, status: str) -> int:
    return int(
        value(
            connection,
            "SELECT id FROM submission_batch WHERE status = %s AND EXISTS (SELECT FROM"
            " submission_line AS line WHERE line.batch_id = submission_batch.id)"
            " ORDER BY id DESC LIMIT 1",
            status,
        )
    )


def force(admin: Owner, statement: str, *arguments: object) -> None:
    """Past the triggers, as only the administrator can; then the owner again."""
    admin.execute("RESET ROLE")
    admin.execute("SET LOCAL session_replication_role = replica")
    admin.execute(statement, arguments)  # type: ignore[call-overload]
    admin.execute("SET LOCAL session_replication_role = origin")
    admin.execute("SET LOCAL ROLE ykt_owner")
