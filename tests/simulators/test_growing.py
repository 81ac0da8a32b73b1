"""模拟账本: books of an earlier version go on, and lose nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from simulators.bank.books import SCHEMA, Books
from simulators.growing import grow

EARLIER = SCHEMA.replace(",\n  parts INTEGER NOT NULL DEFAULT 1);", ");")
SENT = (
    "INSERT INTO outbox (bank, folder, msg, batch_no, number, name, sealed, signature, content)"
    " VALUES ('TGB', 'in', 'VRS', 'B1', 1, 'a.txt', x'00', x'00', '{}')"
)


def test_books_of_an_earlier_bank_get_todays_columns_and_keep_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "books.sqlite"
    with sqlite3.connect(path) as earlier:
        earlier.executescript(EARLIER)
        assert "parts" not in {row[1] for row in earlier.execute("PRAGMA table_info(outbox)")}
        earlier.execute(SENT)
    earlier.close()
    for _ in range(2):  # and once more, when there is nothing left to do
        books = Books(path)
        assert [row["parts"] for row in books.read("SELECT name, parts FROM outbox")] == [1]
        books.close()


def test_what_cannot_be_filled_in_is_said_in_words() -> None:
    earlier = sqlite3.connect(":memory:")
    earlier.executescript("CREATE TABLE line (detail_id TEXT PRIMARY KEY)")
    with pytest.raises(SystemExit, match=r"line 表缺 batch_no 一列.*YKT_HOME"):
        grow(earlier, "CREATE TABLE IF NOT EXISTS line (detail_id TEXT, batch_no TEXT NOT NULL)")
    earlier.close()
