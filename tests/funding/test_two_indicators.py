"""A share on two indicators: two applications, two moneys, one match, one instruction, and every
fen in the ledger on the indicator that it came from. Then B03 and B15 of the same applications.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests import database
from tests.payout.funded import AMOUNTS, Funded, plant_funded
from tests.validation.cast import BANK, HERE, LI_XIA
from tests.validation.indicators import plant_indicator
from tests.validation.world import Planter
from yikatong.accounting.models import LedgerLeg
from yikatong.connectors.bank.messages import Release, ResultRow
from yikatong.connectors.budget.messages import ReconRow, State
from yikatong.feedback.actions import apply_results
from yikatong.funding.actions import judge_reconciliation, note_money, note_state, request
from yikatong.funding.models import FundingRequest
from yikatong.funding.queries import matches_of, request_for_money
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.payout.actions import instruct
from yikatong.payout.messages import release
from yikatong.payout.models import BankShare
from yikatong.submission.models import Batch

LogIn = Callable[[str], AbstractContextManager[None]]
US = machine(HERE)
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
FIRST, SECOND, THIRD = AMOUNTS
TOLD_IN_ORDER = True


@dataclass
class Tale:
    funded: Funded
    first: int = 0
    second: int = 0


@pytest.fixture(scope="module")
def tale(committing: str) -> Tale:
    with database.connect("ykt_admin", committing, autocommit=True) as admin:
        planted = plant_funded(
            admin, "2026-00000001", state="ACKED", status="READY", has_money=False
        )
        planter = Planter(admin)
        with planter.county(HERE):
            # sorted before the small county's own: it reaches for the first two lines only
            plant_indicator(planter, "A-SMALL", balance_fen=FIRST + SECOND + 5)
            plant_indicator(planter, "B-LARGE", balance_fen=10**9)
            planter.connection.execute(
                "UPDATE funding_indicator SET programme_code = 'NONE' WHERE bgt_id = ''"
            )
    return Tale(planted)


@pytest.fixture(autouse=True)
def worker(tale: Tale, log_in: LogIn) -> Iterator[None]:
    with log_in("ykt_worker"):
        yield


def batch_of(tale: Tale) -> Batch:
    return Batch.objects.select_related("programme").get(pk=tale.funded.batch)


def share_of(tale: Tale) -> BankShare:
    return BankShare.objects.select_related("batch__programme").get(pk=tale.funded.share)


def test_the_request_is_cut_into_two_applications(tale: Tale, log_in: LogIn) -> None:
    with acting(US):
        batch = batch_of(tale)
        note_state(batch.funding_requests.get(), FundingRequest.State.RETURNED, actor=US)
    with log_in("ykt_web"), acting(LI_XIA) as actor:
        request(batch, actor=actor)
        made = list(FundingRequest.objects.filter(batch=batch, state="DRAFT").order_by("id"))
    assert [(one.indicator, one.amount_fen, one.lines) for one in made] == [
        ("A-SMALL", FIRST + SECOND, 2), ("B-LARGE", THIRD, 1),
    ]  # fmt: skip
    tale.first, tale.second = (one.pk for one in made)


def test_each_money_finds_its_own_application_and_the_match_waits_for_both(tale: Tale) -> None:
    with acting(US):
        for pk, number in ((tale.first, "SQ-1"), (tale.second, "SQ-2")):
            one = FundingRequest.objects.get(pk=pk)
            state = FundingRequest.State.PAID
            note_state(one, state, budget_number=number, voucher_number=f"V-{number}", actor=US)
    for number, fen, is_whole in (("SQ-2", THIRD, False), ("SQ-1", FIRST + SECOND, True)):
        with acting(US):
            found = request_for_money(
                batch_of(tale), BANK, application_no=number, voucher_no="", scope=US.scope
            )
            assert found is not None
            assert found.budget_number == number
            assert is_whole == note_money(
                found, amount_fen=fen, bank_serial=f"S-{number}", voucher_number=f"V-{number}",
                payee_account="1", at=NOON, actor=US,
            )  # fmt: skip
            assert matches_of(batch_of(tale), scope=US.scope).count() == is_whole
    with acting(US):
        assert (
            request_for_money(
                batch_of(tale), BANK, application_no="SQ-9", voucher_no="", scope=US.scope
            )
            is None
        ), "money that names neither is nobody's"
        (match,) = matches_of(batch_of(tale), scope=US.scope)
    assert match.amount_fen == sum(AMOUNTS)


def test_the_release_names_both_vouchers_with_their_own_sums(tale: Tale) -> None:
    with acting(US):
        BankShare.objects.filter(pk=tale.funded.share).update(state="FUNDED")
        instruct(batch_of(tale), actor=US)
        rows = release(share_of(tale), scope=US.scope).rows
    assert [
        (one.application_no, one.voucher_no, one.count, one.amount_fen)
        for one in rows
        if isinstance(one, Release)
    ] == [("SQ-1", "V-SQ-1", 2, FIRST + SECOND), ("SQ-2", "V-SQ-2", 1, THIRD)]


def test_the_ledger_pays_each_line_from_its_own_indicator(tale: Tale) -> None:
    rows = [
        ResultRow(detail_id=detail, result="SUCCESS", paid_fen=fen, bank_serial=detail,
                  reason_code="", paid_at=NOON)
        for detail, fen in zip(tale.funded.details, AMOUNTS, strict=True)
    ]  # fmt: skip
    with acting(US):
        apply_results(share_of(tale), rows, file_sm3=b"1", actor=US)
    with acting(US):
        legs = LedgerLeg.objects.filter(
            batch_id=tale.funded.batch, posting__kind="LINE_PAID", is_debit=True
        )
        by_indicator = dict(legs.values_list("indicator", "amount_fen"))
    assert by_indicator == {"A-SMALL": FIRST + SECOND, "B-LARGE": THIRD}


def recon(number: str, tracking: str, asked: int, paid: int, refunded: int = 0) -> ReconRow:
    return ReconRow(
        tracking_id=tracking, pay_app_no=number, pay_cert_no=f"V-{number}", status=State.PAID,
        pay_app_amt_fen=asked, xpay_amt_fen=paid, refunded_fen=refunded,
    )  # fmt: skip


def test_reconciliation_answers_each_application(tale: Tale) -> None:
    with acting(US):
        first = FundingRequest.objects.get(pk=tale.first)
        second = FundingRequest.objects.get(pk=tale.second)
    rows = [
        recon("SQ-1", first.number, first.amount_fen, first.amount_fen),
        recon("SQ-2", second.number, second.amount_fen, second.amount_fen, refunded=700),
        recon("SQ-9", "nobody", 1, 1),
    ]
    for _ in range(2):
        with acting(US):
            answers = judge_reconciliation(rows, check_no="C1", actor=US)
    assert [one.result for one in answers] == ["0", "1", "1"]
    assert "退款财政 7.00 元、我方 0.00 元" in answers[1].reason
    assert answers[2].reason == "我方没有这笔申请"
