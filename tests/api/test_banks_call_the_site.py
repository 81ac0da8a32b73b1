"""A bank that only calls: PAY and REL by its API, receipt, money and results by callback.

Site, worker, bank and budget system are processes of their own; the bank's calls cross a socket.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest

from simulators.bank import codec
from simulators.bank.api import proof
from simulators.bank.crypto import Crypto, pair, peer_key, sm3_hex
from simulators.bank.profiles import read_profiles
from tests.journeys.house import COUNTY, House, a_house, end, wait_until
from tests.journeys.telling import equation_holds, paid_by_bank, shares_of
from yikatong.connectors.bank.names import CHINA
from yikatong.kernel.home import CHECKOUT

BANK = "BOC"
DOOR = "/api/bank/v1/results"
COUNTY_SLUG = "dadukou"


@dataclass
class Running:
    house: House
    url: str

    def answers(self) -> dict[str, int]:
        told = httpx.get(f"{self.house.control_url}/control/callback", trust_env=False).json()
        found: dict[str, int] = told["answers"]
        return found

    @property
    def crypto(self) -> Crypto:
        """The running bank's own keys: what it could send."""
        public, private = pair(self.house.root / "simulators/bank/keys" / f"{BANK}.sm2")
        peer = peer_key(self.house.root / "keys/wire.pub")
        return Crypto(public, private, peer, read_profiles(CHECKOUT / "packs/banks")[BANK])

    def results(self, batch_no: str, detail_id: str) -> bytes:
        row = {"detail_id": detail_id, "result": "PENDING", "paid_fen": 0}
        made = codec.encode("RES", batch_no, [row], 9, datetime.now(CHINA), self.crypto)
        return bytes(made[0].sealed)

    def call(
        self, batch_no: str, body: bytes, how: dict[str, Any] | None = None, **changed: str
    ) -> httpx.Response:
        headers = proof(self.crypto, BANK, "POST", DOOR, body, how or {}) | {
            "Content-Type": "application/json", "Idempotency-Key": f"RES:{batch_no}:9",
            "X-Message": f"RES:{batch_no}:9:9", "X-Body-SM3": sm3_hex(body),
        }  # fmt: skip
        return httpx.post(
            self.url + DOOR, content=body, headers=headers | changed, timeout=20, trust_env=False
        )

    def is_ours(self, answer: httpx.Response) -> bool:
        """Whether the answer carries our signature over exactly these bytes."""
        text = "\n".join((
            "POST", DOOR, answer.headers.get("X-Timestamp", ""),
            answer.headers.get("X-Nonce", ""), sm3_hex(answer.content),
        )).encode()  # fmt: skip
        return bool(self.crypto.verify(text, answer.headers.get("X-Sign", "").encode()))


@contextmanager
def served(house: House) -> Iterator[str]:
    """`./ykt serve --port 0` of this home; gives its address."""
    site = subprocess.Popen(
        [sys.executable, "-P", "-m", "yikatong.cli", "serve", "--port", "0"],
        cwd=CHECKOUT, env=house.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    assert site.stdout is not None
    url = ""
    for line in site.stdout:
        found = re.search(r"工作人员：(http://127\.0\.0\.1:\d+)/", line)
        if found:
            url = found[1]
            break
    assert url, "the site did not start"
    try:
        wait_until(lambda: answers(url), "the site")
        yield url
    finally:
        site.terminate()
        site.wait(30)
        site.stdout.close()


def answers(url: str) -> bool:
    try:
        return httpx.get(url + "/sign-in", trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with a_house() as house:
        house.settle_in(COUNTY_SLUG)
        worker = house.start_worker()
        try:
            with served(house) as url:
                house.bank("callback", url=url, only=True)
                yield Running(house, url)
        finally:
            end(worker)


@pytest.fixture(scope="module")
def paid(running: Running) -> str:
    """A batch at a bank that only calls, from list to 核算; the faults of a call among it."""
    house = running.house
    for kind in ("replayed_nonce", "bad_signature"):
        house.bank("faults", kind=kind, bank_no3=BANK)
    number = house.submit(COUNTY_SLUG, house.listed(COUNTY_SLUG, "2026-03", banks=(BANK,), each=3))
    for name, post in (("compile", "town-clerk"), ("submit", "town-check")):
        assert house.step(number, name, f"{COUNTY_SLUG}-{post}").code == 0
    wait_until(lambda: house.status(number) == "VALIDATED", "the verdict")
    assert house.step(number, "send", f"{COUNTY_SLUG}-town-clerk").code == 0
    wait_until(lambda: house.status(number) == "IN_REVIEW", "the receipt by callback")
    assert house.step(number, "review", f"{COUNTY_SLUG}-finance").code == 0
    assert house.step(number, "request", f"{COUNTY_SLUG}-town-clerk").code == 0
    wait_until(lambda: house.status(number) == "BOOKED", "money and results by callback")
    return number


def test_receipt_money_and_results_come_by_callback_alone(running: Running, paid: str) -> None:
    house = running.house
    facts = house.batch(paid)
    equation_holds(facts)
    assert paid_by_bank(house, paid) == (facts["due_lines"], facts["due_fen"])
    assert facts["due_fen"] > 0
    told = running.answers()
    assert {"ACK 200", "FND 200", "RES 200"} <= set(told), told
    assert not any("unsigned" in one for one in told), "each answer of ours is signed"
    assert house.do("verify", "--json").json["breaches"] == 0


def test_the_faults_of_a_call_were_really_hit_and_refused(running: Running, paid: str) -> None:
    told = running.answers()
    refused = sum(count for one, count in told.items() if one.endswith(" 401"))
    assert refused >= 2, told  # the replayed nonce, and the wrong signature that was tried again
    armed = httpx.get(f"{running.house.control_url}/control/faults", trust_env=False).json()
    hits = {one["kind"]: one["hits"] for one in armed["faults"]}
    assert hits["replayed_nonce"] == 1
    assert hits["bad_signature"] == 1


def test_a_call_is_answered_by_what_it_is(running: Running, paid: str) -> None:
    house = running.house
    (share,) = shares_of(house, paid)
    batch_no = share["batch_no"]
    assert batch_no.startswith(BANK + COUNTY[COUNTY_SLUG])
    body = running.results(batch_no, f"{batch_no}0000001")

    unsigned = running.call(batch_no, body, {"is_stranger": True})
    old = running.call(batch_no, body, {"by_s": -600})
    assert (unsigned.status_code, unsigned.json()["code"]) == (401, "E-SIGN")
    assert (old.status_code, old.json()["code"]) == (401, "E-TIME")

    first = running.call(batch_no, body)
    again = running.call(batch_no, body)
    assert (first.status_code, again.status_code) == (200, 200), first.text
    assert first.json() == again.json()

    other = running.call(batch_no, running.results(batch_no, f"{batch_no}0000002"))
    assert (other.status_code, other.json()["code"]) == (409, "E-DUP-CONTENT")
    for answer in (unsigned, old, first, again, other):
        assert running.is_ours(answer), answer.text

    nonce, stamp = secrets.token_hex(8), datetime.now(CHINA).isoformat(timespec="seconds")
    text = f"POST\n{DOOR}\n{stamp}\n{nonce}\n{sm3_hex(body)}".encode()
    signed = {
        "X-Timestamp": stamp, "X-Nonce": nonce, "X-Sign": running.crypto.sign(text).decode(),
    }  # fmt: skip
    assert running.call(batch_no, body, **signed).status_code == 200
    replayed = running.call(batch_no, body, **signed)
    assert (replayed.status_code, replayed.json()["code"]) == (401, "E-NONCE")

    stranger = running.call(batch_no, body, **{"X-Cert-Sn": "ZZZ-0000000000000000"})
    assert stranger.status_code in {401, 422}
    assert json.loads(stranger.content)["reason"]
