"""The HTTP port (BSC v1): every write has a key; the same again gets the stored answer."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

from simulators.budget import faults, office, recon
from simulators.budget.books import Books, add_indicator, balances
from simulators.budget.files import FileDesk
from simulators.loopback import Answer, Fault, Json, Request, now

REFUSED_BY: Final = {"applications": "balance_too_small", "details": "rows_refused"}
REFUSAL: Final = {
    "balance_too_small": ("E-BALANCE", "指标可用余额 0.00 元，不足以支付本次申请。"),
    "rows_refused": ("E-ROWS", "明细一次应少于 500 条。"),
}


class Web:
    """Routes of the platform, of the bank, and of tests and demos."""

    def __init__(self, books: Books, staff: office.Office, desk: FileDesk | None = None) -> None:
        self.books, self.staff, self.desk = books, staff, desk

    def __call__(self, request: Request) -> Answer:
        match (request.method, *request.parts):
            case ("POST", "v1", "refunds"):
                with self.books.write() as db:
                    return 200, office.refund(db, request.json())
            case ("POST", "v1", *rest):
                return self._keyed(request, rest)
            case ("POST", "control", what):
                return 200, self._control(what, request.json())
            case ("GET", *rest):
                return 200, self._told(request, rest)
        raise _no_path(request)

    def _told(self, request: Request, rest: list[str]) -> Json:
        with self.books.write() as db:
            match rest:
                case ["health"]:
                    found: Json = {"status": "ok"}
                case ["v1", "quotas"]:
                    found = self._quotas(db, request.asked)
                case ["v1", "applications"]:
                    found = self._found(db, request.asked["tracking_id"])
                case ["v1", "applications", number]:
                    found = office.state(db, number)
                case ["v1", "recon"]:
                    found = recon.held(db, request.asked["mof_div_code"], request.asked["day"])
                case ["control", "books"]:
                    found = self._ledger(db)
                case ["control", "faults"]:
                    found = faults.told(db)
                case _:
                    raise _no_path(request)
        return found

    def _keyed(self, request: Request, rest: list[str]) -> Answer:
        """Check the digest, look the key up, act, store the answer: one transaction."""
        self._break("5xx_before")
        key = request.headers.get("idempotency-key", "")
        digest = hashlib.new("sm3", request.body).hexdigest()
        if not key or request.headers.get("x-body-sm3") != digest:
            raise Fault(400, "E-HEADER", "缺少 Idempotency-Key，或 X-Body-SM3 与内容不符。")
        self._refuse(request, rest)
        with self.books.write() as db:
            known = db.execute("SELECT * FROM answer WHERE key = ?", (key,)).fetchone()
            if known is None:
                content = self._act(db, request, rest)
                status = 201 if rest == ["applications"] else 200
                db.execute(
                    "INSERT INTO answer VALUES (?, ?, ?, ?)",
                    (key, digest, status, json.dumps(content, ensure_ascii=False)),
                )
            elif known["sm3"] != digest:
                raise Fault(409, "E-KEY", "同一键值此前收到过不同的内容，不予受理。")
            else:
                status, content = known["status"], json.loads(known["content"])
        self._break("5xx_after")
        return status, content

    def _refuse(self, request: Request, rest: list[str]) -> None:
        """Refusals that a fault orders: its hit is booked although nothing else is."""
        county = str(request.json().get("mof_div_code", ""))
        kind = REFUSED_BY.get(rest[-1], "")
        if not kind:
            return
        with self.books.write() as db:
            ordered = faults.take(db, kind, county)
        if ordered is not None:
            raise Fault(422, *REFUSAL[kind])

    def _break(self, kind: str) -> None:
        with self.books.write() as db:
            broken = faults.take(db, kind)
        if broken is not None:
            raise Fault(503, "E-BUSY", "系统忙，请稍后查询。")

    def _act(self, db: sqlite3.Connection, request: Request, rest: list[str]) -> Json:
        asked = request.json()
        match rest:
            case ["applications"]:
                return office.apply(db, asked, tick_s=self.staff.tick_s)
            case ["applications", number, "details"]:
                return office.details(db, number, asked)
            case ["applications", number, "withdraw"]:
                return office.withdraw(db, number, str(asked["reason"]))
            case ["recon", check_no]:
                return recon.answered(db, check_no, asked)
            case ["mof"]:
                return recon.receipts(db, asked)
        raise _no_path(request)

    def _quotas(self, db: sqlite3.Connection, asked: Mapping[str, str]) -> Json:
        found = []
        for row in db.execute(
            "SELECT * FROM indicator WHERE mof_div_code = ? AND fiscal_year = ?"
            " AND agency_code = coalesce(?, agency_code) AND pro_code = coalesce(?, pro_code)"
            " ORDER BY bgt_id",
            (
                asked["mof_div_code"], asked["fiscal_year"],
                asked.get("agency_code"), asked.get("pro_code"),
            ),
        ).fetchall():  # fmt: skip
            current, held = balances(db, row["bgt_id"])
            quota = dict(row) | {"cur_amt_fen": current, "pay_app_amt_fen": held}
            found.append(quota | {"bgt_exe_flag": bool(row["bgt_exe_flag"])})
        return {"as_of": now().isoformat(), "quotas": found}

    def _found(self, db: sqlite3.Connection, tracking_id: str) -> Json:
        rows = db.execute(
            "SELECT pay_app_no FROM application WHERE tracking_id = ?", (tracking_id,)
        ).fetchall()
        return {"applications": [office.state(db, row["pay_app_no"]) for row in rows]}

    def _control(self, what: str, asked: Json) -> Json:
        door = CONTROLS.get(what)
        if door is None:
            raise Fault(404, "E-PATH", f"没有这个控制：{what}")
        return door(self, asked)

    def return_next(self, asked: Json) -> Json:
        with self.books.write() as db:
            db.execute(
                "INSERT INTO return_next (reason, mof_div_code) VALUES (?, ?)",
                (str(asked["reason"]), asked.get("mof_div_code")),
            )
        return {"reason": asked["reason"]}

    def mode(self, asked: Json) -> Json:
        """{"approve": "auto" | "manual"}"""
        self.staff.is_automatic = asked["approve"] == "auto"
        return {"approve": "auto" if self.staff.is_automatic else "manual"}

    def approve(self, asked: Json) -> Json:
        return self.staff.decide(str(asked["pay_app_no"]))

    def indicator(self, asked: Json) -> Json:
        with self.books.write() as db:
            add_indicator(db, asked)
        return {"bgt_id": asked["bgt_id"]}

    def recon_file(self, asked: Json) -> Json:
        """{"mof_div_code": …, "day": …}: the day is over, its B15 is written."""
        if self.desk is None:
            raise Fault(404, "E-PATH", "没有文件交换目录。")
        return self.desk.reconcile(str(asked["mof_div_code"]), str(asked["day"]))

    def fault(self, asked: Json) -> Json:
        """Switch one of `faults.KINDS` on; GET tells how often each was hit."""
        with self.books.write() as db:
            return faults.switch_on(db, asked)

    def _ledger(self, db: sqlite3.Connection) -> Json:
        rows = db.execute("SELECT pay_app_no, details FROM application ORDER BY 1").fetchall()
        checks = db.execute("SELECT * FROM recon ORDER BY check_no, tracking_id").fetchall()
        return {
            "applications": [office.state(db, row["pay_app_no"]) for row in rows],
            "details": {
                row["pay_app_no"]: json.loads(row["details"]) for row in rows if row["details"]
            },
            "recon": [dict(row) for row in checks],
        }


CONTROLS: Final[dict[str, Callable[[Web, Json], Json]]] = {
    "return-next": Web.return_next,
    "mode": Web.mode,
    "approve": Web.approve,
    "indicators": Web.indicator,
    "faults": Web.fault,
    "recon-file": Web.recon_file,
}


def _no_path(request: Request) -> Fault:
    return Fault(404, "E-PATH", f"没有这个地址：{request.path}")
