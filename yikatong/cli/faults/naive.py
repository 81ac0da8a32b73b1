"""The mutant: a sender that takes a new number for each try. Our own sums never notice; the bank's
books must (trust.md §4). It stands here alone and is no part of the product.
"""

from __future__ import annotations

import json
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from yikatong.cli import session
from yikatong.cli.faults.oracle import Judgement, judged, theirs
from yikatong.cli.faults.stage import COUNTY, Stage
from yikatong.kernel.points import point

CODE3: Final = "BOC"
ORDERS: Final = 8
AMOUNT_FEN: Final = 12_300
FIRST_NUMBER: Final = 900_000
PATIENCE_S: Final = 60.0
POLL_S: Final = 0.02


def caught(stage: Stage) -> Judgement:
    """Run it through the same stage, kill it at the same point, judge it by the same oracle.

    It is killed once for every second order, when the bank has what was sent.
    """
    before = len(stage.bank("GET", "/control/books")["payments"])
    notes = stage.home.run / "naive.json"
    kills, end = 0, time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        player = stage.fork("naive", partial(send_all, stage, notes))
        while (name := player.told()) and not (name == "bank-has-it" and kills < ORDERS // 2):
            player.go_on()
        if not name:
            player.end()
            break
        kills += 1
        player.end(signal.SIGKILL)
    found = theirs(stage.bank("GET", "/control/books"), after=before)
    held = {account: [AMOUNT_FEN] for account in _read(notes)["sent"]}
    return judged(held, found, sum(sum(amounts) for amounts in held.values()))


def send_all(stage: Stage, notes: Path) -> None:
    """Each order that is not noted as sent: under the next number, money and all."""
    session.log_in("worker")
    from yikatong.organisation.queries import paying_banks
    from yikatong.organisation.scoping import acting

    with acting(session.machine_for(COUNTY)) as actor:
        bank = next(b for b in paying_banks(scope=actor.scope).values() if b.code3 == CODE3)
        payees = _payees(bank.bank_no, actor)
    for payee in payees:
        kept = _read(notes)
        if payee["acct_no"] in kept["sent"]:
            continue
        kept["tries"] += 1  # the fault of it: the number belongs to the try, not to the order
        _write(notes, kept)
        _pay(stage, bank, payee, kept["tries"])
        point("bank-has-it")
        kept["sent"].append(payee["acct_no"])
        _write(notes, kept)


def _pay(stage: Stage, bank: Any, payee: dict[str, str], number: int) -> None:
    from django.utils import timezone

    from yikatong.connectors.bank.files import encode
    from yikatong.connectors.bank.messages import Message, Msg, PayRow, Release
    from yikatong.connectors.bank.profiles import HTTP
    from yikatong.organisation.wire import channel_of, envelope_of, profile_of

    day = timezone.localdate()
    batch_no = f"{CODE3}{COUNTY}{day:%Y%m%d}{FIRST_NUMBER + number:06d}"
    row = PayRow(
        detail_id=f"{batch_no}0000001", seq=1, ref_batch_no=batch_no, mof_div_code=f"{COUNTY}000",
        fiscal_year=f"{day:%Y}", project_code="P01", project_short="耕地地力",
        period=f"{day:%Y-%m}", id_type="01", acct_type="CARD", amount_fen=AMOUNT_FEN,
        currency="CNY", summary="耕地地力", ntf_text="耕地地力补贴", **payee,
    )  # fmt: skip
    order = Release(
        application_no=f"A{batch_no}", voucher_no=f"V{batch_no}", count=1, amount_fen=AMOUNT_FEN
    )
    channel, envelope, profile = channel_of(bank, HTTP), envelope_of(bank), profile_of(bank)

    def put(message: Message) -> None:
        channel.put(
            encode(message, created=timezone.localtime(), envelope=envelope, profile=profile)
        )

    put(Message(Msg.PAY, batch_no, (row,)))
    _until(stage, batch_no, "ACCEPTED")
    credit = {
        "voucher_no": order.voucher_no, "application_no": order.application_no,
        "payee_acct_no": bank.payout_account, "amount_fen": AMOUNT_FEN, "remark": batch_no,
    }  # fmt: skip
    stage.bank("POST", "/treasury/credit", credit)
    put(Message(Msg.REL, batch_no, (order,)))
    _until(stage, batch_no, "DONE")


def _until(stage: Stage, batch_no: str, state: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        books = stage.bank("GET", f"/control/books?batch_no={batch_no}")
        if any(one["state"] == state for one in books["batches"]):
            return
        time.sleep(POLL_S)


def _payees(bank_no: int, actor: Any) -> list[dict[str, str]]:
    from yikatong.registry.messages import ID_FIELD, NUMBER_FIELD
    from yikatong.registry.queries import versions_with_secrets
    from yikatong.vault.access import the_vault

    vault = the_vault()
    versions = versions_with_secrets(scope=actor.scope).filter(bank_no=bank_no).order_by("-pk")
    return [
        {
            "payee_name": version.account_name,
            "acct_no": vault.decrypt(
                bytes(version.number_cipher), county=COUNTY, field=NUMBER_FIELD
            ).decode(),
            "id_no": vault.decrypt(
                bytes(version.account.person.id_cipher), county=COUNTY, field=ID_FIELD
            ).decode(),
        }
        for version in versions[:ORDERS]
    ]


def _read(notes: Path) -> dict[str, Any]:
    if not notes.exists():
        return {"tries": 0, "sent": []}
    kept: dict[str, Any] = json.loads(notes.read_text("utf-8"))
    return kept


def _write(notes: Path, kept: dict[str, Any]) -> None:
    half = notes.with_suffix(".half")
    half.write_text(json.dumps(kept), encoding="utf-8")
    half.replace(notes)
