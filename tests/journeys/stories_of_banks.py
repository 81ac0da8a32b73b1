"""Stories of single banks' own ways: 退票 that must be asked for, text messages reported."""

from __future__ import annotations

from dataclasses import replace

from tests.journeys.house import COUNTY, House, with_wrong_sex
from tests.journeys.telling import (
    Board,
    Telling,
    dadukou_to_published,
    dadukou_to_review,
    equation_holds,
    paid_by_bank,
    payments_of,
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
def a_name_that_the_bank_cannot_write_leaves_before_sending_and_the_others_are_paid(
    house: House, board: Board
) -> Telling:
    """F12 at PSB, which knows GB 2312 only: nobody guesses a sign, nobody waits for it."""
    listed = house.listed("dadukou", "2025-11", banks=("PSB",), each=3)
    rare, doubted, plain = listed.lines
    person = replace(rare.payee, name=f"{rare.payee.name[0]}玥")
    with house.administrator() as admin, admin.transaction():  # as if collected so
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute(
            "WITH held AS (UPDATE registry_person SET name = %(new)s, name_key = %(new)s"
            "  WHERE county = '500104' AND name = %(old)s AND id_masked LIKE %(tail)s RETURNING id)"
            " UPDATE registry_cardaccountversion SET account_name = %(new)s,"
            " account_name_key = %(new)s WHERE account_id IN (SELECT account.id"
            "  FROM registry_cardaccount AS account JOIN held ON held.id = account.person_id)",
            {"new": person.name, "old": rare.payee.name, "tail": f"%{rare.payee.id_number[-4:]}"},
        )
    listed = replace(
        listed,
        lines=(replace(rare, payee=person, beneficiary=person), doubted, plain),
    )
    path = house.write(listed, "csv")
    sheet = with_wrong_sex(path.read_text("gb18030"), {doubted.beneficiary.id_number})
    path.write_text(sheet, "utf-8")
    where = ("--county", "dadukou", "--programme", "P01", "--period", "2025-11")
    done = house.do("submit", str(path), *where, "--as", "dadukou-town-clerk")
    took(done)
    number = done.out.strip()
    yield from dadukou_to_review(house, board, number)
    (again,) = house.batch(number)["redrafts"]
    assert house.batch(again)["lines"] == 2, "not compared and doubted: a person decides"
    for rule in ("AC-1", "ID-2b"):
        house.call(
            "answer_rule", number=again, rule=rule, reason="已核存折首页和身份证原件",
            user="dadukou-town-clerk",
        )  # fmt: skip
    yield from dadukou_to_review(house, board, again)
    (left,) = house.batch(again)["redrafts"]
    facts = house.batch(left)
    assert (facts["lines"], facts["due_fen"]) == (1, rare.amount.fen)
    ((why,),) = house.rows(
        "dadukou", "SELECT redraft_reason FROM submission_batch WHERE number = %s", left
    )
    assert "F12" in why
    yield from dadukou_to_published(house, board, again)
    facts = house.batch(again)
    equation_holds(facts)
    assert paid_by_bank(house, again) == (1, doubted.amount.fen)
    assert [one["state"] for one in payments_of(house, again)].count("WITHDRAWN") == 1


@story
def a_bank_is_asked_as_soon_as_an_account_is_entered(house: House, board: Board) -> Telling:
    """核验 at data entry by the running bank: its own account matches, a made-up one does not."""
    line = house.listed("dadukou", "2026-01", banks=("ICB",), each=1).lines[0]
    account = line.payee.account
    assert account is not None
    body = f"{account.number[:-6]}77{account.number[-4:-1]}"
    fresh = body + luhn_digit(body)
    house.bank(
        "accounts", bank_no3="ICB", acct_no=fresh, name=line.payee.name,
        id_no=line.payee.id_number, acct_type="CARD", status="NORMAL", **{"class": "I"},
    )  # fmt: skip
    house.call(
        "new_card", slug="dadukou", id_number=line.payee.id_number, number=fresh,
        bank_no=account.bank_no,
    )  # fmt: skip
    query = (
        "SELECT change.answer, known.outcome FROM registry_accountchange AS change"
        " JOIN registry_cardaccountversion AS version ON version.account_id = change.account_id"
        "  AND version.number_index = change.number_index"
        " JOIN registry_accountverification AS known ON known.version_id = version.id"
        " WHERE change.last4 = %s"
    )
    while not house.rows("dadukou", query, fresh[-4:]):
        yield
    assert house.rows("dadukou", query, fresh[-4:]) == [["MATCH", "MATCH"]]
