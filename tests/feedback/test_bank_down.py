"""银行系统异常（F11）: unknown until closed days tell that it was not paid, then tried again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tests.funding.keeping import admin_of, policy
from tests.payout.funded import AMOUNTS, Funded, plant_funded
from tests.validation.cast import BANK, HERE
from yikatong.connectors.bank.messages import DayRow, ResultRow
from yikatong.feedback.actions import apply_results, note_day, settle
from yikatong.feedback.queries import failures_of, ready_to_reissue
from yikatong.feedback.rules import Day, days_are_whole
from yikatong.jobs.models import Quarantine
from yikatong.kernel.errors import TryAgain
from yikatong.kernel.steps import Passed
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.payout.actions import instruct
from yikatong.payout.models import BankShare, Payment, PaymentInstruction
from yikatong.submission.models import Batch, Line

LogIn = Callable[[str], AbstractContextManager[None]]
US = machine(HERE)
TODAY = timezone.localdate()
YESTERDAY = TODAY - timedelta(days=1)
WHOLE = sum(AMOUNTS)


@pytest.fixture
def down(own_database: str, log_in: LogIn) -> Iterator[tuple[str, Funded]]:
    """Released yesterday; one is paid, two the bank's system could not book."""
    with log_in("ykt_worker"):
        with admin_of(own_database) as admin:
            found = plant_funded(admin, "2026-00000011")
        policy(own_database, "refund")
        with acting(US):
            instruct(Batch.objects.get(pk=found.batch), actor=US)
        with admin_of(own_database) as admin:  # a day passes
            admin.execute("SET session_replication_role = replica")
            admin.execute("UPDATE payout_paymentinstruction SET at = at - interval '1 day'")
        at = timezone.now() - timedelta(days=1)
        rows = [
            ResultRow(detail_id=found.details[0], result="SUCCESS", paid_fen=AMOUNTS[0],
                      bank_serial="S0", paid_at=at),
            *(ResultRow(detail_id=one, result="FAILED", reason_code="S01", paid_fen=0, paid_at=at)
              for one in found.details[1:]),
        ]  # fmt: skip
        with acting(US):
            apply_results(BankShare.objects.get(pk=found.share), rows, file_sm3=b"1", actor=US)
        assert states(found) == ["PAID", "UNKNOWN", "UNKNOWN"]
        yield own_database, found


def states(found: Funded) -> list[str]:
    with acting(US):
        return list(
            Payment.objects.filter(pk__in=found.payments)
            .order_by("pk")
            .values_list("state", flat=True)
        )


def day(found: Funded, on: date, *, paid: tuple[int, ...] = (0,), came: int = WHOLE) -> None:
    out = sum(AMOUNTS[place] for place in paid)
    opening = 0 if came else WHOLE - AMOUNTS[0]
    rows = [
        DayRow(kind=kind, acct_no="1", amount_fen=fen)
        for kind, fen in (("OPENING", opening), ("SUM_IN", came), ("SUM_OUT", out),
                          ("CLOSING", opening + came - out))
    ] + [
        DayRow(kind="OUT", acct_no="1", amount_fen=AMOUNTS[place], batch_no="B",
               detail_id=found.details[place], bank_serial=f"S{place}")
        for place in paid
    ]  # fmt: skip
    with acting(US):
        note_day(BANK, on.isoformat(), rows, file_sm3=f"{on}{paid}".encode(), actor=US)


def test_a_day_that_is_not_over_ends_no_unknown(down: tuple[str, Funded]) -> None:
    _, found = down
    day(found, TODAY)
    assert states(found) == ["PAID", "UNKNOWN", "UNKNOWN"]
    with acting(US), pytest.raises(TryAgain):
        settle(Batch.objects.get(pk=found.batch), actor=US)


def test_a_closed_day_without_them_ends_it_and_the_system_tries_again(
    down: tuple[str, Funded],
) -> None:
    _, found = down
    day(found, YESTERDAY)
    assert states(found) == ["PAID", "FAILED", "FAILED"]
    with acting(US):
        batch = Batch.objects.select_related("programme").get(pk=found.batch)
        assert BankShare.objects.get(pk=found.share).state == "DONE"
        verdict = settle(batch, actor=US)
        assert isinstance(verdict, Passed)
        assert "2 笔银行系统异常，系统已另起补发" in verdict.note
        again = Batch.objects.get(origin=batch)
        assert "系统自动重发：第2次 2 笔" in again.redraft_reason
        assert again.made_by == US.name, "nobody pressed anything"
        origins = set(
            Line.objects.filter(batch=again).values_list("origin__payment__id", flat=True)
        )
        assert origins == set(found.payments[1:])
        assert len(ready_to_reissue(scope=US.scope)) == 2, "and nothing is to be mended first"


def test_what_is_unknown_is_no_failure_and_what_failed_is_one(down: tuple[str, Funded]) -> None:
    """The bank's word and the day's: two results of a payment, one line of the list."""

    def listed() -> list[tuple[int, int]]:
        with acting(US):
            told = failures_of(Batch.objects.get(pk=found.batch), scope=US.scope)
            return sorted((one.payment_id, one.payment.amount_fen) for one in told)

    _, found = down
    assert listed() == []
    day(found, YESTERDAY)
    assert listed() == list(zip(found.payments[1:], AMOUNTS[1:], strict=True))


def test_what_the_day_shows_as_paid_stays_unknown(down: tuple[str, Funded]) -> None:
    _, found = down
    day(found, YESTERDAY, paid=(0, 1))
    assert states(found) == ["PAID", "UNKNOWN", "FAILED"]


def test_the_same_days_account_once_more_ends_what_became_unknown_since(
    down: tuple[str, Funded],
) -> None:
    """Both times it speaks of one payment, the first of those it does not show."""
    name, found = down
    with admin_of(name) as admin:
        admin.execute("SET session_replication_role = replica")
        late = found.payments[2]
        admin.execute("DELETE FROM feedback_paymentresult WHERE payment_id = %s", [late])
        admin.execute("UPDATE payout_payment SET state = 'SENT' WHERE id = %s", [late])
    day(found, YESTERDAY)
    assert states(found) == ["PAID", "FAILED", "SENT"]
    row = ResultRow(
        detail_id=found.details[2], result="FAILED", reason_code="S01", paid_fen=0,
        paid_at=timezone.now() - timedelta(days=1),
    )  # fmt: skip
    with acting(US):
        apply_results(BankShare.objects.get(pk=found.share), [row], file_sm3=b"2", actor=US)
    day(found, YESTERDAY)
    assert states(found) == ["PAID", "FAILED", "FAILED"]
    with admin_of(name) as admin:
        assert admin.execute("SELECT * FROM inv_result_once").fetchall() == []


def test_a_missing_first_day_ends_nothing(down: tuple[str, Funded]) -> None:
    name, found = down
    with admin_of(name) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE payout_paymentinstruction SET at = at - interval '2 days'")
    day(found, YESTERDAY)
    assert states(found) == ["PAID", "UNKNOWN", "UNKNOWN"]
    with acting(US):
        assert PaymentInstruction.objects.filter(share_id=found.share).count() == 1


def test_after_three_attempts_a_person_looks(down: tuple[str, Funded]) -> None:
    name, found = down
    with admin_of(name) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE payout_payment SET attempt = 3 WHERE id = %s", [found.payments[1]])
    day(found, YESTERDAY)
    with acting(US):
        batch = Batch.objects.select_related("programme").get(pk=found.batch)
        settle(batch, actor=US)
        assert Line.objects.filter(batch__origin=batch).count() == 1
        assert Quarantine.objects.filter(kind="失败待人工处理", batch_id=found.batch).count() == 1


@given(
    balances=st.lists(st.integers(0, 9), min_size=2, max_size=8),
    gone=st.sets(st.integers(0, 6)),
)
def test_days_are_whole_only_where_the_balances_meet(balances: list[int], gone: set[int]) -> None:
    first = date(2026, 9, 1)
    every = [
        Day(first + timedelta(days=n), opening, closing)
        for n, (opening, closing) in enumerate(itertools.pairwise(balances))
    ]
    told = [one for n, one in enumerate(every) if n not in gone]
    whole = days_are_whole(told, since=every[0].day, until=every[-1].day)
    ends = bool(told) and told[0] == every[0] and told[-1] == every[-1]
    meets = all(a.closing_fen == b.opening_fen for a, b in itertools.pairwise(told))
    assert whole == (ends and meets)
