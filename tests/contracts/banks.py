"""One bank's share by its profile: what the suites over all banks and faults do again and again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from yikatong.connectors.bank import messages as m
from yikatong.connectors.bank.messages import Message, Msg

from .conftest import Desk, World
from .shares import COUNTY, PEOPLE, TODAY, accounts_at, batch_no_of, pay, verify

PLAIN_NAMES = dict(zip(range(4), ("李秀英", "阿依古丽·买买提", "陈成", "周明"), strict=True))


def plain_names() -> dict[int, str]:
    """Names that every bank can write, by the place of the person."""
    return PLAIN_NAMES


def start(world: World, banks: Sequence[str], profiles: Path) -> None:
    """The simulator with the four people at each bank."""
    people = "".join(accounts_at(bank) for bank in banks)
    for place, (_, name, _) in enumerate(PEOPLE):
        people = people.replace(json.dumps(name), json.dumps(PLAIN_NAMES[place]))
    world.start_bank(accounts=people, more=("--profiles", str(profiles)))


def question(desk: Desk) -> Message:
    """The four, and a stranger."""
    asked = verify(batch_no_of(desk.bank))
    rows = tuple(
        replace(row, payee_name=PLAIN_NAMES.get(place, "无此人"))
        for place, row in enumerate(asked.rows)
        if isinstance(row, m.VerifyRow)
    )
    return Message(Msg.VRQ, asked.batch_no, rows)


def share(desk: Desk) -> Message:
    """Four people of names that every bank can write."""
    message = pay(batch_no_of(desk.bank))
    rows = tuple(
        replace(row, payee_name=PLAIN_NAMES[place], detail_id=f"{message.batch_no}{place + 1:07}")
        for place, row in enumerate(message.rows)
        if isinstance(row, m.PayRow)
    )
    return Message(Msg.PAY, message.batch_no, rows)


def arm(desk: Desk, kind: str, **how: Any) -> None:
    desk.world.control("/control/faults", {"kind": kind, "bank_no3": desk.bank} | how)


def receipts(desk: Desk, batch_no: str, count: int = 1) -> list[m.Receipt]:
    rows = [row for one in desk.wait_for(Msg.ACK, batch_no, count) for row in one.rows]
    return [row for row in rows if isinstance(row, m.Receipt)]


def credited(desk: Desk, message: Message, *, notices: int = 1) -> m.Funding:
    """The treasury pays, without a budget system in between."""
    total = sum(row.amount_fen for row in message.rows if isinstance(row, m.PayRow))
    asked = {
        "application_no": f"SQ{message.batch_no}", "voucher_no": f"PZ{message.batch_no}",
        "payee_acct_no": desk.endpoint.payout_account(COUNTY), "amount_fen": total,
        "remark": message.batch_no,
    }  # fmt: skip
    desk.world.control("/treasury/credit", asked)
    row = m.Funding(
        application_no="", voucher_no="", payee_acct_no="", amount_fen=total, bank_serial="",
        received_at=TODAY,
    )  # fmt: skip
    for notice in desk.wait_for(Msg.FND, message.batch_no, notices) if notices else ():
        (told,) = notice.rows
        assert isinstance(told, m.Funding)
        row = told
    return row


def instruct(desk: Desk, message: Message, funding: m.Funding, code: str = "") -> None:
    row = m.Release(
        application_no=funding.application_no, voucher_no=funding.voucher_no,
        count=len(message.rows), amount_fen=funding.amount_fen,
    )  # fmt: skip
    desk.send(Message(Msg.REL, message.batch_no, (row,)))
    told = receipts(desk, message.batch_no)[0]
    assert (told.for_msg, told.code) == ("REL", code)


def results(desk: Desk, batch_no: str, count: int = 1) -> list[m.ResultRow]:
    rows = [row for one in desk.wait_for(Msg.RES, batch_no, count) for row in one.rows]
    return [row for row in rows if isinstance(row, m.ResultRow)]


def heal(desk: Desk, place: int) -> None:
    acct_no, _, id_no = PEOPLE[place]
    desk.world.control("/control/accounts", {
        "bank_no3": desk.bank, "acct_no": acct_no, "name": PLAIN_NAMES[place], "id_no": id_no,
    })  # fmt: skip
