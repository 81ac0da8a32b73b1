"""The same rule file on DuckDB, over the world that PostgreSQL has just joined."""

from __future__ import annotations

from typing import Final

import duckdb
import sqlglot
from django.db import connection

from yikatong.validation.rulebook import VIEWS, Law

DUCK_TYPE: Final = {"bytea": "BLOB", "jsonb": "VARCHAR", "numeric": "DECIMAL(18, 7)"}


def on_duckdb(law: Law) -> tuple[int, ...]:
    """Carry the TEMP tables over and run the same file, translated."""
    duck = duckdb.connect()
    with connection.cursor() as cursor:
        for view in sorted(VIEWS):
            cursor.execute(
                "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
                [f"pg_temp.{view}"],
            )
            columns = [(name, DUCK_TYPE.get(kind, kind)) for name, kind in cursor.fetchall()]
            duck.execute(f"CREATE TABLE {view} ({', '.join(' '.join(c) for c in columns)})")
            cursor.execute(f"TABLE pg_temp.{view}")
            into = f"INSERT INTO {view} VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names
            for one in cursor.fetchall():
                duck.execute(into, [str(v) if isinstance(v, list) else v for v in one])
    (translated,) = sqlglot.transpile(law.sql, read="postgres", write="duckdb")
    return tuple(sorted(int(found[0]) for found in duck.execute(translated).fetchall()))
