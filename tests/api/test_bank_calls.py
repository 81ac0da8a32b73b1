"""A bank's own calls: taken once when proved, refused in words otherwise, nothing lost."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from simulators.bank import codec
from simulators.bank.api import proof
from simulators.bank.crypto import Crypto, sm3_hex
from simulators.bank.profiles import read_profiles
from tests import database
from tests.validation.cast import HERE
from tests.validation.world import Planter
from yikatong.connectors.bank.names import CHINA
from yikatong.jobs.models import Inbox
from yikatong.kernel.home import CHECKOUT, Home
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.vault.wire import WireKeys

LogIn = Callable[[str], AbstractContextManager[None]]
BANK = "CRB"
BATCH = f"{BANK}{HERE}20260115"
DOOR = "/api/bank/v1/results"


@dataclass
class Bank:
    """The bank that calls, with its own keys and codec."""

    crypto: Crypto
    client: Client

    def results(self, batch_no: str, detail_id: str = "D1", **how: Any) -> bytes:
        row = {"detail_id": detail_id, "result": "FAILED", "reason_code": "A03", "paid_fen": 0}
        made = codec.encode(
            "RES", batch_no, [row], 1, datetime.now(CHINA), self.crypto, codec.Spoil(**how)
        )
        return made[0].sealed

    def call(
        self, batch_no: str, body: bytes, door: str = DOOR, msg: str = "RES", **changed: Any
    ) -> tuple[int, dict[str, Any]]:
        headers = proof(self.crypto, BANK, "POST", door, body, changed.pop("how", {})) | {
            "Idempotency-Key": f"{msg}:{batch_no}:1",
            "X-Message": f"{msg}:{batch_no}:1:1",
            "X-Body-SM3": sm3_hex(body),
        }
        headers |= changed
        answer = self.client.post(door, body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json()


@pytest.fixture
def bank(committing: str, log_in: LogIn, tmp_path: Path, settings: Any) -> Iterator[Bank]:
    profiles = tmp_path / "banks"
    shutil.copytree(CHECKOUT / "packs/banks/BOC", profiles / BANK)
    file = profiles / BANK / "profile.toml"
    file.write_text(file.read_text("utf-8").replace('"BOC"', f'"{BANK}"'), "utf-8")
    settings.BANK_PROFILES, settings.BANK_ENDPOINTS = profiles, tmp_path / "bank.json"
    settings.HOME = Home(tmp_path)
    ours, theirs = WireKeys.load_or_create(settings.HOME.keys), WireKeys.create()
    known = {
        "bank_no3": BANK, "user": BANK, "client_key": "", "sm2_public": theirs.public_hex,
        "host": "", "port": 0, "host_public_key": "", "api_url": "http://127.0.0.1:1",
    }  # fmt: skip
    settings.BANK_ENDPOINTS.write_text(json.dumps({"banks": [known]}))
    with database.connect("ykt_admin", committing, autocommit=True) as admin:
        if not admin.execute("SELECT 1 FROM organisation_county").fetchone():
            planter = Planter(admin)
            with planter.county(HERE):
                planter.offices()
    crypto = Crypto(theirs.public, theirs.private, ours.public, read_profiles(profiles)[BANK])
    with log_in("ykt_web"):
        yield Bank(crypto, Client())


def kept(log_in: LogIn, batch_no: str) -> int:
    with log_in("ykt_worker"), acting(machine(HERE)):
        return Inbox.objects.filter(name__contains=batch_no).count()


def test_a_proved_call_is_kept_once_and_a_replay_is_answered_alike(
    bank: Bank, log_in: LogIn
) -> None:
    batch_no = f"{BATCH}000001"
    body = bank.results(batch_no)
    assert bank.call(batch_no, body)[0] == 200
    assert bank.call(batch_no, body)[0] == 200
    assert kept(log_in, batch_no) == 1


def test_other_content_under_a_known_key_is_a_conflict(bank: Bank, log_in: LogIn) -> None:
    batch_no = f"{BATCH}000002"
    assert bank.call(batch_no, bank.results(batch_no))[0] == 200
    status, told = bank.call(batch_no, bank.results(batch_no, "D2"))
    assert (status, told["code"]) == (409, "E-DUP-CONTENT")
    assert kept(log_in, batch_no) == 1


@pytest.mark.parametrize(
    ("how", "changed", "code"),
    [
        ({"is_stranger": True}, {}, "E-SIGN"),
        ({}, {"X-Sign": ""}, "E-SIGN"),
        ({}, {"X-Cert-Sn": "CRB-0000000000000000"}, "E-SIGN"),
        ({"by_s": -301}, {}, "E-TIME"),
        ({"by_s": 302}, {}, "E-TIME"),
        ({}, {"X-Timestamp": "gestern"}, "E-SIGN"),
    ],
)
def test_what_is_not_proved_is_not_kept(
    bank: Bank, log_in: LogIn, how: dict[str, Any], changed: dict[str, str], code: str
) -> None:
    batch_no = f"{BATCH}000003"
    status, told = bank.call(batch_no, bank.results(batch_no), how=how, **changed)
    assert (status, told["code"]) == (401, code)
    assert kept(log_in, batch_no) == 0


def test_a_clock_that_is_five_minutes_off_is_still_right(bank: Bank) -> None:
    batch_no = f"{BATCH}000004"
    assert bank.call(batch_no, bank.results(batch_no), how={"by_s": -295})[0] == 200


def test_a_nonce_is_good_once(bank: Bank) -> None:
    batch_no = f"{BATCH}000005"
    body = bank.results(batch_no)
    nonce = secrets.token_hex(8)
    stamp = datetime.now(CHINA).isoformat(timespec="seconds")
    text = f"POST\n{DOOR}\n{stamp}\n{nonce}\n{sm3_hex(body)}".encode()
    signed = {
        "X-Timestamp": stamp, "X-Nonce": nonce, "X-Sign": bank.crypto.sign(text).decode(),
    }  # fmt: skip
    assert bank.call(batch_no, body, **signed)[0] == 200
    status, told = bank.call(batch_no, body, **signed)
    assert (status, told["code"]) == (401, "E-NONCE")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Idempotency-Key": "RES:x:1"}, "E-KEY"),
        ({"X-Body-SM3": "00"}, "E-SM3"),
        ({"X-Message": "RES"}, "E-FILE"),
    ],
)
def test_a_call_says_what_it_is(bank: Bank, changed: dict[str, str], code: str) -> None:
    batch_no = f"{BATCH}000006"
    status, told = bank.call(batch_no, bank.results(batch_no), **changed)
    assert (status, told["code"]) == (422, code)


def test_rows_that_are_wrong_are_named_and_kept_for_a_person(bank: Bank, log_in: LogIn) -> None:
    batch_no = f"{BATCH}000007"
    status, told = bank.call(batch_no, bank.results(batch_no, count=1))
    assert (status, told["code"]) == (422, "E-COUNT")
    assert "写明2笔，实有1笔" in told["reason"]
    assert kept(log_in, batch_no) == 1, "the inbox sets it aside; nothing is lost"


def test_a_stranger_and_another_county_s_number_are_nobody(bank: Bank) -> None:
    stranger = f"ZZZ{HERE}20260115000008"
    assert bank.call(stranger, b"{}", **{"X-Cert-Sn": "ZZZ-1"})[0] == 401
    elsewhere = f"{BANK}50010420260115000009"
    assert bank.call(elsewhere, bank.results(elsewhere))[0] == 401
    assert bank.client.get(DOOR).status_code == 405
