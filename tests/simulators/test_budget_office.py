"""The simulated budget system: balances, keys, refunds; and bad requests answered in words."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators.budget import office
from simulators.budget.books import Books, balances, load
from simulators.budget.web import Web
from simulators.loopback import Fault, Server, serve_json, url_of

INDICATOR = {
    "bgt_id": "Z1", "mof_div_code": "500104000", "fiscal_year": "2026", "agency_code": "205",
    "pro_code": "P1", "amount_fen": 1_000,
}  # fmt: skip
ASKED = {
    "tracking_id": "T1", "bgt_id": "Z1", "mof_div_code": "500104000", "fiscal_year": "2026",
    "agency_code": "205", "pro_code": "P1", "use_des": "项目", "pay_app_amt_fen": 600,
    "payee_acct_name": "代发户", "payee_acct_no": "99", "manifest": {"batch_no": "B"},
}  # fmt: skip


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    made = Books(tmp_path / "books.sqlite")
    with made.write() as db:
        load(db, [json.dumps(INDICATOR)])
    yield made
    made.close()


@pytest.fixture
def db(books: Books) -> Iterator[sqlite3.Connection]:
    with books.write() as connection:
        yield connection


def paid(db: sqlite3.Connection) -> str:
    number: str = office.apply(db, ASKED, tick_s=0)["pay_app_no"]
    db.execute("UPDATE application SET status = 'PAID', pay_cert_no = 'V', xpay_amt_fen = 600")
    return number


def test_money_is_held_spent_and_given_back(db: sqlite3.Connection) -> None:
    assert balances(db, "Z1") == (1_000, 0)
    number = office.apply(db, ASKED, tick_s=0)["pay_app_no"]
    assert balances(db, "Z1") == (1_000, 600)
    with pytest.raises(Fault, match=r"可用余额 4\.00 元"):
        office.apply(db, ASKED | {"tracking_id": "T2", "pay_app_amt_fen": 401}, tick_s=0)
    office.withdraw(db, number, "撤销")
    assert balances(db, "Z1") == (1_000, 0)


def test_a_refund_counts_once_and_never_exceeds_the_payment(db: sqlite3.Connection) -> None:
    back = {
        "refund_no": "R1", "application_no": paid(db), "voucher_no": "V", "amount_fen": 200,
        "reason": "失败",
    }  # fmt: skip
    for _ in range(2):
        assert office.refund(db, back)["status"] == "PART_REFUNDED"
    assert balances(db, "Z1") == (600, 0)
    with pytest.raises(Fault, match="不同"):
        office.refund(db, back | {"amount_fen": 201})
    with pytest.raises(Fault, match="超过"):
        office.refund(db, back | {"refund_no": "R2", "amount_fen": 401})
    assert office.refund(db, back | {"refund_no": "R3", "amount_fen": 400})["status"] == "REFUNDED"
    assert balances(db, "Z1") == (1_000, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"bgt_id": "Z9"}, {"agency_code": "206"}, {"pay_app_amt_fen": 0}, {"pay_app_amt_fen": 1.5},
        {"payee_acct_no": ""}, {"mof_div_code": "500243000"},
    ],
)  # fmt: skip
def test_an_application_beside_its_indicator_is_refused(
    db: sqlite3.Connection, change: dict[str, Any]
) -> None:
    with pytest.raises(Fault):
        office.apply(db, ASKED | change, tick_s=0)


@pytest.fixture
def server(books: Books) -> Iterator[Server]:
    staff = office.Office(books, lambda: "http://127.0.0.1:1", 0)
    made = serve_json(Web(books, staff))
    yield made
    made.shutdown()
    made.server_close()


def post(server: Server, path: str, body: bytes, **headers: str) -> httpx.Response:
    usual = {"Idempotency-Key": "K1", "X-Body-SM3": hashlib.new("sm3", body).hexdigest()}
    with httpx.Client(trust_env=False) as client:
        return client.post(url_of(server) + path, content=body, headers=usual | headers)


def test_the_same_key_gets_the_stored_answer_and_other_content_a_409(server: Server) -> None:
    body = json.dumps(ASKED).encode()
    first = post(server, "/v1/applications", body)
    again = post(server, "/v1/applications", body)
    assert (first.status_code, first.json()) == (201, again.json())
    other = post(server, "/v1/applications", json.dumps(ASKED | {"use_des": "x"}).encode())
    assert (other.status_code, other.json()["code"]) == (409, "E-KEY")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"not json", {}),
        (b"[]", {}),
        (b"{}", {}),
        (json.dumps(ASKED | {"pay_app_amt_fen": 10**30}).encode(), {}),
        (json.dumps(ASKED).encode(), {"X-Body-SM3": "0"}),
        (json.dumps(ASKED).encode(), {"Idempotency-Key": ""}),
    ],
)
def test_a_bad_request_is_answered_in_words(
    server: Server, body: bytes, headers: dict[str, str]
) -> None:
    told = post(server, "/v1/applications", body, **headers)
    assert 400 <= told.status_code < 500
    assert told.json()["reason"]
