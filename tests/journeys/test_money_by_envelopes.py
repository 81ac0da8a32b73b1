"""A county whose treasury takes `<MOF>` envelopes: a batch from list to 核算, its money by files.

Worker, bank and budget system are processes of their own; the money's papers lie in a folder.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.house import House, a_house, end, wait_until
from tests.journeys.telling import equation_holds, paid_by_bank
from yikatong.connectors.budget.mof import unseal

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
    number = house.submit(SLUG, house.listed(SLUG, "2026-03", banks=("ABC", "CRB"), each=3))
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
    assert paid_by_bank(house, number) == (facts["due_lines"], facts["due_fen"])
    assert facts["due_fen"] > 0
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
    assert all(one.is_receipt for one in receipts)
    assert sum("XPayDate" in one.fields for one in receipts) == len(sent)
    assert not (folder / "bad").exists()
    persons = house.budget_details(sent[0][0].fields["Hold1"])
    assert len(persons) == len(sent[0][1].details) > 0
