"""A name that a bank cannot write (F12): its share goes on without it, to the payment."""

from __future__ import annotations

from dataclasses import replace

from tests.journeys.house import COUNTY, House
from tests.journeys.telling import (
    Board,
    Telling,
    dadukou_to_published,
    dadukou_to_review,
    equation_holds,
    paid_by_bank,
    payments_of,
    shares_of,
    story,
)
from yikatong.cli.sample.lists import SampleList
from yikatong.kernel.names import normalised_name

RARE = "𠮷"  # outside GB2312, which 邮储 writes; 中国银行 writes UTF-8


def renamed(house: House, listed: SampleList, place: int) -> SampleList:
    """One person of the list has always had this name: here, at the bank and in the sheet."""
    line = listed.lines[place]
    person, account = line.payee, line.payee.account
    name = person.name[0] + RARE
    with house.administrator() as admin, admin.transaction():
        admin.execute("SET LOCAL session_replication_role = replica")
        held = admin.execute(
            "UPDATE registry_cardaccountversion AS version SET account_name = %s,"
            " account_name_key = %s"
            " FROM registry_cardaccount AS card, registry_person AS holder"
            " WHERE card.id = version.account_id AND holder.id = card.person_id"
            " AND version.county = %s AND holder.name = %s AND version.last4 = %s"
            " RETURNING holder.id, version.id, version.unit_no",
            [name, normalised_name(name), COUNTY["dadukou"], person.name, account.number[-4:]],
        ).fetchall()
        ((holder, version, unit_no),) = held
        admin.execute(  # the bank's own counter has answered for it: a file cannot ask
            "INSERT INTO registry_accountverification (county, unit_no, version_id, bank_no,"
            " outcome,"
            " reason_code, account_status, account_class, verified_at, valid_until)"
            " VALUES (%s, %s, %s, %s, 'MATCH', '', 'NORMAL', 'I', now(), current_date + 90)",
            [COUNTY["dadukou"], unit_no, version, account.bank_no],
        )
        admin.execute(
            "UPDATE registry_person SET name = %s, name_key = %s WHERE id = %s",
            [name, normalised_name(name), holder],
        )
    house.bank("accounts", bank_no3="PSB", acct_no=account.number, name=name)
    head = name if person.head_id == person.id_number else person.head_name
    person = replace(person, name=name, head_name=head)
    lines = list(listed.lines)
    lines[place] = replace(line, beneficiary=person, payee=person)
    return replace(listed, lines=tuple(lines))


@story
def a_name_that_a_bank_cannot_write_leaves_its_share_and_the_rest_is_paid(
    house: House, board: Board
) -> Telling:
    listed = house.listed("dadukou", "2025-10", banks=("PSB",), each=4)
    place = next(
        n
        for n, line in enumerate(listed.lines)
        if line.payee.id_number == line.beneficiary.id_number
    )
    listed = renamed(house, listed, place)
    rare = listed.lines[place]
    number = house.submit("dadukou", listed)
    yield from dadukou_to_review(house, board, number)
    assert [one["state"] for one in shares_of(house, number)] == ["ACKED"]
    withdrawn = [one for one in payments_of(house, number) if one["state"] == "WITHDRAWN"]
    assert [one["amount_fen"] for one in withdrawn] == [rare.amount.fen]
    (again,) = house.batch(number)["redrafts"]
    ((why,),) = house.rows(
        "dadukou", "SELECT redraft_reason FROM submission_batch WHERE number = %s", again
    )
    assert "F12" in why
    assert RARE in why
    yield from dadukou_to_published(house, board, number)
    facts = house.batch(number)
    equation_holds(facts)
    rest = sum(line.amount.fen for n, line in enumerate(listed.lines) if n != place)
    assert facts["due_fen"] == facts["paid_fen"] == rest, "what left is another batch's now"
    assert paid_by_bank(house, number) == (3, rest)
    (share,) = shares_of(house, number)
    came = [row for row in house.bank_books()["credits"] if row["batch_no"] == share["batch_no"]]
    assert [row["amount_fen"] for row in came] == [rest], "asked for without the withdrawn line"
    assert [r for r in house.bank_books()["refunds"] if r["batch_no"] == share["batch_no"]] == []
    assert house.batch(again)["lines"] == 1, "it waits in its draft, and holds up nobody"
