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
from yikatong.kernel.card import luhn_digit


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


@story
def a_bank_is_asked_as_soon_as_an_account_is_entered(house: House, board: Board) -> Telling:
    """核验 at data entry by the running bank: its own account matches, a made-up one does not."""
    line = house.listed("pengshui", "2026-10", banks=("TGB",), each=1).lines[0]
    account = line.payee.account
    assert account is not None
    body = f"{account.number[:-6]}77{account.number[-4:-1]}"
    fresh = body + luhn_digit(body)
    house.bank(
        "accounts", bank_no3="TGB", acct_no=fresh, name=line.payee.name,
        id_no=line.payee.id_number, acct_type="CARD", status="NORMAL", **{"class": "I"},
    )  # fmt: skip
    house.call(
        "new_card", slug="pengshui", id_number=line.payee.id_number, number=fresh,
        bank_no=account.bank_no,
    )  # fmt: skip
    query = (
        "SELECT change.answer, known.outcome FROM registry_accountchange AS change"
        " JOIN registry_cardaccountversion AS version ON version.account_id = change.account_id"
        "  AND version.number_index = change.number_index"
        " JOIN registry_accountverification AS known ON known.version_id = version.id"
        " WHERE change.last4 = %s"
    )
    while not house.rows("pengshui", query, fresh[-4:]):
        yield
    assert house.rows("pengshui", query, fresh[-4:]) == [["MATCH", "MATCH"]]
