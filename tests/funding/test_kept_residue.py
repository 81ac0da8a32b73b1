"""留存款: what stayed with the bank pays its own re-issue, once, and never the treasury too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import IntegrityError, connection
from hypothesis import given
from hypothesis import strategies as st

from tests import database
from tests.funding.keeping import (
    FIRST,
    NOON,
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
from tests.payout.funded import AMOUNTS, Funded, plant_funded
from tests.validation.cast import HERE, ZHAO_MIN
from yikatong.accounting.actions import draft_kept
from yikatong.connectors.bank.messages import KEPT
from yikatong.feedback.models import Refund
from yikatong.funding.models import FundingRequest, KeptResidue
from yikatong.funding.rules import LAST_SEQ, kept_cut
from yikatong.jobs.models import Quarantine
from yikatong.organisation.scoping import acting
from yikatong.payout.messages import release
from yikatong.payout.models import BankShare, PaymentInstruction
from yikatong.submission.models import Batch

TAKE = (
    "INSERT INTO funding_fundingrequest (county, unit_no, department_no, batch_id, bank_no, number,"
    " source, indicator, seq_from, seq_to, lines, amount_fen, payee_account, state, budget_number,"
    " voucher_number, return_reason, requested_by, requested_at)"
    " SELECT county, unit_no, department_no, batch_id, bank_no, %s, 'RESIDUE', %s, 0,"
    " 2147483647, 2,"
    " 0, '1', 'KEPT', '', '', '', 'pengshui-dept-clerk', now()"
    " FROM payout_bankshare WHERE id = %s"
)


@pytest.fixture
def keeping(committing: str, log_in: LogIn) -> Iterator[str]:
    """The county keeps residue; afterwards no invariant is broken."""
    with log_in("ykt_worker"):
        with admin_of(committing) as admin:
            if not admin.execute("SELECT 1 FROM organisation_county").fetchone():
                plant_funded(admin, "2026-00000000")
        policy(committing, "keep")
        yield committing
        assert breaches() == []


def test_a_reissue_is_paid_from_what_stayed_and_nothing_is_applied_for(
    keeping: str, log_in: LogIn
) -> None:
    failed = plant_failed(keeping, "2026-00000051")
    before = stays()
    again = plant_again(keeping, failed, "2026-00000052")
    verdict = ask(again, log_in)
    assert "留存款 500.51 元" in verdict.note
    assert requests(again) == [("RESIDUE", "KEPT", 0, 0, LAST_SEQ, 2)]
    assert stays() == before - SECOND - THIRD
    with acting(US), connection.cursor() as cursor:
        cursor.execute(
            "SELECT task_name FROM procrastinate_jobs WHERE args->>'request_id' = %s",
            [str(FundingRequest.objects.get(batch_id=again.batch).pk)],
        )
        assert cursor.fetchall() == [("payout.fund_from_kept",)], "nothing goes to the treasury"
    assert fund(again) == "FUNDED"
    told = pay(again)
    assert (told.lines, told.amount_fen) == (2, SECOND + THIRD)
    with acting(US):
        (said,) = release(BankShare.objects.get(pk=again.share), scope=US.scope).rows
    assert (said.voucher_no, said.count, said.amount_fen) == (KEPT, 2, SECOND + THIRD)


def test_what_is_new_in_the_same_share_is_applied_for_alone(keeping: str, log_in: LogIn) -> None:
    failed = plant_failed(keeping, "2026-00000053")
    again = plant_again(keeping, failed, "2026-00000054", fresh=7_000)
    ask(again, log_in)
    kept, asked = requests(again)
    assert (kept[0], kept[2], kept[5]) == ("RESIDUE", 0, 2)
    assert (asked[0], asked[2], asked[5]) == ("TREASURY", 7_000, 1)
    assert (asked[3], asked[4]) == (kept[4] + 1, LAST_SEQ), "one range each, and no gap"
    assert fund(again) == "ACKED", "the treasury's part has not come"


def test_a_county_that_refunds_asks_for_all_of_it(keeping: str, log_in: LogIn) -> None:
    failed = plant_failed(keeping, "2026-00000055")
    again = plant_again(keeping, failed, "2026-00000056")
    policy(keeping, "refund")
    ask(again, log_in)
    assert [(one[0], one[2]) for one in requests(again)] == [("TREASURY", SECOND + THIRD)]


def test_what_went_back_to_the_treasury_is_not_there_any_more(keeping: str, log_in: LogIn) -> None:
    failed = plant_failed(keeping, "2026-00000057")
    again = plant_again(keeping, failed, "2026-00000058")
    refund(failed, 1)
    ask(again, log_in)
    assert [(one[0], one[2]) for one in requests(again)] == [("TREASURY", SECOND + THIRD)], (
        "the first line's money is gone: what is behind it in the share is applied for with it"
    )


def test_money_that_pays_a_reissue_is_not_believed_to_be_refunded(
    keeping: str, log_in: LogIn
) -> None:
    failed = plant_failed(keeping, "2026-00000059")
    again = plant_again(keeping, failed, "2026-00000060")
    ask(again, log_in)
    assert refund(failed, 2) == 0
    with acting(US):
        assert not Refund.objects.filter(share_id=failed.share).exists()
        assert Quarantine.objects.filter(kind="退款与补发冲突", batch_id=failed.batch).count() == 1


def test_a_withdrawn_request_gives_it_back(keeping: str, log_in: LogIn) -> None:
    failed = plant_failed(keeping, "2026-00000061")
    before = stays()
    again = plant_again(keeping, failed, "2026-00000062")
    ask(again, log_in)
    with acting(US):
        FundingRequest.objects.filter(batch_id=again.batch).update(state="WITHDRAWN")
    assert stays() == before
    with acting(US):
        states = set(KeptResidue.objects.filter(request__batch_id=again.batch).values_list("state"))
    assert states == {("RELEASED",)}
    ask(again, log_in)
    assert stays() == before - SECOND - THIRD


def test_after_the_release_nothing_is_given_back(keeping: str, log_in: LogIn) -> None:
    failed = plant_failed(keeping, "2026-00000063")
    again = plant_again(keeping, failed, "2026-00000064")
    ask(again, log_in)
    fund(again)
    pay(again)
    with pytest.raises(IntegrityError, match="不能放回"), acting(US):
        FundingRequest.objects.filter(batch_id=again.batch).update(state="WITHDRAWN")


def test_a_fen_more_than_what_stayed_is_not_released(keeping: str, log_in: LogIn) -> None:
    failed = plant_failed(keeping, "2026-00000065")
    again = plant_again(keeping, failed, "2026-00000066")
    ask(again, log_in)
    fund(again)
    with acting(US):
        share = BankShare.objects.get(pk=again.share)
    for wrong in (SECOND + THIRD + 1, SECOND + THIRD - 1):
        with pytest.raises(IntegrityError, match=r"不相等|尚未匹配"), acting(US):
            PaymentInstruction.objects.create(
                county=HERE, unit_no=share.unit_no, department_no=share.department_no,
                bank_no=share.bank_no, share=share, key=f"X{wrong}", lines=2, amount_fen=wrong,
                voucher_number="", digest=b"d", at=NOON,
            )  # fmt: skip


def test_what_came_back_after_the_booking_is_kept_too_and_reversed_when_used(
    keeping: str, log_in: LogIn
) -> None:
    failed = plant_failed(keeping, "2026-00000067")
    booked(keeping, failed.batch)
    results(failed, row(failed, 0, "RETURNED"), sm3=b"2")
    with acting(US):
        batch = Batch.objects.select_related("programme").get(pk=failed.batch)
        assert draft_kept(batch, actor=US) == 1
        assert draft_kept(batch, actor=US) == 0
    assert drafts(failed.batch) == [
        ("V1", sum(AMOUNTS)), ("V2B", SECOND + THIRD), ("V2B", FIRST),
    ]  # fmt: skip
    again = plant_again(keeping, failed, "2026-00000068", places=(0, 1, 2))
    ask(again, log_in)
    fund(again)
    pay(again)
    paid = Funded(again.batch, again.share, again.payments, details_of(again))
    results(paid, *(row(paid, place, "SUCCESS") for place in range(3)), sm3=b"3")
    booked(keeping, again.batch)
    assert drafts(again.batch) == [("V2BR", sum(AMOUNTS))]


def test_eight_at_once_take_it_once(keeping: str, log_in: LogIn) -> None:
    """Eight connections of the department's own role, each with another indicator."""
    failed = plant_failed(keeping, "2026-00000069")
    again = plant_again(keeping, failed, "2026-00000070")

    def take(place: int) -> str:
        with database.connect("ykt_web", keeping) as web:
            as_department(web)
            try:
                web.execute(TAKE, [f"N{again.batch}-{place}", f"Z{place}", again.share])
            except psycopg.errors.IntegrityError as error:
                return type(error).__name__
            web.commit()
        return "taken"

    with ThreadPoolExecutor(8) as threads:
        ends = Counter(threads.map(take, range(8)))
    assert ends["taken"] == 1, ends
    with acting(US):
        taken = KeptResidue.objects.filter(source_id__in=failed.payments, state="TAKEN")
        assert sorted(one.amount_fen for one in taken) == [SECOND, THIRD]


def test_a_refund_and_a_reissue_at_once_never_both_have_it(keeping: str, log_in: LogIn) -> None:
    for number in range(71, 77, 2):
        failed = plant_failed(keeping, f"2026-000000{number}")
        again = plant_again(keeping, failed, f"2026-000000{number + 1}")

        def take(_: object, again: Again = again) -> str:
            with database.connect("ykt_web", keeping) as web:
                as_department(web)
                try:
                    web.execute(TAKE, [f"N{again.batch}", "", again.share])
                except psycopg.errors.IntegrityError:
                    return "late"
                web.commit()
            return "taken"

        def give_back(_: object, failed: Funded = failed) -> str:
            try:
                return "refunded" if refund(failed, 2) else "set aside"
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as threads:
            one, other = threads.submit(take, 0), threads.submit(give_back, 0)
            ends = {one.result(), other.result()}
        assert ends in ({"taken", "set aside"}, {"late", "refunded"}), ends


@pytest.mark.parametrize("role", ["ykt_department", "ykt_town", "ykt_finance"])
def test_nobody_writes_by_hand_what_was_used(keeping: str, role: str) -> None:
    for statement in (
        "UPDATE funding_keptresidue SET state = 'RELEASED'",
        "DELETE FROM funding_keptresidue",
        "INSERT INTO funding_keptresidue (county) VALUES ('500243')",
    ):
        with database.connect("ykt_web", keeping) as web:
            web.execute("SELECT set_config('role', %s, true)", [role])
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                web.execute(statement)  # type: ignore[call-overload]
            web.rollback()


def test_finance_sees_what_pays_a_reissue_and_no_place_is_asked_for_twice(
    keeping: str, log_in: LogIn
) -> None:
    failed = plant_failed(keeping, "2026-00000081")
    again = plant_again(keeping, failed, "2026-00000082")
    ask(again, log_in)
    with log_in("ykt_web"), acting(ZHAO_MIN):
        assert KeptResidue.objects.filter(request__batch_id=again.batch).count() == 2
    with pytest.raises(IntegrityError, match="no_place_is_asked_for_twice"):
        ask(again, log_in)


def test_one_failed_payment_pays_one_reissue(keeping: str, log_in: LogIn) -> None:
    """Past every action and trigger: the index itself says no."""
    failed = plant_failed(keeping, "2026-00000083")
    again = plant_again(keeping, failed, "2026-00000084")
    ask(again, log_in)
    with admin_of(keeping) as admin:
        for kept, column in (
            ("residue_is_used_once", "payment_id"),
            ("one_residue_per_payment", "source_id"),
        ):
            with pytest.raises(psycopg.errors.UniqueViolation, match=kept):
                admin.execute(
                    "INSERT INTO funding_keptresidue SELECT (more).* FROM (SELECT"  # type: ignore[call-overload] # noqa: S608
                    " jsonb_populate_record(used, jsonb_build_object('id', 999000,"
                    f" '{column}', 1)) AS more FROM funding_keptresidue AS used"
                    " WHERE state = 'TAKEN' ORDER BY id DESC LIMIT 1) AS one"
                )


@given(
    fens=st.lists(st.integers(1, 10**9), min_size=1, max_size=12),
    kept=st.dictionaries(st.integers(1, 12), st.sampled_from(["甲", "乙"])),
)
def test_a_share_is_cut_into_what_stayed_and_the_rest(
    fens: list[int], kept: dict[int, str]
) -> None:
    lines = list(enumerate(fens, start=1))
    cut = kept_cut(lines, kept)
    if cut is None:
        assert 1 not in kept
        return
    inside = [fen for seq, fen in lines if seq <= cut.seq_to]
    outside = [seq for seq, _ in lines if seq > cut.seq_to]
    assert (cut.lines, cut.amount_fen) == (len(inside), sum(inside))
    assert all(seq in kept for seq, _ in lines[: cut.lines])
    assert not outside or outside[0] not in kept, "no line more could have been paid from it"
    assert len(inside) + len(outside) == len(lines)
    indicators = {kept[seq] for seq, _ in lines[: cut.lines]}
    assert cut.indicator == (indicators.pop() if len(indicators) == 1 else "")
