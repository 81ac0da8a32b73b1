"""Every fault of the interface page is switched on, really hit, and ends sound: what is right is
read, what is wrong is refused by name, and the bank's books pay nobody twice.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulators.bank.faults import GROUPS, KINDS
from yikatong.connectors.bank import messages as m
from yikatong.connectors.bank.messages import Message, Msg
from yikatong.connectors.bank.profiles import HTTP
from yikatong.connectors.bank.refusals import Unreachable

from .banks import (
    arm,
    credited,
    heal,
    instruct,
    question,
    receipts,
    results,
    share,
    start,
)
from .conftest import PROFILES, Desk, World, closing, until
from .shares import COUNTY, PEOPLE, TODAY

TOLD_IN_ORDER = True
FILES, API = "ABC", "BOC"
SENDING = ("slow", "timeout_before_accept", "timeout_after_accept", "ack_lost", "ack_late",
           "server_error", "cut_mid_body", "sftp_down", "stale_timestamp", "wrong_certificate",
           "clock_skew", "corrupt_byte")  # fmt: skip
ONLY_API = {"slow", "server_error", "cut_mid_body", "stale_timestamp", "wrong_certificate",
            "clock_skew"}  # fmt: skip
ONLY_FILES = {"sftp_down"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    for made in closing(tmp_path_factory.mktemp("faults")):
        start(made, [FILES, API, "ICB"], PROFILES)
        yield made


@pytest.fixture(params=[FILES, API])
def desk(request: pytest.FixtureRequest, world: World) -> Desk:
    world.control("/control/faults/disarm", {})
    world.refused.clear()
    return world.of(request.param)


def is_api(desk: Desk) -> bool:
    return desk.profile.binding(Msg.PAY) == HTTP


@pytest.mark.parametrize("kind", SENDING)
def test_a_roster_gets_through_whatever_the_line_does(desk: Desk, kind: str) -> None:
    if kind in (ONLY_FILES if is_api(desk) else {*ONLY_API, "corrupt_byte"}):
        return
    arm(desk, kind, delay_s=0.3)
    message = share(desk)
    parts = desk.encode(message)
    for _ in range(3):
        try:
            desk.put(parts, Msg.PAY)
        except Unreachable:
            continue
    until(lambda: desk.world.hits(kind) >= 1)
    if kind == "ack_lost":  # asked again once the bank has read it: files of one name are one
        desk.put(parts, Msg.PAY)
    assert receipts(desk, message.batch_no)[0].status == "ACCEPTED"
    assert desk.world.hits(kind) >= 1
    assert desk.world.books(message.batch_no)["batches"][0]["count"] == 4


def test_an_instruction_after_the_cut_off_is_sent_again(desk: Desk) -> None:
    arm(desk, "cut_off_passed")
    message = share(desk)
    desk.send(message)
    receipts(desk, message.batch_no)
    funding = credited(desk, message)
    instruct(desk, message, funding, code="E-CUTOFF")
    assert desk.world.books(message.batch_no)["count"] == 0
    instruct(desk, message, funding)
    assert len(results(desk, message.batch_no)) == 4


CONTRADICTED = {"amount_off_by_one", "failure_after_success", "results_out_of_order"}


@pytest.mark.parametrize("is_contradicted", [False, True])
def test_results_are_told_in_every_wrong_way_and_paid_once(
    desk: Desk, *, is_contradicted: bool
) -> None:
    kinds = {*GROUPS["files"], *GROUPS["results"], *GROUPS["sms"]} - CONTRADICTED
    later = {"all_failed", "refuse_share", "refuse_part", "sms_no_report"}
    elsewhere = {"corrupt_byte", "partial_file_then_rest"} if is_api(desk) else set()
    armed = CONTRADICTED if is_contradicted else kinds - later - elsewhere
    share_before(desk)
    for kind in armed | (set() if is_api(desk) or is_contradicted else {"bad_signature"}):
        arm(desk, kind, delay_s=0.2)
    if not is_contradicted:
        arm(desk, "fail_account", acct_no=PEOPLE[1][0], code="A02")
    message = share(desk)
    desk.send(message)
    receipts(desk, message.batch_no)
    instruct(desk, message, credited(desk, message))
    heal(desk, 1)
    until(lambda: all(desk.world.hits(kind) for kind in armed))
    desk.wait_for(Msg.SMS, message.batch_no)
    rows = results(desk, message.batch_no, 4 if is_contradicted else 3)
    books = desk.world.books(message.batch_no)
    assert len({row["detail_id"] for row in books["payments"]}) == books["count"]
    assert books["count"] == (4 if is_contradicted else 2)
    if is_contradicted:
        assert max(row.paid_fen for row in rows) == 40_002
        assert {row.result for row in rows} == {"SUCCESS", "FAILED"}


def share_before(desk: Desk) -> None:
    """An older batch of this bank, for rows and numbers that do not belong."""
    message = share(desk)
    desk.send(message)
    receipts(desk, message.batch_no)


@pytest.mark.parametrize("kind", ["all_failed", "sms_no_report"])
def test_a_batch_that_fails_whole_or_says_nothing_more(desk: Desk, kind: str) -> None:
    arm(desk, kind, code="A03")
    message = share(desk)
    desk.send(message)
    receipts(desk, message.batch_no)
    instruct(desk, message, credited(desk, message))
    told = {row.result for row in results(desk, message.batch_no)}
    assert told == ({"FAILED"} if kind == "all_failed" else {"SUCCESS"})
    assert desk.world.hits(kind) >= 1
    desk.collect()
    assert not [one for one in desk.heard if one.name.msg == Msg.SMS]


def test_returns_are_told_once_twice_wrongly_and_for_the_unpaid(desk: Desk) -> None:
    kinds = GROUPS["returns"]
    for kind in kinds:
        arm(desk, kind, delay_s=0.1)
    arm(desk, "fail_account", acct_no=PEOPLE[1][0], code="A02")
    message = share(desk)
    desk.send(message)
    receipts(desk, message.batch_no)
    instruct(desk, message, credited(desk, message))
    told = [row for one in desk.wait_for(Msg.RET, message.batch_no, 4) for row in one.rows]
    assert [row.amount_fen for row in told if isinstance(row, m.ReturnRow)].count(10_001) == 2
    assert all(desk.world.hits(kind) >= 1 for kind in kinds)
    books = desk.world.books(message.batch_no)
    assert [row["amount_fen"] for row in books["returned"]] == [10_001]
    assert sum(row["amount_fen"] for row in books["refunds"]) == 10_001 + 20_001
    heal(desk, 1)


def test_what_stayed_is_called_back_once_and_what_was_paid_is_not(desk: Desk) -> None:
    """CAN with the scope RFD, after the payout; the bank's own RFD answers it."""
    desk.world.control("/control/keeping", {"county": COUNTY, "is_kept": True})
    arm(desk, "fail_account", acct_no=PEOPLE[1][0], code="A02")
    message = share(desk)
    desk.send(message)
    receipts(desk, message.batch_no)
    instruct(desk, message, credited(desk, message))
    results(desk, message.batch_no)
    details = [row.detail_id for row in message.rows if isinstance(row, m.PayRow)]
    assert desk.world.books(message.batch_no)["refunds"] == []

    def called(number: int, place: int) -> m.Receipt:
        row = m.CancelRow(scope="RFD", detail_id=details[place], reason="补发已另向国库申请")
        desk.send(Message(Msg.CAN, message.batch_no, (row,), number))
        return receipts(desk, message.batch_no)[0]

    said = called(1, 1)
    assert (said.for_msg, said.status, said.count, said.amount_fen) == (
        "CAN",
        "ACCEPTED",
        1,
        20_001,
    )
    (told,) = desk.wait_for(Msg.RFD, message.batch_no)
    (row,) = told.rows
    assert isinstance(row, m.RefundRow)
    assert (row.detail_id, row.amount_fen, row.reason) == (details[1], 20_001, "FAILED")
    assert called(2, 1).count == 0, "it has gone already"
    said = called(3, 0)
    assert (said.status, said.code) == ("REJECTED", "E-UNKNOWN"), "that one was paid"
    assert [one["amount_fen"] for one in desk.world.books(message.batch_no)["refunds"]] == [20_001]
    desk.world.control("/control/keeping", {"county": COUNTY, "is_kept": False})
    heal(desk, 1)


@pytest.mark.parametrize("kind", sorted(set(GROUPS["money"]) - {"day_unbalanced"}))
def test_money_that_is_not_what_was_asked_for(desk: Desk, kind: str) -> None:
    arm(desk, kind, by_fen=5, delay_s=0.3)
    message = share(desk)
    desk.send(message)
    receipts(desk, message.batch_no)
    if kind == "missing_funding":
        credited(desk, message, notices=0)
        assert desk.world.books(message.batch_no)["credits"][0]["amount_fen"] == 100_004
        return
    funding = credited(desk, message, notices=2 if kind == "funding_twice" else 1)
    off = {"short_funding": -5, "excess_funding": 5}.get(kind, 0)
    assert funding.amount_fen == 100_004 + off
    assert desk.world.hits(kind) >= 1


def test_a_day_account_that_does_not_balance(desk: Desk) -> None:
    arm(desk, "day_unbalanced")
    told = desk.world.control(f"/recon/{desk.bank}/{COUNTY}/{TODAY:%Y-%m-%d}")
    (day,) = desk.wait_for(Msg.DZ, told["batch_no"])
    sums = {row.kind: row.amount_fen for row in day.rows[:6] if isinstance(row, m.DayRow)}
    closing = (
        sums["OPENING"] + sums["SUM_IN"] - sums["SUM_OUT"] + sums["SUM_RETURN"] - sums["SUM_REFUND"]
    )
    assert sums["CLOSING"] == closing + 1


def test_verification_may_fail_in_four_ways(desk: Desk) -> None:
    def asked() -> list[m.VerifyAnswer]:
        message = question(desk)
        desk.send(message)
        rows = desk.wait_for(Msg.VRS, message.batch_no)[0].rows
        return [row for row in rows if isinstance(row, m.VerifyAnswer)]

    arm(desk, "verify_unavailable")
    assert {row.result for row in asked()} == {"UNAVAILABLE"}
    arm(desk, "verify_quota")
    assert [row.result for row in asked()].count("UNAVAILABLE") == 1
    arm(desk, "name_other_dot")
    assert "阿依古丽．买买提" in {row.name_registered for row in asked()}
    arm(desk, "fail_account", acct_no=PEOPLE[0][0], code="A02")
    assert [row.result for row in asked()][:4] == ["MATCH"] * 4, "found only when the bank pays"
    heal(desk, 0)


def test_a_share_and_a_part_are_refused(world: World) -> None:
    whole, parts = world.of(FILES), world.of("ICB")
    arm(whole, "refuse_share")
    message = share(whole)
    whole.send(message)
    assert receipts(whole, message.batch_no)[0].status == "REJECTED"
    arm(parts, "refuse_part", part=1)
    message = share(parts)
    parts.send(message, max_rows=2)
    told = {row.for_part: row.status for row in receipts(parts, message.batch_no, 2)}
    assert told == {1: "REJECTED", 2: "ACCEPTED"}


def test_every_fault_was_really_hit(world: World) -> None:
    """Replays of a callback's nonce belong to the door itself (tests/api)."""
    never = {kind for kind in KINDS if not world.hits(kind)}
    assert never <= {"fail_account", "replayed_nonce"}
