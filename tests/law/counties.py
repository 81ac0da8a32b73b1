"""Two counties with every kind of row: one batch paid, one failed and re-issued, one in draft."""

from __future__ import annotations

from typing import Any

import psycopg
from django.apps import apps
from django.db.models import Model
from psycopg.types.json import Jsonb

from tests.validation.cast import DEPARTMENT, ELSEWHERE, HERE, LI_XIA, NOON, PERIOD, TOWN
from tests.validation.world import Planter
from yikatong.accounting.models import Recovery, Voucher, VoucherEntry
from yikatong.audit.rules import canonical_event, event_hash
from yikatong.catalogue.models import Definition
from yikatong.disclosure.models import Disclosure, DisclosureRow
from yikatong.feedback.bulk import ROW_BITS
from yikatong.feedback.models import (
    DayAccount,
    DayEntry,
    Difference,
    DifferenceWord,
    MonthStatement,
    OfficerNotice,
    PaymentResult,
    Reconciliation,
    ReconciliationSum,
    Refund,
    RefundOrder,
    ResultFile,
    SmsReport,
)
from yikatong.funding.models import (
    FundingMatch,
    FundingRequest,
    TreasuryConfirmation,
    TreasuryEntry,
)
from yikatong.jobs.models import BankLine, BankNonce, Inbox, Outbox, Quarantine
from yikatong.journey.models import JourneyEdge
from yikatong.journey.steps import JOURNEYS, edges
from yikatong.payout.models import BankShare, PaymentInstruction, Stop
from yikatong.registry.models import AccountChange, VerificationRequest
from yikatong.review.models import ReviewVerdict
from yikatong.submission.models import Approval, ColumnMapping, Confirmation, SourceFile
from yikatong.validation.models import (
    CheckRun,
    Finding,
    Headway,
    PeriodChange,
    RuleOutcome,
    Trial,
)

EVERYTHING = {"unit_lo": 0, "unit_hi": 2_147_483_647}


def our_tables() -> dict[str, type[Model]]:
    """Every table of ours that stands in the database, views left out."""
    return {
        model._meta.db_table: model
        for model in apps.get_models()
        if model.__module__.startswith("yikatong.") and model._meta.managed
    }


def plant(admin: psycopg.Connection[Any]) -> None:
    """A sound world: no invariant view returns a row of it."""
    planter = Planter(admin)
    _edges(planter)
    for county in (HERE, ELSEWHERE):
        with planter.county(county):
            planter.offices()
            _county(planter, county)


def _edges(planter: Planter) -> None:
    """As `init` writes them; a migrated database may hold them already."""
    with planter.connection.transaction():
        planter.connection.execute("DELETE FROM journey_edge")
        for county in JOURNEYS:
            for step, from_status, to_status, is_check in edges(county):
                planter.put(
                    JourneyEdge,
                    county=county,
                    step=step,
                    from_status=from_status,
                    to_status=to_status,
                    is_check=is_check,
                )


def _county(planter: Planter, county: str) -> None:
    programme = planter.programme("P01")
    planter.relation("P01", "P02")
    planter.requires("P01", "disabled", "block")
    planter.roster("disabled", "钱大娘")
    person = planter.person("钱大娘")
    planter.guardian(person, planter.person("冉父", household=planter.household("H1", None)[0]))
    _money(planter, programme, person, prefix=county)
    for number, model in enumerate((Outbox, Inbox)):
        extra = {"sm3": f"{county}{number}".encode()} if model is Inbox else {"key": county}
        planter.put(model, **extra)
    planter.put(BankNonce, nonce=county)
    planter.put(BankLine)
    planter.put(Quarantine, fingerprint=county, sentence="一笔不符")
    planter.put(VerificationRequest, batch_no=f"V{county}", versions=[])
    account = planter._value("SELECT id FROM registry_cardaccount WHERE person_id = %s", person)
    planter.put(AccountChange, account=account, proposed_by="甲", decided_by="乙")
    planter.put(SourceFile, name="名单.xlsx")
    planter.put(ColumnMapping, header="核定数", field="amount")
    planter.put(Headway, subject="check|1")
    source = planter._value("SELECT max(id) FROM submission_sourcefile")
    planter.put(CheckRun, source_file=source)
    definition = planter.put(Definition, code="NC01", version=1, content={}, made_by="甲")
    planter.put(Trial, definition=definition, source_file=source)


def _money(planter: Planter, programme: int, person: int, *, prefix: str) -> None:
    """PAID in one batch; FAILED in another, and again in a third, which has come back as PAID."""
    paid = planter.batch(f"{prefix}-1", programme)
    _sent(planter, paid, person, object_key="机1", state="PAID", result="SUCCESS")
    failed = planter.batch(f"{prefix}-2", programme)
    origin = _sent(planter, failed, person, object_key="机2", state="FAILED", result="FAILED")
    again = planter.batch(f"{prefix}-3", programme, origin=failed)
    _sent(
        planter,
        again,
        person,
        object_key="机2",
        state="PAID",
        result="SUCCESS",
        attempt=2,
        origin=origin,
    )
    planter.put(OfficerNotice, batch=failed, event=prefix, lines=1, text="【一卡通】")
    kept = planter.batch(f"{prefix}-6", programme)
    left = _sent(
        planter, kept, person, object_key="机6", state="FAILED", result="FAILED", stays=True
    )
    used = planter.batch(f"{prefix}-7", programme, origin=kept)
    _kept(planter, used, person, origin=left, object_key="机6")
    draft = planter.batch(f"{prefix}-4", programme)
    planter.line(draft, "P01", "钱大娘", object_key="机4")
    sent_up = planter.batch(f"{prefix}-5", programme)
    planter.line(sent_up, "P01", "钱大娘", object_key="机5")
    _compile(planter, sent_up)
    planter.put(Confirmation, batch=draft, obligation="", rule="SY-1", reason="名册已在途")
    planter.put(Finding, batch=draft, run_no=1, rule="DU-1", sentence="重复")
    planter.put(RuleOutcome, batch=draft, run_no=1, rule="DU-1", verdict="阻断", findings=1)
    planter.put(PeriodChange, batch=draft, run_no=1, kind="NEW", name="钱大娘")
    planter.put(ReviewVerdict, batch=paid, passed=True, by="pengshui-finance")
    account = planter.put(
        DayAccount,
        day=NOON.date(),
        in_fen=20_000,
        out_fen=20_000,
        our_out_fen=20_000,
        paid_lines=2,
        our_lines=2,
    )
    planter.put(DayEntry, account=account, kind="OUT", amount_fen=10_000)
    planter.put(TreasuryEntry, check_no="C1", tracking_id=f"R{paid}")
    run = planter.put(Reconciliation, cause="DAILY", day=NOON.date())
    planter.put(ReconciliationSum, run=run)
    found = planter.put(
        Difference, run=run, rule="R2", fingerprint="R2|1", department_no=DEPARTMENT
    )
    planter.put(
        DifferenceWord, difference=found, kind="ANSWER", said_by="甲", department_no=DEPARTMENT
    )
    planter.put(MonthStatement, month="2026-09", number=1, content={})
    planter.put(Recovery, batch=paid, kind="RECEIVED", amount_fen=100, entered_by="孙梅")
    shown = planter.put(Disclosure, batch=paid, slug=f"S{prefix}", period=PERIOD)
    planter.put(DisclosureRow, disclosure=shown, name_masked="钱*娘", people=1)


def _compile(planter: Planter, batch: int) -> None:
    """A step as `advance` takes it: the status moves, and one event follows the chain."""
    planter.connection.execute(
        "UPDATE submission_batch SET status = 'COMPILED' WHERE id = %s", [batch]
    )
    head = planter.connection.execute("SELECT seq, hash FROM audit_lock_head()").fetchone()
    assert head is not None
    event = {
        "seq": head[0] + 1,
        "at": NOON.isoformat(timespec="microseconds"),
        "county": planter.here,
        "unit_no": TOWN,
        "department_no": DEPARTMENT,
        "action": "batch.compile",
        "batch_id": batch,
        "username": LI_XIA.username,
        "person_name": LI_XIA.name,
        "duty": LI_XIA.duty.value,
        "via": "web",
        "result": "passed",
        "from_status": "DRAFT",
        "to_status": "COMPILED",
        "note": "1 行",
    }
    fresh = event_hash(bytes(head[1]), canonical_event(event, b""))
    planter.connection.execute(
        "SELECT audit_append(%s, %s, %s, %s)", [Jsonb(event), b"", bytes(head[1]), fresh]
    )


def _kept(planter: Planter, batch: int, person: int, **values: Any) -> None:
    """A re-issue that waits for its release; what the failed one left with the bank pays it."""
    line = planter.line(batch, "P01", "钱大娘", **values)
    for kind in ("APPROVED", "PASSING"):
        planter.put(
            Approval, batch=batch, kind=kind, lines=1, amount_fen=10_000, by=LI_XIA.username
        )
    share = planter.put(BankShare, batch=batch, batch_no=f"W{batch}", state="ACKED")
    planter.payment(
        batch, line, person, "P01", share=share, object_key=values["object_key"], attempt=2
    )
    planter.put(
        FundingRequest, batch=batch, number=f"R{batch}", lines=1, amount_fen=0, source="RESIDUE",
        state="KEPT",
    )  # fmt: skip


def _sent(planter: Planter, batch: int, person: int, **values: Any) -> int:
    """One line sent to the bank, funded, released, with its result; gives the line."""
    result, state, stays = values.pop("result"), values.pop("state"), values.pop("stays", False)
    attempt, key = values.pop("attempt", 1), values["object_key"]
    line = planter.line(batch, "P01", "钱大娘", **values)
    for kind in ("APPROVED", "PASSING"):
        planter.put(
            Approval, batch=batch, kind=kind, lines=1, amount_fen=10_000, by=LI_XIA.username
        )
    share = planter.put(BankShare, batch=batch, batch_no=f"W{batch}")
    payment = planter.payment(
        batch, line, person, "P01", share=share, object_key=key, attempt=attempt
    )
    request = planter.put(
        FundingRequest, batch=batch, number=f"R{batch}", lines=1, amount_fen=10_000, state="PAID"
    )
    planter.put(TreasuryConfirmation, request=request, amount_fen=10_000, bank_serial=f"T{batch}")
    planter.put(FundingMatch, batch=batch, batch_no=f"W{batch}", amount_fen=10_000)
    planter.put(PaymentInstruction, share=share, key=f"K{batch}", lines=1, amount_fen=10_000)
    planter.connection.execute(
        "UPDATE payout_payment SET state = %s WHERE id = %s", [state, payment]
    )
    success = result == "SUCCESS"
    planter.put(
        PaymentResult,
        file_row=planter.put(ResultFile, unit_no=0, sm3=f"F{batch}".encode()) << ROW_BITS,
        payment=payment,
        outcome="PAID" if success else result,
        result=result,
        code="" if success else "F01",
        paid_fen=10_000 if success else 0,
        bank_serial=f"B{batch}" if success else None,
        at=NOON,
    )
    planter.put(SmsReport, payment=payment, status="DELIVRD")
    if not success and not stays:
        planter.put(RefundOrder, share=share, payment_id=payment, number=1, amount_fen=10_000)
        planter.put(Refund, share=share, refund_no=f"RF{batch}", amount_fen=10_000)
    voucher = planter.put(Voucher, batch=batch, event=f"batch-{batch}", kind="V1")
    for is_debit in (True, False):
        planter.put(
            VoucherEntry, voucher=voucher, book="FINANCIAL", is_debit=is_debit, amount_fen=10_000
        )
    if success and attempt == 1:
        planter.put(Stop, payment=payment, asked_by="甲", reason="曾申请停发")
    return line
