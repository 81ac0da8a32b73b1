"""The office: applications are taken in, approved or returned, vouchered, paid, refunded."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from typing import Any, Final

from simulators.budget import faults
from simulators.budget.books import Books, balances, new_number
from simulators.loopback import CLIENT_ERROR, Fault, Json, ask, now

MOST_DETAILS: Final = 499
SHOWN: Final = (
    "pay_app_no tracking_id status pay_app_amt_fen return_reason pay_cert_no vou_date"
    " xpay_amt_fen xpay_date agent_business_no"
)


def apply(db: sqlite3.Connection, asked: Json, *, tick_s: float) -> Json:
    """B02: check the indicator (AM-5), hold the amount, give a number."""
    indicator = db.execute(
        "SELECT * FROM indicator WHERE bgt_id = ?", (asked["bgt_id"],)
    ).fetchone()
    if indicator is None:
        raise Fault(422, "E-QUOTA", "没有这条指标，请重新查询指标后申请。")
    for name in ("mof_div_code", "fiscal_year", "agency_code", "pro_code"):
        if asked[name] != indicator[name]:
            raise Fault(422, "E-QUOTA", f"申请的 {name} 与指标不一致，请核对。")
    amount = asked["pay_app_amt_fen"]
    if type(amount) is not int or amount <= 0:
        raise Fault(422, "E-AMOUNT", "申请金额应为正整数（分）。")
    for name in ("payee_acct_name", "payee_acct_no", "use_des", "tracking_id"):
        if not asked[name]:
            raise Fault(422, "E-FIELD", f"{name} 不能为空。")
    current, held = balances(db, asked["bgt_id"])
    if not indicator["bgt_exe_flag"] or current - held < amount:
        left = f"{(current - held) // 100}.{(current - held) % 100:02d}"
        raise Fault(422, "E-BALANCE", f"指标可用余额 {left} 元，不足以支付本次申请。")
    number = new_number(db, asked["tracking_id"])
    day = now().strftime("%Y%m%d")
    pay_app_no = f"SQ-{asked['mof_div_code']}-{day}-{number:05d}"
    try:
        db.execute(
            "INSERT INTO application (pay_app_no, tracking_id, bgt_id, mof_div_code, fiscal_year,"
            " status, pay_app_amt_fen, content, due) VALUES (?, ?, ?, ?, ?, 'SUBMITTED', ?, ?, ?)",
            (
                pay_app_no, asked["tracking_id"], asked["bgt_id"], asked["mof_div_code"],
                asked["fiscal_year"], amount, json.dumps(asked, ensure_ascii=False),
                time.time() + tick_s,
            ),
        )  # fmt: skip
    except sqlite3.IntegrityError:
        raise Fault(409, "E-KEY", "这个追溯识别码已经申请过，内容不同。") from None
    return state(db, pay_app_no)


def withdraw(db: sqlite3.Connection, pay_app_no: str, reason: str) -> Json:
    """Before the voucher; the amount is free again."""
    row = _application(db, pay_app_no)
    if row["status"] == "RETURNED":
        return state(db, pay_app_no)
    if row["status"] not in {"SUBMITTED", "APPROVED"}:
        raise Fault(422, "E-STATE", "已生成支付凭证，不能撤回，请由银行退款。")
    _return(db, pay_app_no, f"申请单位撤回：{reason}", is_withdrawn=1)
    return state(db, pay_app_no)


def details(db: sqlite3.Connection, pay_app_no: str, asked: Json) -> Json:
    """B03: stored as sent, part by part of under 500; their sum is the application's."""
    row = _application(db, pay_app_no)
    rows, part, parts = asked["rows"], int(asked.get("part", 1)), int(asked.get("parts", 1))
    if len(rows) > MOST_DETAILS:
        raise Fault(422, "E-ROWS", "明细一次应少于 500 条。")
    db.execute(
        "INSERT OR REPLACE INTO detail VALUES (?, ?, ?, ?)",
        (pay_app_no, part, parts, json.dumps(rows, ensure_ascii=False)),
    )
    came = [
        json.loads(one["rows"])
        for one in db.execute(
            "SELECT rows FROM detail WHERE pay_app_no = ? ORDER BY part", (pay_app_no,)
        ).fetchall()
    ]
    if len(came) == parts:
        whole = [one for some in came for one in some]
        if sum(one["pay_amt_fen"] for one in whole) != row["pay_app_amt_fen"]:
            raise Fault(422, "E-SUM", "明细合计与申请金额不一致。")
        db.execute(
            "UPDATE application SET details = ? WHERE pay_app_no = ?",
            (json.dumps(whole, ensure_ascii=False), pay_app_no),
        )
    return {"pay_app_no": pay_app_no, "count": len(rows)}


def refund(db: sqlite3.Connection, asked: Json) -> Json:
    """B14 from the bank: once per number, never more than was paid; the balance is restored."""
    amount, number = asked["amount_fen"], str(asked["refund_no"])
    known = db.execute("SELECT * FROM refund WHERE refund_no = ?", (number,)).fetchone()
    if known is not None:
        same = (known["pay_app_no"], known["amount_fen"]) == (asked["application_no"], amount)
        if not same and not faults.was_hit(db, "partial_refund"):
            raise Fault(409, "E-KEY", "同一退款号此前的内容不同。")
        return state(db, known["pay_app_no"])
    row = _application(db, asked["application_no"])
    before = _refunded(db, row["pay_app_no"])
    if row["status"] not in {"PAID", "PART_REFUNDED"} or row["pay_cert_no"] != asked["voucher_no"]:
        raise Fault(422, "E-STATE", "这笔申请没有可退的支付。")
    if type(amount) is not int or amount <= 0 or before + amount > row["xpay_amt_fen"]:
        raise Fault(422, "E-AMOUNT", "退款累计超过已支付金额。")
    short = faults.take(db, "partial_refund", row["mof_div_code"])
    if short is not None:
        amount -= min(int(short.get("by_fen", 1)), amount - 1)
    twice = faults.take(db, "double_refund", row["mof_div_code"]) is not None
    for name in (number, f"{number}-2") if twice else (number,):
        db.execute(
            "INSERT INTO refund VALUES (?, ?, ?, ?, ?, ?)",
            (
                name, row["pay_app_no"], amount, str(asked["reason"]), now().isoformat(),
                json.dumps(asked.get("rows", [])),
            ),
        )  # fmt: skip
    booked = _refunded(db, row["pay_app_no"])
    status = "REFUNDED" if booked >= row["xpay_amt_fen"] else "PART_REFUNDED"
    db.execute(
        "UPDATE application SET status = ? WHERE pay_app_no = ?", (status, row["pay_app_no"])
    )
    return state(db, row["pay_app_no"])


def state(db: sqlite3.Connection, pay_app_no: str) -> Json:
    """An application as it is told to the platform."""
    row = _application(db, pay_app_no)
    refunds = db.execute(
        "SELECT refund_no, amount_fen, reason, at FROM refund WHERE pay_app_no = ?"
        " ORDER BY at, refund_no",
        (pay_app_no,),
    ).fetchall()
    told: Json = {name: row[name] for name in SHOWN.split()}
    told["is_withdrawn"] = bool(row["is_withdrawn"])
    told["refunds"] = [dict(one) for one in refunds]
    told["refunded_fen"] = sum(one["amount_fen"] for one in refunds)
    return told


class Office:
    """The clerks of the budget system: every round moves each due application one state on."""

    def __init__(self, books: Books, bank_url: Callable[[], str], tick_s: float) -> None:
        self.books, self.bank_url, self.tick_s = books, bank_url, tick_s
        self.is_automatic = True

    def round(self) -> None:
        due = self.books.read(
            "SELECT * FROM application WHERE status IN ('SUBMITTED', 'APPROVED', 'VOUCHERED')"
            " AND due <= ? ORDER BY pay_app_no",
            time.time(),
        )
        for row in due:
            if row["status"] == "VOUCHERED":
                self._pay(row)
            elif row["status"] == "APPROVED" or self.is_automatic:
                self.decide(row["pay_app_no"])

    def decide(self, pay_app_no: str) -> Json:
        """SUBMITTED → APPROVED or RETURNED; APPROVED → VOUCHERED."""
        with self.books.write() as db:
            row = _application(db, pay_app_no)
            if row["status"] == "SUBMITTED":
                self._review(db, row)
            elif row["status"] == "APPROVED":
                late = faults.take(db, "voucher_late", row["mof_div_code"])
                if late is not None:
                    db.execute(
                        "UPDATE application SET due = ? WHERE pay_app_no = ?",
                        (time.time() + late.get("delay_s", 1), pay_app_no),
                    )
                    return state(db, pay_app_no)
                number = new_number(db, pay_app_no)
                voucher = f"{row['mof_div_code'][:6]}{row['fiscal_year'][-2:]}{number:08d}"
                db.execute(
                    "UPDATE application SET status = 'VOUCHERED', pay_cert_no = ?, vou_date = ?,"
                    " due = ? WHERE pay_app_no = ?",
                    (voucher, now().date().isoformat(), time.time() + self.tick_s, pay_app_no),
                )
            return state(db, pay_app_no)

    def _review(self, db: sqlite3.Connection, row: sqlite3.Row) -> None:
        order = db.execute(
            "SELECT * FROM return_next WHERE is_used = 0 AND coalesce(mof_div_code, ?) = ?"
            " ORDER BY id LIMIT 1",
            (row["mof_div_code"], row["mof_div_code"]),
        ).fetchone()
        told = faults.take(db, "returned_with_reason", row["mof_div_code"])
        if told is not None:
            _return(db, row["pay_app_no"], str(told.get("reason", "指标用途不符")))
            return
        if order is not None:
            db.execute("UPDATE return_next SET is_used = 1 WHERE id = ?", (order["id"],))
            _return(db, row["pay_app_no"], order["reason"])
            return
        db.execute(
            "UPDATE application SET status = 'APPROVED', due = ? WHERE pay_app_no = ?",
            (time.time() + self.tick_s, row["pay_app_no"]),
        )

    def _pay(self, row: Json) -> None:
        """The bank's answer books the payment; no answer is asked for again with the same voucher.

        No transaction is open meanwhile: the bank may be telling us of a refund at that moment.
        """
        content = json.loads(row["content"])
        with self.books.write() as db:
            wrong = faults.take(db, "wrong_payee", row["mof_div_code"])
        if wrong is not None:
            content["payee_acct_no"] = str(wrong["acct_no"])
        told = {
            "application_no": row["pay_app_no"], "voucher_no": row["pay_cert_no"],
            "payee_acct_no": content["payee_acct_no"], "amount_fen": row["pay_app_amt_fen"],
            "remark": content.get("manifest", {}).get("batch_no", ""),
        }  # fmt: skip
        answer = ask(self.bank_url(), "/treasury/credit", told)
        with self.books.write() as db:
            if answer is None:
                db.execute(
                    "UPDATE application SET due = ? WHERE pay_app_no = ?",
                    (time.time() + self.tick_s, row["pay_app_no"]),
                )
            elif answer[0] < CLIENT_ERROR:
                db.execute(
                    "UPDATE application SET status = 'PAID', xpay_amt_fen = ?, xpay_date = ?,"
                    " agent_business_no = ? WHERE pay_app_no = ? AND status = 'VOUCHERED'",
                    (
                        row["pay_app_amt_fen"], answer[1]["xpay_date"],
                        answer[1]["agent_business_no"], row["pay_app_no"],
                    ),
                )  # fmt: skip
            else:
                _return(db, row["pay_app_no"], f"银行退回：{answer[1].get('reason', '')}")


def _return(db: sqlite3.Connection, pay_app_no: str, reason: str, *, is_withdrawn: int = 0) -> None:
    db.execute(
        "UPDATE application SET status = 'RETURNED', return_reason = ?, is_withdrawn = ?"
        " WHERE pay_app_no = ?",
        (reason, is_withdrawn, pay_app_no),
    )


def _application(db: sqlite3.Connection, pay_app_no: Any) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM application WHERE pay_app_no = ?", (pay_app_no,)
    ).fetchone()
    if row is None:
        raise Fault(404, "E-UNKNOWN", "没有这笔支付申请。")
    return row


def _refunded(db: sqlite3.Connection, pay_app_no: str) -> int:
    return int(
        db.execute(
            "SELECT coalesce(sum(amount_fen), 0) FROM refund WHERE pay_app_no = ?", (pay_app_no,)
        ).fetchone()[0]
    )
