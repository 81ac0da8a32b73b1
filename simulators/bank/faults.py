"""Faults that a test or a demo asks for, taken one by one and counted when really hit."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Final

from simulators.loopback import Fault

KINDS: Final = {
    "timeout_before_accept": "the line breaks before the file is in",
    "timeout_after_accept": "the file is in, the line breaks before the answer",
    "ack_lost": "the receipt is made and not sent; the same file again brings it",
    "ack_late": "the receipt comes `delay_s` later",
    "refuse_share": "the share is refused (`reason`)",
    "short_funding": "the treasury's money arrives `by_fen` short",
    "result_duplicate": "the same result bytes again once the first are taken",
    "result_other_file": "the same rows again in another file",
    "result_split": "results in `files` files",
    "amount_off_by_one": "one success is reported with one fen more",
    "unknown_then_success": "`rows` successes are first reported as pending",
    "partial_file_then_rest": "half a result file without its flag, the whole `delay_s` later",
    "bad_signature": "a result file with a wrong signature, then the right one",
    "verify_unavailable": "a verification cannot be answered",
    "fail_account": "payout to `acct_no` fails with `code`, after a verification that matched",
}


def arm(db: sqlite3.Connection, asked: dict[str, Any]) -> int:
    """Store a fault; `bank_no3` and `batch_no` narrow it, `times` repeats it."""
    kind = str(asked["kind"])
    if kind not in KINDS:
        raise Fault(422, "E-KIND", f"没有这种故障：{kind}。可用：{'、'.join(sorted(KINDS))}。")
    made = db.execute(
        "INSERT INTO fault (kind, bank, batch_no, left, detail) VALUES (?, ?, ?, ?, ?)",
        (
            kind, asked.get("bank_no3"), asked.get("batch_no"), int(asked.get("times", 1)),
            json.dumps(asked, ensure_ascii=False),
        ),
    )  # fmt: skip
    return int(made.lastrowid or 0)


def take(db: sqlite3.Connection, kind: str, bank: str, batch_no: str) -> dict[str, Any] | None:
    """The next armed fault of that kind for this batch, used up; None: nothing goes wrong."""
    row = db.execute(
        "SELECT id, detail FROM fault WHERE kind = ? AND left > 0 AND coalesce(bank, ?) = ?"
        " AND coalesce(batch_no, ?) = ? ORDER BY id LIMIT 1",
        (kind, bank, bank, batch_no, batch_no),
    ).fetchone()
    if row is None:
        return None
    db.execute("UPDATE fault SET left = left - 1, hits = hits + 1 WHERE id = ?", (row["id"],))
    return dict(json.loads(row["detail"]))
