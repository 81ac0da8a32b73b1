"""The counter: a share is taken in, cancelled, released and paid; residue is set aside."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from simulators.bank import accounts, faults, keeping
from simulators.bank.books import new_serial
from simulators.bank.codec import BadFile, Row
from simulators.bank.crypto import Crypto
from simulators.bank.reporting import come_back, report
from simulators.loopback import now

ONCE: Final = "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?)"
# a share that is taken part by part grows; any other comes once
GROWING: Final = (
    "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (batch_no) DO UPDATE SET count = count + excluded.count,"
    " amount_fen = amount_fen + excluded.amount_fen WHERE state = 'RECEIVING'"
)
# the bank's own system was down: until its day is closed it does not know that it paid nothing
DOWN, NOT_BOOKED = "S01", "S01-DZ"
LINE: Final = ["detail_id", "seq", "payee_name", "id_no", "acct_no", "amount_fen", "mobile"]


def take_in(
    db: sqlite3.Connection, batch_no: str, rows: list[Row], amount_fen: int,
    state: str = "ACCEPTED",
) -> None:  # fmt: skip
    """Store an accepted share, or a part of one, with its lines. Raises BadFile where a row cannot
    be taken."""
    bank, county = batch_no[:3], batch_no[3:9]
    refused = faults.take(db, "refuse_share", bank, batch_no)
    if refused is not None:
        raise BadFile("E-BANK", str(refused.get("reason", "银行预检不通过，整批拒收。")))
    ids = [row["detail_id"] for row in rows]
    if len(set(ids)) != len(ids) or not all(ids):
        raise BadFile("E-DUP-DETAIL", "明细编号重复或为空。")
    for row in rows:
        if row["amount_fen"] <= 0 or row["currency"] != "CNY" or not row["payee_name"]:
            raise BadFile("E-ROW", f"第{row['seq']}行金额、币种或户名不正确。")
        if db.execute("SELECT 1 FROM line WHERE detail_id = ?", (row["detail_id"],)).fetchone():
            raise BadFile("E-DUP-DETAIL", f"第{row['seq']}行的明细编号已在其他批次中。")
    db.execute(
        GROWING if state == "RECEIVING" else ONCE,
        (batch_no, bank, county, state, len(rows), amount_fen),
    )
    accounts.payout_account(db, bank, county)
    db.executemany(
        "INSERT INTO line (detail_id, seq, payee_name, id_no, acct_no, amount_fen, mobile,"
        " orig_detail_id, batch_no, sms_text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(row[n] for n in LINE), row.get("orig_detail_id") or "", batch_no,
                row["sms_text"] or row["ntf_text"],
            )
            for row in rows
        ],
    )  # fmt: skip


def cancel(db: sqlite3.Connection, batch_no: str, rows: list[Row]) -> tuple[int, int]:
    """Before release: the whole share, or named rows; gives count and fen of what was stopped.

    A share that never came in is cancelled too: if it comes later, it is refused.
    """
    batch = db.execute("SELECT * FROM batch WHERE batch_no = ?", (batch_no,)).fetchone()
    if all(row["scope"] == "RFD" for row in rows):
        return give_back(db, batch_no, [row["detail_id"] for row in rows])
    is_all = any(row["scope"] == "ALL" for row in rows)
    if batch is None:
        if not is_all:
            raise BadFile("E-UNKNOWN", "没有这个批次。")
        db.execute(
            "INSERT INTO batch VALUES (?, ?, ?, 'CANCELLED', 0, 0)",
            (batch_no, batch_no[:3], batch_no[3:9]),
        )
        return 0, 0
    if batch["state"] == "DONE":
        raise BadFile("E-STATE", "已经放款，不能撤销。")
    if batch["state"] == "REJECTED":
        return 0, 0
    before = _live(db, batch_no)
    if is_all:
        db.execute(
            "UPDATE line SET state = 'STOPPED' WHERE batch_no = ? AND state = 'PENDING'",
            (batch_no,),
        )
    for row in () if is_all else rows:
        changed = db.execute(
            "UPDATE line SET state = 'STOPPED' WHERE batch_no = ? AND detail_id = ?",
            (batch_no, row["detail_id"]),
        )
        if changed.rowcount != 1:
            raise BadFile("E-UNKNOWN", "停发的明细不在这个批次中。")
    after = _live(db, batch_no)
    if after[0] == 0:
        db.execute("UPDATE batch SET state = 'CANCELLED' WHERE batch_no = ?", (batch_no,))
        set_aside(db, batch_no)
    return before[0] - after[0], before[1] - after[1]


def release(db: sqlite3.Connection, crypto: Crypto, batch_no: str, rows: list[Row]) -> None:
    """Pay a share: only when funds and instruction are equal. Raises BadFile otherwise."""
    batch = db.execute("SELECT * FROM batch WHERE batch_no = ?", (batch_no,)).fetchone()
    if batch is None:
        raise BadFile("E-UNKNOWN", "没有这个批次。")
    if batch["state"] != "ACCEPTED":
        raise BadFile("E-STATE", "批次已撤销、拒收或已放款。")
    asked = sum(row["amount_fen"] for row in rows)
    count, live = _live(db, batch_no)
    for row in rows:
        if row["voucher_no"] == keeping.KEPT:
            keeping.take(db, batch, row["count"], row["amount_fen"])
        elif not db.execute(
            "SELECT 1 FROM credit WHERE voucher_no = ? AND application_no = ? AND batch_no = ?",
            (row["voucher_no"], row["application_no"], batch_no),
        ).fetchone():
            raise BadFile("E-FUNDS", f"支付凭证 {row['voucher_no']} 的资金没有到账。")
    funded = keeping.funded(db, batch_no)
    # A line stopped since the application leaves residue: then more has come than is to be paid.
    if asked != live or not live <= funded <= batch["amount_fen"]:
        raise BadFile(
            "E-FUNDS", f"指令、明细与到账金额不相等（{count}笔 {live}分，到账{funded}分）。"
        )
    doomed = faults.take(db, "all_failed", batch_no[:3], batch_no)
    verdict = str(doomed.get("code", "A03")) if doomed else ""
    results = [_pay(db, batch, line, verdict) for line in _lines(db, batch_no)]
    db.execute("UPDATE batch SET state = 'DONE' WHERE batch_no = ?", (batch_no,))
    report(db, crypto, batch_no, results)
    set_aside(db, batch_no)
    take_back(db, crypto, batch_no)


def take_back(db: sqlite3.Connection, crypto: Crypto, batch_no: str) -> None:
    """退票: what was paid comes back into the payout account, and from there to the treasury."""
    back = come_back(db, crypto, batch_no)
    for row in back:
        payer = accounts.payout_account(db, batch_no[:3], batch_no[3:9])
        at = now().isoformat()
        db.execute(
            "INSERT INTO returned VALUES (?, ?, ?, ?, ?)",
            (row["detail_id"], batch_no, row["amount_fen"], row["bank_serial"], at),
        )
        db.execute(
            "UPDATE account SET balance_fen = balance_fen - ? WHERE bank = ? AND acct_no = ?",
            (row["amount_fen"], row["bank"], row["acct_no"]),
        )
        db.execute("UPDATE line SET state = 'RETURNED' WHERE detail_id = ?", (row["detail_id"],))
        enter(
            db, payer, "RETURN", row["amount_fen"], batch_no, row["bank_serial"], row["detail_id"]
        )
    if back:
        set_aside(db, batch_no)


def close_day(db: sqlite3.Connection, batch_no: str) -> int:
    """A night passes over one batch: what was booked of it stands on the day before, and what the
    system could not book is found unpaid. Gives the entries moved.
    """
    moved = db.execute(
        "UPDATE entry SET day = date(day, '-1 day'), at = date(substr(at, 1, 10), '-1 day')"
        " || substr(at, 11) WHERE batch_no = ?",
        (batch_no,),
    ).rowcount
    db.execute(
        "UPDATE line SET reason_code = ? WHERE batch_no = ? AND reason_code = ?",
        (NOT_BOOKED, batch_no, DOWN),
    )
    set_aside(db, batch_no)
    return moved


def set_aside(db: sqlite3.Connection, batch_no: str) -> None:
    """Book refunds of all money that will not be paid: failed, stopped, cancelled, in excess.

    Where the county has it kept, what failed, came back or was stopped stays for the re-issue.
    """
    funded = keeping.funded(db, batch_no)
    paid = _sum(db, "SELECT sum(amount_fen) FROM payment WHERE batch_no = ?", batch_no)
    back = _sum(db, "SELECT sum(amount_fen) FROM returned WHERE batch_no = ?", batch_no)
    booked = _sum(db, "SELECT sum(amount_fen) FROM refund WHERE batch_no = ?", batch_no)
    left = funded - paid + back - booked - keeping.handed_on(db, batch_no)
    items = list(_residue(db, batch_no, left))
    if keeping.keeps(db, batch_no):
        items = [row for row in items if row["reason"] in {"CANCELLED", "EXCESS"}]
    book_refunds(db, batch_no, batch_no, items)


def give_back(db: sqlite3.Connection, batch_no: str, detail_ids: list[str]) -> tuple[int, int]:
    """What stayed of these rows goes back to the treasury; gives count and fen of what is new.

    What went back already is answered alike. Raises BadFile for a row whose money pays another.
    """
    count = total = 0
    for detail_id in detail_ids:
        line = db.execute(
            "SELECT * FROM line WHERE detail_id = ? AND batch_no = ?", (detail_id, batch_no)
        ).fetchone()
        if line is None or line["state"] not in {"FAILED", "RETURNED", "STOPPED"}:
            raise BadFile("E-UNKNOWN", f"明细 {detail_id} 不是本批未付的。")
        if keeping.used_of(db, detail_id):
            raise BadFile("E-FUNDS", f"明细 {detail_id} 的款已用于补发。")
        left = line["amount_fen"] - keeping.refunded_of(db, detail_id)
        if left <= 0:
            continue
        reason = "STOPPED" if line["state"] == "STOPPED" else "FAILED"
        first = keeping.came_with(db, line)
        row = {"detail_id": detail_id, "amount_fen": left, "reason": reason,
               "came_for": first["detail_id"]}  # fmt: skip
        book_refunds(db, batch_no, first["batch_no"], [row])
        count, total = count + 1, total + left
    return count, total


def book_refunds(db: sqlite3.Connection, batch_no: str, funded_by: str, items: list[Row]) -> None:
    """Refunds of rows of a batch, under the vouchers of the batch whose money it is."""
    for credit in db.execute(
        "SELECT c.*, c.amount_fen - coalesce((SELECT sum(r.amount_fen) FROM refund r"
        " WHERE r.voucher_no = c.voucher_no), 0) AS free_fen FROM credit c WHERE batch_no = ?"
        " ORDER BY received_at DESC, voucher_no DESC",
        (funded_by,),
    ).fetchall():
        rows, items = _fill(items, credit["free_fen"])
        if rows:
            number = db.execute("SELECT count(*) FROM refund").fetchone()[0] + 1
            db.execute(
                "INSERT INTO refund (refund_no, batch_no, voucher_no, application_no, amount_fen,"
                " rows) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    f"RF{batch_no}{number:06d}", batch_no, credit["voucher_no"],
                    credit["application_no"], sum(row["amount_fen"] for row in rows),
                    json.dumps(rows),
                ),
            )  # fmt: skip


def _residue(db: sqlite3.Connection, batch_no: str, left: int) -> Iterator[Row]:
    """Line by line; more than the lines is excess, less than they need ends the list."""
    state = db.execute("SELECT state FROM batch WHERE batch_no = ?", (batch_no,)).fetchone()[0]
    for line in db.execute(
        "SELECT * FROM line WHERE batch_no = ? AND state IN ('FAILED', 'STOPPED', 'RETURNED')"
        " AND detail_id NOT IN (SELECT json_extract(one.value, '$.detail_id') FROM refund,"
        " json_each(refund.rows) AS one WHERE refund.batch_no = ?) ORDER BY seq",
        (batch_no, batch_no),
    ).fetchall():
        amount = min(left, line["amount_fen"] - keeping.used_of(db, line["detail_id"]))
        if amount == 0:
            continue
        left -= amount
        if line["reason_code"] == DOWN:
            continue
        told = "STOPPED" if line["state"] == "STOPPED" else "FAILED"
        reason = "CANCELLED" if state == "CANCELLED" else told
        yield {"detail_id": line["detail_id"], "amount_fen": amount, "reason": reason}
    if left > 0:
        yield {"detail_id": "", "amount_fen": left, "reason": "EXCESS"}


def _fill(items: list[Row], free: int) -> tuple[list[Row], list[Row]]:
    """What fits under one voucher, and what is left; a line may be cut between two."""
    taken: list[Row] = []
    for place, item in enumerate(items):
        if free == 0:
            return taken, items[place:]
        amount = min(free, item["amount_fen"])
        taken.append(item | {"amount_fen": amount})
        free -= amount
        if amount < item["amount_fen"]:
            rest = item | {"amount_fen": item["amount_fen"] - amount}
            return taken, [rest, *items[place + 1 :]]
    return taken, []


def _pay(db: sqlite3.Connection, batch: sqlite3.Row, line: sqlite3.Row, verdict: str) -> Row:
    """One line: credited once, or failed for good. The primary key of `payment` is the guard."""
    bank, at = batch["bank"], now().isoformat()
    code = verdict or accounts.credit_trouble(db, bank, line)
    if not code and faults.take(db, "unencodable_name", bank, line["batch_no"]) is not None:
        code = "A12"
    if code:
        db.execute(
            "UPDATE line SET state = 'FAILED', reason_code = ? WHERE detail_id = ?",
            (code, line["detail_id"]),
        )
        text = accounts.REASONS.get(code, "其他原因")
        return _result(line, result="FAILED", reason_code=code, bank_reason_text=text)
    serial = new_serial(db, bank, at[:10], line["detail_id"])
    payer = accounts.payout_account(db, bank, batch["county"])
    db.execute(
        "INSERT INTO payment VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            line["detail_id"], line["batch_no"], bank, line["acct_no"], line["payee_name"],
            line["amount_fen"], serial, at,
        ),
    )  # fmt: skip
    db.execute(
        "UPDATE account SET balance_fen = balance_fen + ? WHERE bank = ? AND acct_no = ?",
        (line["amount_fen"], bank, line["acct_no"]),
    )
    enter(db, payer, "OUT", line["amount_fen"], batch["batch_no"], serial, line["detail_id"])
    db.execute("UPDATE line SET state = 'SUCCESS' WHERE detail_id = ?", (line["detail_id"],))
    db.execute(
        "INSERT INTO sms VALUES (?, ?, ?, 'DELIVRD', ?)",
        (line["detail_id"], line["mobile"], line["sms_text"], at),
    )
    return _result(
        line, result="SUCCESS", paid_fen=line["amount_fen"], paid_at=at, bank_serial=serial,
        actual_acct_no=line["acct_no"], sms_status="DELIVRD",
    )  # fmt: skip


def enter(
    db: sqlite3.Connection, acct_no: str, kind: str, amount_fen: int, batch_no: str, serial: str,
    detail_id: str = "", voucher_no: str = "",
) -> None:  # fmt: skip
    """One entry in the journal of a payout account: the day account is made of these."""
    at = now().isoformat()
    db.execute(
        "INSERT INTO entry (acct_no, day, at, kind, amount_fen, batch_no, detail_id, bank_serial,"
        " voucher_no) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (acct_no, at[:10], at, kind, amount_fen, batch_no, detail_id, serial, voucher_no),
    )


def _result(line: sqlite3.Row, **facts: Any) -> Row:
    return {"detail_id": line["detail_id"], "paid_fen": 0} | facts


def _lines(db: sqlite3.Connection, batch_no: str) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT * FROM line WHERE batch_no = ? AND state = 'PENDING' ORDER BY seq", (batch_no,)
    ).fetchall()


def _live(db: sqlite3.Connection, batch_no: str) -> tuple[int, int]:
    row = db.execute(
        "SELECT count(*), coalesce(sum(amount_fen), 0) FROM line"
        " WHERE batch_no = ? AND state = 'PENDING'",
        (batch_no,),
    ).fetchone()
    return int(row[0]), int(row[1])


def _sum(db: sqlite3.Connection, query: str, batch_no: str) -> int:
    return int(db.execute(query, (batch_no,)).fetchone()[0] or 0)
