"""The simulated bank's own rules: what it verifies, pays, refuses and gives back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.bank import accounts, faults, outbox, recon, teller, treasury
from simulators.bank.books import Books
from simulators.bank.codec import BadFile, Row
from simulators.bank.crypto import Crypto, pair
from simulators.loopback import Fault, now

BATCH = "ABC50024320260115000001"
PAYER = "99500243ABC01"


@pytest.fixture
def crypto(tmp_path: Path) -> Crypto:
    public, private = pair(tmp_path / "bank.sm2")
    return Crypto(public, private, public)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    books = Books(tmp_path / "books.sqlite")
    with books.write() as connection:
        yield connection
    books.close()


def open_(db: sqlite3.Connection, acct_no: str, **facts: Any) -> None:
    usual = {"bank_no3": "ABC", "acct_no": acct_no, "name": "阿依·买提", "id_no": "5002431"}
    accounts.open_account(db, usual | facts)


def line(seq: int, acct_no: str, amount_fen: int = 100, name: str = "阿依·买提") -> Row:
    return {
        "detail_id": f"D{seq}", "seq": seq, "payee_name": name, "id_no": "5002431",
        "acct_no": acct_no, "amount_fen": amount_fen, "mobile": "", "sms_text": "到账",
        "ntf_text": "", "currency": "CNY",
    }  # fmt: skip


def credit(db: sqlite3.Connection, crypto: Crypto, amount_fen: int, voucher: str = "V1") -> Any:
    asked = {
        "application_no": f"A-{voucher}", "voucher_no": voucher, "payee_acct_no": PAYER,
        "amount_fen": amount_fen, "remark": BATCH,
    }  # fmt: skip
    return treasury.credit(db, {"ABC": crypto}, asked)


def release_rows(**vouchers: int) -> list[Row]:
    return [
        {"application_no": f"A-{voucher}", "voucher_no": voucher, "count": 1, "amount_fen": amount}
        for voucher, amount in vouchers.items()
    ]


def states(db: sqlite3.Connection) -> dict[str, str]:
    return {row["detail_id"]: row["state"] for row in db.execute("SELECT * FROM line")}


def refunds(db: sqlite3.Connection) -> list[tuple[str, int, list[tuple[str, int, str]]]]:
    return [
        (
            row["voucher_no"], row["amount_fen"],
            [(r["detail_id"], r["amount_fen"], r["reason"]) for r in json.loads(row["rows"])],
        )
        for row in db.execute("SELECT * FROM refund ORDER BY refund_no")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "asked", "code"),
    [
        ({}, {}, ""),
        ({"name": "阿依•买提"}, {}, ""),
        ({"name": "阿依．买提"}, {}, ""),
        ({"name": "阿依买提"}, {}, "A04"),
        ({"id_no": "5002432"}, {}, "A05"),
        ({"id_no": "500243x"}, {"id_no": "500243X"}, ""),
        ({"id_no": "5002432", "is_household_public": True}, {}, ""),
        ({"status": "CLOSED"}, {}, "A02"),
        ({"status": "FROZEN"}, {}, "A03"),
        ({"status": "DORMANT"}, {}, "A07"),
        ({}, {"acct_no": "999"}, "A01"),
    ],
)
def test_verification_compares_account_name_and_number(
    db: sqlite3.Connection, facts: dict[str, Any], asked: dict[str, Any], code: str
) -> None:
    open_(db, "1", **facts)
    row = {"verify_id": "V", "payee_name": "阿依·买提", "id_no": "5002431", "acct_no": "1"} | asked
    answer = accounts.verification(db, "ABC", row)
    assert answer["reason_code"] == code
    assert answer["result"] == ("MISMATCH" if code else "MATCH")


def test_a_seeded_share_fails_only_after_a_verification_that_matched(tmp_path: Path) -> None:
    lines = [
        json.dumps({"bank_no3": "ABC", "acct_no": str(n), "name": "李", "id_no": str(n)})
        for n in range(400)
    ]
    found = []
    for name in ("one", "two"):
        books = Books(tmp_path / name)
        with books.write() as db:
            accounts.load(db, lines, seed=7, fail_rate=0.1, counties=["500243"])
            failing = db.execute("SELECT * FROM account WHERE fault_code IS NOT NULL").fetchall()
            found.append([(row["acct_no"], row["fault_code"]) for row in failing])
            for row in failing:
                asked = {
                    "verify_id": "V", "payee_name": "李", "id_no": row["id_no"],
                    "acct_no": row["acct_no"],
                }  # fmt: skip
                assert accounts.verification(db, "ABC", asked)["result"] == "MATCH"
            assert accounts.load(db, lines, seed=7, fail_rate=1.0, counties=[]) == 0
        books.close()
    assert found[0] == found[1]
    assert 20 <= len(found[0]) <= 60
    assert {code for _, code in found[0]} == set(accounts.LATE_FAULTS)


def test_a_payout_pays_each_line_once_and_sets_the_failed_aside(
    db: sqlite3.Connection, crypto: Crypto
) -> None:
    open_(db, "1")
    open_(db, "2", **{"class": "III"})
    teller.take_in(db, BATCH, [line(1, "1"), line(2, "2", 200_001), line(3, "9")], 200_201)
    credit(db, crypto, 200_201)
    teller.release(db, crypto, BATCH, release_rows(V1=200_201))
    assert states(db) == {"D1": "SUCCESS", "D2": "FAILED", "D3": "FAILED"}
    codes = [row[0] for row in db.execute("SELECT reason_code FROM line ORDER BY seq")]
    assert codes == [None, "A09", "A01"]
    assert refunds(db) == [("V1", 200_101, [("D2", 200_001, "FAILED"), ("D3", 100, "FAILED")])]
    with pytest.raises(BadFile, match="已放款"):
        teller.release(db, crypto, BATCH, release_rows(V1=200_201))
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT INTO payment SELECT 'D1', batch_no, bank, acct_no, name, amount_fen,"
                   " 'other', paid_at FROM payment")  # fmt: skip


def test_residue_goes_back_under_the_vouchers_that_brought_it(
    db: sqlite3.Connection, crypto: Crypto
) -> None:
    open_(db, "1")
    teller.take_in(db, BATCH, [line(1, "1"), line(2, "8", 50), line(3, "9", 50)], 200)
    credit(db, crypto, 130, "V1")
    with pytest.raises(BadFile, match="不相等"):
        teller.release(db, crypto, BATCH, release_rows(V1=200))
    credit(db, crypto, 70, "V2")
    teller.release(db, crypto, BATCH, release_rows(V1=130, V2=70))
    assert refunds(db) == [
        ("V2", 70, [("D2", 50, "FAILED"), ("D3", 20, "FAILED")]),
        ("V1", 30, [("D3", 30, "FAILED")]),
    ]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"payee_acct_no": "9950010400001"}, 404),
        ({"remark": "ABC50024320260115000009"}, 404),
        ({"amount_fen": 0}, 422),
        ({"amount_fen": 1.5}, 422),
        ({"amount_fen": True}, 422),
    ],
)
def test_the_treasurys_money_needs_a_share_and_its_account(
    db: sqlite3.Connection, crypto: Crypto, change: dict[str, Any], status: int
) -> None:
    teller.take_in(db, BATCH, [line(1, "1")], 100)
    asked = {
        "application_no": "A", "voucher_no": "V", "payee_acct_no": PAYER, "amount_fen": 100,
        "remark": BATCH,
    }  # fmt: skip
    with pytest.raises(Fault) as refused:
        treasury.credit(db, {"ABC": crypto}, asked | change)
    assert refused.value.status == status


def test_a_voucher_is_credited_once(db: sqlite3.Connection, crypto: Crypto) -> None:
    teller.take_in(db, BATCH, [line(1, "1")], 100)
    assert credit(db, crypto, 100) == credit(db, crypto, 100)
    with pytest.raises(Fault, match="不同"):
        credit(db, crypto, 99)
    day = recon.day_account(db, "ABC", "500243", now().date().isoformat())
    assert (day["in_fen"], day["closing_fen"], len(day["rows"])) == (100, 100, 1)


def test_a_cancelled_share_takes_no_money_and_no_late_file(
    db: sqlite3.Connection, crypto: Crypto
) -> None:
    assert teller.cancel(db, BATCH, [{"scope": "ALL", "detail_id": "", "reason": "撤"}]) == (0, 0)
    accounts.payout_account(db, "ABC", "500243")
    with pytest.raises(Fault, match="撤销"):
        credit(db, crypto, 100)
    with pytest.raises(sqlite3.IntegrityError):
        teller.take_in(db, BATCH, [line(1, "1")], 100)


def test_a_row_of_another_share_is_not_stopped(db: sqlite3.Connection) -> None:
    teller.take_in(db, BATCH, [line(1, "1")], 100)
    with pytest.raises(BadFile, match="不在这个批次"):
        teller.cancel(db, BATCH, [{"scope": "ROW", "detail_id": "D9", "reason": "停"}])


def test_an_armed_fault_hits_its_share_as_often_as_asked(db: sqlite3.Connection) -> None:
    faults.arm(db, {"kind": "ack_lost", "batch_no": BATCH, "times": 2})
    assert faults.take(db, "ack_lost", "ABC", "other") is None
    assert [bool(faults.take(db, "ack_lost", "ABC", BATCH)) for _ in range(3)] == [
        True, True, False,
    ]  # fmt: skip
    with pytest.raises(Fault, match="没有这种故障"):
        faults.arm(db, {"kind": "earthquake"})


def test_an_unchanged_day_account_is_the_same_file(db: sqlite3.Connection, crypto: Crypto) -> None:
    teller.take_in(db, BATCH, [line(1, "1")], 100)
    day = now().date().isoformat()
    for amount in (0, 0, 100):
        if amount:
            credit(db, crypto, amount)
        account = recon.day_account(db, "ABC", "500243", day)
        recon.send_day_account(db, crypto, account)
    names = [row[0] for row in db.execute("SELECT name FROM outbox WHERE msg = 'DZ'")]
    assert len(names) == 2


def test_a_held_receipt_waits_for_the_same_question(db: sqlite3.Connection, crypto: Crypto) -> None:
    row = {"for_msg": "PAY", "for_part": 1, "status": "ACCEPTED", "count": 1, "amount_fen": 1}
    (one,) = outbox.say(db, crypto, "ACK", BATCH, [row], is_held=True)
    assert not outbox.say_again(db, "PAY", BATCH, 1)
    db.execute("INSERT INTO answer VALUES ('PAY', ?, 1, ?)", (BATCH, one))
    assert outbox.say_again(db, "PAY", BATCH, 1)
    assert db.execute("SELECT state FROM outbox").fetchone()[0] == "WAIT"
