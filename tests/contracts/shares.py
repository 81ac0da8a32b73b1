"""Shares, accounts and instructions that the contract tests send."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from typing import Any

import httpx

from yikatong.connectors.bank import messages as m
from yikatong.connectors.bank.messages import Message, Msg
from yikatong.connectors.budget.messages import FundingApplication, Manifest

from .conftest import SHANGHAI, World

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


def accounts_at(bank: str) -> str:
    """The same four people at that bank; whoever its characters cannot hold stands there too."""
    return accounts().replace('"ABC"', f'"{bank}"')


def batch_no_of(bank: str) -> str:
    return bank + new_batch_no()[3:]


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


def funded(world: World, message: Message) -> m.Funding:
    world.send(message)
    assert only(world, Msg.ACK).status == "ACCEPTED"
    world.budget.apply(application(world, message))
    funding = only(world, Msg.FND)
    assert isinstance(funding, m.Funding)
    return funding


def httpx_post(url: str, content: dict[str, Any]) -> None:
    httpx.post(url, json=content).raise_for_status()
