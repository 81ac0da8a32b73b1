"""A batch with failures whose county keeps the money, and its re-issue, planted row by row."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection
from psycopg.types.json import Jsonb

from tests import database
from tests.payout.funded import AMOUNTS, NAMES, Funded, _force, plant_funded
from tests.validation.cast import HERE, SUN_MEI
from tests.validation.world import Planter
from yikatong.accounting.actions import draft
from yikatong.accounting.models import Voucher
from yikatong.connectors.bank.messages import RefundRow, ResultRow
from yikatong.feedback.actions import apply_results, note_refund
from yikatong.feedback.queries import residue_of
from yikatong.funding.actions import request
from yikatong.funding.models import FundingRequest
from yikatong.funding.queries import live_requests
from yikatong.kernel.steps import Passed
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.payout.actions import fund_from_kept, instruct
from yikatong.payout.models import BankShare, Payment, PaymentInstruction
from yikatong.submission.models import Approval, Batch

LogIn = Callable[[str], AbstractContextManager[None]]
US = machine(HERE)
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
FIRST, SECOND, THIRD = AMOUNTS
VIEWS = ("inv_ledger_balanced", "inv_ledger_agrees", "inv_indicator_held", "inv_funded",
         "inv_reissue_traced", "inv_paid_once", "inv_money_conserved")  # fmt: skip
CHARTS = [
    {"kind": "V1", "financial_debit": "业务活动费用", "financial_credit": "财政拨款收入"},
    {"kind": "V2", "financial_debit": "财政拨款收入", "financial_credit": "业务活动费用"},
    {"kind": "V2B", "memo_debit": "备查—待补发款", "memo_credit": "备查—代发专户结存"},
]


@dataclass(frozen=True, slots=True)
class Again:
    """A failed batch, its re-issue that waits for its money, and the re-issue's payments."""

    failed: Funded
    batch: int
    share: int
    payments: tuple[int, ...]


def admin_of(name: str) -> psycopg.Connection[Any]:
    return database.connect("ykt_admin", name, autocommit=True)


def policy(name: str, residue: str) -> None:
    with admin_of(name) as admin:
        admin.execute(
            "UPDATE organisation_county SET settings = settings || %s WHERE county = %s",
            [Jsonb({"residue": residue, "vouchers": CHARTS, "entrusted": []}), HERE],
        )


def row(found: Funded, place: int, result: str) -> ResultRow:
    is_paid = result in {"SUCCESS", "RETURNED"}
    return ResultRow(
        detail_id=found.details[place], result=result, reason_code="" if is_paid else "A02",
        paid_fen=AMOUNTS[place] if is_paid else 0, paid_at=NOON,
        bank_serial=f"{result}{found.details[place]}" if is_paid else "",
    )  # fmt: skip


def results(found: Funded, *rows: ResultRow, sm3: bytes = b"1") -> None:
    with acting(US):
        share = BankShare.objects.get(pk=found.share)
        apply_results(share, rows, file_sm3=sm3 + found.details[0].encode(), actor=US)


def plant_failed(name: str, number: str) -> Funded:
    """Released; the second and the third have failed."""
    with admin_of(name) as admin:
        found = plant_funded(admin, number)
    with acting(US):
        instruct(Batch.objects.get(pk=found.batch), actor=US)
    results(found, row(found, 0, "SUCCESS"), row(found, 1, "FAILED"), row(found, 2, "FAILED"))
    return found


def plant_again(
    name: str, found: Funded, number: str, *, places: tuple[int, ...] = (1, 2), fresh: int = 0
) -> Again:
    """Their lines again, at the same bank; `fresh` fen more for one who never failed."""
    with admin_of(name) as admin:
        planter = Planter(admin)
        with planter.county(HERE):
            programme = planter._value("SELECT id FROM catalogue_programme WHERE code = 'P01'")
            batch = planter.batch(number, programme, origin=found.batch)
            share = planter.put(BankShare, batch=batch, batch_no=f"CRB{number}", state="ACKED")
            payments = []
            of = planter._value("SELECT number FROM submission_batch WHERE id = %s", found.batch)
            for place in places:
                who = f"{NAMES[place]}{of}"
                person = planter._value("SELECT id FROM registry_person WHERE name = %s", who)
                origin = planter._value(
                    "SELECT line_id FROM payout_payment WHERE id = %s", found.payments[place]
                )
                last = planter._value(
                    "SELECT max(attempt) FROM payout_payment WHERE obligee_id = %s", person
                )
                fen = AMOUNTS[place]
                line = planter.line(batch, "P01", who, amount_fen=fen, origin=origin)
                payments.append(
                    planter.payment(
                        batch, line, person, "P01", share=share, attempt=last + 1, amount_fen=fen
                    )
                )
            if fresh:
                person = planter.person(f"新增{number}")
                line = planter.line(batch, "P01", f"新增{number}", amount_fen=fresh)
                payments.append(
                    planter.payment(batch, line, person, "P01", share=share, amount_fen=fresh)
                )
            for kind in ("APPROVED", "PASSING"):
                planter.put(Approval, batch=batch, kind=kind)
        _force(admin, batch, "READY")
    return Again(found, batch, share, tuple(payments))


def breaches() -> list[str]:
    found: list[str] = []
    with acting(US), connection.cursor() as cursor:
        for view in VIEWS:
            cursor.execute(f"SELECT sentence FROM {view}")  # noqa: S608 - a fixed list
            found.extend(f"{view}: {sentence}" for (sentence,) in cursor.fetchall())
    return found


def ask(again: Again, log_in: LogIn) -> Passed:
    """拨款申请 as 孙梅 takes it, in the department's own low role."""
    with log_in("ykt_web"), acting(SUN_MEI):
        verdict = request(
            Batch.objects.select_related("programme").get(pk=again.batch), actor=SUN_MEI
        )
    assert isinstance(verdict, Passed)
    return verdict


def fund(again: Again) -> str:
    with acting(US):
        for one in live_requests(Batch.objects.get(pk=again.batch), scope=US.scope):
            if one.source == FundingRequest.Source.RESIDUE:
                fund_from_kept(one, actor=US)
        return BankShare.objects.get(pk=again.share).state


def pay(again: Again) -> PaymentInstruction:
    with acting(US):
        instruct(Batch.objects.get(pk=again.batch), actor=US)
        return PaymentInstruction.objects.get(share_id=again.share)


def stays() -> int:
    with acting(US):
        return sum(one.amount_fen for one in residue_of(scope=US.scope))


def requests(again: Again) -> list[tuple[Any, ...]]:
    with acting(US):
        return list(
            FundingRequest.objects.filter(batch_id=again.batch)
            .order_by("id")
            .values_list("source", "state", "amount_fen", "seq_from", "seq_to", "lines")
        )


def refund(found: Funded, place: int) -> int:
    with acting(US):
        return note_refund(
            BankShare.objects.get(pk=found.share),
            [
                RefundRow(
                    refund_no=f"RF{found.details[place]}", detail_id=found.details[place],
                    application_no="A", voucher_no="V1", amount_fen=AMOUNTS[place], reason="FAILED",
                    bank_serial=f"RS{found.details[place]}", refunded_at=NOON,
                )
            ],
            actor=US,
        )  # fmt: skip


def details_of(again: Again) -> tuple[str, ...]:
    with acting(US):
        found = Payment.objects.filter(pk__in=again.payments).order_by("pk")
        return tuple(found.values_list("detail_id", flat=True))


def booked(name: str, batch: int) -> None:
    with admin_of(name) as admin:
        _force(admin, batch, "BOOKED")
    with acting(US):
        draft(Batch.objects.select_related("programme").get(pk=batch), actor=US)


def drafts(batch: int) -> list[tuple[str, int]]:
    with acting(US):
        found = Voucher.objects.filter(batch_id=batch).order_by("id")
        return [(one.kind, one.entries.filter(is_debit=True).first().amount_fen) for one in found]


def as_department(web: psycopg.Connection[Any]) -> None:
    web.execute("SELECT set_config('role', 'ykt_department', true)")
    for name, value in {"county": HERE, "department_no": SUN_MEI.scope.department_no}.items():
        web.execute("SELECT set_config(%s, %s, true)", [f"ykt.{name}", str(value)])
