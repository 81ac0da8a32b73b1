"""Stories of a bank whose own system was down (F11): nobody guesses, the closed day says it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.journeys.house import COUNTY, House
from tests.journeys.telling import (
    DEPARTMENT_UP,
    TOWN_UP,
    Board,
    Telling,
    dadukou_to_review,
    equation_holds,
    paid_by_bank,
    payments_of,
    pengshui_to_ready,
    quarantined,
    shares_of,
    slug_of,
    story,
    took,
    until,
)
from yikatong.cli import setup
from yikatong.cli.sample.lists import SampleLine

PERIOD, BANK = "2025-11", "ABC"
APART = 3  # the first three of this bank are other stories'


@story
def pengshui_tries_again_what_a_closed_day_shows_unpaid(house: House, board: Board) -> Telling:
    yield from the_banks_system_fails(house, board, "pengshui")


@story
def dadukou_tries_again_what_a_closed_day_shows_unpaid(house: House, board: Board) -> Telling:
    yield from the_banks_system_fails(house, board, "dadukou")


def the_banks_system_fails(house: House, board: Board, slug: str) -> Telling:
    """One of three could not be booked: unknown, and the batch waits; the day account ends it."""
    listed = house.listed(slug, PERIOD, banks=(BANK,), each=APART + 3)
    listed = replace(listed, lines=listed.lines[APART:])
    assert len(listed.lines) == 3
    down = listed.lines[-1]
    fault = {"bank_no3": BANK, "acct_no": down.payee.account.number, "code": "S01"}
    house.bank("faults", kind="fail_account", **fault)
    number = house.submit(slug, listed)
    yield from paid(house, board, number, slug, "PAYING")
    while sorted(one["state"] for one in payments_of(house, number)) != ["PAID", "PAID", "UNKNOWN"]:
        yield
    facts = house.batch(number)
    equation_holds(facts)
    assert facts["in_transit_fen"] == down.amount.fen, "unknown is in transit"
    assert (facts["redrafts"], facts["status"]) == ([], "PAYING")

    (share,) = shares_of(house, number)
    house.a_night_passes(share["batch_no"])
    house.ask_day_account(BANK, COUNTY[slug], setup.today() - timedelta(days=1))
    yield from until(board, number, "BOOKED")
    facts = house.batch(number)
    equation_holds(facts)
    assert (facts["failed_fen"], facts["in_transit_fen"]) == (down.amount.fen, 0)
    assert paid_by_bank(house, number) == (2, facts["paid_fen"])
    assert quarantined(house, number, "失败待人工处理") == 0, "nobody has to do anything"
    (again,) = facts["redrafts"]
    ((reason, made_by),) = house.rows(
        slug, "SELECT redraft_reason, made_by FROM submission_batch WHERE number = %s", again
    )
    assert reason.startswith("银行系统异常，日终账确认未支付，系统自动重发：第2次 1 笔")
    assert not made_by.startswith(slug), "nobody pressed anything"
    yield from second_time(house, board, number, again, down)


def second_time(house: House, board: Board, number: str, again: str, down: SampleLine) -> Telling:
    """The bank's system is up again: the same account is paid, once, by new money."""
    (failed,) = [one for one in payments_of(house, number) if one["state"] == "FAILED"]
    person, account, slug = down.payee, down.payee.account, slug_of(number)
    house.bank(
        "accounts", bank_no3=BANK, acct_no=account.number, name=person.name,
        id_no=person.id_number,
    )  # fmt: skip
    yield from paid(house, board, again, slug, "BOOKED")
    assert paid_by_bank(house, again) == (1, failed["amount_fen"])
    books = house.bank_books()
    shares = {one["batch_no"] for one in (*shares_of(house, number), *shares_of(house, again))}
    assert [
        row["detail_id"]
        for row in books["payments"]
        if row["batch_no"] in shares and row["acct_no"] == account.number
    ] == [one["detail_id"] for one in payments_of(house, again)]
    back = [row for row in books["refunds"] if row["batch_no"] in shares]
    assert [row["amount_fen"] for row in back] == [failed["amount_fen"]], "the old money went home"


def paid(house: House, board: Board, number: str, slug: str, end: str) -> Telling:
    """From a draft to where the bank has the instruction, by this county's plan."""
    if slug == "dadukou":
        yield from dadukou_to_review(house, board, number)
        took(house.step(number, "review", "dadukou-finance"))
        took(house.step(number, "request", "dadukou-town-clerk"))
    else:
        is_correction = house.batch(number)["origin"] is not None
        steps = DEPARTMENT_UP if is_correction else TOWN_UP
        yield from pengshui_to_ready(house, board, number, steps=steps)
        took(house.step(number, "request", "pengshui-dept-clerk"))
        took(house.step(number, "review", "pengshui-finance"))
    yield from until(board, number, end)
