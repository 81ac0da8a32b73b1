"""退库通知: what stayed with a bank and pays nothing there any more is called back, once, and the
ledger clears when it has gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection

from tests import database
from tests.funding.keeping import (
    SECOND,
    THIRD,
    US,
    Again,
    LogIn,
    admin_of,
    as_department,
    ask,
    booked,
    breaches,
    details_of,
    drafts,
    fund,
    pay,
    plant_again,
    plant_failed,
    policy,
    refund,
    requests,
    results,
    row,
    stays,
)
from tests.funding.test_kept_residue import TAKE
from tests.payout.funded import AMOUNTS, Funded, plant_funded
from tests.validation.cast import BANK, HERE
from tests.validation.world import Planter
from yikatong.accounting.actions import draft_refunds
from yikatong.connectors.bank.messages import Message, Msg
from yikatong.feedback import returning
from yikatong.feedback.models import RefundOrder
from yikatong.funding.models import Reissue, RequestRefund
from yikatong.organisation.models import PayingBank
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch

ELSEWHERE = BANK + 1


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """What was posted to the banks; the bytes are the contract tests' business."""
    heard: list[Message] = []
    monkeypatch.setattr(returning, "post", lambda message, *_, **__: heard.append(message))
    return heard


@pytest.fixture
def keeping_county(own_database: str, log_in: LogIn, told: list[Message]) -> Iterator[str]:
    """The county keeps residue at first; afterwards no invariant is broken."""
    with log_in("ykt_worker"):
        with admin_of(own_database) as admin:
            plant_funded(admin, "2026-00000000")
            planter = Planter(admin)
            with planter.county(HERE):
                planter.put(
                    PayingBank, unit_no=0, bank_no=ELSEWHERE, code3="ABC", name="农行",
                    payout_account="2",
                )  # fmt: skip
        policy(own_database, "keep")
        yield own_database
        assert breaches() == []


def call_back() -> int:
    with acting(US):
        return returning.call_back(actor=US)


def asked(told: list[Message]) -> list[tuple[str, int, list[str]]]:
    assert {message.msg for message in told} <= {Msg.CAN}
    assert {one.scope for message in told for one in message.rows} <= {"RFD"}
    return [(one.batch_no, one.number, [line.detail_id for line in one.rows]) for one in told]


def balances(*batches: int) -> dict[str, int]:
    """What stands on the accounts of residue over these batches, credit above nought."""
    with acting(US), connection.cursor() as cursor:
        cursor.execute(
            "SELECT account, sum(CASE WHEN is_debit THEN -amount_fen ELSE amount_fen END)::bigint"
            " FROM accounting_ledgerleg WHERE batch_id = ANY(%s) AND account IN"
            " ('2002', '2003', '2004') GROUP BY account HAVING"
            " sum(CASE WHEN is_debit THEN -amount_fen ELSE amount_fen END) <> 0",
            [list(batches)],
        )
        return dict(cursor.fetchall())


def draft_gone(batch: int) -> None:
    with acting(US):
        draft_refunds(Batch.objects.select_related("programme").get(pk=batch), actor=US)


def queued(task: str) -> int:
    with acting(US), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s", [task])
        return int(cursor.fetchone()[0])


def moved(name: str, failed: Funded, number: str, *, places: tuple[int, ...] = (1,)) -> Again:
    """The re-issue of these lines, whose people have an account at another bank now."""
    again = plant_again(name, failed, number, places=places)
    with admin_of(name) as admin:
        admin.execute("SET session_replication_role = replica")
        for table, column in (("payout_bankshare", "id"), ("payout_payment", "share_id")):
            admin.execute(
                f"UPDATE {table} SET bank_no = %s WHERE {column} = %s",  # type: ignore[call-overload] # noqa: S608
                [ELSEWHERE, again.share],
            )
        admin.execute(
            "UPDATE validation_lineverdict SET bank_no = %s WHERE batch_id = %s",
            [ELSEWHERE, again.batch],
        )
    return again


def as_of_today(name: str) -> None:
    """The banks' words are of this very day, whatever day the tests run on."""
    with admin_of(name) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE feedback_paymentresult SET at = clock_timestamp()")


# -- the county's rule changes --------------------------------------------------------------------


def test_while_the_county_keeps_it_nothing_is_called_back(
    keeping_county: str, told: list[Message]
) -> None:
    failed = plant_failed(keeping_county, "2026-00000001")
    booked(keeping_county, failed.batch)
    assert call_back() == 0
    assert told == []


def test_what_was_kept_goes_back_once_the_county_refunds_and_the_ledger_clears(
    keeping_county: str, told: list[Message]
) -> None:
    failed = plant_failed(keeping_county, "2026-00000002")
    booked(keeping_county, failed.batch)
    assert balances(failed.batch) == {"2004": SECOND + THIRD}
    policy(keeping_county, "refund")
    assert call_back() == 2
    assert call_back() == 0, "each once"
    assert asked(told) == [("CRB2026-00000002", 1, list(failed.details[1:]))]
    for place in (1, 2):
        refund(failed, place)
        draft_gone(failed.batch)
    assert balances(failed.batch) == {}
    assert stays() == 0
    assert [one for one in drafts(failed.batch) if one[0] != "V2"] == [
        ("V1", sum(AMOUNTS)), ("V2B", SECOND + THIRD), ("V2BT", SECOND), ("V2BT", THIRD),
    ]  # fmt: skip
    assert sum(fen for kind, fen in drafts(failed.batch) if kind == "V2") == SECOND + THIRD
    draft_gone(failed.batch)
    assert len(drafts(failed.batch)) == 6, "a replay drafts nothing twice"


def test_the_next_refund_takes_it_along(keeping_county: str) -> None:
    old = plant_failed(keeping_county, "2026-00000003")
    booked(keeping_county, old.batch)
    policy(keeping_county, "refund")
    fresh = plant_failed(keeping_county, "2026-00000004")
    as_of_today(keeping_county)
    assert queued("feedback.call_back") == 0
    refund(fresh, 1)
    assert queued("feedback.call_back") == 1
    refund(fresh, 1)
    assert queued("feedback.call_back") == 1, "told twice, moved once"
    assert call_back() == 2
    with acting(US):
        assert set(RefundOrder.objects.values_list("payment_id", flat=True)) == set(
            old.payments[1:]
        ), "what failed today under the new rule the bank sends by itself"


def test_what_was_not_booked_yet_at_the_change_is_called_back_the_day_after(
    keeping_county: str, told: list[Message]
) -> None:
    failed = plant_failed(keeping_county, "2026-00000005")
    policy(keeping_county, "refund")
    as_of_today(keeping_county)
    assert call_back() == 0, "on the day itself the bank sends it unasked"
    with admin_of(keeping_county) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE feedback_paymentresult SET at = at - interval '2 days'")
        admin.execute("UPDATE payout_paymentinstruction SET at = at - interval '2 days'")
    assert call_back() == 2
    for place in (1, 2):
        refund(failed, place)
        draft_gone(failed.batch)
    assert balances(failed.batch) == {}
    assert len(told) == 1


# -- a line moves to another bank -----------------------------------------------------------------


def test_a_line_that_moves_is_asked_for_anew_and_its_old_money_goes_home(
    keeping_county: str, log_in: LogIn, told: list[Message]
) -> None:
    failed = plant_failed(keeping_county, "2026-00000006")
    booked(keeping_county, failed.batch)
    again = moved(keeping_county, failed, "2026-00000007")
    assert call_back() == 0, "nothing was asked for yet"
    ask(again, log_in)
    assert [(one[0], one[2]) for one in requests(again)] == [("TREASURY", SECOND)]
    assert queued("feedback.call_back") == 1
    assert call_back() == 1
    assert asked(told) == [("CRB2026-00000006", 1, [failed.details[1]])], "the other one stays"
    refund(failed, 1)
    draft_gone(failed.batch)
    assert balances(failed.batch) == {"2004": THIRD}
    assert stays() == THIRD


def test_what_was_called_back_pays_no_reissue_of_the_old_bank_either(
    keeping_county: str, log_in: LogIn
) -> None:
    """Between the call and the bank's answer the person's card moves back."""
    failed = plant_failed(keeping_county, "2026-00000008")
    away = moved(keeping_county, failed, "2026-00000009")
    ask(away, log_in)
    assert call_back() == 1
    with admin_of(keeping_county) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE payout_payment SET state = 'WITHDRAWN' WHERE share_id = %s", [away.share]
        )
        admin.execute(
            "UPDATE funding_fundingrequest SET state = 'WITHDRAWN' WHERE batch_id = %s",
            [away.batch],
        )
        admin.execute(
            "UPDATE funding_indicatorhold SET state = 'RELEASED' WHERE request_id IN"
            " (SELECT id FROM funding_fundingrequest WHERE batch_id = %s)",
            [away.batch],
        )
        (origin,) = admin.execute(
            "UPDATE submission_line SET origin_id = NULL WHERE batch_id = %s RETURNING id",
            [away.batch],
        ).fetchone() or (0,)
    back = plant_again(keeping_county, failed, "2026-00000010", places=(1,))
    with admin_of(keeping_county) as admin:  # its line follows the one that was withdrawn
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE submission_line AS line SET origin_id = %s WHERE line.batch_id = %s",
            [origin, back.batch],
        )
        admin.execute(
            "UPDATE submission_line SET origin_id = (SELECT line_id FROM payout_payment"
            " WHERE id = %s) WHERE id = %s",
            [failed.payments[1], origin],
        )
    with acting(US):
        assert Reissue.objects.get(batch_id=back.batch).free_fen == 0
    with database.connect("ykt_web", keeping_county) as web:
        as_department(web)
        with pytest.raises(psycopg.errors.RestrictViolation, match="不足"):
            web.execute(TAKE, ["N-BACK", "", back.share])
        web.rollback()
    ask(back, log_in)
    assert [(one[0], one[2]) for one in requests(back)] == [("TREASURY", SECOND)]


def test_a_call_and_a_reissue_at_once_never_both_have_it(keeping_county: str) -> None:
    for number in range(20, 26, 2):
        failed = plant_failed(keeping_county, f"2026-000000{number}")
        booked(keeping_county, failed.batch)
        again = plant_again(keeping_county, failed, f"2026-000000{number + 1}")
        policy(keeping_county, "refund")

        def take(_: object, again: Again = again) -> str:
            with database.connect("ykt_web", keeping_county) as web:
                as_department(web)
                try:
                    web.execute(TAKE, [f"N{again.batch}", "", again.share])
                except psycopg.errors.IntegrityError:
                    return "late"
                web.commit()
            return "taken"

        def call(_: object) -> str:
            try:
                return f"{call_back()} called"
            except Exception as error:  # noqa: BLE001 - how a racer loses is what is judged
                return "retried" if "没有这么多" in str(error) else repr(error)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as threads:
            one, other = threads.submit(take, 0), threads.submit(call, 0)
            ends = Counter((one.result(), other.result()))
        assert set(ends) in (
            {"taken", "0 called"}, {"taken", "retried"}, {"late", "2 called"},
        ), ends  # fmt: skip
        policy(keeping_county, "keep")


def test_a_reissue_that_failed_again_sends_home_the_first_ones_money(
    keeping_county: str, log_in: LogIn
) -> None:
    """The bank books the refund under the second share; the treasury knows the first voucher."""
    failed = plant_failed(keeping_county, "2026-00000030")
    booked(keeping_county, failed.batch)
    again = plant_again(keeping_county, failed, "2026-00000031")
    ask(again, log_in)
    fund(again)
    pay(again)
    second = Funded(again.batch, again.share, again.payments, details_of(again))
    fens = (SECOND, THIRD)
    results(
        second,
        *(row(Funded(0, 0, (), ("", *second.details)), place + 1, "FAILED") for place in (0, 1)),
        sm3=b"5",
    )
    booked(keeping_county, again.batch)
    policy(keeping_county, "refund")
    assert call_back() == 2
    for place in (0, 1):
        refund(Funded(again.batch, again.share, (), ("", *second.details)), place + 1)
        draft_gone(again.batch)
    assert balances(failed.batch, again.batch) == {}
    with acting(US):
        (went,) = RequestRefund.objects.filter(county=HERE)
        assert went.refunded_fen == sum(fens)
        with connection.cursor() as cursor:
            cursor.execute("SELECT number FROM funding_fundingrequest WHERE id = %s", [went.pk])
            assert cursor.fetchall() == [("R2026-00000030",)], "whose voucher it came with"


@pytest.mark.parametrize("role", ["ykt_department", "ykt_town", "ykt_finance", "ykt_bank"])
def test_nobody_calls_back_by_hand(keeping_county: str, role: str) -> None:
    with database.connect("ykt_web", keeping_county) as web:
        web.execute("SELECT set_config('role', %s, true)", [role])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute("INSERT INTO feedback_refundorder (county) VALUES ('500243')")
        web.rollback()
