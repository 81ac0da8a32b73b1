"""The bank's books: one SQLite file, every transaction on disk before anybody is answered."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from simulators.growing import grow

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bank (bank TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS serial (id INTEGER PRIMARY KEY AUTOINCREMENT, made_for TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS account (
  bank TEXT NOT NULL, acct_no TEXT NOT NULL, name TEXT NOT NULL, id_no TEXT NOT NULL,
  acct_type TEXT NOT NULL, status TEXT NOT NULL, class TEXT NOT NULL,
  is_household_public INTEGER NOT NULL, balance_fen INTEGER NOT NULL DEFAULT 0,
  fault_code TEXT, is_fault_known INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (bank, acct_no));
CREATE TABLE IF NOT EXISTS payout_account (
  acct_no TEXT PRIMARY KEY, bank TEXT NOT NULL, county TEXT NOT NULL, UNIQUE (bank, county));
CREATE TABLE IF NOT EXISTS part (
  key TEXT PRIMARY KEY, bank TEXT NOT NULL, msg TEXT NOT NULL, batch_no TEXT NOT NULL,
  part INTEGER NOT NULL, parts INTEGER NOT NULL, count INTEGER NOT NULL,
  amount_fen INTEGER NOT NULL, sm3 TEXT NOT NULL, rows TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS part_of ON part (msg, batch_no);
CREATE TABLE IF NOT EXISTS answer (
  msg TEXT NOT NULL, batch_no TEXT NOT NULL, part INTEGER NOT NULL, outbox_id INTEGER NOT NULL,
  PRIMARY KEY (msg, batch_no, part, outbox_id));
CREATE TABLE IF NOT EXISTS batch (
  batch_no TEXT PRIMARY KEY, bank TEXT NOT NULL, county TEXT NOT NULL, state TEXT NOT NULL,
  count INTEGER NOT NULL, amount_fen INTEGER NOT NULL,
  CHECK (state IN ('RECEIVING', 'ACCEPTED', 'REJECTED', 'CANCELLED', 'DONE')));
CREATE TABLE IF NOT EXISTS line (
  detail_id TEXT PRIMARY KEY, batch_no TEXT NOT NULL REFERENCES batch, seq INTEGER NOT NULL,
  payee_name TEXT NOT NULL, id_no TEXT NOT NULL, acct_no TEXT NOT NULL,
  amount_fen INTEGER NOT NULL CHECK (amount_fen > 0), sms_text TEXT NOT NULL,
  mobile TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'PENDING', reason_code TEXT,
  orig_detail_id TEXT NOT NULL DEFAULT '',
  CHECK (state IN ('PENDING', 'SUCCESS', 'FAILED', 'STOPPED', 'RETURNED')));
CREATE INDEX IF NOT EXISTS line_of ON line (batch_no);
CREATE TABLE IF NOT EXISTS payment (
  detail_id TEXT PRIMARY KEY REFERENCES line, batch_no TEXT NOT NULL, bank TEXT NOT NULL,
  acct_no TEXT NOT NULL, name TEXT NOT NULL, amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
  bank_serial TEXT NOT NULL UNIQUE, paid_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS credit (
  voucher_no TEXT PRIMARY KEY, application_no TEXT NOT NULL, batch_no TEXT NOT NULL,
  payee_acct_no TEXT NOT NULL, asked_fen INTEGER NOT NULL, amount_fen INTEGER NOT NULL,
  bank_serial TEXT NOT NULL, received_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refund (
  refund_no TEXT PRIMARY KEY, batch_no TEXT NOT NULL, voucher_no TEXT NOT NULL,
  application_no TEXT NOT NULL, amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
  rows TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'PENDING', answer TEXT);
CREATE TABLE IF NOT EXISTS keeping (county TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS kept (
  detail_id TEXT PRIMARY KEY REFERENCES line, batch_no TEXT NOT NULL,
  source_id TEXT UNIQUE REFERENCES line, amount_fen INTEGER NOT NULL CHECK (amount_fen > 0));
CREATE TABLE IF NOT EXISTS entry (
  id INTEGER PRIMARY KEY AUTOINCREMENT, acct_no TEXT NOT NULL, day TEXT NOT NULL,
  at TEXT NOT NULL, kind TEXT NOT NULL, amount_fen INTEGER NOT NULL, batch_no TEXT NOT NULL,
  detail_id TEXT NOT NULL DEFAULT '', bank_serial TEXT NOT NULL,
  voucher_no TEXT NOT NULL DEFAULT '',
  CHECK (kind IN ('IN', 'OUT', 'RETURN', 'REFUND')));
CREATE INDEX IF NOT EXISTS entry_by_day ON entry (acct_no, day);
CREATE TABLE IF NOT EXISTS sms (
  detail_id TEXT PRIMARY KEY, mobile TEXT NOT NULL, text TEXT NOT NULL, status TEXT NOT NULL,
  at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT, bank TEXT NOT NULL, folder TEXT NOT NULL,
  msg TEXT NOT NULL, batch_no TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
  sealed BLOB NOT NULL, signature BLOB NOT NULL, content TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'WAIT', not_before REAL NOT NULL DEFAULT 0,
  repeats INTEGER NOT NULL DEFAULT 0, is_cut INTEGER NOT NULL DEFAULT 0,
  parts INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS returned (
  detail_id TEXT PRIMARY KEY REFERENCES payment, batch_no TEXT NOT NULL,
  amount_fen INTEGER NOT NULL, bank_serial TEXT NOT NULL UNIQUE, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refused_part (
  batch_no TEXT NOT NULL, part INTEGER NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (batch_no, part));
CREATE TABLE IF NOT EXISTS asked (
  bank TEXT NOT NULL, acct_no TEXT NOT NULL, day TEXT NOT NULL, times INTEGER NOT NULL,
  PRIMARY KEY (bank, acct_no, day));
CREATE TABLE IF NOT EXISTS nonce (
  bank TEXT NOT NULL, nonce TEXT NOT NULL, PRIMARY KEY (bank, nonce));
CREATE TABLE IF NOT EXISTS day_answer (
  batch_no TEXT NOT NULL, place INTEGER NOT NULL, kind TEXT NOT NULL, detail_id TEXT NOT NULL,
  verdict TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (batch_no, place));
CREATE TABLE IF NOT EXISTS fault (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, bank TEXT, batch_no TEXT,
  left INTEGER NOT NULL, hits INTEGER NOT NULL DEFAULT 0, detail TEXT NOT NULL);
"""
BUSY_MS: Final = 10_000


class Books:
    """One connection behind one lock: this program is one bank clerk with one pen."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        grow(self._db, SCHEMA)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end, or nothing of it happened."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            is_done = False
            try:
                yield self._db
                is_done = True
            finally:
                self._db.execute("COMMIT" if is_done else "ROLLBACK")

    def read(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(row) for row in self._db.execute(query, values)]

    def close(self) -> None:
        with self._lock:
            self._db.close()


def meta(db: sqlite3.Connection, name: str) -> str | None:
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def new_serial(db: sqlite3.Connection, bank: str, day: str, made_for: str) -> str:
    """The bank's own running number: unique for ever."""
    number = db.execute("INSERT INTO serial (made_for) VALUES (?)", (made_for,)).lastrowid
    return f"{bank}{day.replace('-', '')}{number:010d}"
