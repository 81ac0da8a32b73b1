"""What stays in the payout account for a re-issue, where a county has agreed so with its banks."""

from __future__ import annotations

import sqlite3
from typing import Final

from simulators.bank.codec import BadFile

KEPT: Final = "KEPT"  # stands in a release in place of a voucher


def keep(db: sqlite3.Connection, county: str, *, is_kept: bool) -> None:
    db.execute("DELETE FROM keeping WHERE county = ?", (county,))
    if is_kept:
        db.execute("INSERT INTO keeping VALUES (?)", (county,))


def keeps(db: sqlite3.Connection, batch_no: str) -> bool:
    """Whether what is not paid of this batch stays, or goes back to the treasury."""
    known = db.execute("SELECT 1 FROM keeping WHERE county = ?", (batch_no[3:9],)).fetchone()
    return known is not None


def funded(db: sqlite3.Connection, batch_no: str) -> int:
    """What a batch may be paid from, in fen: treasury money, and what it took of residue."""
    row = db.execute(
        "SELECT (SELECT coalesce(sum(amount_fen), 0) FROM credit WHERE batch_no = ?1)"
        " + (SELECT coalesce(sum(amount_fen), 0) FROM kept WHERE batch_no = ?1)",
        (batch_no,),
    ).fetchone()
    return int(row[0])


def handed_on(db: sqlite3.Connection, batch_no: str) -> int:
    """What later batches took of this one's residue, in fen."""
    row = db.execute(
        "SELECT coalesce(sum(kept.amount_fen), 0) FROM kept JOIN line ON line.detail_id = source_id"
        " WHERE line.batch_no = ?",
        (batch_no,),
    ).fetchone()
    return int(row[0])


def used_of(db: sqlite3.Connection, detail_id: str) -> int:
    row = db.execute(
        "SELECT coalesce(sum(amount_fen), 0) FROM kept WHERE source_id = ?", (detail_id,)
    ).fetchone()
    return int(row[0])


def refunded_of(db: sqlite3.Connection, detail_id: str) -> int:
    """What of a row is booked to go back, or went, in fen."""
    row = db.execute(
        "SELECT coalesce(sum(json_extract(one.value, '$.amount_fen')), 0)"
        " FROM refund, json_each(refund.rows) AS one"
        " WHERE json_extract(one.value, '$.detail_id') = ?",
        (detail_id,),
    ).fetchone()
    return int(row[0])


def came_with(db: sqlite3.Connection, line: sqlite3.Row) -> sqlite3.Row:
    """The row for which the treasury sent the money that this one would have been paid from."""
    while True:
        row = db.execute(
            "SELECT line.* FROM kept JOIN line ON line.detail_id = kept.source_id"
            " WHERE kept.detail_id = ?",
            (line["detail_id"],),
        ).fetchone()
        if row is None:
            return line
        line = row


def take(db: sqlite3.Connection, batch: sqlite3.Row, count: int, amount_fen: int) -> None:
    """The first `count` live lines are paid from what stayed. Raises BadFile where it did not.

    A line that names the failed one takes that one's money. In a layout without the name, the
    pool of the payout account must hold enough.
    """
    lines = db.execute(
        "SELECT * FROM line WHERE batch_no = ? AND state = 'PENDING' ORDER BY seq LIMIT ?",
        (batch["batch_no"], count),
    ).fetchall()
    if sum(line["amount_fen"] for line in lines) != amount_fen:
        raise BadFile("E-FUNDS", "用留存款的明细与指令金额不相等。")
    if _pool(db, batch) < amount_fen:
        raise BadFile("E-FUNDS", "代发户留存的款不足。")
    for line in lines:
        source = _free(db, batch, line["orig_detail_id"])
        if line["orig_detail_id"] and (source is None or source < line["amount_fen"]):
            raise BadFile("E-FUNDS", f"第{line['seq']}行所指的失败款已退库、已使用或不足。")
        db.execute(
            "INSERT INTO kept VALUES (?, ?, ?, ?)",
            (
                line["detail_id"], batch["batch_no"], line["orig_detail_id"] or None,
                line["amount_fen"],
            ),
        )  # fmt: skip


def _free(db: sqlite3.Connection, batch: sqlite3.Row, detail_id: str) -> int | None:
    """What of a failed or returned line is still here; None where it is no such line."""
    row = db.execute(
        "SELECT line.amount_fen - coalesce((SELECT sum(json_extract(one.value, '$.amount_fen'))"
        " FROM refund, json_each(refund.rows) AS one"
        " WHERE json_extract(one.value, '$.detail_id') = line.detail_id), 0)"
        " FROM line JOIN batch USING (batch_no) WHERE line.detail_id = ? AND batch.bank = ?"
        " AND batch.county = ? AND line.state IN ('FAILED', 'RETURNED')"
        " AND NOT EXISTS (SELECT 1 FROM kept WHERE source_id = line.detail_id)",
        (detail_id, batch["bank"], batch["county"]),
    ).fetchone()
    return None if row is None else int(row[0])


def _pool(db: sqlite3.Connection, batch: sqlite3.Row) -> int:
    """Money of finished batches that is still in the payout account, in fen."""
    done = "(SELECT batch_no FROM batch WHERE state = 'DONE' AND bank = ?1 AND county = ?2)"
    row = db.execute(
        f"SELECT (SELECT coalesce(sum(amount_fen), 0) FROM credit WHERE batch_no IN {done})"  # noqa: S608 - fixed text
        f" - (SELECT coalesce(sum(amount_fen), 0) FROM payment WHERE batch_no IN {done})"
        f" + (SELECT coalesce(sum(amount_fen), 0) FROM returned WHERE batch_no IN {done})"
        f" - (SELECT coalesce(sum(amount_fen), 0) FROM refund WHERE batch_no IN {done})",
        (batch["bank"], batch["county"]),
    ).fetchone()
    return int(row[0])
