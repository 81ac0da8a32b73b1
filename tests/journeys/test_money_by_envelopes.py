"""A county whose treasury takes `<MOF>` envelopes: a batch from list to 核算, its money by files.

Worker, bank and budget system are processes of their own; the money's papers lie in a folder.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.house import House, a_house, end, wait_until
from tests.journeys.telling import equation_holds, paid_by_bank
from yikatong.cli import setup
from yikatong.connectors.budget.mof import MofVoucher, fen_of, unseal

SLUG = "dadukou"
TOLD_IN_ORDER = True


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with a_house() as made:
        made.settle_in(SLUG)
        with made.administrator() as admin:
            admin.execute(
                "UPDATE organisation_county SET settings = settings"
                ' || \'{"binding": "file", "envelope": "mof"}\' WHERE slug = %s',
                [SLUG],
            )
        worker = made.start_worker()
        try:
            yield made
        finally:
            end(worker)


def test_a_batch_is_paid_through_envelopes(house: House) -> None:
    listed = house.listed(SLUG, "2026-03", banks=("ABC", "CRC"), each=3)
    failing = listed.lines[0].payee.account.number
    house.bank("faults", kind="fail_account", acct_no=failing, code="A02")
    number = house.submit(SLUG, listed)
    for name, post in (("compile", "town-clerk"), ("submit", "town-check")):
        assert house.step(number, name, f"{SLUG}-{post}").code == 0
    wait_until(lambda: house.status(number) == "VALIDATED", "the verdict")
    assert house.step(number, "send", f"{SLUG}-town-clerk").code == 0
    wait_until(lambda: house.status(number) == "IN_REVIEW", "the receipts")
    assert house.step(number, "review", f"{SLUG}-finance").code == 0
    wait_until(
        lambda: house.rows(SLUG, "SELECT count(*) FROM funding_indicatorreading")[0][0],
        "the indicators, by file",
    )
    assert house.step(number, "request", f"{SLUG}-town-clerk").code == 0
    wait_until(lambda: house.status(number) == "BOOKED", "money and results")
    facts = house.batch(number)
    equation_holds(facts)
    assert paid_by_bank(house, number)[1] == facts["paid_fen"] > 0
    assert facts["failed_fen"] > 0
    assert house.do("verify", "--json").json["breaches"] == 0


def test_nothing_but_envelopes_carried_it(house: House) -> None:
    folder = house.root / "exchange" / "budget"
    sent = [unseal(path.read_bytes()) for path in sorted((folder / "out").glob("YKT_MOF_*.xml"))]
    asked = house.rows(SLUG, "SELECT number, lines FROM funding_fundingrequest")
    assert {some[0].fields["Hold1"]: len(some[1].details) for some in sent} == dict(asked)
    assert {tuple(one.vt_code for one in some) for some in sent} == {("5201", "8207")}
    assert not list((folder / "out").glob("YKT_B0[23]_*"))
    receipts = [
        one for path in (folder / "in").glob("BGT_MOF_*.xml") for one in unseal(path.read_bytes())
    ]
    assert {one.vt_code for one in receipts if not one.is_receipt} <= {"2203", "2252"}
    heads = [one for one in receipts if one.vt_code == "5201"]
    assert sum("XPayDate" in one.fields for one in heads) == len(sent)
    assert not (folder / "bad").exists()
    persons = house.budget_details(sent[0][0].fields["Hold1"])
    assert len(persons) == len(sent[0][1].details) > 0


def envelopes(house: House, vt_code: str) -> list[MofVoucher]:
    folder = house.root / "exchange" / "budget" / "in"
    return [
        one
        for path in sorted(folder.glob("BGT_MOF_*.xml"))
        for one in unseal(path.read_bytes())
        if one.vt_code == vt_code
    ]


def test_the_money_of_a_failed_line_goes_back_under_its_own_row(house: House) -> None:
    """2203 tells the sum, the bank's 2252 the row of our 8207; both of one refund."""
    failed = "SELECT detail_id, amount_fen FROM payout_payment WHERE state = 'FAILED' ORDER BY 1"
    lines = {str(detail): int(fen) for detail, fen in house.rows(SLUG, failed)}
    refunded = "SELECT detail_id, amount_fen FROM feedback_refund ORDER BY 1"
    wait_until(lambda: len(house.rows(SLUG, refunded)) == len(lines), "the bank's refunds")
    wait_until(lambda: envelopes(house, "2252"), "the bank's notice, by the treasury")
    told = {
        row["Id"]: -fen_of(row["PayAmt"]) for one in envelopes(house, "2252") for row in one.details
    }
    assert told == lines
    assert sum(-fen_of(one.fields["PayAmt"]) for one in envelopes(house, "2203")) == sum(
        lines.values()
    )


def test_the_day_is_reconciled_in_envelopes_and_nothing_differs(house: House) -> None:
    today = setup.today().isoformat()
    told = house.budget("recon-file", mof_div_code="500104000", day=today)
    assert told["count"] == len(house.rows(SLUG, "SELECT id FROM funding_fundingrequest"))
    done = house.do("reconcile", "--county", SLUG, "--json")
    assert done.code == 0, (done.out, done.err)
    entries = house.rows(
        SLUG, "SELECT asked_fen, paid_fen, refunded_fen FROM funding_treasuryentry"
    )
    assert len(entries) >= told["count"]
    assert (
        house.rows(SLUG, "SELECT rule, sentence FROM standing_difference WHERE rule = 'R4'") == []
    )
    (answer,) = (house.root / "exchange" / "budget" / "out").glob(f"YKT_MOF_*_DZ*{today[-2:]}.xml")
    (voucher,) = unseal(answer.read_bytes())
    assert (voucher.vt_code, voucher.is_receipt, voucher.fields["XDiffNum"]) == ("3588", True, "0")
    assert not list((house.root / "exchange" / "budget").glob("*/*_B15_*"))
