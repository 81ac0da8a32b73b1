"""Reads of the outbox, the inbox and what was set aside."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from yikatong.jobs.models import Inbox, Outbox, Quarantine
from yikatong.kernel.actor import Scope


def unsent(bank_no: int, *, scope: Scope) -> QuerySet[Outbox]:
    return Outbox.objects.filter(county=scope.county, bank_no=bank_no, sent_at=None).order_by("id")


def unanswered(bank_no: int, *, sent_before: datetime, scope: Scope) -> QuerySet[Outbox]:
    """What a bank was sent before that instant and has not answered."""
    return Outbox.objects.filter(
        county=scope.county, bank_no=bank_no, answered_at=None, sent_at__lt=sent_before
    ).order_by("id")


def unapplied(*, scope: Scope) -> QuerySet[Inbox]:
    return Inbox.objects.filter(county=scope.county, applied_at=None).order_by("id")


def open_quarantine(*, scope: Scope) -> QuerySet[Quarantine]:
    """异常挂账 that waits for a person."""
    return Quarantine.objects.filter(county=scope.county, closed_at=None).order_by("-id")


def unapplied_by_id(inbox_id: int, *, scope: Scope) -> Inbox | None:
    found: Inbox | None = (
        Inbox.objects.select_for_update()
        .filter(county=scope.county, pk=inbox_id, applied_at=None)
        .first()
    )
    return found


def parts_of(kept: Inbox, *, scope: Scope) -> list[Inbox]:
    """The kept parts of the message that this file belongs to: one name but for its part."""
    stem = kept.name.rsplit("_", 1)[0]
    return list(
        Inbox.objects.filter(
            county=scope.county,
            bank_no=kept.bank_no,
            kind=kept.kind,
            name__startswith=f"{stem}_",
            applied_at=None,
        ).order_by("name")
    )


def find_quarantine(item_id: int, *, scope: Scope) -> Quarantine | None:
    """One 异常挂账, open or closed; None where nothing of that number is in the scope."""
    found: Quarantine | None = Quarantine.objects.filter(county=scope.county, pk=item_id).first()
    return found
