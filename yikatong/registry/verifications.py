"""What banks say of accounts: asked at entry and for a batch, within each bank's daily quota.

无法验证, an unwritable name and a full quota are all 未比对: kept with their reason, never a pass.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from yikatong.connectors.bank.messages import VerifyAnswer
from yikatong.jobs.numbers import wire_number
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor
from yikatong.organisation.queries import paying_banks
from yikatong.registry.messages import OF_CHANGE, version_named
from yikatong.registry.models import (
    AccountChange,
    AccountVerification,
    CardAccountVersion,
    VerificationRequest,
)
from yikatong.registry.rules import MATCH, MISMATCH, QUOTA, UNAVAILABLE, UNWRITABLE

VALID_FOR: Final = timedelta(days=30)


def note_verification(
    request: VerificationRequest, answers: Iterable[VerifyAnswer], *, actor: Actor
) -> int:
    """Store what a bank said of each version that it was asked about; gives how many."""
    answers = list(answers)
    if request.for_change is not None:
        return _note_change(request, request.for_change, answers, actor=actor)
    asked = set(request.versions)
    until = timezone.localdate() + VALID_FOR
    kept = [
        AccountVerification(
            county=request.county,
            unit_no=request.unit_no,
            version_id=version_named(answer.verify_id),
            bank_no=request.bank_no,
            outcome=answer.result,
            reason_code=answer.reason_code,
            account_status=answer.acct_status,
            account_class=answer.acct_class,
            verified_at=answer.checked_at,
            valid_until=until,
        )
        for answer in answers
        if version_named(answer.verify_id) in asked
    ]
    AccountVerification.objects.bulk_create(kept, batch_size=2000)
    _answered(request, actor=actor)
    return len(kept)


def _answered(request: VerificationRequest, *, actor: Actor) -> None:
    VerificationRequest.objects.filter(pk=request.pk, county=actor.scope.county).update(
        answered_at=timezone.now()
    )


def _note_change(
    request: VerificationRequest,
    change: AccountChange,
    answers: Sequence[VerifyAnswer],
    *,
    actor: Actor,
) -> int:
    """What the bank said of an account at its entry, before a version of it exists."""
    own = [answer for answer in answers if answer.verify_id == f"{OF_CHANGE}{change.pk}"]
    for answer in own:
        AccountChange.objects.filter(pk=change.pk, county=actor.scope.county).update(
            answer=answer.result, answer_code=answer.reason_code, answered_at=answer.checked_at
        )
    _answered(request, actor=actor)
    change.refresh_from_db()
    carry_answer(change, actor=actor)
    return len(own)


def carry_answer(change: AccountChange, *, actor: Actor) -> AccountVerification | None:
    """The answer at entry becomes the confirmed version's own, once; None where there is neither.

    无法验证 is not carried: the version is asked about when a batch needs it.
    """
    is_clear = change.answer in {MATCH, MISMATCH}
    is_decided = change.state == AccountChange.State.CONFIRMED
    if not is_clear or not is_decided or change.answered_at is None:
        return None
    version = CardAccountVersion.objects.filter(
        county=actor.scope.county,
        account_id=change.account_id,
        number_index=bytes(change.number_index),
        entered_at__gte=change.proposed_at,
    ).first()
    if version is None or version.verifications.exists():
        return None
    return AccountVerification.objects.create(
        county=change.county,
        unit_no=change.unit_no,
        version=version,
        bank_no=change.bank_no,
        outcome=change.answer,
        reason_code=change.answer_code,
        verified_at=change.answered_at,
        valid_until=timezone.localdate() + VALID_FOR,
    )


def ask_of_change(
    change: AccountChange, *, tries: int, per_day: int, actor: Actor
) -> VerificationRequest | None:
    """核验 at data entry: one question to the new account's own bank; None where it was asked
    about that card as often as it allows today, which is said and asked again tomorrow.

    Args:
        tries: how often this bank was asked about the card since midnight.
    """
    if change.state == AccountChange.State.RETURNED:
        return None
    if tries >= per_day:
        AccountChange.objects.filter(pk=change.pk, county=actor.scope.county).update(
            answer=UNAVAILABLE, answer_code=QUOTA, answered_at=timezone.now()
        )
        defer("registry.verify_change", at=tomorrow(), change_id=change.pk, county=change.county)
        return None
    bank = paying_banks(scope=actor.scope)[change.bank_no]
    return VerificationRequest.objects.create(
        county=change.county,
        unit_no=change.unit_no,
        bank_no=change.bank_no,
        batch_no=wire_number(bank.code3, change.county, timezone.localdate()),
        versions=[],
        for_change=change,
        asked_at=timezone.now(),
    )


def keep_quota(request: VerificationRequest, over: Sequence[int], *, actor: Actor) -> bool:
    """Leave in a question only cards that the bank still answers for today; those `over` are
    noted as 未比对 with the reason and asked about tomorrow. Gives whether any is left to ask.
    """
    if over:
        leave_out(request, over, QUOTA, actor=actor)
        defer(
            "registry.ask_again", at=tomorrow(), county=request.county, unit_no=request.unit_no,
            bank_no=request.bank_no, versions=list(over),
        )  # fmt: skip
    return bool(request.versions)


def leave_out(
    request: VerificationRequest, versions: Collection[int], code: str, *, actor: Actor
) -> None:
    """Versions that this question does not ask about: 未比对 for our own reason, kept with it."""
    now = timezone.now()
    AccountVerification.objects.bulk_create(
        [
            AccountVerification(
                county=request.county,
                unit_no=request.unit_no,
                version_id=version_id,
                bank_no=request.bank_no,
                outcome=UNAVAILABLE,
                reason_code=code,
                verified_at=now,
                valid_until=timezone.localdate(),
            )
            for version_id in versions
        ],
        batch_size=2000,
    )
    request.versions = sorted(set(request.versions) - set(versions))
    VerificationRequest.objects.filter(pk=request.pk, county=actor.scope.county).update(
        versions=request.versions
    )
    if not request.versions:
        _answered(request, actor=actor)


def unwritable_change(request: VerificationRequest, change: AccountChange, *, actor: Actor) -> None:
    """The bank cannot be asked about this name at all."""
    AccountChange.objects.filter(pk=change.pk, county=actor.scope.county).update(
        answer=UNAVAILABLE, answer_code=UNWRITABLE, answered_at=timezone.now()
    )
    _answered(request, actor=actor)


def ask_versions(
    versions: Sequence[int], *, bank_no: int, unit_no: int, actor: Actor
) -> VerificationRequest:
    """A question for no batch: what was held back yesterday."""
    bank = paying_banks(scope=actor.scope)[bank_no]
    return VerificationRequest.objects.create(
        county=actor.scope.county,
        unit_no=unit_no,
        bank_no=bank_no,
        batch_no=wire_number(bank.code3, actor.scope.county, timezone.localdate()),
        versions=list(versions),
        asked_at=timezone.now(),
    )


def midnight() -> datetime:
    """Since when a bank counts what it was asked today."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def tomorrow() -> datetime:
    """Shortly after midnight, when the bank counts anew."""
    return midnight() + timedelta(days=1, minutes=5)
