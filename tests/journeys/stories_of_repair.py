"""Stories of what went wrong on the way and was put right by people or by asking again."""

from __future__ import annotations

from dataclasses import replace

from tests.journeys.house import House, with_wrong_sex
from tests.journeys.telling import (
    Board,
    Telling,
    dadukou_to_published,
    dadukou_to_review,
    equation_holds,
    paid_by_bank,
    pengshui_to_ready,
    quarantined,
    send_up,
    shares_of,
    story,
    took,
    until,
)


@story
def a_doubt_is_answered_with_a_reason_covered_by_the_checker_and_paid(
    house: House, board: Board
) -> Telling:
    """ID-2b is a person's to decide; one line is of a township that the clerk cannot read."""
    own = house.listed("dadukou", "2026-03", banks=("CRC",), each=2)
    other = house.listed("dadukou", "2026-03", banks=("CRC",), each=1, town=1)
    listed = replace(own, lines=(*own.lines, *other.lines))
    path = house.write(listed, "csv")
    doubted = {line.beneficiary.id_number for line in (*own.lines[:1], *other.lines)}
    path.write_text(with_wrong_sex(path.read_text("gb18030"), doubted), "utf-8")
    where = ("--county", "dadukou", "--programme", "P01", "--period", "2026-03")
    done = house.do("submit", str(path), *where, "--as", "dadukou-town-clerk")
    took(done)
    number = done.out.strip()
    yield from dadukou_to_review(house, board, number)
    (again,) = house.batch(number)["redrafts"]
    assert house.batch(again)["lines"] == 2, "who decides is a person: the others travelled on"
    steps = (("compile", "town-clerk"), ("submit", "town-check"))
    answered = house.call(
        "answer_rule", number=again, rule="ID-2b", reason="已核身份证原件，户籍登记有误",
        user="dadukou-town-clerk",
    )  # fmt: skip
    assert answered == 2
    send_up(house, again, steps, "dadukou")
    yield from until(board, again, "VALIDATED")
    took(house.step(again, "send", "dadukou-town-clerk"))
    yield from until(board, again, "IN_REVIEW")
    assert house.batch(again)["redrafts"] == []
    yield from dadukou_to_published(house, board, again)
    facts = house.batch(again)
    assert paid_by_bank(house, again) == (2, facts["paid_fen"])
    reasons = house.rows(
        "dadukou",
        "SELECT answer.reason, answer.answered_by FROM submission_confirmation AS answer"
        " JOIN submission_batch AS batch ON batch.id = answer.batch_id WHERE batch.number = %s",
        again,
    )
    assert reasons == [["已核身份证原件，户籍登记有误", "dadukou-town-clerk"]] * 2
    yield from dadukou_to_published(house, board, number)
    assert house.batch(number)["paid_fen"] == own.lines[1].amount.fen


@story
def a_receipt_that_is_lost_on_the_way_comes_when_the_same_file_is_sent_again(
    house: House, board: Board
) -> Telling:
    number = house.submit("dadukou", house.listed("dadukou", "2026-02", banks=("BOC",), each=2))
    send_up(house, number, (("compile", "town-clerk"), ("submit", "town-check")), "dadukou")
    yield from until(board, number, "VALIDATED")
    house.bank("faults", kind="ack_lost", bank_no3="BOC")
    took(house.step(number, "send", "dadukou-town-clerk"))
    yield from until(board, number, "IN_REVIEW")
    tries = house.rows(
        "dadukou",
        "SELECT sent.attempts FROM jobs_outbox AS sent JOIN payout_bankshare AS share"
        " ON starts_with(sent.key, 'PAY:' || share.batch_no) JOIN submission_batch AS batch"
        " ON batch.id = share.batch_id WHERE batch.number = %s",
        number,
    )
    ((attempts,),) = tries
    assert attempts >= 2, "sent again, the same file"
    yield from dadukou_to_published(house, board, number)
    facts = house.batch(number)
    equation_holds(facts)
    assert paid_by_bank(house, number)[1] == facts["paid_fen"] > 0


@story
def money_short_after_finance_of_pengshui_agreed_is_cancelled_and_goes_back(
    house: House, board: Board
) -> Telling:
    number = house.submit("pengshui", house.listed("pengshui", "2026-02", banks=("CCB",), each=2))
    yield from pengshui_to_ready(house, board, number)
    (share,) = shares_of(house, number)
    house.bank("faults", kind="short_funding", batch_no=share["batch_no"], by_fen=1)
    took(house.step(number, "request", "pengshui-dept-clerk"))
    took(house.step(number, "review", "pengshui-finance"))
    while quarantined(house, number, "到账不符") == 0:
        yield
    assert house.status(number) == "RELEASED"
    took(house.step(number, "cancel", "pengshui-town-check", "到账少一分，撤销重来"))
    yield from until(board, number, "RETURNED")
    books = house.bank_books()
    (came,) = [row for row in books["credits"] if row["batch_no"] == share["batch_no"]]
    went = [row for row in books["refunds"] if row["batch_no"] == share["batch_no"]]
    assert came["amount_fen"] == came["asked_fen"] - 1 == sum(row["amount_fen"] for row in went)
    assert paid_by_bank(house, number) == (0, 0)
