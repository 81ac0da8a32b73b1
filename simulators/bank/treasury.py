"""The treasury's side of the bank: money comes in by voucher, residue goes back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from simulators.bank import faults, outbox, teller
from simulators.bank.books import Books, meta, new_serial
from simulators.bank.crypto import Crypto
from simulators.loopback import CLIENT_ERROR, Fault, Json, ask, now


def credit(db: sqlite3.Connection, keys: Mapping[str, Crypto], asked: Json) -> Json:
    """Book a treasury payment into a payout account and tell the platform by FND.

    The voucher is the key: the same again is answered alike, other content is a 409.
    """
    voucher, application = str(asked["voucher_no"]), str(asked["application_no"])
    acct_no, amount, batch_no = str(asked["payee_acct_no"]), asked["amount_fen"], asked["remark"]
    if type(amount) is not int or amount <= 0 or not voucher:
        raise Fault(422, "E-AMOUNT", "金额应为正整数（分），凭证号不能为空。")
    known = db.execute("SELECT * FROM credit WHERE voucher_no = ?", (voucher,)).fetchone()
    if known is not None:
        same = (known["application_no"], known["payee_acct_no"], known["asked_fen"])
        if same != (application, acct_no, amount):
            raise Fault(409, "E-KEY", "同一凭证号此前入账的内容不同。")
        return _credited(known["bank_serial"], known["amount_fen"], known["received_at"])
    account = db.execute("SELECT * FROM payout_account WHERE acct_no = ?", (acct_no,)).fetchone()
    if account is None:
        raise Fault(404, "E-ACCOUNT", "收款账号不是本行的内部代发户，退回。")
    batch = db.execute("SELECT * FROM batch WHERE batch_no = ?", (batch_no,)).fetchone()
    if batch is None or (batch["bank"], batch["county"]) != (account["bank"], account["county"]):
        raise Fault(404, "E-BATCH", "附言中的批次号不属于这个代发户，退回。")
    if batch["state"] != "ACCEPTED":
        raise Fault(409, "E-STATE", "批次已撤销、拒收或放款，资金退回。")
    bank, at = account["bank"], now().isoformat()
    short = faults.take(db, "short_funding", bank, batch_no)
    excess = faults.take(db, "excess_funding", bank, batch_no)
    came = amount - int(short.get("by_fen", 1)) if short else amount
    came += int(excess.get("by_fen", 1)) if excess else 0
    serial = new_serial(db, bank, at[:10], voucher)
    db.execute(
        "INSERT INTO credit VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (voucher, application, batch_no, acct_no, amount, came, serial, at),
    )
    teller.enter(db, acct_no, "IN", came, batch_no, serial, voucher_no=voucher)
    notice = {
        "application_no": application, "voucher_no": voucher, "payee_acct_no": acct_no,
        "amount_fen": came, "bank_serial": serial, "received_at": at,
    }  # fmt: skip
    _notify(db, keys[bank], bank, batch_no, notice)
    return _credited(serial, came, at)


def _notify(db: sqlite3.Connection, crypto: Crypto, bank: str, batch_no: str, notice: Json) -> None:
    """FND, unless a fault has it late, twice, or never."""
    if faults.take(db, "missing_funding", bank, batch_no) is not None:
        return
    late = faults.take(db, "late_funding", bank, batch_no)
    wait_s = late.get("delay_s", 1.0) if late else 0.0
    outbox.say(db, crypto, "FND", batch_no, [notice], wait_s=wait_s)
    if faults.take(db, "funding_twice", bank, batch_no) is not None:
        outbox.say(db, crypto, "FND", batch_no, [notice], wait_s=wait_s)


def send_refunds(books: Books, keys: Mapping[str, Crypto]) -> None:
    """Tell the budget system of each booked refund, until it answers; then RFD to the platform.

    No transaction is open while the budget system is asked: it may be asking us at that moment.
    """
    for refund in books.read("SELECT * FROM refund WHERE state = 'PENDING' ORDER BY refund_no"):
        with books.write() as db:
            url = meta(db, "budget_url")
        answer = _told(url, refund) if url else {"note": "no budget system"}
        if answer is None:
            continue
        with books.write() as db:
            _settle(db, keys, refund, answer)


def _settle(
    db: sqlite3.Connection, keys: Mapping[str, Crypto], refund: Mapping[str, Any], answer: Json
) -> None:
    batch_no = refund["batch_no"]
    if answer.get("is_refused"):
        db.execute(
            "UPDATE refund SET state = 'STUCK', answer = ? WHERE refund_no = ?",
            (json.dumps(answer, ensure_ascii=False), refund["refund_no"]),
        )
        return
    at = now().isoformat()
    serial = new_serial(db, batch_no[:3], at[:10], refund["refund_no"])
    account = db.execute(
        "SELECT payee_acct_no FROM credit WHERE voucher_no = ?", (refund["voucher_no"],)
    ).fetchone()
    teller.enter(
        db, account[0], "REFUND", refund["amount_fen"], batch_no, serial,
        voucher_no=refund["voucher_no"],
    )  # fmt: skip
    common = {name: refund[name] for name in ("refund_no", "application_no", "voucher_no")} | {
        "bank_serial": serial,
        "refunded_at": at,
    }
    told = json.loads(refund["rows"])
    rows = [{n: row[n] for n in ("detail_id", "amount_fen", "reason")} | common for row in told]
    outbox.say(db, keys[batch_no[:3]], "RFD", batch_no, rows)
    db.execute(
        "UPDATE refund SET state = 'DONE', answer = ? WHERE refund_no = ?",
        (json.dumps(answer, ensure_ascii=False), refund["refund_no"]),
    )


def _told(url: str, refund: Mapping[str, Any]) -> Json | None:
    """The budget system's answer; None where none came, to be asked again with the same key."""
    said = {
        name: refund[name]
        for name in ("refund_no", "application_no", "voucher_no", "batch_no", "amount_fen")
    } | {
        "reason": "代发失败、停发或撤销的资金退回国库",
        "rows": [  # by the rows of the application that the money came with
            {"detail_id": row.get("came_for", row["detail_id"]), "amount_fen": row["amount_fen"]}
            for row in json.loads(refund["rows"])
            if row["detail_id"]
        ],
    }
    told = ask(url, "/v1/refunds", said)
    if told is None:
        return None
    status, content = told
    return content | {"is_refused": status >= CLIENT_ERROR}


def _credited(serial: str, amount_fen: int, at: str) -> Json:
    return {"agent_business_no": serial, "xpay_amt_fen": amount_fen, "xpay_date": at[:10]}
