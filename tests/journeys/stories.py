"""Whole stories, each a generator: it acts, and yields while it waits for bank, treasury or worker.

All are told side by side in one home, so that the waiting of one is the working of another. What
a story asserts is what the two plans promise; the bank's books, kept by another program, are asked.
"""

from __future__ import annotations

from dataclasses import replace

from tests.journeys.house import House, with_wrong_amount
from tests.journeys.telling import (
    BATCH_KEYS,
    DEPARTMENT_UP,
    TOWN_UP,
    Board,
    Telling,
    dadukou_to_published,
    dadukou_to_review,
    equation_holds,
    paid_by_bank,
    payments_of,
    pengshui_to_ready,
    quarantined,
    refused,
    send_up,
    shares_of,
    story,
    took,
    until,
)
from yikatong.cli import setup
from yikatong.kernel.card import luhn_digit


@story
def the_budget_system_returns_a_request_and_the_batch_is_ready_again(
    house: House, board: Board
) -> Telling:
    with house.administrator() as admin:  # this province wants the persons once they are paid
        admin.execute(
            "UPDATE organisation_county SET settings = settings || %s WHERE county = '500243'",
            ['{"pay_detail": "after_payment"}'],
        )
    listed = house.listed("pengshui", "2026-03", banks=("ABC",), each=3)
    number = house.submit("pengshui", listed)
    send_up(house, number, TOWN_UP, "pengshui")
    yield from until(board, number, "READY")
    house.budget("return-next", reason="指标用途不符，请更正后重新申请", mof_div_code="500243000")
    took(house.step(number, "request", "pengshui-dept-clerk"))
    yield from until(board, number, "READY")
    board.budget_has_returned = True
    last = house.batch(number)["history"][-1]
    assert (last["step"], last["from"], last["to"]) == ("unfunded", "REQUESTED", "READY")
    assert "指标用途不符" in last["note"]
    took(house.step(number, "request", "pengshui-dept-clerk"))
    took(house.step(number, "review", "pengshui-finance"))
    yield from until(board, number, "BOOKED")
    facts = house.batch(number)
    assert paid_by_bank(house, number) == (3, facts["paid_fen"])
    equation_holds(facts)
    while not (told := house.budget_details(f"{number}-")):
        yield
    assert sum(row["pay_amt_fen"] for row in told) == facts["due_fen"]
    assert {(row["per_name"], row["iden_no"]) for row in told} == {
        (line.payee.name, line.payee.id_number) for line in listed.lines
    }
    assert all(len(row["village_code"]) == 12 and row["detail_id"] for row in told)


@story
def pengshui_from_list_to_notice_with_a_failure_paid_again(house: House, board: Board) -> Telling:
    listed = with_wrong_amount(house.listed("pengshui", "2026-09", banks=("CRC", "PSB"), each=3), 0)
    failing = next(
        line
        for line in listed.lines[1:]
        if line.payee.account.bank_name == house.bank_name("pengshui", "PSB")
    )
    house.bank("faults", kind="fail_account", acct_no=failing.payee.account.number, code="A02")
    number = house.submit("pengshui", listed)
    assert house.batch(number).keys() >= BATCH_KEYS
    refused(house.step(number, "compile", "pengshui-finance"), "编制送审")
    refused(house.step(number, "compile", "dadukou-town-clerk"), number)
    took(house.step(number, "compile", "pengshui-town-clerk"))
    refused(house.step(number, "report", "pengshui-town-clerk"))
    refused(house.step(number, "submit", "pengshui-dept-clerk"), "已编制")
    took(house.step(number, "report", "pengshui-town-check"))
    took(house.step(number, "approve", "pengshui-dept-chief"))
    took(house.step(number, "submit", "pengshui-dept-clerk"))
    refused(house.step(number, "compile", "pengshui-town-clerk"))
    yield from until(board, number, "READY")
    while not board.budget_has_returned:
        yield
    refused(house.step(number, "request", "pengshui-town-clerk"))
    took(house.step(number, "request", "pengshui-dept-clerk"))
    took(house.step(number, "review", "pengshui-finance"))
    yield from until(board, number, "BOOKED")
    took(house.step(number, "publish", "pengshui-dept-clerk"))
    yield from until(board, number, "PUBLISHED")

    facts = house.batch(number)
    equation_holds(facts)
    assert (facts["county"], facts["programme"], facts["period"]) == ("pengshui", "P01", "2026-09")
    assert (facts["lines"], facts["due_lines"], facts["in_transit_fen"]) == (6, 5, 0)
    assert facts["due_fen"] == sum(line.amount.fen for line in listed.lines[1:])
    assert facts["failed_fen"] == failing.amount.fen
    assert paid_by_bank(house, number) == (4, facts["paid_fen"])
    assert [row["step"] for row in facts["history"]] == [
        "compile", "report", "approve", "submit", "validate", "conclude", "push", "receive",
        "request", "review", "fund", "pay", "settle", "book", "publish",
    ]  # fmt: skip
    drafts = {one: house.batch(one) for one in facts["redrafts"]}
    assert sorted(one["lines"] for one in drafts.values()) == [1, 1]
    assert all(one["origin"] == number and one["status"] == "DRAFT" for one in drafts.values())
    again = next(name for name, one in drafts.items() if one["due_fen"] == failing.amount.fen)

    account = failing.payee.account
    body = f"{account.number[:-5]}9{account.number[-4:-1]}"
    fresh = body + luhn_digit(body)
    house.bank(
        "accounts", bank_no3="PSB", acct_no=fresh, name=failing.payee.name,
        id_no=failing.payee.id_number,
        acct_type="CARD", status="NORMAL", **{"class": "I"},
    )  # fmt: skip
    house.call(
        "new_card",
        slug="pengshui",
        id_number=failing.payee.id_number,
        number=fresh,
        bank_no=account.bank_no,
    )
    yield from pengshui_to_ready(house, board, again, steps=DEPARTMENT_UP)
    took(house.step(again, "request", "pengshui-dept-clerk"))
    took(house.step(again, "review", "pengshui-finance"))
    yield from until(board, again, "BOOKED")
    assert paid_by_bank(house, again) == (1, failing.amount.fen)
    before = house.batch(number)
    assert before["failed_fen"] == failing.amount.fen, "a failed payment stays failed for ever"
    books, known = house.bank_books()["payments"], {fresh, account.number}
    assert [row["acct_no"] for row in books if row["acct_no"] in known] == [fresh]


@story
def dadukou_from_list_to_notice_though_results_come_late_and_twice(
    house: House, board: Board
) -> Telling:
    number = house.submit(
        "dadukou", house.listed("dadukou", "2026-09", banks=("CRC", "ABC"), each=3)
    )
    send_up(house, number, (("compile", "town-clerk"),), "dadukou")
    refused(house.step(number, "submit", "dadukou-town-clerk"))
    refused(house.step(number, "submit", "pengshui-town-check"), number)
    took(house.step(number, "submit", "dadukou-town-check"))
    yield from until(board, number, "VALIDATED")
    took(house.step(number, "send", "dadukou-town-clerk"))
    yield from until(board, number, "IN_REVIEW")
    first, second = shares_of(house, number)
    house.bank("faults", kind="unknown_then_success", batch_no=first["batch_no"], delay_s=1)
    house.bank("faults", kind="result_duplicate", batch_no=second["batch_no"], times=3)
    house.bank("faults", kind="result_other_file", batch_no=second["batch_no"])
    yield from dadukou_to_published(house, board, number)
    facts = house.batch(number)
    equation_holds(facts)
    assert (facts["paid_fen"], facts["failed_fen"], facts["redrafts"]) == (facts["due_fen"], 0, [])
    assert paid_by_bank(house, number) == (6, facts["paid_fen"])
    assert [row["step"] for row in facts["history"]] == [
        "compile", "submit", "validate", "conclude", "send", "receive", "review", "request", "fund",
        "pay", "settle", "book", "publish",
    ]  # fmt: skip


@story
def finance_returns_a_batch_and_it_is_recalled_and_drafted_again(
    house: House, board: Board
) -> Telling:
    number = house.submit(
        "dadukou", house.listed("dadukou", "2026-08", banks=("CRC", "ABC"), each=2)
    )
    yield from dadukou_to_review(house, board, number)
    refused(house.step(number, "review", "dadukou-finance", "不行"), "原因")
    took(house.step(number, "review", "dadukou-finance", "标准文号与清册不一致，请核对"))
    yield from until(board, number, "RETURNED")
    facts = house.batch(number)
    steps = [(row["step"], row["result"]) for row in facts["history"]]
    assert steps[-3:] == [("review", "returned"), ("recall", "passed"), ("recalled", "passed")]
    assert "标准文号与清册不一致" in facts["history"][-3]["note"]
    assert facts["history"][-3]["by"] == "dadukou-finance"
    assert {one["state"] for one in payments_of(house, number)} == {"WITHDRAWN"}
    assert {one["state"] for one in shares_of(house, number)} == {"CANCELLED"}
    (again,) = facts["redrafts"]
    assert house.batch(again)["lines"] == facts["lines"]
    yield from dadukou_to_review(house, board, again)
    yield from dadukou_to_published(house, board, again)
    assert paid_by_bank(house, number) == (0, 0)
    assert paid_by_bank(house, again) == (4, house.batch(again)["due_fen"])


@story
def finance_of_pengshui_returns_after_the_request_and_the_money_goes_back(
    house: House, board: Board
) -> Telling:
    number = house.submit(
        "pengshui", house.listed("pengshui", "2026-08", banks=("CRC", "ABC"), each=2)
    )
    yield from pengshui_to_ready(house, board, number)
    took(house.step(number, "request", "pengshui-dept-clerk"))
    shares = {one["batch_no"] for one in shares_of(house, number)}
    while len([c for c in house.bank_books()["credits"] if c["batch_no"] in shares]) < len(shares):
        yield
    took(house.step(number, "review", "pengshui-finance", "拨款用途与项目不符，退回"))
    yield from until(board, number, "RETURNED")
    books = house.bank_books()
    came = sum(row["amount_fen"] for row in books["credits"] if row["batch_no"] in shares)
    went = sum(row["amount_fen"] for row in books["refunds"] if row["batch_no"] in shares)
    facts = house.batch(number)
    assert came == went > 0
    assert paid_by_bank(house, number) == (0, 0)
    (again,) = facts["redrafts"]
    assert house.batch(again)["due_fen"] == came


@story
def a_bank_that_refuses_its_share_holds_up_no_other_bank(house: House, board: Board) -> Telling:
    listed = house.listed("dadukou", "2026-07", banks=("CRC", "ICB"), each=2)
    house.bank("faults", kind="refuse_share", bank_no3="ICB", reason="代发协议已到期")
    number = house.submit("dadukou", listed)
    yield from dadukou_to_review(house, board, number)
    facts = house.batch(number)
    assert sorted(one["state"] for one in shares_of(house, number)) == ["ACKED", "REJECTED"]
    (again,) = facts["redrafts"]
    assert house.batch(again)["lines"] == 2
    yield from dadukou_to_published(house, board, number)
    facts = house.batch(number)
    equation_holds(facts)
    assert paid_by_bank(house, number) == (2, facts["paid_fen"])
    assert facts["due_fen"] == facts["paid_fen"], "the refused lines are another batch's now"
    yield from dadukou_to_review(house, board, again)
    yield from dadukou_to_published(house, board, again)
    assert facts["paid_fen"] + house.batch(again)["paid_fen"] == listed.total.fen


@story
def money_that_comes_short_keeps_the_status_and_a_cancelled_batch_gives_it_back(
    house: House, board: Board
) -> Telling:
    number = house.submit("dadukou", house.listed("dadukou", "2026-06", banks=("CRC",), each=3))
    yield from dadukou_to_review(house, board, number)
    (share,) = shares_of(house, number)
    house.bank("faults", kind="short_funding", batch_no=share["batch_no"], by_fen=100)
    took(house.step(number, "review", "dadukou-finance"))
    took(house.step(number, "request", "dadukou-town-clerk"))
    while quarantined(house, number, "到账不符") == 0:
        yield
    for _ in range(3):  # some more rounds of the worker: nothing moves by itself
        yield
    assert house.status(number) == "REQUESTED"
    assert quarantined(house, number, "到账不符") == 1
    refused(house.step(number, "cancel", "dadukou-town-check"), "原因")
    refused(house.step(number, "cancel", "dadukou-town-clerk", "到账不足，撤销重来"))
    took(house.step(number, "cancel", "dadukou-town-check", "到账不足，撤销重来"))
    yield from until(board, number, "RETURNED")
    books = house.bank_books()
    (credit,) = [row for row in books["credits"] if row["batch_no"] == share["batch_no"]]
    refunds = [row for row in books["refunds"] if row["batch_no"] == share["batch_no"]]
    facts = house.batch(number)
    assert (
        credit["amount_fen"]
        == credit["asked_fen"] - 100
        == sum(row["amount_fen"] for row in refunds)
    )
    assert paid_by_bank(house, number) == (0, 0)
    (again,) = facts["redrafts"]
    assert house.batch(again)["lines"] == 3


@story
def a_batch_cancelled_before_any_money_is_drafted_again(house: House, board: Board) -> Telling:
    number = house.submit("pengshui", house.listed("pengshui", "2026-07", banks=("ABC",), each=2))
    yield from pengshui_to_ready(house, board, number)
    took(house.step(number, "cancel", "pengshui-town-check", "名单有误，撤销更正"))
    yield from until(board, number, "RETURNED")
    facts = house.batch(number)
    (again,) = facts["redrafts"]
    assert house.batch(again)["status"] == "DRAFT"
    refused(house.step(again, "drop", "pengshui-town-check", "算了"))
    took(house.step(again, "drop", "pengshui-town-check", "本期不再发放，说明作废"))
    assert house.status(again) == "DROPPED"
    refused(house.step(again, "compile", "pengshui-town-clerk"), "已作废")


@story
def one_payment_stopped_by_two_people_before_the_request(house: House, board: Board) -> Telling:
    number = house.submit("dadukou", house.listed("dadukou", "2026-05", banks=("CRC",), each=3))
    yield from dadukou_to_review(house, board, number)
    chosen = payments_of(house, number)[1]
    house.call(
        "stop_payment", number=number, detail_id=chosen["detail_id"],
        asks="dadukou-town-clerk", confirms="dadukou-town-check",
    )  # fmt: skip
    yield from dadukou_to_published(house, board, number)
    facts = house.batch(number)
    equation_holds(facts)
    assert facts["stopped_fen"] == chosen["amount_fen"]
    assert paid_by_bank(house, number) == (2, facts["due_fen"] - chosen["amount_fen"])
    assert facts["redrafts"] == [], "who is stopped is not paid again by itself"


@story
def one_payment_stopped_after_the_money_came_is_residue_and_goes_back(
    house: House, board: Board
) -> Telling:
    number = house.submit("pengshui", house.listed("pengshui", "2026-06", banks=("CRC",), each=3))
    yield from pengshui_to_ready(house, board, number)
    took(house.step(number, "request", "pengshui-dept-clerk"))
    chosen = payments_of(house, number)[0]
    house.call(
        "stop_payment", number=number, detail_id=chosen["detail_id"],
        asks="pengshui-town-clerk", confirms="pengshui-town-check",
    )  # fmt: skip
    took(house.step(number, "review", "pengshui-finance"))
    yield from until(board, number, "BOOKED")
    facts = house.batch(number)
    (share,) = shares_of(house, number)
    equation_holds(facts)
    assert facts["stopped_fen"] == chosen["amount_fen"]
    assert paid_by_bank(house, number) == (2, facts["paid_fen"])
    refunds = [row for row in house.bank_books()["refunds"] if row["batch_no"] == share["batch_no"]]
    assert sum(row["amount_fen"] for row in refunds) == chosen["amount_fen"]


@story
def what_is_in_flight_elsewhere_does_not_pass_a_second_list(house: House, board: Board) -> Telling:
    listed = house.listed("pengshui", "2026-05", banks=("CRC",), each=3)
    number = house.submit("pengshui", listed)
    twice = house.submit("pengshui", replace(listed, lines=listed.lines[:2]))
    send_up(house, number, TOWN_UP, "pengshui")
    yield from until(board, number, "READY")
    send_up(house, twice, TOWN_UP, "pengshui")
    yield from until(board, twice, "RETURNED")
    assert paid_by_bank(house, twice) == (0, 0)
    assert house.batch(twice)["due_fen"] == 0
    assert payments_of(house, twice) == []


@story
def a_death_found_after_approval_stops_the_payment(house: House, board: Board) -> Telling:
    listed = house.listed("dadukou", "2026-04", banks=("CCB",), each=2)
    number = house.submit("dadukou", listed)
    yield from dadukou_to_review(house, board, number)
    gone = listed.lines[0].beneficiary
    roster = house.root / "deceased.csv"
    roster.write_text(f"身份证号,姓名,起始日期\n{gone.id_number},{gone.name},2026-03-02\n", "utf-8")
    took(
        house.do(
            "load",
            "roster",
            "deceased",
            str(roster),
            "--county",
            "dadukou",
            "--as-of",
            f"{setup.today()}",
        )
    )
    yield from dadukou_to_published(house, board, number)
    facts = house.batch(number)
    equation_holds(facts)
    assert facts["stopped_fen"] == listed.lines[0].amount.fen
    assert paid_by_bank(house, number) == (1, listed.lines[1].amount.fen)
