"""The whole way of a share through bank and budget system, over real SFTP and HTTP."""

from __future__ import annotations

import itertools
import json
import socket
from dataclasses import replace
from datetime import datetime
from typing import Any

import asyncssh
import httpx
import pytest

from yikatong.connectors.bank import messages as m
from yikatong.connectors.bank.endpoint import BankEndpoint
from yikatong.connectors.bank.files import InboundFile, encode, join
from yikatong.connectors.bank.messages import Message, Msg
from yikatong.connectors.bank.refusals import Unreachable
from yikatong.connectors.bank.sftp import SftpChannel
from yikatong.connectors.budget.client import BudgetClient, BudgetRefused, KeyReused, OutcomeUnknown
from yikatong.connectors.budget.messages import FundingApplication, Manifest, State

from .conftest import SHANGHAI, World, until

COUNTY = "500243"
TODAY = datetime.now(SHANGHAI)
NUMBERS = itertools.count(1)
PEOPLE = [
    ("6228480000000000011", "李秀英", "500243195001010021"),
    ("6228480000000000029", "阿依古丽·买买提", "500243195502020043"),
    ("6228480000000000037", "陈䶮", "500243196003030015"),
    ("6228480000000000045", "周𠮷", "500243196504040037"),
]
STRANGER = ("6228480000000000094", "无此人", "500243199001010011")


def accounts() -> str:
    return "".join(
        json.dumps({
            "bank_no3": "ABC", "acct_no": acct_no, "name": name, "id_no": id_no,
            "acct_type": "CARD", "status": "NORMAL", "class": "I", "is_household_public": False,
        }) + "\n"
        for acct_no, name, id_no in PEOPLE
    )  # fmt: skip


def indicator(amount_fen: int = 10_000_000) -> str:
    return json.dumps({
        "bgt_id": "ZB001", "mof_div_code": "500243000", "fiscal_year": "2026",
        "agency_code": "205001", "pro_code": "500243210000000000001",
        "pro_name": "耕地地力保护补贴", "amount_fen": amount_fen,
    })  # fmt: skip


def new_batch_no() -> str:
    return f"ABC{COUNTY}{TODAY:%Y%m%d}{next(NUMBERS):06d}"


def pay(batch_no: str) -> Message:
    rows = tuple(
        m.PayRow(
            detail_id=f"{batch_no[-6:]}-{seq}", seq=seq, ref_batch_no="PS2026-0001",
            mof_div_code="500243000", fiscal_year="2026", project_code="500243210000000000001",
            project_short="耕地地力", period="2026-03", payee_name=name, id_type="01", id_no=id_no,
            acct_no=acct_no, acct_type="CARD", amount_fen=10_000 * seq + 1, currency="CNY",
            summary="耕地地力", sms_text=f"【农行】您的耕地地力补贴{100 * seq}.01元已发放",
            mobile="13800000000",
        )
        for seq, (acct_no, name, id_no) in enumerate(PEOPLE, start=1)
    )  # fmt: skip
    return Message(Msg.PAY, batch_no, rows)


def verify(batch_no: str) -> Message:
    rows = tuple(
        m.VerifyRow(
            verify_id=f"V{seq}", seq=seq, payee_name=name.replace("·", "•"), id_type="01",
            id_no=id_no, acct_no=acct_no, acct_type="CARD",
        )
        for seq, (acct_no, name, id_no) in enumerate([*PEOPLE, STRANGER], start=1)
    )  # fmt: skip
    return Message(Msg.VRQ, batch_no, rows)


def application(world: World, message: Message, tracking_id: str = "") -> FundingApplication:
    total = sum(row.amount_fen for row in message.rows if isinstance(row, m.PayRow))
    return FundingApplication(
        tracking_id=tracking_id or f"FR{message.batch_no}", bgt_id="ZB001",
        mof_div_code="500243000", fiscal_year="2026", agency_code="205001",
        pro_code="500243210000000000001", use_des="耕地地力 2026-03",
        pay_app_amt_fen=total, payee_acct_name="农行彭水支行内部代发户",
        payee_acct_no=world.bank().payout_account(COUNTY), payee_acct_bank_name="农行彭水支行",
        manifest=Manifest(
            batch_no=message.batch_no, count=len(message.rows), amount_fen=total, sm3="0" * 64
        ),
    )  # fmt: skip


def release(message: Message, funding: m.Funding) -> Message:
    row = m.Release(
        application_no=funding.application_no, voucher_no=funding.voucher_no,
        count=len(message.rows), amount_fen=funding.amount_fen,
    )  # fmt: skip
    return Message(Msg.REL, message.batch_no, (row,))


def only(world: World, msg: Msg, batch_no: str = "") -> Any:
    """The one row of the one message of that kind."""
    (file,) = world.wait_for(msg, 1, batch_no)
    (row,) = file.rows
    return row


def both(world: World) -> World:
    """Bank and budget system run, and this test has a share of its own."""
    if not world.running:
        world.start_bank(accounts=accounts() + accounts().replace('"ABC"', '"ICB"'))
        world.start_budget(indicator())
    world.batch_no = new_batch_no()
    return world


@pytest.fixture
def world(shared_world: World) -> World:
    return both(shared_world)


def funded(world: World, message: Message) -> m.Funding:
    world.send(message)
    assert only(world, Msg.ACK).status == "ACCEPTED"
    world.budget.apply(application(world, message))
    funding = only(world, Msg.FND)
    assert isinstance(funding, m.Funding)
    return funding


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
        (part.name, part.sealed[:-1] + b"x"), (part.name + ".sig", part.signature),
        (part.name + ".ok", b""), ("nonsense.ok", b""),
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


def test_the_budget_system_returns_refuses_and_is_asked_again(world: World) -> None:
    message = pay(world.batch_no)
    world.send(message)
    only(world, Msg.ACK)
    budget = world.budget
    url = world.ready("budget")["url"]
    httpx_post(url + "/control/return-next", {"reason": "用途不规范"})
    first = budget.apply(application(world, message, "FR1"))
    returned = until(lambda: (s := budget.application(first.pay_app_no)).is_returned and s)
    assert returned.return_reason == "用途不规范"

    httpx_post(url + "/control/faults", {"kind": "5xx_after"})
    asked = application(world, message, "FR2")
    with pytest.raises(OutcomeUnknown):
        budget.apply(asked)
    found = budget.find("FR2")
    assert found is not None
    assert budget.apply(asked).pay_app_no == found.pay_app_no
    assert budget.find("FR3") is None
    with pytest.raises(KeyReused):
        budget.apply(_other(asked, use_des="别的用途"))
    until(lambda: budget.application(found.pay_app_no).is_paid)
    with pytest.raises(BudgetRefused, match="不能撤回"):
        budget.withdraw(found.pay_app_no, "试试")
    with pytest.raises(BudgetRefused, match="余额"):
        budget.apply(_other(asked, tracking_id="FR4", pay_app_amt_fen=10_000_000))
    with pytest.raises(OutcomeUnknown):
        BudgetClient("http://127.0.0.1:1", wait_s=1).application(found.pay_app_no)


def test_an_application_is_withdrawn_before_its_voucher(world: World) -> None:
    mode = world.ready("budget")["url"] + "/control/mode"
    httpx_post(mode, {"approve": "manual"})
    message = pay(world.batch_no)
    filed = world.budget.apply(application(world, message))
    (held,) = world.budget.quotas(mof_div_code="500243000", fiscal_year="2026", pro_code="")
    assert held.pay_app_amt_fen == 100_004
    gone = world.budget.withdraw(filed.pay_app_no, "批次撤销")
    assert (gone.status, gone.is_withdrawn) == (State.RETURNED, True)
    (free,) = world.budget.quotas(mof_div_code="500243000", fiscal_year="2026")
    assert free.pay_app_amt_fen == 0
    httpx_post(mode, {"approve": "auto"})


def test_each_bank_is_locked_into_its_own_folders(world: World) -> None:
    own, other = world.bank("ABC"), world.bank("ICB")
    stranger = BankEndpoint(
        "ICB", other.host, other.port, "ICB", own.client_key, other.host_public_key,
        other.sm2_public,
    )  # fmt: skip
    with pytest.raises(Unreachable):
        SftpChannel(stranger, wait_s=3).fetch()
    wrong_host = BankEndpoint(
        "ABC", own.host, own.port, "ABC", own.client_key, _other_host_key(), own.sm2_public
    )
    with pytest.raises(Unreachable):
        SftpChannel(wrong_host, wait_s=3).fetch()
    outside = InboundFile("books.sqlite", b"", b"", "../../..")
    SftpChannel(own).archive([outside])
    assert (world.home / "bank/books.sqlite").exists()


def test_a_silent_port_is_unreachable_within_the_wait(world: World) -> None:
    own = world.bank()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        deaf = BankEndpoint(
            "ABC", "127.0.0.1", port, "ABC", own.client_key, own.host_public_key, own.sm2_public
        )
        with pytest.raises(Unreachable):
            SftpChannel(deaf, wait_s=0.5).fetch()


def _other(asked: FundingApplication, **changes: Any) -> FundingApplication:
    return replace(asked, **changes)


def _other_host_key() -> str:
    key = asyncssh.generate_private_key("ssh-ed25519")
    return key.export_public_key().decode().strip()


def httpx_post(url: str, content: dict[str, Any]) -> None:
    httpx.post(url, json=content).raise_for_status()
