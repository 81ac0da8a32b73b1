"""The bank's customers: loading, answering a verification, judging a credit."""

from __future__ import annotations

import json
import random
import re
import sqlite3
import unicodedata
from collections.abc import Iterable
from typing import Any, Final

from simulators.bank.books import meta, set_meta
from simulators.loopback import Fault, Json, now

STATUSES: Final = {"NORMAL": "", "CLOSED": "A02", "FROZEN": "A03", "DORMANT": "A07"}
LIMITS_FEN: Final = {"II": 1_000_000, "III": 200_000}
LATE_FAULTS: Final = ("A02", "A03", "A04")
DOTS: Final = re.compile("[・･•‧∙⋅●．.]")
PAYOUT: Final = "PAYOUT"
BANK: Final = re.compile(r"[0-9A-Z]{3}")
REASONS: Final = {
    "A01": "账号不存在",
    "A02": "账户已销户",
    "A03": "账户冻结或止付",
    "A04": "户名不符",
    "A05": "证件号不符",
    "A07": "睡眠户",
    "A09": "超过账户限额",
    "A12": "户名字符无法处理",
    "S01": "系统异常",
}
FACTS: Final = ("name", "id_no", "acct_type", "status", "class", "is_household_public")


def load(
    db: sqlite3.Connection,
    lines: Iterable[str],
    *,
    seed: int,
    fail_rate: float,
    counties: list[str],
) -> int:
    """Open the accounts of a JSONL stream that are not known yet; returns how many.

    A seeded share of them gets a fault that verification does not know of and payout meets.
    """
    known = db.execute("SELECT count(*) FROM account").fetchone()[0]
    chance = random.Random(seed + known)  # noqa: S311 — a seeded demo, no secret
    opened = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            facts = json.loads(line)
            if facts.get("acct_type") == PAYOUT:
                _agree_payout_account(db, facts)
                continue
            if _account(db, str(facts["bank_no3"]), str(facts["acct_no"])) is not None:
                continue
            open_account(db, facts)
        except (ValueError, KeyError, TypeError, Fault) as error:
            raise Fault(422, "E-ACCOUNTS", f"账户清单第{number}行不正确：{error}") from None
        opened += 1
        if chance.random() < fail_rate:
            db.execute(
                "UPDATE account SET fault_code = ? WHERE bank = ? AND acct_no = ?",
                (chance.choice(LATE_FAULTS), facts["bank_no3"], facts["acct_no"]),
            )
    for (bank,) in db.execute("SELECT bank FROM bank ORDER BY bank").fetchall():
        for county in counties:
            payout_account(db, bank, county)
    set_meta(db, "loaded", now().isoformat())
    return opened


def is_loaded(db: sqlite3.Connection) -> bool:
    return meta(db, "loaded") is not None


def open_account(db: sqlite3.Connection, facts: Json) -> None:
    """Open an account, or alter the named facts of one; either way its hidden fault is healed."""
    bank, acct_no = str(facts["bank_no3"]), str(facts["acct_no"])
    if BANK.fullmatch(bank) is None or not acct_no:
        raise Fault(422, "E-ACCOUNT", "bank_no3 应为三位大写字母或数字，acct_no 不能为空。")
    if facts.get("status", "NORMAL") not in STATUSES:
        raise Fault(422, "E-ACCOUNT", f"账户状态应为 {'、'.join(STATUSES)} 之一。")
    known = db.execute(
        "SELECT * FROM account WHERE bank = ? AND acct_no = ?", (bank, acct_no)
    ).fetchone()
    if known is None:
        merged = {"acct_type": "CARD", "status": "NORMAL", "class": "I", "id_no": ""} | facts
    else:
        merged = {name: known[name] for name in FACTS} | facts
    db.execute("INSERT OR IGNORE INTO bank VALUES (?)", (bank,))
    db.execute(
        "INSERT INTO account (bank, acct_no, name, id_no, acct_type, status, class,"
        " is_household_public, fault_code) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (bank, acct_no) DO UPDATE SET name = excluded.name, id_no = excluded.id_no,"
        " acct_type = excluded.acct_type, status = excluded.status, class = excluded.class,"
        " is_household_public = excluded.is_household_public, fault_code = excluded.fault_code,"
        " is_fault_known = 0",
        (
            bank, acct_no, str(merged["name"]), str(merged["id_no"]), str(merged["acct_type"]),
            str(merged["status"]), str(merged["class"]),
            int(bool(merged.get("is_household_public", False))), facts.get("fault_code"),
        ),
    )  # fmt: skip


def payout_account(db: sqlite3.Connection, bank: str, county: str) -> str:
    """The bank's 内部代发户 of a county: the agreed one, else one opened when first asked for."""
    known = db.execute(
        "SELECT acct_no FROM payout_account WHERE bank = ? AND county = ?", (bank, county)
    ).fetchone()
    if known is not None:
        return str(known["acct_no"])
    number = f"99{county}{bank}01"
    db.execute("INSERT OR IGNORE INTO payout_account VALUES (?, ?, ?)", (number, bank, county))
    return number


def _agree_payout_account(db: sqlite3.Connection, facts: Json) -> None:
    """A line of `acct_type` PAYOUT: the number that the agreement with a county names."""
    bank, county, number = str(facts["bank_no3"]), str(facts["county"]), str(facts["acct_no"])
    if BANK.fullmatch(bank) is None or not number.isdecimal():
        raise Fault(422, "E-ACCOUNT", "代发户应有银行简码和数字账号。")
    db.execute("INSERT OR IGNORE INTO bank VALUES (?)", (bank,))
    db.execute("INSERT OR IGNORE INTO payout_account VALUES (?, ?, ?)", (number, bank, county))


def verification(db: sqlite3.Connection, bank: str, asked: dict[str, Any]) -> dict[str, Any]:
    """One VRS row. A hidden fault is not seen here until a payout has met it."""
    account = _account(db, bank, asked["acct_no"])
    code = "A01" if account is None else _standing(account, asked["payee_name"], asked["id_no"])
    if not code and account is not None and account["is_fault_known"]:
        code = account["fault_code"] or ""
    return {
        "verify_id": asked["verify_id"],
        "result": "MISMATCH" if code else "MATCH",
        "reason_code": code,
        "reason_text": REASONS.get(code, ""),
        "acct_status": account["status"] if account else "",
        "acct_class": account["class"] if account else "",
        "name_registered": account["name"] if account and not code else "",
        "checked_at": now().isoformat(),
    }


def count_try(db: sqlite3.Connection, bank: str, acct_no: str, quota: int) -> bool:
    """False where the card's tries of the day are used up."""
    day = now().date().isoformat()
    db.execute(
        "INSERT INTO asked VALUES (?, ?, ?, 1)"
        " ON CONFLICT (bank, acct_no, day) DO UPDATE SET times = times + 1",
        (bank, acct_no, day),
    )
    (times,) = db.execute(
        "SELECT times FROM asked WHERE bank = ? AND acct_no = ? AND day = ?", (bank, acct_no, day)
    ).fetchone()
    return int(times) <= quota


def credit_trouble(db: sqlite3.Connection, bank: str, line: sqlite3.Row) -> str:
    """Why this line cannot be credited: an A code; empty where the money may go in."""
    account = _account(db, bank, line["acct_no"])
    if account is None:
        return "A01"
    if account["fault_code"]:
        db.execute(
            "UPDATE account SET is_fault_known = 1 WHERE bank = ? AND acct_no = ?",
            (bank, line["acct_no"]),
        )
        return str(account["fault_code"])
    code = _standing(account, line["payee_name"], line["id_no"])
    if code:
        return code
    limit = LIMITS_FEN.get(account["class"])
    return "A09" if limit is not None and line["amount_fen"] > limit else ""


def one_form(name: str) -> str:
    """The name as compared: NFKC, one dot for all dots, no blanks."""
    return DOTS.sub("·", unicodedata.normalize("NFKC", name)).replace(" ", "")


def _account(db: sqlite3.Connection, bank: str, acct_no: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = db.execute(
        "SELECT * FROM account WHERE bank = ? AND acct_no = ?", (bank, acct_no)
    ).fetchone()
    return found


def _standing(account: sqlite3.Row, name: str, id_no: str) -> str:
    if STATUSES[account["status"]]:
        return STATUSES[account["status"]]
    if one_form(account["name"]) != one_form(name):
        return "A04"
    is_own = not account["is_household_public"]
    if is_own and account["id_no"] and id_no and account["id_no"].upper() != id_no.upper():
        return "A05"
    return ""
