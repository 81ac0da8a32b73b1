"""三方对账: every kind of difference is found, told once, answered, and closed by another."""

# ruff: noqa: S608 - the statements are this file's own, and plant what must never be

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.contrib.messages.storage.fallback import FallbackStorage
from django.db import connections
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import ResolverMatch
from django.utils import timezone

from tests import database
from tests.payout.funded import AMOUNTS, Funded, plant_funded
from tests.validation.cast import (
    BANK,
    ELSEWHERE,
    HERE,
    LI_XIA,
    NOON,
    SUN_MEI,
    WANG_QIANG,
    WU_WAI,
    ZHAO_MIN,
    ZHOU_ZHENG,
)
from tests.validation.world import Planter
from yikatong.connectors.bank.messages import DayRow, ResultRow
from yikatong.connectors.budget.messages import ReconRow, State
from yikatong.feedback import queries, reconciling, statements, views
from yikatong.feedback.actions import apply_results, note_day
from yikatong.feedback.models import Difference, DifferenceWord, Reconciliation
from yikatong.funding.actions import judge_reconciliation
from yikatong.kernel.actor import Actor
from yikatong.kernel.digest import canonical, sm3
from yikatong.kernel.errors import Refused
from yikatong.law import apply as law
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.payout.models import BankShare, PaymentInstruction

TOLD_IN_ORDER = True
US = machine(HERE)
WHOLE = sum(AMOUNTS)
LogIn = Callable[[str], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def funded(committing: str) -> Funded:
    with database.connect("ykt_admin", committing, autocommit=True) as admin:
        found = plant_funded(admin, "2026-00000031", state="PAYING", status="PAYING")
        planter = Planter(admin)
        with planter.county(ELSEWHERE):
            planter.offices()
        return found


@pytest.fixture(autouse=True)
def worker(funded: Funded, log_in: LogIn) -> Iterator[None]:
    with log_in("ykt_worker"):
        yield


def reconciled(cause: Reconciliation.Cause = Reconciliation.Cause.DAILY) -> Reconciliation:
    with acting(US):
        return reconciling.run(
            cause=cause, day=timezone.localdate(), asked_by="", treasury_told="", actor=US
        )


def open_rules() -> list[str]:
    with acting(US):
        found = queries.differences(scope=US.scope, closed=False)
        return sorted(
            one.rule for one in found if not any(w.kind == "GONE" for w in one.words.all())
        )


def test_money_in_transit_agrees_on_three_sides(funded: Funded) -> None:
    with acting(US):
        share = BankShare.objects.get(pk=funded.share)
        PaymentInstruction.objects.create(
            county=HERE, unit_no=share.unit_no, department_no=share.department_no, bank_no=BANK,
            share=share, key="K31", lines=3, amount_fen=WHOLE, voucher_number="V1",
            digest=b"", at=timezone.now(),
        )  # fmt: skip
    assert reconciled().found == 1, "money came on a day of which the bank gave no account"
    kinds = ("OPENING", "SUM_IN", "SUM_OUT", "SUM_RETURN", "SUM_REFUND", "CLOSING")
    fens = (0, WHOLE, 0, 0, 0, WHOLE)
    balances = [
        DayRow(kind=k, acct_no="1", amount_fen=fen) for k, fen in zip(kinds, fens, strict=True)
    ]
    came = DayRow(kind="IN", acct_no="1", amount_fen=WHOLE, bank_serial="T2026-00000031")
    with acting(US):
        note_day(BANK, NOON.date().isoformat(), [*balances, came], file_sm3=b"noon", actor=US)
    run = reconciled()
    with acting(US):
        told = queries.three_way(run, scope=US.scope)
    assert told.holds
    assert (told.voucher_fen, told.account_fen, told.in_transit_fen) == (WHOLE, WHOLE, WHOLE)
    assert run.found == 0 == len(open_rules())


def test_a_day_with_one_payment_that_only_the_bank_knows(funded: Funded) -> None:
    now = timezone.now()
    rows = [
        ResultRow(
            detail_id=detail, result="SUCCESS", reason_code="", bank_reason_code="",
            bank_reason_text="", paid_fen=fen, paid_at=now, bank_serial=f"S{detail}",
        )
        for detail, fen in zip(funded.details[:2], AMOUNTS[:2], strict=True)
    ]  # fmt: skip
    with acting(US):
        share = BankShare.objects.select_related("batch__programme").get(pk=funded.share)
        assert apply_results(share, rows, file_sm3=b"one", actor=US) == 2
    ours = [
        DayRow(
            kind="OUT", acct_no="1", amount_fen=fen, batch_no=share.batch_no, detail_id=detail,
            bank_serial=f"S{detail}",
        )
        for detail, fen in zip(funded.details[:2], AMOUNTS[:2], strict=True)
    ]  # fmt: skip
    stranger = DayRow(kind="OUT", acct_no="1", amount_fen=7, detail_id="X", bank_serial="SX")
    out = sum(AMOUNTS[:2]) + 7
    balances = [
        DayRow(kind=kind, acct_no="1", amount_fen=fen)
        for kind, fen in (
            ("OPENING", WHOLE), ("SUM_IN", 0), ("SUM_OUT", out), ("SUM_RETURN", 0),
            ("SUM_REFUND", 0), ("CLOSING", WHOLE - out),
        )
    ]  # fmt: skip
    day = timezone.localdate().isoformat()
    with acting(US):
        note_day(BANK, day, [*balances, *ours, stranger], file_sm3=b"day", actor=US)
    run = reconciled()
    assert (run.found, run.opened) == (1, 1)
    with acting(US):
        found = queries.differences(scope=US.scope).first()
        assert found is not None
        assert (found.rule, found.side, found.amount_fen) == ("R2", "代发户", 7)
        assert "银行有，我方没有" in found.sentence
    again = reconciled()
    assert (again.found, again.opened) == (1, 0), "the same difference only once"
    with acting(US):
        note_day(BANK, day, [*balances, *ours], file_sm3=b"day again", actor=US)
    assert reconciled().found == 0
    assert open_rules() == [], "gone by itself, and said so; it is still to be answered"


def test_the_treasury_tells_another_sum(funded: Funded) -> None:
    row = ReconRow(
        tracking_id="R2026-00000031", pay_app_no="A1", pay_cert_no="V1", status=State.PAID,
        pay_app_amt_fen=WHOLE, xpay_amt_fen=WHOLE - 1, refunded_fen=0,
    )  # fmt: skip
    with acting(US):
        judge_reconciliation([row], check_no="C1", actor=US)
    assert (reconciled().found, open_rules()) == (1, ["R4"])
    stranger = ReconRow(
        tracking_id="ELSE", pay_app_no="A2", pay_cert_no="V2", status=State.PAID,
        pay_app_amt_fen=5, xpay_amt_fen=5, refunded_fen=0,
    )  # fmt: skip
    with acting(US):
        judge_reconciliation([stranger], check_no="C1", actor=US)
    assert (reconciled().found, open_rules()) == (2, ["R4", "R4"])


def test_what_is_wrong_in_the_books_is_found(funded: Funded) -> None:
    """Planted past every trigger: lines short of the money, a paid line without a result, old
    residue, money on a wrong account, no answer for days.
    """
    breaches = (
        ("R3", "UPDATE payout_payment SET amount_fen = amount_fen - 1"
               f" WHERE id = {funded.payments[2]}"),
        ("R3", "UPDATE funding_treasuryconfirmation SET amount_fen = amount_fen - 1"),
        ("R5", "UPDATE funding_fundingrequest SET lines = lines + 1"),
        ("R1", f"DELETE FROM feedback_paymentresult WHERE payment_id = {funded.payments[0]}"),
        ("R1", "UPDATE payout_paymentinstruction SET at = at - interval '9 days'"),
        ("R6", "UPDATE funding_treasuryconfirmation SET is_ours = false"),
    )  # fmt: skip
    name = connections["default"].settings_dict["NAME"]
    with database.connect("ykt_admin", name) as admin:
        for rule, statement in breaches:
            admin.execute("SET LOCAL session_replication_role = replica")
            admin.execute(statement)
            admin.execute(
                "SELECT set_config('ykt.county', %s, true), set_config('ykt.unit_lo', '0', true),"
                " set_config('ykt.unit_hi', '2147483647', true)",
                [HERE],
            )
            rows = admin.execute("SELECT rule, sentence FROM standing_difference").fetchall()
            assert rule in {told for told, _ in rows}, (rule, statement, rows)
            admin.rollback()


def the_open_one() -> Difference:
    return queries.differences(scope=US.scope, rule="R4").order_by("id").first()  # type: ignore[return-value]


def test_one_answers_and_another_closes(log_in: LogIn) -> None:
    with log_in("ykt_web"):
        with acting(ZHAO_MIN), pytest.raises(Refused, match="还没有答复"):
            reconciling.close(the_open_one(), reason="已核实无误", actor=ZHAO_MIN)
        with acting(ZHAO_MIN):
            reconciling.answer(the_open_one(), reason="国库系统次日更正", actor=ZHAO_MIN)
        with acting(ZHAO_MIN), pytest.raises(Refused, match="另一人"):
            reconciling.close(the_open_one(), reason="已核实无误", actor=ZHAO_MIN)
        with acting(ZHOU_ZHENG), pytest.raises(Refused, match="财政或主管部门"):
            reconciling.close(the_open_one(), reason="已核实无误", actor=ZHOU_ZHENG)
        with acting(WANG_QIANG):
            reconciling.close(the_open_one(), reason="已核实无误", actor=WANG_QIANG)
        with acting(SUN_MEI), pytest.raises(Refused, match="销号"):
            reconciling.answer(the_open_one(), reason="再说一句话", actor=SUN_MEI)
        with acting(ZHAO_MIN), pytest.raises(Refused, match="4 个字"):
            reconciling.answer(the_open_one(), reason="好", actor=ZHAO_MIN)


def test_the_database_holds_the_two_persons_too(connect: Callable[..., Any]) -> None:
    with acting(US):
        other = queries.differences(scope=US.scope, closed=False).first()
        assert other is not None
        facts = (other.county, other.unit_no, other.department_no, other.bank_no, other.pk)
    web = connect("ykt_web")

    def said(kind: str, by: str) -> None:
        web.execute(
            "SELECT set_config('role', 'ykt_finance', true), set_config('ykt.county', %s, true),"
            " set_config('ykt.unit_lo', '0', true), set_config('ykt.unit_hi', '2147483647', true)",
            [HERE],
        )
        web.execute(
            "INSERT INTO feedback_differenceword (county, unit_no, department_no, bank_no,"
            " difference_id, kind, said_by, reason, at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, '查清', now())",
            [*facts, kind, by],
        )

    for kind, by in (("CLOSE", "a"), ("ANSWER", "")):
        with pytest.raises(psycopg.errors.RestrictViolation):
            said(kind, by)
        web.rollback()
    said("ANSWER", "a")
    with pytest.raises(psycopg.errors.RestrictViolation):
        said("CLOSE", "a")
    web.rollback()


def test_two_close_at_once_and_one_is_told(log_in: LogIn) -> None:
    with log_in("ykt_web"), acting(ZHAO_MIN):
        one = queries.differences(scope=ZHAO_MIN.scope, closed=False).first()
        assert one is not None
        reconciling.answer(one, reason="与银行核对一致", actor=ZHAO_MIN)
        chosen = one.pk
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def closing(actor: Actor) -> None:
        start.wait()
        try:
            with acting(actor):
                found = queries.find_difference(chosen, scope=actor.scope)
                assert found is not None
                reconciling.close(found, reason="核实无误了", actor=actor)
            outcomes.append("closed")
        except Refused:
            outcomes.append("refused")
        finally:
            connections.close_all()

    another = Actor(8, "finance-two", "钱二", ZHAO_MIN.duty, ZHAO_MIN.scope, 1, via="web")
    third = Actor(9, "finance-three", "钱三", ZHAO_MIN.duty, ZHAO_MIN.scope, 1, via="web")
    threads = [threading.Thread(target=closing, args=(who,)) for who in (another, third)]
    with log_in("ykt_web"):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(outcomes) == ["closed", "refused"]
    with acting(US):
        assert DifferenceWord.objects.filter(difference_id=chosen, kind="CLOSE").count() == 1


def opened(view: Callable[..., HttpResponse], actor: Actor, **facts: Any) -> HttpResponse:
    said = facts.pop("post", None)
    factory = RequestFactory()
    request: Any = factory.post("/", said) if said is not None else factory.get("/")
    request.actor, request.posts, request.session = actor, [actor], {}
    request.resolver_match = ResolverMatch(view, (), {}, url_name="reconciliation")
    request._messages = FallbackStorage(request)
    with acting(actor):
        return view(request, **facts)


def test_the_page_tells_the_three_sides_and_the_differences(log_in: LogIn) -> None:
    with log_in("ykt_web"):
        page = opened(views.reconciliation, ZHAO_MIN).content.decode()
        assert "三方合计相等" in page
        assert "国库支付与代发户到账不同" not in page, "that one is closed"
        assert f"{WHOLE / 100:,.2f}" in page
        assert "现在对账" not in opened(views.reconciliation, ZHOU_ZHENG).content.decode()
        assert f"{WHOLE / 100:,.2f}" in opened(views.reconciliation, SUN_MEI).content.decode()
        outsider = Actor(9, "x", "吴财", ZHAO_MIN.duty, WU_WAI.scope, 1, via="web")
        elsewhere = opened(views.reconciliation, outsider).content.decode()
        assert f"{WHOLE / 100:,.2f}" not in elsewhere
        assert opened(views.ask, ZHAO_MIN, post={}).status_code == 302


def test_the_month_is_told_as_pdf_with_its_digest(log_in: LogIn) -> None:
    month = f"{timezone.localdate():%Y-%m}"
    with log_in("ykt_web"):
        with acting(ZHAO_MIN):
            made = statements.make(month, actor=ZHAO_MIN)
        assert bytes(made.document).startswith(b"%PDF-1.7")
        assert bytes(made.digest) == sm3(canonical(made.content))
        assert bytes(made.document_sm3) == sm3(bytes(made.document))
        with acting(ZHAO_MIN):
            assert statements.make(month, actor=ZHAO_MIN).number == 2
        got = opened(views.download, ZHOU_ZHENG, statement_id=made.pk, post={})
        assert got.content == bytes(made.document)
        later = f"{timezone.localdate() + timedelta(days=40):%Y-%m}"
        with acting(ZHAO_MIN), pytest.raises(Refused, match="还没有到"):
            statements.make(later, actor=ZHAO_MIN)
        with acting(ZHAO_MIN), pytest.raises(Refused, match="还没有对过账"):
            statements.make("2020-01", actor=ZHAO_MIN)
        with acting(LI_XIA), pytest.raises(Refused, match="由财政生成"):
            statements.make(month, actor=LI_XIA)


def test_the_pdf_shows_its_digest_and_its_sums(tmp_path: Any, log_in: LogIn) -> None:
    import subprocess  # noqa: PLC0415 - only here

    with log_in("ykt_web"), acting(ZHAO_MIN):
        made = queries.statements(scope=ZHAO_MIN.scope).first()
        assert made is not None
        document, digest = bytes(made.document), bytes(made.digest).hex()
    (tmp_path / "month.pdf").write_bytes(document)
    text = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "month.pdf"), "-"],  # noqa: S607
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert digest in text
    assert f"{WHOLE / 100:,.2f}" in text


def test_without_a_chinese_font_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, log_in: LogIn
) -> None:
    monkeypatch.setattr(statements, "FAMILIES", ("没有这种字体",))
    month = f"{timezone.localdate():%Y-%m}"
    with log_in("ykt_web"), acting(ZHAO_MIN), pytest.raises(Refused, match="fonts-noto-cjk"):
        statements.make(month, actor=ZHAO_MIN)


def test_a_refund_that_only_the_treasury_has_booked_is_given_a_day(funded: Funded) -> None:
    failed = ResultRow(
        detail_id=funded.details[2], result="FAILED", reason_code="A02", bank_reason_code="",
        bank_reason_text="", paid_fen=0, paid_at=None, bank_serial="S3",
    )  # fmt: skip

    def told(refunded_fen: int) -> list[str]:
        row = ReconRow(
            tracking_id="R2026-00000031", pay_app_no="A1", pay_cert_no="V1", status=State.PAID,
            pay_app_amt_fen=WHOLE, xpay_amt_fen=WHOLE, refunded_fen=refunded_fen,
        )  # fmt: skip
        with acting(US), connections["default"].cursor() as cursor:
            judge_reconciliation([row], check_no="C", actor=US)
            cursor.execute("SELECT sentence FROM recon_r4 WHERE sentence LIKE '%R2026-00000031%'")
            return [sentence for (sentence,) in cursor.fetchall()]

    with acting(US):
        share = BankShare.objects.select_related("batch__programme").get(pk=funded.share)
        apply_results(share, [failed], file_sm3=b"three", actor=US)
    assert len(told(AMOUNTS[2] + 1)) == 1, "more than failed can be no refund on its way"
    assert told(AMOUNTS[2]) == []
    with database.connect("ykt_admin", connections["default"].settings_dict["NAME"]) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE funding_treasuryentry SET at = at - interval '25 hours'")
        admin.commit()
    assert "退款" in told(AMOUNTS[2])[0]


def test_the_law_is_written_again_over_itself() -> None:
    """An upgrade applies it to a home that has it already."""
    name = connections["default"].settings_dict["NAME"]
    with database.connect("ykt_admin", name) as admin:
        admin.execute("SET ROLE ykt_owner")
        law.apply(admin.cursor())
        admin.rollback()
