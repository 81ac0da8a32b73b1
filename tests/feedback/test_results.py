"""Results against the database, as the worker: each row once, what contradicts us set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from tests import database
from tests.payout.funded import AMOUNTS, Funded, plant_funded
from tests.validation.cast import HERE
from tests.validation.world import Planter
from yikatong.connectors.bank.messages import ResultRow
from yikatong.feedback.actions import apply_results, settle
from yikatong.feedback.bulk import ROW_BITS
from yikatong.feedback.models import PaymentResult, ResultFile
from yikatong.jobs.models import Quarantine
from yikatong.kernel.actor import Duty
from yikatong.kernel.errors import Refused
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.payout.models import BankShare, Payment, PaymentInstruction

LogIn = Callable[[str], AbstractContextManager[None]]
BANK = machine(HERE, Duty.BANK_MESSAGE)


@pytest.fixture
def worker(committing: str, log_in: LogIn) -> Iterator[str]:
    with log_in("ykt_worker"):
        yield committing


@pytest.fixture
def paying(worker: str, request: pytest.FixtureRequest) -> Funded:
    """A share that was released; every test has its own."""
    number = f"2026-{abs(hash(request.node.name)) % 10**8:08d}"
    with database.connect("ykt_admin", worker, autocommit=True) as admin:
        return plant_funded(admin, number, state="PAYING", status="PAYING")


def row(found: Funded, place: int, result: str, **facts: Any) -> ResultRow:
    whole = AMOUNTS[place] if result in {"SUCCESS", "RETURNED"} else 0
    serial = f"B{found.details[place]}" if result == "SUCCESS" else ""
    told = {
        "paid_fen": whole,
        "bank_serial": serial,
        "reason_code": "A02" if result == "FAILED" else "",
    }
    return ResultRow(detail_id=found.details[place], result=result, **{**told, **facts})


def apply(found: Funded, *rows: ResultRow, file: str = "one") -> int:
    with acting(BANK):
        share = BankShare.objects.select_related("batch__programme").get(pk=found.share)
        return apply_results(share, rows, file_sm3=f"{found.batch} {file}".encode(), actor=BANK)


def states(found: Funded) -> list[str]:
    with acting(BANK):
        return list(
            Payment.objects.filter(share_id=found.share)
            .order_by("id")
            .values_list("state", flat=True)
        )


def set_aside(found: Funded) -> list[str]:
    with acting(BANK):
        return list(
            Quarantine.objects.filter(batch_id=found.batch).values_list("sentence", flat=True)
        )


def share_state(found: Funded) -> str:
    with acting(BANK):
        return str(BankShare.objects.get(pk=found.share).state)


def test_a_whole_file_settles_the_share(paying: Funded) -> None:
    rows = [row(paying, 0, "SUCCESS"), row(paying, 1, "FAILED"), row(paying, 2, "SUCCESS")]
    assert apply(paying, *rows) == 3
    assert states(paying) == ["PAID", "FAILED", "PAID"]
    assert share_state(paying) == "DONE"
    assert set_aside(paying) == []


def test_half_a_file_leaves_the_rest_in_transit(paying: Funded) -> None:
    assert apply(paying, row(paying, 0, "SUCCESS")) == 1
    assert share_state(paying) == "PAYING"
    apply(paying, row(paying, 2, "SUCCESS"), row(paying, 1, "SUCCESS"), file="rest")
    assert share_state(paying) == "DONE"


def test_one_file_ten_times_at_once_has_one_effect(paying: Funded) -> None:
    rows = [row(paying, place, "SUCCESS") for place in range(3)]

    def once(_: int) -> int:
        try:
            return apply(paying, *rows)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as threads:
        assert sorted(threads.map(once, range(10))) == [0] * 9 + [3]
    with acting(BANK):
        assert PaymentResult.objects.filter(payment__share_id=paying.share).count() == 3
    assert set_aside(paying) == []


def test_the_same_rows_in_another_file_have_no_second_effect(paying: Funded) -> None:
    rows = [row(paying, place, "SUCCESS") for place in range(3)]
    assert apply(paying, *rows) == 3
    assert apply(paying, *reversed(rows), file="two") == 0
    with acting(BANK):
        assert PaymentResult.objects.filter(payment__share_id=paying.share).count() == 3


def test_a_success_off_by_a_fen_is_set_aside_with_both_amounts(paying: Funded) -> None:
    apply(paying, row(paying, 0, "SUCCESS", paid_fen=AMOUNTS[0] + 1))
    assert states(paying)[0] == "SENT"
    (sentence,) = set_aside(paying)
    assert "100.01" in sentence
    assert "100.00" in sentence
    apply(paying, row(paying, 0, "SUCCESS", paid_fen=AMOUNTS[0] + 1), file="two")
    assert len(set_aside(paying)) == 1, "the same contradiction once"


def test_paid_after_failed_and_failed_after_paid_change_nothing(paying: Funded) -> None:
    apply(paying, row(paying, 0, "SUCCESS"), row(paying, 1, "FAILED"))
    apply(paying, row(paying, 0, "FAILED"), row(paying, 1, "SUCCESS"), file="two")
    assert states(paying) == ["PAID", "FAILED", "SENT"]
    assert len(set_aside(paying)) == 2


def test_a_strangers_row_is_set_aside_and_the_others_are_applied(paying: Funded) -> None:
    apply(
        paying,
        ResultRow(detail_id="NOBODY", result="SUCCESS", paid_fen=1),
        row(paying, 0, "SUCCESS"),
    )
    assert states(paying)[0] == "PAID"
    assert "NOBODY" in set_aside(paying)[0]


@pytest.mark.parametrize("code", ["T01", "S01", "M01"])
def test_a_code_that_is_not_final_is_unknown_until_the_bank_knows(
    paying: Funded, code: str
) -> None:
    apply(paying, row(paying, 0, "FAILED", reason_code=code))
    assert states(paying)[0] == "UNKNOWN"
    apply(
        paying,
        row(paying, 0, "SUCCESS"),
        row(paying, 1, "SUCCESS"),
        row(paying, 2, "SUCCESS"),
        file="two",
    )
    assert states(paying) == ["PAID"] * 3
    assert share_state(paying) == "DONE"


def test_a_result_before_the_release_is_set_aside(worker: str) -> None:
    with database.connect("ykt_admin", worker, autocommit=True) as admin:
        found = plant_funded(admin, "2026-early")
    apply(found, row(found, 0, "SUCCESS"))
    assert states(found)[0] == "SENT"
    assert len(set_aside(found)) == 1


def test_a_return_after_success_drafts_the_line_again(paying: Funded) -> None:
    apply(paying, *(row(paying, place, "SUCCESS") for place in range(3)))
    apply(paying, row(paying, 1, "RETURNED", reason_code="A02"), file="two")
    assert states(paying) == ["PAID", "RETURNED", "PAID"]
    with acting(BANK):
        share = BankShare.objects.get(pk=paying.share)
        (again,) = share.batch.redrafts.all()
        assert (again.status, again.redraft_reason) == ("DRAFT", "退汇，更正后补发")
        assert [line.amount_fen for line in again.lines.all()] == [AMOUNTS[1]]


def test_a_serial_that_stands_for_another_payment_already_is_set_aside(paying: Funded) -> None:
    """Nothing is dropped: the bank says paid, we cannot book it, a person must look."""
    serial = f"TWICE{paying.batch}"
    rows = (row(paying, place, "SUCCESS", bank_serial=serial) for place in (0, 1))
    assert apply(paying, *rows) == 1
    assert sorted(states(paying)) == ["PAID", "SENT", "SENT"]
    assert "流水" in set_aside(paying)[0]


def test_a_file_that_speaks_twice_of_one_payment(paying: Funded) -> None:
    """Not known yet, paid, paid again, failed: paid once, the contradiction set aside."""
    told = (
        row(paying, 0, "FAILED", reason_code="T01"),
        row(paying, 0, "SUCCESS"),
        row(paying, 0, "SUCCESS", bank_serial="ANOTHER"),
        row(paying, 0, "FAILED"),
    )
    apply(paying, *told)
    assert states(paying)[0] == "PAID"
    assert len(set_aside(paying)) == 1
    with acting(BANK):
        paid = PaymentResult.objects.filter(payment_id=paying.payments[0], result="SUCCESS")
        assert paid.count() == 1


def test_settle_listens_to_the_last_word_on_a_failure(paying: Funded) -> None:
    """A code that is not final, then 已故: a to-do for a person, never a draft by itself."""
    apply(paying, row(paying, 0, "FAILED", reason_code="T01"), row(paying, 1, "SUCCESS"))
    apply(
        paying,
        row(paying, 0, "FAILED", reason_code="A11"),
        row(paying, 2, "FAILED", reason_code="A02"),
        file="two",
    )
    assert states(paying) == ["FAILED", "PAID", "FAILED"]
    with acting(BANK):
        batch = BankShare.objects.select_related("batch__programme").get(pk=paying.share).batch
        verdict = settle(batch, actor=BANK)
        (again,) = batch.redrafts.all()
        assert [line.amount_fen for line in again.lines.all()] == [AMOUNTS[2]]
    assert "1 笔" in verdict.note
    assert "不自动补发" in set_aside(paying)[0]


def test_a_return_because_the_payee_is_dead_is_a_persons_to_do(paying: Funded) -> None:
    apply(paying, *(row(paying, place, "SUCCESS") for place in range(3)))
    apply(paying, row(paying, 0, "RETURNED", reason_code="A11"), file="two")
    assert states(paying)[0] == "RETURNED"
    with acting(BANK):
        assert not BankShare.objects.get(pk=paying.share).batch.redrafts.exists()
    assert "不自动补发" in set_aside(paying)[0]


def test_a_result_is_kept_as_the_bank_told_it(paying: Funded) -> None:
    """To the microsecond, in its own words, under the place of its row in its file."""
    at = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
    words = {"bank_reason_code": "E,7", "bank_reason_text": '他说:"销户"\\N', "sms_status": "SENT"}
    apply(
        paying,
        row(paying, 1, "SUCCESS", paid_at=at),
        row(paying, 0, "FAILED", paid_at=at, **words),
    )
    with acting(BANK):
        told = PaymentResult.objects.filter(payment__share_id=paying.share).order_by("file_row")
        digest = f"{paying.batch} one".encode()
        file = ResultFile.objects.get(sm3=digest)
        assert [one.file_row - (file.pk << ROW_BITS) for one in told] == [1, 2]
        paid, failed = told
    assert (paid.at, paid.paid_fen, paid.bank_serial) == (
        at, AMOUNTS[1], f"B{paying.details[1]}",
    )  # fmt: skip
    assert (paid.code, paid.bank_code, paid.bank_text, paid.sms_status) == ("", "", "", "")
    assert (failed.at, failed.paid_fen, failed.bank_serial) == (at, 0, None)
    assert (failed.code, failed.bank_code) == ("F03", "E,7")
    assert (failed.bank_text, failed.sms_status) == (words["bank_reason_text"], "SENT")


@pytest.mark.parametrize(
    ("result", "outcome", "why"),
    [
        ("SUCCESS", "PAID", "feedback_paymentresult_pkey"),
        ("SUCCESS", "FAILED", "a_result_leads_where_it_says"),
        ("RETURNED", "PAID", "a_result_leads_where_it_says"),
        ("FAILED", "PAID", "a_result_leads_where_it_says"),
    ],
)
def test_a_payment_enters_a_state_once_and_by_a_word_that_leads_there(
    paying: Funded, result: str, outcome: str, why: str
) -> None:
    """Whatever file, row and serial it comes under: held by the database alone."""
    apply(paying, row(paying, 0, "SUCCESS"))
    with acting(BANK):
        told = PaymentResult.objects.get(payment_id=paying.payments[0])
        told.file_row, told.bank_serial = told.file_row + 7, "another"
        told.result, told.outcome = result, outcome
        with pytest.raises(IntegrityError, match=why), transaction.atomic():
            told.save(force_insert=True)


@pytest.mark.parametrize("how", ["no such file", "another bank's"])
def test_the_database_takes_no_result_of_a_file_that_is_not_the_banks(
    paying: Funded, how: str
) -> None:
    with acting(BANK):
        share = BankShare.objects.get(pk=paying.share)
        file = ResultFile.objects.create(
            county=HERE, unit_no=0, bank_no=share.bank_no + 1, sm3=b"x", at=timezone.now()
        )
        with pytest.raises(IntegrityError, match="结果文件"), transaction.atomic():
            PaymentResult.objects.create(
                file_row=(file.pk + (how == "no such file") << ROW_BITS) + 1,
                outcome="PAID",
                county=HERE,
                unit_no=share.unit_no,
                department_no=share.department_no,
                bank_no=share.bank_no,
                payment_id=paying.payments[0],
                result="SUCCESS",
                paid_fen=AMOUNTS[0],
                at=timezone.now(),
                applied_at=timezone.now(),
            )
        transaction.set_rollback(True)


@pytest.mark.parametrize("how", ["no such payment", "another bank's", "one within a gap"])
def test_the_database_takes_no_result_of_a_payment_that_is_not_the_banks(
    paying: Funded, worker: str, how: str
) -> None:
    """Counted over the span of the payments, or looked up one by one: none slips through."""
    first, *_, last = paying.payments
    named = {
        "no such payment": (first, last + 10**9),
        "another bank's": (first, last),
        "one within a gap": (first, first + 1, last),
    }[how]
    if how == "one within a gap":
        with database.connect("ykt_admin", worker, autocommit=True) as admin, admin.transaction():
            admin.execute("SET LOCAL session_replication_role = replica")
            moved = "UPDATE payout_payment SET id = id + 10000000 WHERE id = %s"
            admin.execute(moved, [paying.payments[1]])
    with acting(BANK):
        share = BankShare.objects.get(pk=paying.share)
        bank_no = share.bank_no + (how == "another bank's")
        file = ResultFile.objects.create(
            county=HERE, unit_no=0, bank_no=bank_no, sm3=how.encode(), at=timezone.now()
        )
        results = [
            PaymentResult(
                file_row=(file.pk << ROW_BITS) + place,
                outcome="PAID",
                county=HERE,
                unit_no=share.unit_no,
                department_no=share.department_no,
                bank_no=bank_no,
                payment_id=payment,
                result="SUCCESS",
                paid_fen=AMOUNTS[0],
                at=timezone.now(),
                applied_at=timezone.now(),
            )
            for place, payment in enumerate(named)
        ]
        with pytest.raises(IntegrityError, match="代发明细"), transaction.atomic():
            PaymentResult.objects.bulk_create(results)
        if how == "one within a gap":
            assert len(PaymentResult.objects.bulk_create([results[0], results[2]])) == 2
        transaction.set_rollback(True)


def test_a_file_of_more_rows_than_its_key_has_room_for_is_refused(
    paying: Funded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yikatong.feedback.bulk.MOST_ROWS", 2)
    with pytest.raises(Refused, match="分份"):
        apply(paying, row(paying, 0, "SUCCESS"), row(paying, 1, "SUCCESS"))
    assert states(paying) == ["SENT"] * 3


def test_a_file_that_changes_nothing_ends_no_share(paying: Funded) -> None:
    """Neither an early file without a release nor one of waiting rows only is the last word."""
    assert apply(paying, row(paying, 0, "PENDING")) == 0
    assert share_state(paying) == "PAYING"


@pytest.mark.parametrize("code", ["A02", "T01"])
def test_the_file_that_speaks_of_every_payment_ends_the_share_if_all_are_final(
    paying: Funded, code: str, worker: str
) -> None:
    with database.connect("ykt_admin", worker, autocommit=True) as admin:
        planter = Planter(admin)
        with planter.county(HERE):
            planter.put(
                PaymentInstruction,
                share=paying.share,
                key=f"K{paying.batch}",
                lines=3,
                amount_fen=sum(AMOUNTS),
            )
    rows = [
        row(paying, 0, "FAILED", reason_code=code),
        *(row(paying, n, "SUCCESS") for n in (1, 2)),
    ]
    assert apply(paying, *rows) == 3
    assert share_state(paying) == ("DONE" if code == "A02" else "PAYING")
