"""A batch whose money has come: one bank's share, three payments, planted row by row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from tests.law.counties import _edges
from tests.validation.cast import HERE, LI_XIA, NOON, TOWN
from tests.validation.world import Planter
from yikatong.funding.models import FundingMatch, FundingRequest, TreasuryConfirmation
from yikatong.organisation.models import CalendarDay
from yikatong.payout.models import BankShare
from yikatong.submission.models import Approval

AMOUNTS = (10_000, 20_050, 30_001)
NAMES = ("钱大娘", "钱大爷", "冉父")


@dataclass(frozen=True, slots=True)
class Funded:
    """Ids of what was planted; `details` are the bank's names of the payments."""

    batch: int
    share: int
    payments: tuple[int, ...]
    details: tuple[str, ...]


def plant_funded(
    admin: psycopg.Connection[Any],
    number: str,
    *,
    state: str = "FUNDED",
    status: str = "FUNDED",
    has_money: bool = True,
) -> Funded:
    """A batch in `status` with its share in `state`; each call has people of its own."""
    is_fresh = not admin.execute("SELECT 1 FROM organisation_county").fetchone()
    planter = Planter(admin)
    if is_fresh:
        _edges(planter)
        with planter.county(HERE):
            planter.offices()
            planter.programme("P01")
            for year in (NOON.year, NOON.year + 1):
                planter.put(CalendarDay, day=date(year, 1, 1), is_working=False)
    with planter.county(HERE):
        programme = planter._value("SELECT id FROM catalogue_programme WHERE code = 'P01'")
        batch = planter.batch(number, programme)
        share = planter.put(BankShare, batch=batch, batch_no=f"CRB{number}", state=state)
        lines = []
        for name, fen in zip(NAMES, AMOUNTS, strict=True):
            person = planter.person(f"{name}{number}")
            line = planter.line(batch, "P01", f"{name}{number}", amount_fen=fen)
            lines.append(
                (line, planter.payment(batch, line, person, "P01", share=share, amount_fen=fen))
            )
        for kind in ("APPROVED", "PASSING"):
            planter.put(
                Approval,
                batch=batch,
                kind=kind,
                lines=3,
                amount_fen=sum(AMOUNTS),
                by=LI_XIA.username,
            )
        request = planter.put(
            FundingRequest, batch=batch, number=f"R{number}", lines=3, amount_fen=sum(AMOUNTS),
            state="PAID", voucher_number="V1", payee_account="1",
        )  # fmt: skip
        if has_money:
            planter.put(
                TreasuryConfirmation,
                request=request,
                amount_fen=sum(AMOUNTS),
                bank_serial=f"T{number}",
            )
            planter.put(FundingMatch, batch=batch, batch_no=f"CRB{number}", amount_fen=sum(AMOUNTS))
    _force(admin, batch, status)
    return Funded(
        batch,
        share,
        tuple(payment for _, payment in lines),
        tuple(f"D{line:012d}" for line, _ in lines),
    )


def _force(admin: psycopg.Connection[Any], batch: int, status: str) -> None:
    """Past the triggers: how the batch came here is another test's business."""
    admin.execute("RESET ROLE")
    with admin.transaction():
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute("UPDATE submission_batch SET status = %s WHERE id = %s", [status, batch])
    assert admin.execute(
        "SELECT unit_no FROM submission_batch WHERE id = %s", [batch]
    ).fetchone() == (TOWN,)
