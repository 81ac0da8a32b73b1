"""A home from before the ledger: what nobody posted is posted once, as the triggers would have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
import pytest

from tests.accounting.test_ledger import admin_of, balance, breaches, refund, settled
from tests.accounting.test_ledger import posted as posted_of
from tests.payout.funded import Funded, plant_funded
from tests.validation.cast import HERE

LogIn = Callable[[str], AbstractContextManager[None]]
POSTERS = (
    ("payout_payment", "payments_are_posted"),
    ("payout_payment", "payments_born_final_are_posted"),
    ("funding_treasuryconfirmation", "money_is_posted"),
    ("funding_indicatorhold", "hold_is_posted"),
    ("feedback_refund", "refund_is_posted"),
    ("payout_paymentinstruction", "residue_is_posted"),
)


@contextmanager
def nobody_posts(name: str) -> Iterator[None]:
    with admin_of(name) as admin:
        for table, trigger in POSTERS:
            admin.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")  # type: ignore[call-overload]
        try:
            yield
        finally:
            for table, trigger in POSTERS:
                admin.execute(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")  # type: ignore[call-overload]


def backfill(name: str) -> int:
    """As `init` does: by the owner, in the county's scope."""
    with admin_of(name) as admin, admin.transaction():
        owner: psycopg.Connection[Any] = admin
        owner.execute("SET LOCAL ROLE ykt_owner")
        owner.execute(
            "SELECT set_config('ykt.county', %s, true), set_config('ykt.unit_lo', '0', true),"
            " set_config('ykt.unit_hi', '2147483647', true)",
            [HERE],
        )
        found = owner.execute("SELECT ledger_backfill(%s)", [HERE]).fetchone()
        assert found is not None
        return int(found[0])


@pytest.fixture
def worker(committing: str, log_in: LogIn) -> Iterator[str]:
    with log_in("ykt_worker"):
        yield committing


def kinds(found: Funded) -> list[tuple[str, int]]:
    return sorted(posted_of(found))


def planted(name: str, number: str) -> Funded:
    with admin_of(name) as admin:
        return plant_funded(admin, number)


def test_an_unposted_tale_is_posted_as_it_would_have_been(worker: str) -> None:
    posted = planted(worker, "2026-back-1")
    settled(posted)
    refund(posted, 2, "FAILED")
    assert backfill(worker) == 0, "what the triggers posted is not posted again"
    with nobody_posts(worker):
        unposted = planted(worker, "2026-back-2")
        settled(unposted)
        refund(unposted, 2, "FAILED")
    assert kinds(unposted) == []
    assert breaches()
    assert backfill(worker) > 0
    told = [(kind, fen) for kind, fen in kinds(unposted) if kind != "HOLD_FROZEN"]
    assert told == kinds(posted), "the same movements, of the same sums"
    assert breaches() == []
    assert balance(unposted) == {}, "received, paid and sent back: nothing is left"
    assert backfill(worker) == 0, "a second run finds nothing to do"


def test_half_of_a_share_was_posted_before(worker: str) -> None:
    """The ledger came between two results of one share: only the first is missing."""
    with nobody_posts(worker):
        found = planted(worker, "2026-back-3")
    assert backfill(worker) > 0
    settled(found)
    with admin_of(worker) as admin:
        admin.execute("SET session_replication_role = replica")
        kept = admin.execute(
            "SELECT id FROM accounting_ledgerposting WHERE batch_id = %s AND kind = 'LINE_PAID'",
            [found.batch],
        ).fetchall()
        for (posting,) in kept:
            admin.execute("DELETE FROM accounting_ledgerleg WHERE posting_id = %s", [posting])
            admin.execute("DELETE FROM accounting_ledgerposting WHERE id = %s", [posting])
    assert any("LINE_PAID" in one for one in breaches())
    assert backfill(worker) == 1
    assert breaches() == []
