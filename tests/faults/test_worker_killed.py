"""kill -9 of the worker at the worst moments. The oracle is the bank's own books, in another
process and store: nothing is paid twice, nothing is lost, and what we hold equals what it did.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.journeys.house import PATIENCE_S, House, a_house, end, wait_until

TOLD_IN_ORDER = True  # the last one takes up the results that the others brought
SEED = 20_261
KILLS_BY_CHANCE = 3
BANKS = ("CRC", "ABC")
HOT_S = 0.01


@dataclass
class Works:
    """A home whose worker is killed and started again; `kills` says when it really happened."""

    house: House
    worker: subprocess.Popen[bytes]
    kills: list[str] = field(default_factory=list)

    def kill(self, when: str) -> None:
        end(self.worker, signal.SIGKILL)
        self.kills.append(when)

    def again(self) -> None:
        self.worker = self.house.start_worker()

    def kill_when(self, condition: Callable[[], object], when: str) -> None:
        """Watch closely, kill in the same breath, start again."""
        limit = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < limit, f"never came: {when}"
            time.sleep(HOT_S)
        self.kill(when)
        self.again()


@pytest.fixture(scope="module")
def works() -> Iterator[Works]:
    with a_house() as house:
        house.settle_in("dadukou")
        found = Works(house, house.start_worker())
        try:
            yield found
        finally:
            end(found.worker)


def drafted(house: House, period: str) -> str:
    number = house.submit("dadukou", house.listed("dadukou", period, banks=BANKS, each=3))
    for name, post in (("compile", "town-clerk"), ("submit", "town-check")):
        assert house.step(number, name, f"dadukou-{post}").code == 0
    return number


def until(house: House, number: str, *statuses: str) -> None:
    wait_until(lambda: house.status(number) in statuses, f"{number} {statuses}")


def take(house: House, number: str, name: str, post: str) -> None:
    done = house.step(number, name, f"dadukou-{post}")
    assert done.code == 0, done.err


def requested(house: House, number: str) -> None:
    until(house, number, "IN_REVIEW")
    take(house, number, "review", "finance")
    take(house, number, "request", "town-clerk")


def in_folder(house: House, message: str) -> list[Path]:
    """Files of that kind which the banks have, read or not."""
    folders = house.root / "simulators" / "bank" / "sftp"
    return [
        file
        for file in folders.glob("*/*/*")
        if message in file.name and file.parent.name in {"in", "archive"}
    ]


def books_agree(house: House, *numbers: str) -> None:
    """Our PAID rows and the bank's payments are the same rows and the same fen, each once."""
    theirs = house.bank_books()["payments"]
    assert len({row["detail_id"] for row in theirs}) == len(theirs), "paid twice"
    ours = house.rows(
        "dadukou", "SELECT detail_id, amount_fen FROM payout_payment WHERE state = 'PAID'"
    )
    assert {row["detail_id"]: row["amount_fen"] for row in theirs} == dict(ours)
    instructions = house.rows(
        "dadukou", "SELECT count(*), count(DISTINCT share_id) FROM payout_paymentinstruction"
    )[0]
    assert instructions[0] == instructions[1], "one instruction per share"
    for number in numbers:
        facts = house.batch(number)
        assert facts["in_transit_fen"] == 0
        assert facts["paid_fen"] == facts["due_fen"] > 0
    done = house.do("verify", "--json")
    assert done.code == 0, done.json["breached"]


def test_killed_once_the_bank_has_the_list_and_once_it_has_the_release(works: Works) -> None:
    house = works.house
    number = drafted(house, "2026-09")
    works.kill_when(lambda: in_folder(house, "VRQ"), "the bank has the question")
    until(house, number, "VALIDATED")
    take(house, number, "send", "town-clerk")
    works.kill_when(lambda: in_folder(house, "PAY"), "the bank has the list")
    requested(house, number)
    works.kill_when(lambda: in_folder(house, "REL"), "the bank has the release")
    until(house, number, "BOOKED")
    books_agree(house, number)


def test_killed_when_the_bank_has_paid_and_we_have_not_recorded_it(works: Works) -> None:
    house = works.house
    before = house.bank_books()["count"]
    for code3 in BANKS:  # paid at once, told a second later: time to be killed in between
        house.bank("faults", kind="partial_file_then_rest", bank_no3=code3)
    number = drafted(house, "2026-08")
    until(house, number, "VALIDATED")
    take(house, number, "send", "town-clerk")
    requested(house, number)
    limit = time.monotonic() + PATIENCE_S
    while house.bank_books()["count"] == before:
        assert time.monotonic() < limit
        time.sleep(HOT_S)
    works.kill("the bank has paid")
    recorded = house.batch(number)["paid_fen"]
    paid = house.bank_books()
    assert recorded < sum(row["amount_fen"] for row in paid["payments"][before:]), (
        "killed too late: it was recorded already"
    )
    works.again()
    until(house, number, "BOOKED")
    books_agree(house, number)


@pytest.mark.long
def test_killed_by_chance_while_answers_get_lost_and_come_twice(works: Works) -> None:
    """The bank takes a file and the line breaks before it says so; results come three times."""
    house, chance = works.house, random.Random(SEED)  # noqa: S311 - repeatable
    numbers = [drafted(house, period) for period in ("2026-07", "2026-06")]
    for code3 in BANKS:
        house.bank("faults", kind="timeout_after_accept", bank_no3=code3, times=2)
        house.bank("faults", kind="result_duplicate", bank_no3=code3, times=3)
        house.bank("faults", kind="result_other_file", bank_no3=code3, times=2)
    for number in numbers:
        until(house, number, "VALIDATED")
        take(house, number, "send", "town-clerk")
    for number in numbers:
        requested(house, number)
    for _ in range(KILLS_BY_CHANCE):
        time.sleep(chance.uniform(1.5, 3.5))
        works.kill("by chance")
        works.again()
    for number in numbers:
        until(house, number, "BOOKED")
    books_agree(house, *numbers)
    assert works.kills.count("by chance") >= KILLS_BY_CHANCE


def test_the_same_results_applied_ten_times_at_once_have_one_effect(works: Works) -> None:
    """The very bytes of the bank, taken out of the inbox again by the administrator's hand."""
    house = works.house
    end(works.worker)
    before = house.rows("dadukou", "SELECT id, state FROM payout_payment ORDER BY id")
    results = house.rows("dadukou", "SELECT count(*) FROM feedback_paymentresult")
    with house.administrator() as admin:
        admin.execute("UPDATE jobs_inbox SET applied_at = NULL WHERE kind = 'RES'")
    assert house.call("apply_results_at_once", county="500104", times=10) >= 20
    assert house.rows("dadukou", "SELECT id, state FROM payout_payment ORDER BY id") == before
    assert house.rows("dadukou", "SELECT count(*) FROM feedback_paymentresult") == results
    assert house.rows("dadukou", "SELECT count(*) FROM jobs_inbox WHERE applied_at IS NULL") == [
        [0]
    ]
    assert house.do("verify", "--json").code == 0
