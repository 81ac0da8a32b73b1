"""The day account of a payout account (DZ), and the books as a test reads them."""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from typing import Any, Final

from simulators.bank import faults, outbox
from simulators.bank.books import Books
from simulators.bank.codec import Row
from simulators.bank.crypto import Crypto
from simulators.loopback import Fault, Json

SIGN: Final = {"IN": 1, "RETURN": 1, "OUT": -1, "REFUND": -1}


def day_account(db: sqlite3.Connection, bank: str, county: str, day: str) -> Json:
    """Opening, in, out, returns, refunds, closing, and each row of the day. Amounts in fen."""
    if date.fromisoformat(day).isoformat() != day:
        raise ValueError(day)
    account = db.execute(
        "SELECT acct_no FROM payout_account WHERE bank = ? AND county = ?", (bank, county)
    ).fetchone()
    if account is None:
        raise Fault(404, "E-ACCOUNT", "本行没有这个区划的内部代发户。")
    opening = sum(
        SIGN[row["kind"]] * row["fen"]
        for row in db.execute(
            "SELECT kind, sum(amount_fen) AS fen FROM entry WHERE acct_no = ? AND day < ?"
            " GROUP BY kind",
            (account["acct_no"], day),
        )
    )
    entries = [
        dict(row)
        for row in db.execute(
            "SELECT kind, acct_no, amount_fen, at, batch_no, detail_id, bank_serial, voucher_no"
            " FROM entry WHERE acct_no = ? AND day = ? ORDER BY id",
            (account["acct_no"], day),
        )
    ]
    sums = {kind: sum(e["amount_fen"] for e in entries if e["kind"] == kind) for kind in SIGN}
    off = faults.take(db, "day_unbalanced", bank, "")
    closing = (
        int(off is not None) + opening + sum(SIGN[kind] * amount for kind, amount in sums.items())
    )
    return {
        "bank_no3": bank, "county": county, "date": day, "acct_no": account["acct_no"],
        "opening_fen": opening, "in_fen": sums["IN"], "out_fen": sums["OUT"],
        "return_fen": sums["RETURN"], "refund_fen": sums["REFUND"], "closing_fen": closing,
        "rows": entries,
    }  # fmt: skip


def send_day_account(db: sqlite3.Connection, crypto: Crypto, account: Json) -> str:
    """DZ into the out-folder; unchanged since the last time, the same file again. Gives its
    number."""
    balances = [
        ("OPENING", "opening_fen"), ("SUM_IN", "in_fen"), ("SUM_OUT", "out_fen"),
        ("SUM_RETURN", "return_fen"), ("SUM_REFUND", "refund_fen"), ("CLOSING", "closing_fen"),
    ]  # fmt: skip
    rows: list[Row] = [
        {"kind": kind, "acct_no": account["acct_no"], "amount_fen": account[name]}
        for kind, name in balances
    ]
    rows += account["rows"]
    stem = f"{account['bank_no3']}{account['county']}{account['date'].replace('-', '')}"
    last = db.execute(
        "SELECT batch_no, content FROM outbox WHERE msg = 'DZ' AND batch_no LIKE ?"
        " ORDER BY id DESC LIMIT 1",
        (stem + "%",),
    ).fetchone()
    if last is not None and json.loads(last["content"]) == rows:
        db.execute("UPDATE outbox SET state = 'WAIT' WHERE batch_no = ?", (last["batch_no"],))
        return str(last["batch_no"])
    number = int(last["batch_no"][-6:]) + 1 if last is not None else 1
    outbox.say(db, crypto, "DZ", f"{stem}{number:06d}", rows)
    return f"{stem}{number:06d}"


def standing(db: sqlite3.Connection, batch_no: str) -> Row:
    """Where a batch stands: the answer to a status query."""
    batch = db.execute("SELECT * FROM batch WHERE batch_no = ?", (batch_no,)).fetchone()
    known = db.execute("SELECT 1 FROM part WHERE batch_no = ?", (batch_no,)).fetchone()
    paid = db.execute(
        "SELECT count(*), coalesce(sum(amount_fen), 0) FROM payment WHERE batch_no = ?", (batch_no,)
    ).fetchone()
    if batch is None:
        state = "RECEIVING" if known else "UNKNOWN"
        return {"state": state, "count": 0, "amount_fen": 0, "paid_count": 0, "paid_fen": 0}
    return {
        "state": batch["state"], "count": batch["count"], "amount_fen": batch["amount_fen"],
        "paid_count": paid[0], "paid_fen": paid[1],
    }  # fmt: skip


def books_of(books: Books, asked: dict[str, Any]) -> Json:
    """Everything that was paid, for an oracle: narrowed by `bank` or `batch_no` where asked."""
    one = asked.get("batch_no")
    payments = books.read(
        "SELECT detail_id, batch_no, bank AS bank_no3, acct_no, name, amount_fen, bank_serial,"
        " paid_at FROM payment WHERE bank = coalesce(?, bank) AND batch_no = coalesce(?, batch_no)"
        " ORDER BY bank_serial",
        asked.get("bank"), one,
    )  # fmt: skip
    lines = books.read(
        "SELECT l.state, count(*) AS count, sum(l.amount_fen) AS sum_fen FROM line l"
        " JOIN batch b USING (batch_no) WHERE b.bank = coalesce(?, b.bank)"
        " AND b.batch_no = coalesce(?, b.batch_no) GROUP BY l.state",
        asked.get("bank"), one,
    )  # fmt: skip
    return {
        "payments": payments,
        "returned": books.read(
            "SELECT * FROM returned WHERE batch_no = coalesce(?, batch_no) ORDER BY at", one
        ),
        "count": len(payments),
        "sum_fen": sum(row["amount_fen"] for row in payments),
        "lines": {row.pop("state"): row for row in lines},
        "batches": books.read(
            "SELECT * FROM batch WHERE batch_no = coalesce(?, batch_no) ORDER BY batch_no", one
        ),
        "credits": books.read(
            "SELECT * FROM credit WHERE batch_no = coalesce(?, batch_no) ORDER BY received_at", one
        ),
        "refunds": books.read(
            "SELECT refund_no, batch_no, voucher_no, amount_fen, state FROM refund"
            " WHERE batch_no = coalesce(?, batch_no) ORDER BY refund_no",
            one,
        ),
    }
