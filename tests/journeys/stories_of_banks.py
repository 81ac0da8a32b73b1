"""Stories of single banks' own ways: 退票 that must be asked for, text messages reported."""

from __future__ import annotations

from tests.journeys.house import COUNTY, House
from tests.journeys.telling import (
    Board,
    Telling,
    dadukou_to_published,
    dadukou_to_review,
    equation_holds,
    send_up,
    shares_of,
    story,
    took,
    until,
)


@story
def a_payment_that_comes_back_is_asked_for_and_drafted_again(house: House, board: Board) -> Telling:
    """CQB tells no 退票 by itself; the line goes into a draft, its money back to the treasury."""
    number = house.submit("dadukou", house.listed("dadukou", "2026-01", banks=("CQB",), each=3))
    send_up(house, number, (("compile", "town-clerk"), ("submit", "town-check")), "dadukou")
    yield from until(board, number, "VALIDATED")
    house.bank("faults", kind="returned", bank_no3="CQB", delay_s=1)
    took(house.step(number, "send", "dadukou-town-clerk"))
    yield from until(board, number, "IN_REVIEW")
    (share,) = shares_of(house, number)
    yield from dadukou_to_published(house, board, number)
    while not house.batch(number)["redrafts"]:
        yield
    (again,) = house.batch(number)["redrafts"]
    assert house.batch(again)["lines"] == 1
    facts = house.batch(number)
    equation_holds(facts)
    (back,) = house.rows(
        "dadukou",
        "SELECT payment.amount_fen, result.code FROM payout_payment AS payment"
        " JOIN feedback_paymentresult AS result ON result.payment_id = payment.id"
        " WHERE payment.state = 'RETURNED' AND result.result = 'RETURNED'"
        " AND payment.detail_id LIKE %s",
        share["batch_no"] + "%",
    )
    assert back == [facts["failed_fen"], "F03"]


@story
def what_became_of_the_text_messages_is_kept(house: House, board: Board) -> Telling:
    number = house.submit("dadukou", house.listed("dadukou", "2025-12", banks=("TGB",), each=2))
    house.bank("faults", kind="sms_undelivered", bank_no3="TGB")
    yield from dadukou_to_review(house, board, number)
    (share,) = shares_of(house, number)
    yield from dadukou_to_published(house, board, number)

    def reported() -> list[list[str]]:
        return house.rows(
            "dadukou",
            "SELECT report.status FROM feedback_smsreport AS report JOIN payout_payment AS payment"
            " ON payment.id = report.payment_id WHERE payment.detail_id LIKE %s",
            share["batch_no"] + "%",
        )

    while not reported():
        yield
    assert {status for (status,) in reported()} == {"UNDELIV"}
    assert COUNTY["dadukou"] in share["batch_no"]
