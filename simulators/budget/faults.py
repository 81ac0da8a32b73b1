"""Faults that a test or a demo switches on while the program runs, and how often each was hit."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Final

from simulators.loopback import Fault, Json

KINDS: Final = {
    "5xx_before": "the next write is answered 503 and not done",
    "5xx_after": "the next write is done and answered 503",
    "balance_too_small": "the next application is refused: the indicator does not reach",
    "returned_with_reason": "the next application is returned; `reason`",
    "voucher_late": "the next voucher comes `delay_s` later",
    "wrong_payee": "the next payment goes to `acct_no` instead",
    "partial_refund": "of the next refund `by_fen` is not booked",
    "double_refund": "the next refund is booked twice",
    "recon_difference": "the next reconciliation says `by_fen` more was paid",
    "rows_refused": "the next details are refused as too many",
    "voucher_no_mismatch": "the next receipt's inner VoucherNo is another than its envelope's",
}
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS fault (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, options TEXT NOT NULL,
  times INTEGER NOT NULL, hits INTEGER NOT NULL DEFAULT 0);
"""


def switch_on(db: sqlite3.Connection, asked: Json) -> Json:
    """{"kind", "times": 1, "mof_div_code": only this county's, …options}"""
    kind = str(asked["kind"])
    if kind not in KINDS:
        raise Fault(422, "E-KIND", f"可用的故障：{'、'.join(KINDS)}。")
    options = {name: value for name, value in asked.items() if name not in {"kind", "times"}}
    db.execute(
        "INSERT INTO fault (kind, options, times) VALUES (?, ?, ?)",
        (kind, json.dumps(options), int(asked.get("times", 1))),
    )
    return {"kind": kind}


def take(db: sqlite3.Connection, kind: str, mof_div_code: str = "") -> dict[str, Any] | None:
    """The options of a fault that is on, one hit used up; None where there is none."""
    for row in db.execute(
        "SELECT * FROM fault WHERE kind = ? AND hits < times ORDER BY id", (kind,)
    ).fetchall():
        options: dict[str, Any] = json.loads(row["options"])
        only = options.get("mof_div_code", "")
        if not only or not mof_div_code or only == mof_div_code:
            db.execute("UPDATE fault SET hits = hits + 1 WHERE id = ?", (row["id"],))
            return options
    return None


def was_hit(db: sqlite3.Connection, kind: str) -> bool:
    row = db.execute("SELECT sum(hits) FROM fault WHERE kind = ?", (kind,)).fetchone()
    return bool(row[0])


def told(db: sqlite3.Connection) -> Json:
    rows = db.execute("SELECT kind, times, hits FROM fault ORDER BY id").fetchall()
    return {"faults": [dict(row) for row in rows]}
