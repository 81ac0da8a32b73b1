"""The release: twenty workers at once, a stop in time, and what the database refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import psycopg
import pytest
from django.db import DatabaseError, connection

from tests import database
from tests.payout.funded import AMOUNTS, Funded, plant_funded
from tests.validation.cast import HE_FANG, HERE, LI_XIA
from yikatong.journey.steps import advance
from yikatong.kernel.errors import IllegalStep, Refused, TryAgain
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.payout.actions import confirm_stop, stop
from yikatong.payout.models import BankShare, Payment, PaymentInstruction, Stop

LogIn = Callable[[str], AbstractContextManager[None]]
TWENTY = 20


@pytest.fixture
def worker(committing: str, log_in: LogIn) -> Iterator[str]:
    with log_in("ykt_worker"):
        yield committing


def planted(name: str, number: str, **facts: str) -> Funded:
    with database.connect("ykt_admin", name, autocommit=True) as admin:
        return plant_funded(admin, number, **facts)


def pay(batch: int) -> str:
    try:
        with acting(machine(HERE)) as actor:
            advance(batch, "pay", actor=actor)
    except (IllegalStep, TryAgain) as error:
        return type(error).__name__
    finally:
        connection.close()
    return "paid"


def test_twenty_at_once_give_one_instruction(worker: str) -> None:
    found = planted(worker, "2026-20")
    with ThreadPoolExecutor(TWENTY) as threads:
        ends = Counter(threads.map(pay, [found.batch] * TWENTY))
    assert ends["paid"] == 1, ends
    assert sum(ends.values()) == TWENTY
    with acting(machine(HERE)):
        (told,) = PaymentInstruction.objects.filter(share_id=found.share)
        assert (told.lines, told.amount_fen) == (len(AMOUNTS), sum(AMOUNTS))
        assert told.key == "REL:CRB2026-20:1"
        assert BankShare.objects.get(pk=found.share).state == "PAYING"


def test_a_stop_takes_two_people_and_lowers_the_instruction(worker: str, log_in: LogIn) -> None:
    found = planted(worker, "2026-21", status="FUNDED")
    with log_in("ykt_web"):
        with acting(LI_XIA):
            payment = (
                Payment.objects.defer("account_version")
                .select_related("batch")
                .get(pk=found.payments[0])
            )
            with pytest.raises(Refused, match="原因"):
                stop(payment, reason="  ", actor=LI_XIA)
            asked = stop(payment, reason="本人已迁出本镇", actor=LI_XIA)
            with pytest.raises(Refused, match="另一人"):
                confirm_stop(asked, actor=LI_XIA)
        with acting(HE_FANG):
            confirm_stop(Stop.objects.get(payment_id=found.payments[0]), actor=HE_FANG)
    assert pay(found.batch) == "paid"
    with acting(machine(HERE)):
        told = PaymentInstruction.objects.get(share_id=found.share)
        assert (told.lines, told.amount_fen) == (2, sum(AMOUNTS[1:]))


def test_nobody_is_stopped_after_release(worker: str, log_in: LogIn) -> None:
    found = planted(worker, "2026-22", status="PAYING", state="PAYING")
    with log_in("ykt_web"), acting(LI_XIA):
        payment = (
            Payment.objects.defer("account_version")
            .select_related("batch")
            .get(pk=found.payments[0])
        )
        with pytest.raises(Refused, match="不能停发"):
            stop(payment, reason="来不及了", actor=LI_XIA)


def test_the_database_refuses_an_instruction_that_is_off_by_a_fen(worker: str) -> None:
    found = planted(worker, "2026-23")
    for wrong in (sum(AMOUNTS) + 1, sum(AMOUNTS) - 1, 0):
        with pytest.raises(DatabaseError), acting(machine(HERE)):
            instruct(found, wrong)
    with acting(machine(HERE)):
        instruct(found, sum(AMOUNTS))


def test_finance_can_write_no_instruction(worker: str) -> None:
    with database.connect("ykt_web", worker) as web:
        web.execute("SELECT set_config('role', 'ykt_finance', true)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute("INSERT INTO payout_paymentinstruction (share_id) VALUES (1)")
        web.rollback()


def instruct(found: Funded, amount_fen: int) -> None:
    share = BankShare.objects.get(pk=found.share)
    PaymentInstruction.objects.create(
        county=HERE, unit_no=share.unit_no, department_no=share.department_no,
        bank_no=share.bank_no, share=share, key=f"X{amount_fen}", lines=3, amount_fen=amount_fen,
        voucher_number="V1", digest=b"d", at="2026-11-22T00:00:00Z",
    )  # fmt: skip
