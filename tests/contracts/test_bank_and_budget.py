"""The whole way of a share through bank and budget system, over real SFTP and HTTP."""

from __future__ import annotations

import random
import time

import pytest

from yikatong.connectors.bank import messages as m
from yikatong.connectors.bank.files import SealedPart, encode, join
from yikatong.connectors.bank.messages import Message, Msg
from yikatong.connectors.bank.refusals import Unreachable
from yikatong.connectors.budget.messages import State

from .conftest import World, until
from .shares import (
    COUNTY,
    PEOPLE,
    TODAY,
    application,
    both,
    funded,
    new_batch_no,
    only,
    pay,
    release,
    verify,
)


@pytest.fixture
def world(shared_world: World) -> World:
    return both(shared_world)


def balanced(world: World) -> None:
    """Three of four paid: ledger, messages and day account say the same."""
    books = world.books()
    assert (books["count"], books["sum_fen"]) == (3, 80_003)
    assert len({row["detail_id"] for row in books["payments"]}) == 3
    assert world.control("/control/sms")["count"] == 3
    day_no = f"ABC{COUNTY}{TODAY:%Y%m%d}000001"
    told = world.control(f"/recon/ABC/{COUNTY}/{TODAY:%Y-%m-%d}")
    day = join(world.wait_for(Msg.DZ, 1, day_no)).rows
    assert told["opening_fen"] == told["closing_fen"] == 0
    sums = {row.kind: row.amount_fen for row in day[:6]}
    assert sums == {
        "OPENING": 0, "SUM_IN": 100_004, "SUM_OUT": 80_003, "SUM_RETURN": 0,
        "SUM_REFUND": 20_001, "CLOSING": 0,
    }  # fmt: skip
    assert sum(row.amount_fen for row in day[6:] if row.kind == "OUT") == 80_003


def test_a_share_walks_from_verification_to_a_balanced_day(own_world: World) -> None:
    world = both(own_world)
    request = verify(new_batch_no())
    world.send(request)
    answers = world.wait_for(Msg.VRS, 1, request.batch_no)[0].rows
    assert [(a.result, a.reason_code) for a in answers] == [("MATCH", "")] * 4 + [
        ("MISMATCH", "A01")
    ]

    # One account fails after a verification that matched.
    world.control("/control/faults", {
        "kind": "fail_account", "bank_no3": "ABC", "acct_no": PEOPLE[1][0], "code": "A02",
    })  # fmt: skip
    message = pay(world.batch_no)
    world.send(message, max_rows=2)
    receipt = only(world, Msg.ACK)
    assert (receipt.status, receipt.count, receipt.amount_fen) == ("ACCEPTED", 4, 100_004)

    (quota,) = world.budget.quotas(mof_div_code="500243000", fiscal_year="2026")
    assert quota.available_fen == 10_000_000
    asked = application(world, message)
    filed = world.budget.apply(asked)
    assert world.budget.apply(asked).pay_app_no == filed.pay_app_no
    funding = only(world, Msg.FND)
    assert (funding.amount_fen, funding.application_no) == (100_004, filed.pay_app_no)
    paid = until(lambda: (s := world.budget.application(filed.pay_app_no)).is_paid and s)
    assert paid.pay_cert_no == funding.voucher_no

    # The bank crashes before the instruction, and again after it: nothing is paid twice.
    world.kill("bank")
    world.start_bank()
    instruction = release(message, funding)
    sealed = encode(instruction, created=TODAY, envelope=world.envelope)
    world.channel.put(sealed)
    assert only(world, Msg.ACK).status == "ACCEPTED"
    world.kill("bank")
    world.start_bank()
    world.channel.put(sealed)

    (results,) = world.wait_for(Msg.RES)
    outcome = {row.detail_id[-1]: row for row in results.rows}
    assert [outcome[k].result for k in "1234"] == ["SUCCESS", "FAILED", "SUCCESS", "SUCCESS"]
    assert (outcome["2"].reason_code, outcome["2"].paid_fen) == ("A02", 0)
    assert only(world, Msg.ACK).for_msg == "REL"  # the same receipt again

    (refund,) = world.wait_for(Msg.RFD)
    assert [(r.detail_id[-1], r.amount_fen, r.reason) for r in refund.rows] == [
        ("2", 20_001, "FAILED")
    ]
    back = world.budget.application(filed.pay_app_no)
    assert (back.status, back.refunded_fen) == (State.PART_REFUNDED, 20_001)
    (quota,) = world.budget.quotas(mof_div_code="500243000", fiscal_year="2026")
    assert (quota.cur_amt_fen, quota.pay_app_amt_fen) == (10_000_000 - 80_003, 0)

    balanced(world)

    # Now the bank knows better at verification.
    request = verify(new_batch_no())
    world.send(request)
    assert world.wait_for(Msg.VRS, 1, request.batch_no)[0].rows[1].reason_code == "A02"


def test_no_release_without_equal_funds_and_no_pay_after_cancel(world: World) -> None:
    world.control("/control/faults", {"kind": "short_funding", "by_fen": 1})
    message = pay(world.batch_no)
    funding = funded(world, message)
    assert funding.amount_fen == 100_003
    world.send(release(message, funding))
    refused = only(world, Msg.ACK)
    assert (refused.status, refused.code) == ("REJECTED", "E-FUNDS")
    assert world.books()["count"] == 0

    cancel = m.CancelRow(scope="ALL", reason="发放单位撤销")
    world.send(Message(Msg.CAN, world.batch_no, (cancel,)))
    stopped = only(world, Msg.ACK)
    assert (stopped.status, stopped.count, stopped.amount_fen) == ("ACCEPTED", 4, 100_004)
    refund = world.wait_for(Msg.RFD)[0]
    assert refund.amount_fen == 100_003
    assert {row.reason for row in refund.rows} == {"CANCELLED"}
    world.send(Message(Msg.REL, world.batch_no, release(message, funding).rows, number=2))
    assert only(world, Msg.ACK).code == "E-STATE"
    assert world.books()["count"] == 0


def test_a_stopped_row_is_residue(world: World) -> None:
    message = pay(world.batch_no)
    funding = funded(world, message)
    first = message.rows[0]
    assert isinstance(first, m.PayRow)
    stop = m.CancelRow(scope="ROW", detail_id=first.detail_id, reason="人员去世")
    world.send(Message(Msg.CAN, world.batch_no, (stop,)))
    assert only(world, Msg.ACK).amount_fen == 10_001
    row = m.Release(
        application_no=funding.application_no, voucher_no=funding.voucher_no, count=3,
        amount_fen=90_003,
    )  # fmt: skip
    world.send(Message(Msg.REL, world.batch_no, (row,)))
    assert only(world, Msg.ACK).status == "ACCEPTED"
    assert len(world.wait_for(Msg.RES)[0].rows) == 3
    (refund,) = world.wait_for(Msg.RFD)
    assert [(r.reason, r.amount_fen) for r in refund.rows] == [("STOPPED", 10_001)]


def test_other_content_under_a_known_key_is_refused(world: World) -> None:
    message = pay(world.batch_no)
    world.send(message)
    assert only(world, Msg.ACK).status == "ACCEPTED"
    world.send(Message(Msg.PAY, world.batch_no, message.rows[:3]))
    assert only(world, Msg.ACK).code == "E-DUP-CONTENT"
    again = pay(new_batch_no())
    world.send(Message(Msg.PAY, again.batch_no, message.rows))
    assert only(world, Msg.ACK, again.batch_no).code == "E-DUP-DETAIL"
    world.send(message)
    assert only(world, Msg.ACK).status == "ACCEPTED"
    for number, state, count in ((message, "ACCEPTED", 4), (again, "REJECTED", 0)):
        (batch,) = world.books(number.batch_no)["batches"]
        assert (batch["state"], batch["count"]) == (state, count)


def test_a_broken_file_goes_to_bad_with_a_receipt_and_the_bank_lives(world: World) -> None:
    (part,) = encode(pay(world.batch_no), created=TODAY, envelope=world.envelope)
    inbox = world.home / "bank/sftp/ABC/in"
    for name, content in (
        (part.name, part.sealed[:-1] + bytes([part.sealed[-1] ^ 1])),
        (part.name + ".sig", part.signature), (part.name + ".ok", b""), ("nonsense.ok", b""),
    ):  # fmt: skip
        (inbox / name).write_bytes(content)
    receipt = only(world, Msg.ACK)
    assert (receipt.status, receipt.code, receipt.for_msg) == ("REJECTED", "E-SIGN", "PAY")
    assert (world.home / "bank/sftp/ABC/bad" / part.name).exists()
    assert world.control("/health") == {"status": "ok"}


@pytest.mark.parametrize("kind", ["timeout_before_accept", "timeout_after_accept"])
def test_a_broken_line_is_unreachable_and_the_same_bytes_bring_the_receipt(
    world: World, kind: str
) -> None:
    world.control("/control/faults", {"kind": kind, "bank_no3": "ABC"})
    parts = encode(pay(world.batch_no), created=TODAY, envelope=world.envelope)
    with pytest.raises(Unreachable):
        world.channel.put(parts)
    world.channel.put(parts)
    assert only(world, Msg.ACK).status == "ACCEPTED"
    assert world.hits(kind) == 1


def test_results_may_come_twice_late_split_and_wrong(world: World) -> None:
    message = pay(world.batch_no)
    funding = funded(world, message)
    faults = (
        {"kind": "unknown_then_success", "rows": 1, "delay_s": 0.3}, {"kind": "result_duplicate"},
        {"kind": "result_other_file"}, {"kind": "amount_off_by_one"},
        {"kind": "result_split", "files": 2}, {"kind": "partial_file_then_rest"},
    )  # fmt: skip
    for fault in faults:
        world.control("/control/faults", fault)
    world.send(release(message, funding))
    files = world.wait_for(Msg.RES, 6)
    names = [str(file.name) for file in files]
    assert len(set(names)) == 4, "two of the files came twice, with the same bytes"
    assert len({file.file_sm3 for file in files}) == 4
    rows = [row for file in files for row in file.rows if row.detail_id.endswith("-1")]
    assert {row.result for row in rows} == {"PENDING", "SUCCESS"}
    assert max(row.paid_fen for file in files for row in file.rows) == 40_002
    assert [world.hits(str(fault["kind"])) for fault in faults] == [1] * len(faults)
    assert world.books()["sum_fen"] == 100_004


def test_a_lost_receipt_comes_with_the_same_file_and_a_refusal_is_final(world: World) -> None:
    world.control("/control/faults", {"kind": "ack_lost"})
    parts = encode(pay(world.batch_no), created=TODAY, envelope=world.envelope)
    world.channel.put(parts)
    until(lambda: world.books()["batches"])
    assert world.collect() == []
    world.channel.put(parts)
    assert only(world, Msg.ACK).status == "ACCEPTED"

    world.control("/control/faults", {"kind": "refuse_share", "reason": "整批预检不通过"})
    second = pay(new_batch_no())
    world.send(second)
    refused = only(world, Msg.ACK, second.batch_no)
    assert (refused.code, refused.reason) == ("E-BANK", "整批预检不通过")
    world.send(second)
    assert only(world, Msg.ACK, second.batch_no).code == "E-BANK"


@pytest.mark.long
def test_kills_at_any_moment_pay_nobody_twice(own_world: World) -> None:
    """kill -9 at random while shares come in, are funded and paid; the books are the oracle."""
    world = both(own_world)
    chance = random.Random(20260115)  # noqa: S311 — a seeded test
    for _ in range(12):
        world.batch_no = new_batch_no()
        message = pay(world.batch_no)
        sealed = encode(message, created=TODAY, envelope=world.envelope)
        _killed_while(world, chance, sealed)
        assert only_kind(world, Msg.ACK) == "ACCEPTED"
        world.budget.apply(application(world, message))
        funding = world.wait_for(Msg.FND)[0].rows[0]
        assert isinstance(funding, m.Funding)
        instruction = encode(release(message, funding), created=TODAY, envelope=world.envelope)
        _killed_while(world, chance, instruction)
        world.wait_for(Msg.RES)
        assert world.books()["sum_fen"] == 100_004
    books = world.control("/control/books")
    assert (books["count"], books["sum_fen"]) == (48, 12 * 100_004)


def only_kind(world: World, msg: Msg) -> str:
    """The status of a receipt that may have come more than once."""
    statuses = {row.status for file in world.wait_for(msg) for row in file.rows}
    (status,) = statuses
    return str(status)


def _killed_while(world: World, chance: random.Random, parts: tuple[SealedPart, ...]) -> None:
    world.channel.put(parts)
    time.sleep(chance.random() * 0.25)
    world.kill("bank")
    world.start_bank()
    world.channel.put(parts)
