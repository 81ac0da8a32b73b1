"""资金台账: each movement posted once, in the transaction that records it, balanced to the fen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg.errors import InsufficientPrivilege, RestrictViolation
from psycopg.types.json import Jsonb

from tests import database
from tests.payout.funded import AMOUNTS, Funded, plant_funded
from tests.validation.cast import HERE, LI_XIA, SUN_MEI
from yikatong.accounting.actions import draft, draft_recovery, draft_refunds, note_recovery
from yikatong.accounting.models import LedgerLeg, LedgerPosting, Voucher
from yikatong.accounting.queries import recovery_by_id
from yikatong.connectors.bank.messages import RefundRow, ResultRow
from yikatong.feedback.actions import apply_results, note_refund
from yikatong.funding.actions import note_money
from yikatong.funding.models import FundingRequest
from yikatong.kernel.errors import Refused
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.payout.actions import instruct
from yikatong.payout.models import BankShare
from yikatong.submission.models import Batch

LogIn = Callable[[str], AbstractContextManager[None]]
Entry = tuple[str, str, str, int]
US = machine(HERE)
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
WHOLE = sum(AMOUNTS)
FIRST, SECOND, THIRD = AMOUNTS
VIEWS = ("inv_ledger_balanced", "inv_ledger_agrees", "inv_indicator_held", "inv_funded")


@pytest.fixture
def funded(committing: str, log_in: LogIn, request: pytest.FixtureRequest) -> Iterator[Funded]:
    number = f"2026-{abs(hash(request.node.name)) % 10**8:08d}"
    with admin_of(committing) as admin:
        found = plant_funded(admin, number)
    with log_in("ykt_worker"):
        yield found
        assert breaches() == []


def admin_of(name: str) -> psycopg.Connection[Any]:
    return database.connect("ykt_admin", name, autocommit=True)


def breaches() -> list[str]:
    """After each tale: what the invariant views see as the worker of this county."""
    found: list[str] = []
    with acting(US), connection.cursor() as cursor:
        for view in VIEWS:
            cursor.execute(f"SELECT sentence FROM {view}")  # noqa: S608 - a fixed list
            found.extend(sentence for (sentence,) in cursor.fetchall())
    return found


def row(found: Funded, place: int, result: str, serial: str) -> ResultRow:
    paid = AMOUNTS[place] if result in {"SUCCESS", "RETURNED"} else 0
    return ResultRow(
        detail_id=found.details[place], result=result, paid_fen=paid, bank_serial=serial,
        reason_code="" if result == "SUCCESS" else "A02", paid_at=NOON,
    )  # fmt: skip


def release(found: Funded) -> None:
    with acting(US):
        instruct(Batch.objects.get(pk=found.batch), actor=US)


def results(found: Funded, *rows: ResultRow, sm3: bytes = b"1") -> None:
    with acting(US):
        share = BankShare.objects.select_related("batch__programme").get(pk=found.share)
        apply_results(share, rows, file_sm3=sm3 + str(found.batch).encode(), actor=US)


def refund(found: Funded, place: int, reason: str, *, at: datetime = NOON) -> None:
    with acting(US):
        told = RefundRow(
            application_no="", voucher_no="", refund_no=f"RF{found.batch}-{place}",
            detail_id=found.details[place], amount_fen=AMOUNTS[place], reason=reason,
            bank_serial=f"RS{found.batch}-{place}", refunded_at=at,
        )  # fmt: skip
        note_refund(BankShare.objects.get(pk=found.share), [told], actor=US)


def balance(found: Funded) -> dict[str, int]:
    """Of the batch, by account, debit less credit; what is nought is left out."""
    sums: dict[str, int] = {}
    with acting(US):
        for leg in LedgerLeg.objects.filter(county=HERE, batch_id=found.batch):
            change = leg.amount_fen if leg.is_debit else -leg.amount_fen
            sums[leg.account] = sums.get(leg.account, 0) + change
    return {account: fen for account, fen in sums.items() if fen and account < "9"}


def posted(found: Funded) -> list[tuple[str, int]]:
    with acting(US):
        rows = LedgerPosting.objects.filter(county=HERE, batch_id=found.batch).order_by("id")
        return [(one.kind, one.amount_fen) for one in rows]


def test_received_paid_failed_and_refunded_end_at_nought(funded: Funded) -> None:
    assert balance(funded) == {"1001": WHOLE, "2001": -WHOLE}
    release(funded)
    results(
        funded,
        row(funded, 0, "SUCCESS", f"a{funded.batch}"),
        row(funded, 1, "SUCCESS", f"b{funded.batch}"),
        row(funded, 2, "FAILED", ""),
    )
    assert balance(funded) == {"1001": THIRD, "2002": -THIRD}
    refund(funded, 2, "FAILED")
    assert balance(funded) == {}
    assert sorted(kind for kind, _ in posted(funded)) == [
        "HOLD_SPENT", "LINE_FAILED", "LINE_PAID", "MONEY_RECEIVED", "REFUND_FAILED",
    ]  # fmt: skip


def test_the_same_file_twice_is_posted_once(funded: Funded) -> None:
    release(funded)
    for _ in range(2):
        results(funded, row(funded, 0, "SUCCESS", f"a{funded.batch}"))
    assert [one for one in posted(funded) if one[0] == "LINE_PAID"] == [("LINE_PAID", FIRST)]


def test_a_return_after_success_brings_the_money_back_to_the_payout_account(
    funded: Funded,
) -> None:
    release(funded)
    results(funded, row(funded, 0, "SUCCESS", f"a{funded.batch}"))
    results(funded, row(funded, 0, "RETURNED", f"r{funded.batch}"), sm3=b"2")
    rest = SECOND + THIRD
    assert balance(funded) == {"1001": FIRST + rest, "2001": -rest, "2002": -FIRST}


def test_a_stop_before_release_is_residue_from_release_on(funded: Funded, committing: str) -> None:
    with admin_of(committing) as admin:
        admin.execute("SET ROLE ykt_owner")
        with admin.transaction():
            for name, value in {"county": HERE, "unit_lo": "0", "unit_hi": "2147483647"}.items():
                admin.execute("SELECT set_config(%s, %s, true)", [f"ykt.{name}", value])
            admin.execute(
                "UPDATE payout_payment SET state = 'STOPPED' WHERE id = %s", [funded.payments[1]]
            )
    assert ("LINE_STOPPED", SECOND) in posted(funded)
    assert balance(funded) == {"1001": WHOLE, "2001": -WHOLE}, "a stop moves no money by itself"
    release(funded)
    assert balance(funded) == {"1001": WHOLE, "2001": -(WHOLE - SECOND), "2003": -SECOND}
    refund(funded, 1, "STOPPED")
    assert balance(funded) == {"1001": WHOLE - SECOND, "2001": -(WHOLE - SECOND)}


def test_money_on_a_wrong_account_stands_apart(funded: Funded) -> None:
    with acting(US):
        note_money(
            FundingRequest.objects.get(batch_id=funded.batch), amount_fen=777,
            bank_serial=f"X{funded.batch}", voucher_number="", payee_account="6", at=NOON,
            actor=US,
        )  # fmt: skip
    assert balance(funded) == {"1001": WHOLE, "2001": -WHOLE, "1002": 777, "2005": -777}


def test_nobody_writes_the_ledger_by_hand(funded: Funded, connect: Callable[..., Any]) -> None:
    worker = connect("ykt_worker")
    for statement in (
        "INSERT INTO accounting_ledgerposting DEFAULT VALUES",
        "INSERT INTO accounting_ledgerleg DEFAULT VALUES",
        "UPDATE accounting_ledgerposting SET county = county",
        "DELETE FROM accounting_ledgerleg",
    ):
        with pytest.raises(InsufficientPrivilege), worker.transaction():
            worker.execute(statement)


def test_an_unbalanced_posting_does_not_commit(funded: Funded, committing: str) -> None:
    with admin_of(committing) as admin:
        admin.execute("SET ROLE ykt_owner")
        admin.execute("SELECT set_config('ykt.county', %s, false)", [HERE])
        with pytest.raises(RestrictViolation, match="借贷不平"):
            admin.execute(
                "INSERT INTO accounting_ledgerleg (posting_id, county, unit_no, department_no,"
                " programme_code, indicator, account, is_debit, amount_fen)"
                " SELECT id, county, unit_no, department_no, '', '', '1001', true, 1"
                " FROM accounting_ledgerposting WHERE batch_id = %s LIMIT 1",
                [funded.batch],
            )


# -- 凭证 ---------------------------------------------------------------------------------------

CHARTS = [
    {"kind": "V1", "financial_debit": "业务活动费用", "financial_credit": "财政拨款收入",
     "budget_debit": "行政支出", "budget_credit": "财政拨款预算收入"},
    {"kind": "V2", "financial_debit": "财政拨款收入", "financial_credit": "业务活动费用",
     "budget_debit": "财政拨款预算收入", "budget_credit": "行政支出"},
    {"kind": "V3", "financial_debit": "财政应返还额度", "financial_credit": "以前年度盈余调整",
     "budget_debit": "资金结存", "budget_credit": "财政拨款结转"},
    {"kind": "V2B", "memo_debit": "备查—待补发款", "memo_credit": "备查—代发专户结存"},
    {"kind": "V4", "financial_debit": "银行存款", "financial_credit": "应缴财政款"},
    {"kind": "V5", "financial_debit": "受托代理资产", "financial_credit": "受托代理负债"},
    {"kind": "V5R", "financial_debit": "受托代理负债", "financial_credit": "受托代理资产"},
]  # fmt: skip


def with_settings(name: str, **more: Any) -> None:
    with admin_of(name) as admin:
        admin.execute(
            "UPDATE organisation_county SET settings = settings || %s WHERE county = %s",
            [Jsonb({"vouchers": CHARTS, "residue": "refund", "entrusted": [], **more}), HERE],
        )


def settled(found: Funded) -> None:
    release(found)
    results(
        found,
        row(found, 0, "SUCCESS", f"a{found.batch}"),
        row(found, 1, "SUCCESS", f"b{found.batch}"),
        row(found, 2, "FAILED", ""),
    )


def vouchers(found: Funded) -> list[tuple[str, list[Entry]]]:
    with acting(US):
        return [
            (
                one.kind,
                [
                    (entry.book, "借" if entry.is_debit else "贷", entry.account, entry.amount_fen)
                    for entry in one.entries.order_by("id")
                ],
            )
            for one in Voucher.objects.filter(batch_id=found.batch).order_by("id")
        ]


def both(debit: str, credit: str, budget_debit: str, budget_credit: str, fen: int) -> list[Entry]:
    """平行记账: the four entries of one movement."""
    return [
        ("FINANCIAL", "借", debit, fen),
        ("FINANCIAL", "贷", credit, fen),
        ("BUDGETARY", "借", budget_debit, fen),
        ("BUDGETARY", "贷", budget_credit, fen),
    ]


def drafted(found: Funded) -> None:
    with acting(US):
        batch = Batch.objects.select_related("programme").get(pk=found.batch)
        draft(batch, actor=US)
        draft_refunds(batch, actor=US)


def test_v1_and_v2_in_both_books_once_per_event(funded: Funded, committing: str) -> None:
    with_settings(committing)
    settled(funded)
    refund(funded, 2, "FAILED")
    drafted(funded)
    drafted(funded)
    money, expense = "财政拨款收入", "业务活动费用"
    budget, spending = "财政拨款预算收入", "行政支出"
    assert vouchers(funded) == [
        ("V1", both(expense, money, spending, budget, WHOLE)),
        ("V2", both(money, expense, budget, spending, THIRD)),
    ]
    with acting(US):
        entry = Voucher.objects.filter(batch_id=funded.batch, kind="V2").get().entries.all()[0]
        assert (entry.programme_code, entry.town_no) == ("P01", 1000)
        assert entry.batch_number.startswith("2026-")


def test_a_refund_in_the_next_year_is_v3(funded: Funded, committing: str) -> None:
    with_settings(committing)
    settled(funded)
    refund(funded, 2, "FAILED", at=datetime(2027, 1, 3, tzinfo=UTC))
    drafted(funded)
    assert [kind for kind, _ in vouchers(funded)] == ["V1", "V3"]


def test_kept_residue_is_a_memo_and_stands_on_its_own_account(
    funded: Funded, committing: str
) -> None:
    with_settings(committing, residue="keep")
    settled(funded)
    drafted(funded)
    drafted(funded)
    assert vouchers(funded)[1] == (
        "V2B",
        [("MEMO", "借", "备查—待补发款", THIRD), ("MEMO", "贷", "备查—代发专户结存", THIRD)],
    )
    assert balance(funded) == {"1001": THIRD, "2004": -THIRD}


def test_an_entrusted_programme_touches_no_expense(funded: Funded, committing: str) -> None:
    with_settings(committing, entrusted=["P01"])
    settled(funded)
    refund(funded, 2, "FAILED")
    drafted(funded)
    told = vouchers(funded)
    assert [(kind, entries[0][3]) for kind, entries in told] == [
        ("V5", WHOLE), ("V5R", FIRST + SECOND), ("V5R", THIRD),
    ]  # fmt: skip
    assert {entry[2] for _, entries in told for entry in entries} == {
        "受托代理资产",
        "受托代理负债",
    }


def test_a_recovery_is_entered_by_the_department_and_drafts_v4(
    funded: Funded, committing: str, log_in: LogIn
) -> None:
    with_settings(committing)
    settled(funded)
    told = {"happened_on": NOON.date(), "reason": "核实后追回错发"}
    with log_in("ykt_web"):
        with acting(LI_XIA), pytest.raises(Refused, match="主管部门"):
            note_recovery(batch_of(funded), kind="RECEIVED", amount_fen=1, actor=LI_XIA, **told)
        with acting(SUN_MEI) as actor:
            batch = batch_of(funded)
            made = note_recovery(batch, kind="RECEIVED", amount_fen=5_000, actor=actor, **told)
            for kind, fen, why in (("REMITTED", 5_001, "上缴"), ("RECEIVED", WHOLE, "追回")):
                with pytest.raises(Refused, match=f"累计{why}不能超过"):
                    note_recovery(batch, kind=kind, amount_fen=fen, actor=actor, **told)
    with acting(US):
        for _ in range(2):
            draft_recovery(recovery_by_id(made.pk, scope=US.scope), actor=US)
    assert vouchers(funded) == [
        ("V4", [("FINANCIAL", "借", "银行存款", 5_000), ("FINANCIAL", "贷", "应缴财政款", 5_000)])
    ]


def batch_of(found: Funded) -> Batch:
    return Batch.objects.select_related("programme").get(pk=found.batch)
