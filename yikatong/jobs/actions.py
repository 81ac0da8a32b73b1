"""Writes of the outbox, the inbox and what is set aside."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from yikatong.jobs.models import BankNonce, Inbox, Outbox, Quarantine
from yikatong.kernel.actor import Actor
from yikatong.kernel.digest import sm3

NONCE_KEPT: Final = timedelta(hours=1)


def keep_outgoing(
    *,
    bank_no: int,
    key: str,
    kind: str,
    name: str,
    payload: bytes,
    signature: bytes,
    actor: Actor,
    first_seq: int | None = None,
    last_seq: int | None = None,
) -> None:
    """Store bytes before their first try; a second call under the same key keeps the first."""
    Outbox.objects.get_or_create(
        key=key,
        defaults={
            "county": actor.scope.county,
            "bank_no": bank_no,
            "kind": kind,
            "name": name,
            "payload": payload,
            "signature": signature,
            "first_seq": first_seq,
            "last_seq": last_seq,
            "made_at": timezone.now(),
        },
    )


def note_answered(kinds: Collection[str], batch_no: str, *, actor: Actor) -> None:
    """A bank has spoken of this share or request: these of our messages have reached it."""
    for kind in kinds:
        Outbox.objects.filter(
            county=actor.scope.county, key__startswith=f"{kind}:{batch_no}:", answered_at=None
        ).update(answered_at=timezone.now())


def note_part_answered(kind: str, batch_no: str, part: int, *, actor: Actor) -> Outbox | None:
    """One part of ours has its answer; gives the part, None where it is not ours."""
    ours = Outbox.objects.filter(county=actor.scope.county, key=f"{kind}:{batch_no}:{part}")
    ours.filter(answered_at=None).update(answered_at=timezone.now())
    found: Outbox | None = ours.first()
    return found


def use_nonce(bank_no: int, nonce: str, *, actor: Actor) -> bool:
    """False where this bank has used it before."""
    try:
        with transaction.atomic():
            BankNonce.objects.create(
                county=actor.scope.county, bank_no=bank_no, nonce=nonce, seen_at=timezone.now()
            )
    except IntegrityError:
        return False
    return True


def forget_nonces(*, actor: Actor) -> None:
    """What is older than any call that is still taken for fresh."""
    before = timezone.now() - NONCE_KEPT
    BankNonce.objects.filter(county=actor.scope.county, seen_at__lt=before).delete()


def send_again(messages: Iterable[Outbox], *, actor: Actor) -> None:
    """Put the very same bytes into the queue once more: the key tells the bank that it is one."""
    Outbox.objects.filter(
        county=actor.scope.county, pk__in=[one.pk for one in messages], answered_at=None
    ).update(sent_at=None)


def hold_back(messages: Collection[Outbox], until: datetime, *, actor: Actor) -> None:
    """These are not sent before that instant: the bank is closed."""
    Outbox.objects.filter(
        county=actor.scope.county, pk__in=[one.pk for one in messages], sent_at=None
    ).update(not_before=until)


def keep_incoming(
    *, bank_no: int, kind: str, name: str, payload: bytes, signature: bytes, actor: Actor
) -> Inbox | None:
    """Store a received file whole; None where these very bytes are known already."""
    kept, is_new = Inbox.objects.get_or_create(
        sm3=sm3(payload),
        defaults={
            "county": actor.scope.county,
            "bank_no": bank_no,
            "kind": kind,
            "name": name,
            "payload": payload,
            "signature": signature,
            "received_at": timezone.now(),
        },
    )
    return kept if is_new or kept.applied_at is None else None


def settle_incoming(message: Inbox, outcome: str, *, actor: Actor) -> None:
    """Mark a message as dealt with, in the transaction that applied it."""
    Inbox.objects.filter(pk=message.pk, county=actor.scope.county).update(
        applied_at=timezone.now(), outcome=outcome
    )


def quarantine(
    *,
    kind: str,
    fingerprint: str,
    sentence: str,
    actor: Actor,
    unit_no: int = 0,
    department_no: int | None = None,
    bank_no: int | None = None,
    batch_id: int | None = None,
    amount_fen: int | None = None,
) -> None:
    """Set a contradiction aside for a person to clear; the same one only once."""
    Quarantine.objects.get_or_create(
        fingerprint=fingerprint[:160],
        defaults={
            "county": actor.scope.county,
            "unit_no": unit_no,
            "department_no": department_no,
            "bank_no": bank_no,
            "batch_id": batch_id,
            "kind": kind,
            "sentence": sentence,
            "amount_fen": amount_fen,
            "opened_at": timezone.now(),
        },
    )
