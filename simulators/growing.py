"""Books of an earlier version, brought to today's columns: a sample county outlives its update."""

from __future__ import annotations

import sqlite3


def grow(db: sqlite3.Connection, schema: str) -> None:
    """Make the tables that are missing, and add to the others the columns that they lack.

    Raises:
        SystemExit: a column without a usual value is missing; the sentence says what to do.
    """
    db.executescript(schema)
    with_all = sqlite3.connect(":memory:")
    try:
        with_all.executescript(schema)
        for (table,) in with_all.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"):
            known = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
            for _, name, kind, is_needed, usual, _ in with_all.execute(
                f"PRAGMA table_info({table})"
            ):
                if name in known:
                    continue
                if is_needed and usual is None:
                    raise SystemExit(
                        f"模拟账本由旧版本建立，{table} 表缺 {name} 一列，补不出来。"
                        "请另用一个 YKT_HOME；样例区县可以重新初始化。"
                    )
                filled = "" if usual is None else f" DEFAULT {usual}"
                strict = " NOT NULL" if is_needed else ""
                db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}{strict}{filled}")
    finally:
        with_all.close()
