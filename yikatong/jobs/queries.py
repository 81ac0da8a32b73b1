"""Reads of the outbox, the inbox and what was set aside."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from yikatong.jobs.models import Inbox, Outbox, Quarantine
from yikatong.kernel.actor import Scope


def unsent(bank_no: int, *, scope: Scope) -> QuerySet[Outbox]:
    """What is to be sent now; what waits for the bank's next window is not among it."""
    due = Q(not_before=None) | Q(not_before__lte=timezone.now())
    return Outbox.objects.filter(due, county=scope.county, bank_no=bank_no, sent_at=None).order_by(
        "id"
    )


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


def under_key(
    bank_no: int, kind: str, batch_no: str, part: int, *, scope: Scope
) -> QuerySet[Inbox]:
    """What a bank has said under one key of the API, `<message>:<batch_no>:<part>`."""
    return Inbox.objects.filter(
        county=scope.county,
        bank_no=bank_no,
        kind=kind,
        name__contains=f"_{batch_no}_{part:03}of",
    ).order_by("id")


def of_name(bank_no: int, name: str, *, scope: Scope) -> list[Inbox]:
    """What a caller has said under this very name."""
    found = Inbox.objects.filter(county=scope.county, bank_no=bank_no, name=name)
    return list(found.order_by("id"))


def unanswered_parts(kind: str, batch_no: str, *, scope: Scope) -> QuerySet[Outbox]:
    """Parts of ours that a bank has not answered one by one."""
    return Outbox.objects.filter(
        county=scope.county, key__startswith=f"{kind}:{batch_no}:", answered_at=None
    ).order_by("id")


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
