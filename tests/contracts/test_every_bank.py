"""One suite for every bank profile of the pack, against the simulator in a process of its own.

It says when a new bank is right: copy a folder under `packs/banks/`, change it, run this.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from yikatong.connectors.bank import messages as m
from yikatong.connectors.bank.files import join
from yikatong.connectors.bank.messages import Message, Msg
from yikatong.connectors.bank.profiles import HTTP, QUERY, ROW_WISE, load_profiles
from yikatong.connectors.bank.refusals import Unreachable, Unwritable
from yikatong.kernel.digest import sm3

from .banks import arm, credited, heal, instruct, question, receipts, results, share, start
from .conftest import PROFILES, SHANGHAI, Desk, World, closing
from .shares import COUNTY, PEOPLE, TODAY, batch_no_of, pay

BANKS = sorted(load_profiles(PROFILES))
COPIED = "NEW"


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack's folders, and one that was copied from another bank and renamed."""
    folder = tmp_path_factory.mktemp("packs") / "banks"
    shutil.copytree(PROFILES, folder)
    shutil.copytree(folder / "CQB", folder / COPIED)
    copied = folder / COPIED / "profile.toml"
    copied.write_text(copied.read_text("utf-8").replace('"CQB"', f'"{COPIED}"'), "utf-8")
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, profiles: Path) -> Iterator[World]:
    for made in closing(tmp_path_factory.mktemp("world")):
        start(made, [*BANKS, COPIED], profiles)
        yield made


@pytest.fixture(params=[*BANKS, COPIED])
def desk(request: pytest.FixtureRequest, world: World, profiles: Path) -> Desk:
    world.control("/control/faults/disarm", {})
    world.refused.clear()
    return world.of(request.param, profiles)


def released(desk: Desk, message: Message) -> None:
    """Everything up to the accepted instruction."""
    desk.send(message)
    assert {row.status for row in receipts(desk, message.batch_no)} == {"ACCEPTED"}
    instruct(desk, message, credited(desk, message))


def test_a_batch_of_accounts_and_a_single_one_are_verified(desk: Desk) -> None:
    asked = question(desk)
    desk.send(asked)
    message = join(desk.wait_for(Msg.VRS, asked.batch_no))
    told = [
        (row.result, row.reason_code) for row in message.rows if isinstance(row, m.VerifyAnswer)
    ]
    assert told == [("MATCH", "")] * 4 + [("MISMATCH", "A01")]

    arm(desk, "verify_unavailable")
    alone = Message(Msg.VRQ, batch_no_of(desk.bank), asked.rows[:1])
    desk.send(alone)
    (answer,) = desk.wait_for(Msg.VRS, alone.batch_no)[0].rows
    assert isinstance(answer, m.VerifyAnswer)
    assert answer.result == "UNAVAILABLE"


def test_a_share_in_parts_is_paid_and_reported_row_by_row(desk: Desk) -> None:
    arm(desk, "fail_account", acct_no=PEOPLE[1][0], code="A02")
    message = share(desk)
    desk.send(message, max_rows=2)
    is_by_part = desk.profile.style == ROW_WISE
    told = receipts(desk, message.batch_no, 2 if is_by_part else 1)
    told = told[-1:] if not is_by_part else told
    assert {row.status for row in told} == {"ACCEPTED"}
    assert sum(row.count for row in told) == 4
    assert sum(row.amount_fen for row in told) == 100_004
    instruct(desk, message, credited(desk, message))
    rows = {row.detail_id[-1]: row for row in results(desk, message.batch_no)}
    assert [rows[k].result for k in "1234"] == ["SUCCESS", "FAILED", "SUCCESS", "SUCCESS"]
    assert (rows["2"].reason_code, rows["2"].paid_fen) == ("A02", 0)
    assert (rows["1"].paid_fen, rows["1"].paid_at is not None) == (10_001, True)
    assert rows["1"].bank_serial

    (refund,) = desk.wait_for(Msg.RFD, message.batch_no)
    assert [(r.detail_id[-1], r.amount_fen) for r in refund.rows if isinstance(r, m.RefundRow)] == [
        ("2", 20_001)
    ]
    (texts,) = desk.wait_for(Msg.SMS, message.batch_no)
    assert [row.status for row in texts.rows if isinstance(row, m.SmsRow)] == ["DELIVRD"] * 3
    assert desk.world.books(message.batch_no)["sum_fen"] == 80_003
    heal(desk, 1)


def test_a_refused_share_is_refused_whole_and_a_refused_part_alone(desk: Desk) -> None:
    if desk.profile.style == ROW_WISE:
        arm(desk, "refuse_part", part=2, reason="本包预检不通过")
        message = share(desk)
        desk.send(message, max_rows=2)
        told = receipts(desk, message.batch_no, 2)
        assert [(row.for_part, row.status) for row in told] == [(1, "ACCEPTED"), (2, "REJECTED")]
        (batch,) = desk.world.books(message.batch_no)["batches"]
        assert (batch["state"], batch["count"], batch["amount_fen"]) == ("ACCEPTED", 2, 30_002)
        return
    arm(desk, "refuse_share", reason="整批预检不通过")
    message = share(desk)
    desk.send(message)
    (told_once,) = receipts(desk, message.batch_no)
    assert (told_once.status, told_once.code) == ("REJECTED", "E-BANK")
    assert told_once.reason == "整批预检不通过"


def test_results_come_twice_split_and_late_and_are_the_same_rows(desk: Desk) -> None:
    kinds = ("result_duplicate", "result_split", "unknown_then_success", "rows_out_of_order")
    for kind in kinds:
        arm(desk, kind, delay_s=0.2)
    message = share(desk)
    released(desk, message)
    rows = results(desk, message.batch_no, 5)
    last = {row.detail_id: row.result for row in rows if row.result != "PENDING"}
    assert set(last.values()) == {"SUCCESS"}
    assert len(last) == 4
    assert any(row.result == "PENDING" for row in rows)
    assert all(desk.world.hits(kind) >= 1 for kind in kinds)


def test_a_return_is_told_or_must_be_asked_for(desk: Desk) -> None:
    for kind in ("returned", "return_wrong_amount"):
        arm(desk, kind, delay_s=0.1)
    message = share(desk)
    released(desk, message)
    returned = [row for one in desk.wait_for(Msg.RET, message.batch_no, 2) for row in one.rows]
    first, wrong = (row for row in returned if isinstance(row, m.ReturnRow))
    assert (first.amount_fen, first.reason_code) == (10_001, "A02")
    assert wrong.amount_fen == 20_000
    (refund,) = desk.wait_for(Msg.RFD, message.batch_no)
    assert [r.amount_fen for r in refund.rows if isinstance(r, m.RefundRow)] == [10_001]
    assert (desk.profile.returns_by == QUERY) == (desk.bank in {"CQB", COPIED})


def test_before_the_release_a_row_or_all_of_it_is_taken_back(desk: Desk) -> None:
    message = share(desk)
    desk.send(message)
    receipts(desk, message.batch_no)
    first = message.rows[0]
    assert isinstance(first, m.PayRow)
    stop = m.CancelRow(scope="ROW", detail_id=first.detail_id, reason="停发")
    desk.send(Message(Msg.CAN, message.batch_no, (stop,), 1))
    (told,) = receipts(desk, message.batch_no)
    assert (told.for_msg, told.count, told.amount_fen) == ("CAN", 1, 10_001)
    rest = m.CancelRow(scope="ALL", reason="撤销")
    desk.send(Message(Msg.CAN, message.batch_no, (rest,), 2))
    (told,) = receipts(desk, message.batch_no)
    assert (told.status, told.count) == ("ACCEPTED", 3)
    (batch,) = desk.world.books(message.batch_no)["batches"]
    assert batch["state"] == "CANCELLED"


def test_the_day_account_adds_up_and_is_answered_row_by_row(desk: Desk) -> None:
    told = desk.world.control(f"/recon/{desk.bank}/{COUNTY}/{TODAY:%Y-%m-%d}")
    day = join(desk.wait_for(Msg.DZ, told["batch_no"]))
    rows = [row for row in day.rows if isinstance(row, m.DayRow)]
    sums = {row.kind: row.amount_fen for row in rows[:6]}
    assert (
        sums["OPENING"] + sums["SUM_IN"] - sums["SUM_OUT"] + sums["SUM_RETURN"]
        - sums["SUM_REFUND"] == sums["CLOSING"]
    )  # fmt: skip
    answers = tuple(
        m.DayAnswer(
            bank_serial=row.bank_serial, detail_id=row.detail_id, kind=row.kind,
            verdict="1" if place == 0 else "0", reason="期初不符" if place == 0 else "",
        )
        for place, row in enumerate(rows)
    )  # fmt: skip
    desk.send(Message(Msg.DZR, day.batch_no, answers))
    assert receipts(desk, day.batch_no)[0].for_msg == "DZR"
    kept = desk.world.control(f"/control/day-answers?batch_no={day.batch_no}")["rows"]
    assert (len(kept), kept[0]["verdict"], kept[0]["reason"]) == (len(rows), "1", "期初不符")


@pytest.mark.parametrize("kind", ["timeout_before_accept", "timeout_after_accept"])
def test_after_a_time_out_the_same_bytes_bring_the_one_answer(desk: Desk, kind: str) -> None:
    arm(desk, kind)
    message = share(desk)
    parts = desk.encode(message)
    with pytest.raises(Unreachable):
        desk.put(parts, Msg.PAY)
    if desk.profile.binding(Msg.PAY) == HTTP:
        state = desk.api.ask(message.batch_no).state
        assert state == ("UNKNOWN" if kind == "timeout_before_accept" else "ACCEPTED")
    desk.put(parts, Msg.PAY)
    assert {row.status for row in receipts(desk, message.batch_no)} == {"ACCEPTED"}
    assert desk.world.books(message.batch_no)["batches"][0]["count"] == 4


def test_other_content_under_a_known_key_is_refused(desk: Desk) -> None:
    message = share(desk)
    desk.send(message)
    receipts(desk, message.batch_no)
    other = tuple(replace(row, amount_fen=1) for row in message.rows if isinstance(row, m.PayRow))
    desk.send(Message(Msg.PAY, message.batch_no, other))
    told = receipts(desk, message.batch_no)[-1]
    assert (told.status, told.code) == ("REJECTED", "E-DUP-CONTENT")
    assert desk.world.books(message.batch_no)["batches"][0]["amount_fen"] == 100_004


def test_what_is_spoilt_on_the_way_is_refused_and_the_right_one_follows(desk: Desk) -> None:
    # a voucher does not count its details, it only adds them up
    counts = desk.profile.layout(Msg.RES) != "voucher8207"
    kinds = ["no_trailer", "wrong_sum", "cut_mid_character"]
    kinds += ["wrong_count"] if counts else []
    kinds += ["bad_signature", "corrupt_byte"] if desk.profile.binding(Msg.RES) != HTTP else []
    for kind in kinds:
        arm(desk, kind)
    message = share(desk)
    released(desk, message)
    rows = results(desk, message.batch_no)
    assert [row.result for row in rows] == ["SUCCESS"] * 4
    assert len(desk.world.refused) == len(kinds), desk.world.refused
    assert all(desk.world.hits(kind) >= 1 for kind in kinds)


def test_signs_that_a_bank_cannot_write_are_listed_before_sending(desk: Desk) -> None:
    message = pay(batch_no_of(desk.bank))
    holds_all = desk.profile.encoding in {"gb18030", "utf-8"}
    if holds_all and desk.profile.layout(Msg.PAY) != "voucher8207":
        desk.encode(message)
        return
    with pytest.raises(Unwritable) as refused:
        desk.encode(message)
    assert {problem.row for problem in refused.value.problems} <= {3, 4}
    assert 4 in {problem.row for problem in refused.value.problems}


def test_an_unsigned_or_old_answer_is_no_answer(desk: Desk) -> None:
    if desk.profile.binding(Msg.PAY) != HTTP:
        return
    for kind in (
        "wrong_certificate",
        "stale_timestamp",
        "server_error",
        "cut_mid_body",
        "corrupt_byte",
    ):
        arm(desk, kind)
        message = share(desk)
        parts = desk.encode(message)
        with pytest.raises(Unreachable):
            desk.put(parts, Msg.PAY)
        desk.put(parts, Msg.PAY)
        desk.api.ask(message.batch_no)
        assert receipts(desk, message.batch_no)[-1].status == "ACCEPTED"
        assert desk.world.hits(kind) >= 1


def test_a_call_is_refused_without_our_signature_and_with_a_used_nonce(desk: Desk) -> None:
    if desk.profile.binding(Msg.PAY) != HTTP:
        return
    url = f"{desk.endpoint.api_url}/v1/messages"
    assert httpx.get(url).status_code == 401
    now = datetime.now(SHANGHAI).isoformat(timespec="seconds")
    text = f"GET\n/{desk.bank}/v1/messages\n{now}\nn-{desk.bank}\n"
    sign = desk.envelope.sign((text + sm3(b"").hex()).encode()).decode()
    headers = {"X-Timestamp": now, "X-Nonce": f"n-{desk.bank}", "X-Sign": sign}
    assert [httpx.get(url, headers=headers).status_code for _ in range(2)] == [200, 401]


def test_a_new_bank_is_a_folder_that_one_copies(profiles: Path) -> None:
    """The suite above ran on the copy as on every other bank."""
    known = load_profiles(profiles)
    assert known[COPIED].layouts == known["CQB"].layouts
    assert COPIED not in load_profiles(PROFILES)
