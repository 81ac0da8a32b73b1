"""The budget system's own calls: taken once when proved, and an application never goes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests import database
from tests.payout.funded import Funded, plant_funded
from tests.validation.cast import HERE
from yikatong.connectors.bank.calls import SignedCall
from yikatong.connectors.bank.names import CHINA
from yikatong.funding import treasury
from yikatong.funding.models import FundingRequest, TreasuryEntry
from yikatong.jobs.models import Inbox, Quarantine
from yikatong.kernel.digest import sm3
from yikatong.kernel.home import Home
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.vault.wire import WireKeys, key_id

LogIn = Callable[[str], AbstractContextManager[None]]
DOOR = "/api/budget/v1/reviews"
REVIEW = {
    "mof_div_code": f"{HERE}000", "tracking_id": "NOBODY", "pay_app_no": "SQ-1",
    "status": "APPROVED", "return_reason": "", "is_withdrawn": False, "pay_app_amt_fen": 1,
}  # fmt: skip


@dataclass
class Office:
    """The budget system that calls."""

    ours: WireKeys
    theirs: WireKeys
    client: Client

    def call(
        self, key: str, content: Any, door: str = DOOR, *, by_s: int = 0, nonce: str = "",
        **changed: str,
    ) -> tuple[int, dict[str, Any]]:  # fmt: skip
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        envelope = self.theirs.facing(self.ours.public_hex)
        now = datetime.now(CHINA) + timedelta(seconds=by_s)
        call = SignedCall.of("POST", door, body, envelope, now=now)
        if nonce:
            unsigned = SignedCall("POST", door, call.timestamp, nonce, "")
            call = SignedCall(
                "POST", door, call.timestamp, nonce, envelope.sign(unsigned.text(body)).decode()
            )
        headers = call.headers(f"BGT-{key_id(self.theirs.public)}") | {
            "Idempotency-Key": key, "X-Body-SM3": sm3(body).hex(),
        }  # fmt: skip
        answer = self.client.post(
            door, body, content_type="application/json", headers=headers | changed
        )
        said = SignedCall.heard("POST", door, answer.headers)
        assert said.is_signed(answer.content, envelope), "each answer of ours is signed"
        return answer.status_code, answer.json()


@pytest.fixture
def funded(committing: str, request: pytest.FixtureRequest) -> Funded:
    number = f"2026-b{abs(hash(request.node.name)) % 10**7:07d}"
    with database.connect("ykt_admin", committing, autocommit=True) as admin:
        return plant_funded(admin, number)


@pytest.fixture
def office(funded: Funded, log_in: LogIn, tmp_path: Path, settings: Any) -> Iterator[Office]:
    settings.HOME, settings.BUDGET_ENDPOINT = Home(tmp_path), tmp_path / "budget.json"
    ours, theirs = WireKeys.load_or_create(settings.HOME.keys), WireKeys.create()
    settings.BUDGET_ENDPOINT.write_text(
        json.dumps({"url": "http://127.0.0.1:1", "sm2_public": theirs.public_hex})
    )
    with log_in("ykt_web"):
        yield Office(ours, theirs, Client())


def kept(log_in: LogIn, key: str) -> list[Inbox]:
    with log_in("ykt_worker"), acting(machine(HERE)):
        return list(Inbox.objects.filter(name=key, bank_no=0))


def applied(log_in: LogIn, key: str) -> str:
    """The queue's work on what is kept; gives what became of it."""
    (one,) = kept(log_in, key)
    with log_in("ykt_worker"):
        treasury.hear(one.pk, actor=machine(HERE))
    return kept(log_in, key)[0].outcome


def a_request(log_in: LogIn, found: Funded) -> FundingRequest:
    with log_in("ykt_worker"), acting(machine(HERE)):
        return FundingRequest.objects.filter(batch_id=found.batch).order_by("id")[0]


def test_a_replay_is_answered_alike_and_other_content_is_a_conflict(
    office: Office, funded: Funded, log_in: LogIn
) -> None:
    key = f"B11:{funded.batch}:1"
    first, again = office.call(key, REVIEW), office.call(key, REVIEW)
    assert first == again == (200, {"key": key, "status": "ACCEPTED"})
    status, told = office.call(key, REVIEW | {"pay_app_amt_fen": 2})
    assert (status, told["code"]) == (409, "E-DUP-CONTENT")
    assert len(kept(log_in, key)) == 1


def test_a_nonce_is_good_once(office: Office, funded: Funded) -> None:
    key = f"B11:{funded.batch}:2"
    nonce = f"n{funded.batch}"
    assert office.call(key, REVIEW | {"return_reason": "x"}, nonce=nonce)[0] == 200
    status, told = office.call(key, REVIEW | {"return_reason": "x"}, nonce=nonce)
    assert (status, told["code"]) == (401, "E-NONCE")


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ({"X-Sign": "00"}, 401, "E-SIGN"),
        ({"X-Cert-Sn": "BGT-0000000000000000"}, 401, "E-SIGN"),
        ({"by_s": -400}, 401, "E-TIME"),
        ({"by_s": 400}, 401, "E-TIME"),
        ({"X-Body-SM3": "00"}, 422, "E-SM3"),
        ({"Idempotency-Key": "B12:1:1"}, 422, "E-KEY"),
        ({"Idempotency-Key": ""}, 422, "E-KEY"),
    ],
)
def test_what_is_not_proved_is_not_kept(
    office: Office, log_in: LogIn, how: dict[str, Any], status: int, code: str
) -> None:
    found, told = office.call("B11:BAD:1", REVIEW, **how)
    assert (found, told["code"]) == (status, code)
    assert told["reason"]
    assert kept(log_in, "B11:BAD:1") == []


@pytest.mark.parametrize(
    "content",
    [
        b"not json",
        b"[]",
        {name: value for name, value in REVIEW.items() if name != "status"},
        REVIEW | {"pay_app_amt_fen": 1.5},
        REVIEW | {"pay_app_amt_fen": True},
        REVIEW | {"mof_div_code": "999999000"},
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(office: Office, content: Any) -> None:
    status, told = office.call("B11:ROW:1", content)
    assert (status, told["code"]) == (422, "E-ROW")


def test_without_a_registered_key_nobody_is_heard(office: Office, settings: Any) -> None:
    settings.BUDGET_ENDPOINT.write_text(json.dumps({"url": "http://127.0.0.1:1"}))
    answer = office.client.post(DOOR, b"{}", content_type="application/json")
    assert answer.status_code == 401
    assert "X-Sign" not in answer.headers


def test_words_in_any_order_lead_forward_only(
    office: Office, funded: Funded, log_in: LogIn
) -> None:
    request = a_request(log_in, funded)
    with database.connect("ykt_admin", connection_name(), autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE funding_fundingrequest SET state = 'SUBMITTED', voucher_number = '',"
            " budget_number = %s WHERE id = %s",
            [f"SQ-{funded.batch}", request.pk],
        )
    base = {
        "mof_div_code": f"{HERE}000", "tracking_id": request.number,
        "pay_app_no": f"SQ-{funded.batch}",
    }  # fmt: skip
    voucher = base | {"pay_cert_no": "PZ1", "vou_date": "2026-11-22"}
    number = f"{funded.batch}"
    assert office.call(f"B12:{number}:1", voucher, "/api/budget/v1/vouchers")[0] == 200
    assert applied(log_in, f"B12:{number}:1") == "applied"
    assert a_request(log_in, funded).state == "VOUCHERED"
    assert a_request(log_in, funded).voucher_number == "PZ1"
    late = REVIEW | base | {"status": "APPROVED"}
    assert office.call(f"B11:{number}:1", late)[0] == 200
    assert applied(log_in, f"B11:{number}:1") == "applied"
    assert a_request(log_in, funded).state == "VOUCHERED", "an older word does not lead back"
    paid = base | {
        "pay_cert_no": "PZ1", "xpay_amt_fen": request.amount_fen, "xpay_date": "2026-11-22",
        "agent_business_no": "S1",
    }  # fmt: skip
    assert office.call(f"B13:{number}:1", paid, "/api/budget/v1/payments")[0] == 200
    assert applied(log_in, f"B13:{number}:1") == "applied"
    assert a_request(log_in, funded).state == "PAID"


def test_a_stranger_s_application_is_set_aside(
    office: Office, funded: Funded, log_in: LogIn
) -> None:
    key = f"B11:{funded.batch}:9"
    told = REVIEW | {"tracking_id": f"NOBODY{funded.batch}"}
    assert office.call(key, told)[0] == 200
    assert applied(log_in, key) == "quarantined"
    with log_in("ykt_worker"), acting(machine(HERE)):
        assert Quarantine.objects.filter(sentence__contains=f"NOBODY{funded.batch}").exists()


def test_a_day_s_reconciliation_is_judged_row_by_row(
    office: Office, funded: Funded, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[Any] = []
    monkeypatch.setattr(treasury, "_answer", lambda *told: answered.extend(told[2]) or 0)
    request = a_request(log_in, funded)
    row = {
        "tracking_id": request.number, "pay_app_no": request.budget_number,
        "pay_cert_no": request.voucher_number, "status": "PAID",
        "pay_app_amt_fen": request.amount_fen + 1, "xpay_amt_fen": 0, "refunded_fen": 0,
    }  # fmt: skip
    check = f"DZ{funded.batch}"
    told = {"mof_div_code": f"{HERE}000", "check_no": check, "rows": [row]}
    assert office.call(f"B15:{check}:1", told, "/api/budget/v1/recon")[0] == 200
    assert applied(log_in, f"B15:{check}:1") == "applied"
    assert [(one.tracking_id, one.result) for one in answered] == [(request.number, "1")]
    with log_in("ykt_worker"), acting(machine(HERE)):
        assert TreasuryEntry.objects.filter(check_no=check).count() == 1


def connection_name() -> str:
    return str(connection.settings_dict["NAME"])
