"""The budget system's books: one SQLite file, on disk before anybody is answered."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from simulators.budget import faults
from simulators.growing import grow
from simulators.loopback import Fault, Json

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS indicator (
  bgt_id TEXT PRIMARY KEY, mof_div_code TEXT NOT NULL, fiscal_year TEXT NOT NULL,
  agency_code TEXT NOT NULL, pro_code TEXT NOT NULL, pro_name TEXT NOT NULL,
  cor_bgt_doc_no TEXT NOT NULL, fund_type_code TEXT NOT NULL, exp_func_code TEXT NOT NULL,
  gov_bgt_eco_code TEXT NOT NULL, dep_bgt_eco_code TEXT NOT NULL,
  amount_fen INTEGER NOT NULL CHECK (amount_fen >= 0), bgt_exe_flag INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS application (
  pay_app_no TEXT PRIMARY KEY, tracking_id TEXT NOT NULL UNIQUE,
  bgt_id TEXT NOT NULL REFERENCES indicator, mof_div_code TEXT NOT NULL,
  fiscal_year TEXT NOT NULL, status TEXT NOT NULL,
  pay_app_amt_fen INTEGER NOT NULL CHECK (pay_app_amt_fen > 0), content TEXT NOT NULL,
  details TEXT, return_reason TEXT NOT NULL DEFAULT '', is_withdrawn INTEGER NOT NULL DEFAULT 0,
  pay_cert_no TEXT NOT NULL DEFAULT '', vou_date TEXT NOT NULL DEFAULT '',
  xpay_amt_fen INTEGER NOT NULL DEFAULT 0, xpay_date TEXT NOT NULL DEFAULT '',
  agent_business_no TEXT NOT NULL DEFAULT '', due REAL NOT NULL,
  CHECK (status IN ('SUBMITTED', 'RETURNED', 'APPROVED', 'VOUCHERED', 'PAID', 'PART_REFUNDED',
    'REFUNDED')));
CREATE TABLE IF NOT EXISTS refund (
  refund_no TEXT PRIMARY KEY, pay_app_no TEXT NOT NULL REFERENCES application,
  amount_fen INTEGER NOT NULL CHECK (amount_fen > 0), reason TEXT NOT NULL, at TEXT NOT NULL,
  rows TEXT NOT NULL DEFAULT '[]');
CREATE TABLE IF NOT EXISTS answer (
  key TEXT PRIMARY KEY, sm3 TEXT NOT NULL, status INTEGER NOT NULL, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS return_next (
  id INTEGER PRIMARY KEY AUTOINCREMENT, reason TEXT NOT NULL, mof_div_code TEXT,
  is_used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS detail (
  pay_app_no TEXT NOT NULL REFERENCES application, part INTEGER NOT NULL, parts INTEGER NOT NULL,
  rows TEXT NOT NULL, PRIMARY KEY (pay_app_no, part));
CREATE TABLE IF NOT EXISTS recon (
  check_no TEXT NOT NULL, tracking_id TEXT NOT NULL, result TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (check_no, tracking_id));
CREATE TABLE IF NOT EXISTS number (id INTEGER PRIMARY KEY AUTOINCREMENT, made_for TEXT NOT NULL);
"""
FACTS: Final = (
    "bgt_id", "mof_div_code", "fiscal_year", "agency_code", "pro_code", "pro_name",
    "cor_bgt_doc_no", "fund_type_code", "exp_func_code", "gov_bgt_eco_code", "dep_bgt_eco_code",
)  # fmt: skip
USUAL: Final = {
    "pro_name": "", "cor_bgt_doc_no": "", "fund_type_code": "1111", "exp_func_code": "2130122",
    "gov_bgt_eco_code": "50903", "dep_bgt_eco_code": "30310", "bgt_exe_flag": True,
}  # fmt: skip
HELD: Final = ("SUBMITTED", "APPROVED", "VOUCHERED")
SPENT: Final = ("PAID", "PART_REFUNDED", "REFUNDED")


class Books:
    """One connection behind one lock."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA busy_timeout = 10000")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        grow(self._db, SCHEMA + faults.SCHEMA)

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

    def read(self, query: str, *values: Any) -> list[Json]:
        with self._lock:
            return [dict(row) for row in self._db.execute(query, values)]

    def close(self) -> None:
        with self._lock:
            self._db.close()


def load(db: sqlite3.Connection, lines: Iterable[str]) -> int:
    """Indicators of a JSONL stream: new ones are added, known ones keep their balance."""
    added = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            add_indicator(db, json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise Fault(422, "E-INDICATORS", f"指标清单第{number}行不正确：{error}") from None
        added += 1
    return added


def add_indicator(db: sqlite3.Connection, given: Json) -> None:
    """Add an indicator, or leave the known one as it is."""
    facts = USUAL | given
    if type(facts["amount_fen"]) is not int:
        raise TypeError("amount_fen")
    db.execute(
        "INSERT OR IGNORE INTO indicator VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(str(facts[name]) for name in FACTS), facts["amount_fen"],
            int(bool(facts["bgt_exe_flag"])),
        ),
    )  # fmt: skip


def balances(db: sqlite3.Connection, bgt_id: str) -> tuple[int, int]:
    """余额 and 已申请 of an indicator, in fen: counted anew each time from what was booked."""
    amount = db.execute("SELECT amount_fen FROM indicator WHERE bgt_id = ?", (bgt_id,)).fetchone()
    held = spent = 0
    for row in db.execute(
        "SELECT status, sum(pay_app_amt_fen) AS asked, sum(xpay_amt_fen) AS paid"
        " FROM application WHERE bgt_id = ? GROUP BY status",
        (bgt_id,),
    ):
        held += row["asked"] if row["status"] in HELD else 0
        spent += row["paid"] if row["status"] in SPENT else 0
    back = db.execute(
        "SELECT coalesce(sum(r.amount_fen), 0) FROM refund r JOIN application a USING (pay_app_no)"
        " WHERE a.bgt_id = ?",
        (bgt_id,),
    ).fetchone()[0]
    return int(amount[0]) - spent + int(back), held


def new_number(db: sqlite3.Connection, made_for: str) -> int:
    made = db.execute("INSERT INTO number (made_for) VALUES (?)", (made_for,))
    return int(made.lastrowid or 0)
