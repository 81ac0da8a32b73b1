"""Two legs meet to the fen: what the bank reports against what was requested."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest

from tests import database
from tests.payout.funded import AMOUNTS, Funded, plant_funded
from tests.validation.cast import HERE
from yikatong.funding.actions import confirm, note_money, note_state, returned
from yikatong.funding.models import FundingRequest, TreasuryConfirmation
from yikatong.funding.queries import received_fen
from yikatong.jobs.models import Quarantine
from yikatong.kernel.errors import TryAgain
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch

LogIn = Callable[[str], AbstractContextManager[None]]
TREASURY = machine(HERE)
WHOLE = sum(AMOUNTS)
State = FundingRequest.State


@pytest.fixture
def asked(committing: str, log_in: LogIn, request: pytest.FixtureRequest) -> Iterator[Funded]:
    """A batch whose request is filed and whose money has not come."""
    number = f"2026-{abs(hash(request.node.name)) % 10**8:08d}"
    with database.connect("ykt_admin", committing, autocommit=True) as admin:
        found = plant_funded(admin, number, state="ACKED", status="REQUESTED", has_money=False)
    with log_in("ykt_worker"):
        yield found


def comes(found: Funded, fen: int, serial: str, *, account: str = "1") -> bool:
    with acting(TREASURY):
        application = FundingRequest.objects.get(batch_id=found.batch)
        return note_money(
            application, amount_fen=fen, bank_serial=f"{serial}{found.batch}", voucher_number="V1",
            payee_account=account, at=datetime(2026, 11, 22, tzinfo=UTC), actor=TREASURY,
        )  # fmt: skip


def received(found: Funded) -> int:
    with acting(TREASURY) as actor:
        return received_fen(FundingRequest.objects.get(batch_id=found.batch), scope=actor.scope)


def set_aside(found: Funded) -> list[tuple[str, int]]:
    with acting(TREASURY):
        kept = Quarantine.objects.filter(batch_id=found.batch).order_by("id")
        return [(one.kind, one.amount_fen) for one in kept]


def state(found: Funded) -> str:
    with acting(TREASURY):
        return str(FundingRequest.objects.get(batch_id=found.batch).state)


def test_money_to_the_fen_is_equal_and_nothing_is_set_aside(asked: Funded) -> None:
    assert comes(asked, WHOLE, "A")
    assert set_aside(asked) == []


def test_the_same_notice_twice_is_money_once(asked: Funded) -> None:
    assert comes(asked, WHOLE, "A")
    assert comes(asked, WHOLE, "A")
    assert received(asked) == WHOLE
    assert set_aside(asked) == []


@pytest.mark.parametrize("difference", [-1, 1, -WHOLE + 1, WHOLE])
def test_a_fen_short_or_in_excess_is_set_aside_with_the_difference(
    asked: Funded, difference: int
) -> None:
    assert not comes(asked, WHOLE + difference, "A")
    assert set_aside(asked) == [("到账不符", difference)]


def test_the_rest_that_comes_later_makes_it_equal(asked: Funded) -> None:
    assert not comes(asked, WHOLE - 5_000, "A")
    assert comes(asked, 5_000, "B")
    assert received(asked) == WHOLE


def test_money_that_comes_twice_under_two_serials_is_set_aside(asked: Funded) -> None:
    assert comes(asked, WHOLE, "A")
    assert not comes(asked, WHOLE, "B")
    assert set_aside(asked) == [("到账不符", WHOLE)]


def test_the_right_money_on_a_wrong_account_is_not_received(asked: Funded) -> None:
    assert not comes(asked, WHOLE, "A", account="6")
    assert received(asked) == 0, "written down, and nobody's funding"
    assert set_aside(asked) == [("到账不符", -WHOLE)]
    with acting(TREASURY):
        assert TreasuryConfirmation.objects.get(request__batch_id=asked.batch).is_ours is False


def test_the_right_money_comes_after_a_wrong_account_and_is_equal(asked: Funded) -> None:
    assert not comes(asked, WHOLE, "A", account="6")
    assert comes(asked, WHOLE, "B")


def test_fund_waits_while_the_share_is_not_funded(asked: Funded) -> None:
    comes(asked, WHOLE - 1, "A")
    with acting(TREASURY), pytest.raises(TryAgain):
        confirm(Batch.objects.get(pk=asked.batch), actor=TREASURY)


def test_only_the_budget_systems_own_no_is_a_return(asked: Funded) -> None:
    with acting(TREASURY), pytest.raises(TryAgain, match="没有退回"):
        returned(Batch.objects.get(pk=asked.batch), actor=TREASURY)
    with acting(TREASURY):
        application = FundingRequest.objects.get(batch_id=asked.batch)
        note_state(application, State.RETURNED, return_reason="指标不足", actor=TREASURY)
        verdict = returned(Batch.objects.get(pk=asked.batch), actor=TREASURY)
    assert "指标不足" in verdict.note


def test_an_ended_request_is_never_reopened(asked: Funded) -> None:
    with acting(TREASURY):
        application = FundingRequest.objects.get(batch_id=asked.batch)
        note_state(application, State.WITHDRAWN, actor=TREASURY)
        note_state(application, State.PAID, actor=TREASURY)
    assert state(asked) == State.WITHDRAWN
