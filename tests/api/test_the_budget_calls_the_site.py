"""A budget system that cannot be asked, only heard: B11, B12, B13 by its own calls, to the money.

Site, worker and bank are processes of their own; the calls cross a socket.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.api.test_banks_call_the_site import served
from tests.journeys.house import House, a_house, end, wait_until
from tests.journeys.telling import equation_holds, paid_by_bank
from yikatong.connectors.bank.calls import SignedCall
from yikatong.connectors.bank.names import CHINA
from yikatong.kernel.digest import sm3
from yikatong.vault.wire import WireKeys, key_id

SLUG = "dadukou"
NOWHERE = "http://127.0.0.1:9"
TOLD_IN_ORDER = True


@dataclass
class Treasury:
    house: House
    url: str
    keys: WireKeys = field(default_factory=WireKeys.create)

    def register(self) -> None:
        """It answers nothing from now on; its key stands in the home."""
        path = self.house.root / "run" / "budget.json"
        path.write_text(json.dumps({"url": NOWHERE, "sm2_public": self.keys.public_hex}))

    def call(self, door: str, key: str, content: dict[str, Any]) -> int:
        path = f"/api/budget/v1/{door}"
        body = json.dumps(content).encode()
        ours = (self.house.root / "keys" / "wire.pub").read_text("ascii").strip()
        envelope = self.keys.facing(ours)
        call = SignedCall.of("POST", path, body, envelope, now=datetime.now(CHINA))
        headers = call.headers(f"BGT-{key_id(self.keys.public)}") | {
            "Idempotency-Key": key, "X-Body-SM3": sm3(body).hex(),
            "Content-Type": "application/json",
        }  # fmt: skip
        answer = httpx.post(
            self.url + path, content=body, headers=headers, timeout=20, trust_env=False
        )
        assert SignedCall.heard("POST", path, answer.headers).is_signed(answer.content, envelope)
        return answer.status_code


@pytest.fixture(scope="module")
def treasury() -> Iterator[Treasury]:
    with a_house() as house:
        house.settle_in(SLUG)
        worker = house.start_worker()
        try:
            with served(house) as url:
                yield Treasury(house, url)
        finally:
            end(worker)


def request_of(house: House, number: str) -> dict[str, Any]:
    names = ("number", "state", "amount_fen", "payee_account", "bank_no", "voucher_number")
    (row,) = house.rows(
        SLUG,
        f"SELECT {', '.join(names)} FROM funding_fundingrequest WHERE number LIKE %s",  # noqa: S608 - names of our own
        f"{number}-%",
    )
    return dict(zip(names, row, strict=True))


def test_review_voucher_and_payment_come_by_its_own_calls(treasury: Treasury) -> None:
    house = treasury.house
    number = house.submit(SLUG, house.listed(SLUG, "2026-03", banks=("ABC",), each=3))
    for name, post in (("compile", "town-clerk"), ("submit", "town-check")):
        assert house.step(number, name, f"{SLUG}-{post}").code == 0
    wait_until(lambda: house.status(number) == "VALIDATED", "the verdict")
    assert house.step(number, "send", f"{SLUG}-town-clerk").code == 0
    wait_until(lambda: house.status(number) == "IN_REVIEW", "the receipt")
    assert house.step(number, "review", f"{SLUG}-finance").code == 0
    wait_until(
        lambda: house.rows(SLUG, "SELECT count(*) FROM funding_indicatorreading")[0][0],
        "the indicators",
    )
    treasury.register()
    assert house.step(number, "request", f"{SLUG}-town-clerk").code == 0

    asked = request_of(house, number)
    base = {
        "mof_div_code": "500104000", "tracking_id": asked["number"], "pay_app_no": "SQ-TEST-1",
    }  # fmt: skip
    voucher = base | {"pay_cert_no": "PZ-1", "vou_date": "2026-11-22"}
    review = base | {
        "status": "APPROVED", "return_reason": "", "is_withdrawn": False,
        "pay_app_amt_fen": asked["amount_fen"],
    }  # fmt: skip
    paid = base | {
        "pay_cert_no": "PZ-1", "xpay_amt_fen": asked["amount_fen"], "xpay_date": "2026-11-22",
        "agent_business_no": "S-1",
    }  # fmt: skip
    assert treasury.call("reviews", "B11:SQ-TEST-1:1", review) == 200
    wait_until(lambda: request_of(house, number)["state"] == "APPROVED", "B11")
    assert treasury.call("vouchers", "B12:SQ-TEST-1:1", voucher) == 200
    wait_until(lambda: request_of(house, number)["state"] == "VOUCHERED", "B12")
    assert request_of(house, number)["voucher_number"] == "PZ-1"
    (share,) = house.rows(
        SLUG, "SELECT batch_no FROM payout_bankshare WHERE batch_no LIKE 'ABC%%' ORDER BY id DESC"
    )[:1]
    credit = httpx.post(
        f"{house.control_url}/treasury/credit",
        json={
            "application_no": "SQ-TEST-1", "voucher_no": "PZ-1",
            "payee_acct_no": asked["payee_account"], "amount_fen": asked["amount_fen"],
            "remark": share[0],
        },
        trust_env=False,
    )  # fmt: skip
    assert credit.status_code == 200, credit.text
    assert treasury.call("payments", "B13:SQ-TEST-1:1", paid) == 200
    wait_until(lambda: house.status(number) == "BOOKED", "money and results")
    facts = house.batch(number)
    equation_holds(facts)
    assert paid_by_bank(house, number) == (facts["due_lines"], facts["due_fen"])
    assert house.do("verify", "--json").json["breaches"] == 0


def test_a_replay_and_other_content_under_its_key(treasury: Treasury) -> None:
    said = {
        "mof_div_code": "500104000", "tracking_id": "NOBODY", "pay_app_no": "SQ-TEST-2",
        "refund_no": "R1", "amount_fen": 1, "reason": "退款", "at": "2026-11-22T10:00:00+08:00",
    }  # fmt: skip
    assert treasury.call("refunds", "B14:SQ-TEST-2:1", said) == 200
    assert treasury.call("refunds", "B14:SQ-TEST-2:1", said) == 200
    assert treasury.call("refunds", "B14:SQ-TEST-2:1", said | {"amount_fen": 2}) == 409
    assert treasury.call("refunds", "B12:SQ-TEST-2:1", said) == 422
    treasury.keys = WireKeys.create()  # a stranger, whose answer is ours all the same
    ours, path = treasury.house.root / "run" / "budget.json", "/api/budget/v1/refunds"
    assert json.loads(ours.read_text())["sm2_public"] != treasury.keys.public_hex
    answer = httpx.post(treasury.url + path, content=b"{}", timeout=20, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (401, "E-SIGN")
