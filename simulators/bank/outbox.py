"""What the bank says: stored with the books first, written into the folders afterwards.

A program killed between the two writes the same bytes under the same name when it is back.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from simulators.bank import codec
from simulators.bank.books import Books
from simulators.bank.crypto import Crypto
from simulators.loopback import now

API, RETURNS = "api", "returns"
FOLDERS: Final = ("in", "out", "ack", "archive", "bad")
OK: Final = ".ok"


def say(
    db: sqlite3.Connection,
    crypto: Crypto,
    msg: str,
    batch_no: str,
    rows: Sequence[codec.Row],
    *,
    wait_s: float = 0.0,
    is_held: bool = False,
    is_cut: bool = False,
    repeats: int = 0,
    spoil: codec.Spoil | None = None,
    is_torn: bool = False,
) -> list[int]:
    """Put a message into the outbox; returns the ids of its files.

    Args:
        wait_s: not before so many seconds.
        is_held: not at all, until the same question is asked again.
        is_cut: half of it first, without its flag.
        repeats: how many times the same bytes come again once they were taken.
        spoil: what it tells wrongly; `is_torn`: one byte is another one on the way.
    """
    said = db.execute(
        "SELECT coalesce(max(number), 0) FROM outbox WHERE msg = ? AND batch_no = ?",
        (msg, batch_no),
    ).fetchone()[0]
    ids = []
    for file in codec.encode(msg, batch_no, rows, said + 1, now(), crypto, spoil):
        sealed = file.sealed
        if is_torn:
            place = len(sealed) // 2
            sealed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        made = db.execute(
            "INSERT INTO outbox (bank, folder, msg, batch_no, number, name, sealed, signature,"
            " content, state, not_before, repeats, is_cut, parts)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                batch_no[:3], folder_of(msg, crypto), msg, batch_no, file.number,
                file.name, sealed, file.signature, json.dumps(rows, ensure_ascii=False),
                "HELD" if is_held else "WAIT", time.time() + wait_s, repeats, int(is_cut),
                file.parts,
            ),
        )  # fmt: skip
        ids.append(int(made.lastrowid or 0))
    return ids


def folder_of(msg: str, crypto: Crypto) -> str:
    """Where a message lies: a folder of the SFTP, or one of the two lists of the API."""
    if crypto.profile.binding(msg) == "http":
        return RETURNS if msg == "RET" and crypto.profile.returns_by == "query" else API
    return "ack" if msg == "ACK" else "out"


def offered(books: Books, bank: str, folder: str) -> list[dict[str, Any]]:
    """Messages of the API that wait to be fetched, oldest first, without their bytes."""
    return books.read(
        "SELECT id, msg, batch_no, number, parts FROM outbox WHERE state = 'WAIT' AND bank = ?"
        " AND folder = ? AND not_before <= ? ORDER BY id",
        bank, folder, time.time(),
    )  # fmt: skip


def one(books: Books, bank: str, number: int) -> dict[str, Any] | None:
    found = books.read("SELECT * FROM outbox WHERE id = ? AND bank = ?", number, bank)
    return found[0] if found else None


def take(books: Books, bank: str, number: int) -> None:
    """The platform has it; where a fault says so it comes once more."""
    with books.write() as db:
        db.execute(
            "UPDATE outbox SET state = CASE WHEN repeats > 0 THEN 'WAIT' ELSE 'TAKEN' END,"
            " repeats = max(repeats - 1, 0) WHERE id = ? AND bank = ? AND state = 'WAIT'",
            (number, bank),
        )


def all_again(db: sqlite3.Connection, batch_no: str) -> None:
    """All that the API said about a batch is offered once more: its standing was asked for."""
    db.execute(
        "UPDATE outbox SET state = 'WAIT' WHERE batch_no = ? AND folder IN (?, ?)"
        " AND state IN ('TAKEN', 'HELD')",
        (batch_no, API, RETURNS),
    )


def say_again(db: sqlite3.Connection, msg: str, batch_no: str, part: int) -> bool:
    """The stored answer to this part once more; False: there is none yet."""
    changed = db.execute(
        "UPDATE outbox SET state = 'WAIT' WHERE id IN"
        " (SELECT outbox_id FROM answer WHERE msg = ? AND batch_no = ? AND part = ?)",
        (msg, batch_no, part),
    )
    return changed.rowcount > 0


def flush(books: Books, folders: Path) -> int:
    """Write what is due into the banks' folders; returns how many files were written."""
    due = books.read(
        "SELECT * FROM outbox WHERE state = 'WAIT' AND folder NOT IN ('api', 'returns')"
        " AND not_before <= ? ORDER BY id",
        time.time(),
    )
    for file in due:
        _emit(books, folders, file)
    again = books.read("SELECT * FROM outbox WHERE state = 'OUT' AND repeats > 0")
    for file in again:
        if not (folders / file["bank"] / file["folder"] / (file["name"] + OK)).exists():
            _write(folders, file)
            with books.write() as db:
                db.execute("UPDATE outbox SET repeats = repeats - 1 WHERE id = ?", (file["id"],))
    return len(due)


def _emit(books: Books, folders: Path, file: Mapping[str, Any]) -> None:
    if file["is_cut"]:
        half = file["sealed"][: len(file["sealed"]) // 2]
        (folders / file["bank"] / file["folder"] / file["name"]).write_bytes(half)
        with books.write() as db:
            db.execute(
                "UPDATE outbox SET is_cut = 0, not_before = ? WHERE id = ?",
                (time.time() + 1.0, file["id"]),
            )
        return
    _write(folders, file)
    with books.write() as db:
        db.execute("UPDATE outbox SET state = 'OUT' WHERE id = ?", (file["id"],))


def _write(folders: Path, file: Mapping[str, Any]) -> None:
    folder = folders / file["bank"] / file["folder"]
    for ending, content in (("", file["sealed"]), (".sig", file["signature"]), (OK, b"")):
        apart = folder / (file["name"] + ending + ".tmp")
        apart.write_bytes(content)
        apart.replace(folder / (file["name"] + ending))
