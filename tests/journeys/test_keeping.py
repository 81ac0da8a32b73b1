"""留存补发: a county that keeps what failed, from the failure to the third attempt that is paid.

One tale in a home of its own: what is kept here would be refunded in every other story.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.house import COUNTY, House, a_house, end, wait_until
from tests.journeys.telling import equation_holds, paid_by_bank, refused, shares_of, took
from yikatong.cli.sample.lists import SampleLine, SampleList
from yikatong.kernel.card import luhn_digit

TOLD_IN_ORDER = True
SLUG = "dadukou"
UP = (("compile", "town-clerk"), ("submit", "town-check"))


class Tale:
    """What the chapters share: two at 邮储 whose accounts are closed, one at 农商行 who is paid."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.listed: SampleList = house.listed(SLUG, "2026-09", banks=("CRC", "PSB"), each=2)
        at_psb = house.bank_name(SLUG, "PSB")
        self.stays, self.moves = [
            line for line in self.listed.lines if line.payee.account.bank_name == at_psb
        ]
        self.numbers: list[str] = []

    def fails(self, number: str) -> None:
        self.house.bank("faults", kind="fail_account", acct_no=number, code="A02")

    def until(self, number: str, status: str) -> None:
        wait_until(lambda: self.house.status(number) == status, f"{number} {status}")

    def take(self, number: str, *steps: str) -> None:
        posts = {"review": "finance", "submit": "town-check"}
        for step in steps:
            took(self.house.step(number, step, f"{SLUG}-{posts.get(step, 'town-clerk')}"))

    def to_bank(self, number: str) -> None:
        self.take(number, "compile", "submit")
        self.until(number, "VALIDATED")
        self.take(number, "send")
        self.until(number, "IN_REVIEW")
        self.take(number, "review")

    def pay(self, number: str) -> None:
        self.to_bank(number)
        self.take(number, "request")
        self.until(number, "BOOKED")
        self.numbers.append(number)

    def new_card(self, line: SampleLine, code3: str, *, mark: str, fails: bool = False) -> str:
        """Another account at this bank, registered there and entered by two of the township."""
        account = line.payee.account
        body = f"{account.number[:-5]}{mark}{account.number[-4:-1]}"
        fresh = body + luhn_digit(body)
        self.house.bank(
            "accounts", bank_no3=code3, acct_no=fresh, name=line.payee.name,
            id_no=line.payee.id_number, acct_type="CARD", status="NORMAL", **{"class": "I"},
        )  # fmt: skip
        bank = next(one for one in self.house.pack(SLUG).banks if one.bank_no3 == code3)
        if fails:
            self.fails(fresh)
        self.house.call(
            "new_card", slug=SLUG, id_number=line.payee.id_number, number=fresh, bank_no=bank.no
        )
        return fresh

    def rows(self, query: str, *facts: Any) -> list[list[Any]]:
        return self.house.rows(SLUG, query, *facts)

    def requests(self, number: str) -> list[list[Any]]:
        return self.rows(
            "SELECT request.source, request.state, request.amount_fen,"
            " coalesce((SELECT fen FROM request_kept AS kept"
            "  WHERE kept.id = request.id), 0)::bigint"
            " FROM funding_fundingrequest AS request JOIN submission_batch AS batch"
            " ON batch.id = request.batch_id WHERE batch.number = %s ORDER BY request.source",
            number,
        )

    def residue(self) -> int:
        ((fen,),) = self.rows("SELECT coalesce(sum(amount_fen), 0)::bigint FROM residue")
        return int(fen)

    def balance(self, account: str) -> int:
        """What stands on an account of the ledger, credit above nought."""
        ((fen,),) = self.rows(
            "SELECT coalesce(sum(CASE WHEN is_debit THEN -amount_fen ELSE amount_fen END),"
            " 0)::bigint"
            " FROM accounting_ledgerleg WHERE account = %s",
            account,
        )
        return int(fen)


@pytest.fixture(scope="module")
def tale() -> Iterator[Tale]:
    with a_house() as house:
        house.settle_in(SLUG, simulators=False)
        with house.administrator() as admin:
            admin.execute(
                "UPDATE organisation_county SET settings = settings || %s WHERE county = %s",
                ['{"residue": "keep"}', COUNTY[SLUG]],
            )
        house.start_simulators()
        worker = house.start_worker()
        try:
            yield Tale(house)
        finally:
            end(worker)


def test_what_failed_stays_with_the_bank_and_nothing_goes_back(tale: Tale) -> None:
    for line in (tale.stays, tale.moves):
        tale.fails(line.payee.account.number)
    number = tale.house.submit(SLUG, tale.listed)
    tale.pay(number)
    facts = tale.house.batch(number)
    equation_holds(facts)
    assert facts["failed_fen"] == tale.stays.amount.fen + tale.moves.amount.fen
    assert tale.house.bank_books()["refunds"] == []
    assert tale.residue() == tale.balance("2004") == facts["failed_fen"]
    ((memo_fen,),) = tale.rows(
        "SELECT sum(amount_fen)::bigint FROM accounting_voucherentry AS entry"
        " JOIN accounting_voucher AS draft ON draft.id = entry.voucher_id"
        " WHERE kind = 'V2B' AND is_debit"
    )
    assert memo_fen == facts["failed_fen"]


def test_the_reissue_asks_the_treasury_for_none_of_it(tale: Tale) -> None:
    """One stays with the bank, on a card that fails again; the other moves to another bank, where
    nothing of his money lies: that part alone is applied for, and what he left goes home.
    """
    house = tale.house
    (again,) = house.batch(tale.numbers[0])["redrafts"]
    tale.new_card(tale.stays, "PSB", mark="9", fails=True)
    tale.new_card(tale.moves, "CRC", mark="8")
    tale.pay(again)
    assert tale.requests(again) == [
        ["RESIDUE", "KEPT", 0, tale.stays.amount.fen],
        ["TREASURY", "PAID", tale.moves.amount.fen, 0],
    ]
    books, shares = house.bank_books(), {one["batch_no"] for one in shares_of(house, again)}
    came = [row["amount_fen"] for row in books["credits"] if row["batch_no"] in shares]
    assert came == [tale.moves.amount.fen], "one application, one credit"
    assert paid_by_bank(house, again) == (1, tale.moves.amount.fen)
    wait_until(lambda: tale.residue() == tale.stays.amount.fen, "the old bank's refund")
    (back,) = house.bank_books()["refunds"]
    assert back["amount_fen"] == tale.moves.amount.fen
    assert back["batch_no"] in {one["batch_no"] for one in shares_of(house, tale.numbers[0])}
    wait_until(lambda: tale.balance("2004") == tale.stays.amount.fen, "kept once more")
    assert tale.balance("2002") == 0


def test_the_third_attempt_is_paid_from_the_second_ones_money(tale: Tale) -> None:
    """Its draft is gathered by one command once the account is mended, and by no second one."""
    house = tale.house
    gather = ("reissue", "--programme", "P01", "--period", "2026-09", "--as")
    refused(house.do(*gather, f"{SLUG}-town-clerk"), "没有已更正")
    fresh = tale.new_card(tale.stays, "PSB", mark="7")
    refused(house.do(*gather, f"{SLUG}-town-check"), "经办人")
    done = house.do(*gather, f"{SLUG}-town-clerk")
    took(done)
    third = done.out.strip()
    assert house.batch(third)["lines"] == 1
    assert "补发，第3次" in house.batch(third)["title"]
    refused(house.do(*gather, f"{SLUG}-town-clerk"), "没有已更正")
    tale.pay(third)
    assert tale.requests(third) == [["RESIDUE", "KEPT", 0, tale.stays.amount.fen]]
    assert paid_by_bank(house, third) == (1, tale.stays.amount.fen)
    books = house.bank_books()
    (paid,) = [row for row in books["payments"] if row["acct_no"] == fresh]
    assert paid["amount_fen"] == tale.stays.amount.fen
    assert len(books["refunds"]) == 1, "what pays a re-issue never goes back"
    attempts = tale.rows(
        "SELECT attempt, payment.state FROM payout_payment AS payment"
        " JOIN funding_keptresidue AS used"
        " ON payment.id IN (used.payment_id, used.source_id) GROUP BY payment.id ORDER BY attempt"
    )
    assert attempts == [[1, "FAILED"], [2, "FAILED"], [3, "PAID"]]
    drafts = tale.rows(
        "SELECT draft.kind, entry.account, entry.amount_fen FROM accounting_voucher AS draft"
        " JOIN accounting_voucherentry AS entry ON entry.voucher_id = draft.id"
        " JOIN submission_batch AS batch ON batch.id = draft.batch_id"
        " WHERE batch.number = %s AND entry.is_debit",
        third,
    )
    assert drafts == [["V2BR", "备查—代发专户结存", tale.stays.amount.fen]]


def test_a_county_that_keeps_no_longer_has_the_next_refund_take_it_along(tale: Tale) -> None:
    """The change is a setting and an agreement with the banks; nobody lists what is to go back."""
    house = tale.house

    def one_failing(period: str) -> int:
        listed = house.listed(SLUG, period, banks=("CRC",), each=1)
        tale.fails(listed.lines[0].payee.account.number)
        tale.pay(house.submit(SLUG, listed))
        return sum(line.amount.fen for line in listed.lines)

    kept = one_failing("2026-08")
    assert tale.residue() == tale.balance("2004") == kept
    with house.administrator() as admin:
        admin.execute(
            "UPDATE organisation_county SET settings = settings || %s WHERE county = %s",
            ['{"residue": "refund"}', COUNTY[SLUG]],
        )
    house.bank("keeping", county=COUNTY[SLUG], is_kept=False)
    fresh = one_failing("2026-07")
    wait_until(lambda: tale.residue() == 0, "both refunds")
    wait_until(lambda: tale.balance("2004") == 0, "the memo of what was kept")
    assert (tale.balance("2002"), tale.balance("2003")) == (0, 0)
    amounts = sorted(row["amount_fen"] for row in house.bank_books()["refunds"])
    assert amounts == sorted([tale.moves.amount.fen, kept, fresh])


def test_the_books_agree_three_ways_and_no_invariant_is_broken(tale: Tale) -> None:
    house = tale.house
    banks = tale.rows("SELECT DISTINCT bank_no FROM payout_bankshare")
    for (bank_no,) in banks:
        house.ask_day_account(house.pack(SLUG).bank(bank_no).bank_no3, COUNTY[SLUG])
    counted = "SELECT count(*) FROM feedback_dayaccount"
    wait_until(lambda: tale.rows(counted)[0][0] >= len(banks), "the day accounts")
    assert tale.rows("SELECT rule, sentence FROM standing_difference") == []
    done = house.ykt("verify", "--json")
    assert done.code == 0, done.json["breached"]
    assert done.json["breaches"] == 0
    ((in_account,),) = tale.rows(
        "SELECT sum(CASE WHEN is_debit THEN amount_fen ELSE -amount_fen END)::bigint"
        " FROM accounting_ledgerleg WHERE account = '1001'"
    )
    assert in_account == tale.residue() == 0, "nothing lies anywhere"
