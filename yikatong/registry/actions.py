"""对象与账户: 账户变更 by two people, and what banks say of accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl
from django.utils import timezone

from yikatong.audit.actions import record
from yikatong.catalogue.specs import ENTITLED, ROSTER_KINDS
from yikatong.connectors.bank.messages import VerifyAnswer
from yikatong.jobs.numbers import wire_number
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor
from yikatong.kernel.card import CardNumber
from yikatong.kernel.digest import sm3
from yikatong.kernel.errors import Refused
from yikatong.kernel.names import normalised_name
from yikatong.organisation.queries import paying_banks, units_of_kind
from yikatong.registry import bulk
from yikatong.registry.collection import Places, Trouble, people_rows, roster_rows
from yikatong.registry.messages import CHANGE_FIELD, NUMBER_FIELD, OF_CHANGE, version_named
from yikatong.registry.models import (
    AccountChange,
    AccountVerification,
    CardAccount,
    CardAccountVersion,
    Guardian,
    Person,
    RosterLoad,
    VerificationRequest,
)
from yikatong.registry.rules import MATCH, MISMATCH, QUOTA, UNAVAILABLE
from yikatong.vault.access import the_vault

SHORTEST_REASON: Final = 4
VALID_FOR: Final = timedelta(days=30)
NOWHERE: Final = (0, -1)


def propose_account(
    account: CardAccount,
    number: CardNumber,
    *,
    bank_no: int,
    bank_name: str,
    account_name: str,
    reason: str,
    actor: Actor,
) -> AccountChange:
    """账户变更, proposed by the township's clerk; nothing changes until another confirms."""
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("请写明变更的原因（不少于 4 个字）。")
    if AccountChange.objects.filter(account=account, state=AccountChange.State.PROPOSED).exists():
        raise Refused("这个账户已有一份变更在等待复核。")
    vault, digits = the_vault(), number.reveal()
    change: AccountChange = AccountChange.objects.create(
        county=account.county,
        unit_no=account.unit_no,
        account=account,
        number_cipher=vault.encrypt(digits.encode(), county=account.county, field=CHANGE_FIELD),
        number_index=vault.blind_index(account.county, digits, kind="card"),
        last4=digits[-4:],
        kind=number.kind.value,
        bank_no=bank_no,
        bank_name=bank_name,
        account_name=account_name,
        reason=reason.strip(),
        proposed_by=actor.username,
        proposed_at=timezone.now(),
    )
    defer("registry.verify_change", change_id=change.pk, county=change.county)
    _record_change(change, "account.propose", "done", change.reason, actor=actor)
    return change


def confirm_account(change: AccountChange, *, actor: Actor) -> CardAccountVersion:
    """The second person: a new immutable version becomes the current one."""
    _decidable(change, actor)
    vault = the_vault()
    digits = vault.decrypt(bytes(change.number_cipher), county=change.county, field=CHANGE_FIELD)
    version = CardAccountVersion.objects.create(
        county=change.county,
        unit_no=change.unit_no,
        account=change.account,
        number_cipher=vault.encrypt(digits, county=change.county, field=NUMBER_FIELD),
        number_index=bytes(change.number_index),
        last4=change.last4,
        kind=change.kind,
        bank_no=change.bank_no,
        bank_name=change.bank_name,
        account_name=change.account_name,
        account_name_key=normalised_name(change.account_name),
        reason=change.reason,
        entered_by=change.proposed_by,
        confirmed_by=actor.username,
        entered_at=timezone.now(),
    )
    CardAccount.objects.filter(pk=change.account_id, county=change.county).update(current=version)
    _decide(change, AccountChange.State.CONFIRMED, "", actor=actor)
    defer("registry.carry_answer", change_id=change.pk, county=change.county)
    _record_change(change, "account.confirm", "passed", change.reason, actor=actor)
    return version


def return_account(change: AccountChange, *, reason: str, actor: Actor) -> None:
    """退回 of a change, with a reason; the account stays as it was."""
    _decidable(change, actor)
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("请写明退回的原因（不少于 4 个字）。")
    _decide(change, AccountChange.State.RETURNED, reason.strip(), actor=actor)
    _record_change(change, "account.return", "returned", reason.strip(), actor=actor)


def name_guardian(
    person: Person, guardian: Person, *, relation: str, evidence: str, actor: Actor
) -> Guardian:
    """监护代领: relation and evidence are written down; no 代持 without them."""
    if person.pk == guardian.pk:
        raise Refused("监护人不能是本人。")
    if not relation.strip() or not evidence.strip():
        raise Refused("请填写监护关系和证明材料。")
    return Guardian.objects.create(
        county=person.county,
        unit_no=person.unit_no,
        person=person,
        guardian=guardian,
        relation=relation.strip(),
        evidence=evidence.strip(),
        since=timezone.localdate(),
        entered_by=actor.username,
    )


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
    change: AccountChange, *, per_day: int, actor: Actor
) -> VerificationRequest | None:
    """核验 at data entry: one question to the new account's own bank; None where it was asked
    about that card as often as it allows today, which is said and asked again tomorrow.
    """
    if change.state == AccountChange.State.RETURNED:
        return None
    tries = bulk.tries_of_card(
        bytes(change.number_index), county=change.county, bank_no=change.bank_no, since=_midnight()
    )
    if tries >= per_day:
        AccountChange.objects.filter(pk=change.pk, county=actor.scope.county).update(
            answer=UNAVAILABLE, answer_code=QUOTA, answered_at=timezone.now()
        )
        defer("registry.verify_change", at=_tomorrow(), change_id=change.pk, county=change.county)
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


def keep_quota(request: VerificationRequest, *, per_day: int, actor: Actor) -> bool:
    """Leave in a question only cards that the bank still answers for today; the others are noted
    as 未比对 with the reason and asked about tomorrow. Gives whether anything is left to ask.
    """
    over = bulk.versions_over_quota(
        request.pk, county=request.county, bank_no=request.bank_no, since=_midnight(), most=per_day
    )
    if not over:
        return True
    now = timezone.now()
    AccountVerification.objects.bulk_create(
        [
            AccountVerification(
                county=request.county,
                unit_no=request.unit_no,
                version_id=version_id,
                bank_no=request.bank_no,
                outcome=UNAVAILABLE,
                reason_code=QUOTA,
                verified_at=now,
                valid_until=timezone.localdate(),
            )
            for version_id in over
        ],
        batch_size=2000,
    )
    request.versions = [one for one in request.versions if one not in set(over)]
    VerificationRequest.objects.filter(pk=request.pk, county=actor.scope.county).update(
        versions=request.versions
    )
    defer(
        "registry.ask_again", at=_tomorrow(), county=request.county, unit_no=request.unit_no,
        bank_no=request.bank_no, versions=over,
    )  # fmt: skip
    if not request.versions:
        _answered(request, actor=actor)
    return bool(request.versions)


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


def _midnight() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def _tomorrow() -> datetime:
    """Shortly after midnight, when the bank counts anew."""
    return _midnight() + timedelta(days=1, minutes=5)


def _decidable(change: AccountChange, actor: Actor) -> None:
    if change.state != AccountChange.State.PROPOSED:
        raise Refused("这份变更已经办结。")
    if change.proposed_by == actor.username:
        raise Refused("账户变更须由另一人复核。")


def _decide(change: AccountChange, state: AccountChange.State, note: str, *, actor: Actor) -> None:
    AccountChange.objects.filter(pk=change.pk, county=change.county).update(
        state=state, decided_by=actor.username, decided_at=timezone.now(), decision_note=note
    )


def _record_change(
    change: AccountChange, action: str, result: str, note: str, *, actor: Actor
) -> None:
    """One event per press; the account by its own number here, never the card's."""
    record(
        actor=actor,
        action=action,
        result=result,
        unit_no=change.unit_no,
        note=f"账户 {change.account_id}：{note}",
    )


def register_people(
    frame: pl.DataFrame, *, is_sample: bool, actor: Actor
) -> tuple[int, int, int, list[Trouble]]:
    """个人一卡通账户收集表: (people new, accounts new, known already, rows not registered)."""
    scope = actor.scope
    units = list(units_of_kind(("town", "village"), scope=scope))
    rows, troubles = people_rows(
        frame,
        county=scope.county,
        places=Places.of(units, home=scope.units or NOWHERE),
        banks=paying_banks(scope=scope),
        today=timezone.localdate(),
    )
    people, accounts, known = bulk.load_people(
        rows, county=scope.county, by=actor.username, is_sample=is_sample
    )
    record(
        actor=actor,
        action="people.load",
        result="done",
        note=f"登记 {people} 人，账户 {accounts} 个，已登记 {known} 人，未登记 {len(troubles)} 行",
    )
    return people, accounts, known, troubles


def load_roster(
    frame: pl.DataFrame, *, kind: str, as_of: date, file_name: str, content: bytes, actor: Actor
) -> tuple[int, list[Trouble]]:
    """Store a comparison roster with its as-of date: (entries, rows not sound)."""
    if kind not in ROSTER_KINDS and not kind.startswith(ENTITLED):
        raise Refused(
            f"没有“{kind}”这种名册。可用：{'、'.join(ROSTER_KINDS)}，或 {ENTITLED}项目编码。"
        )
    if as_of > timezone.localdate():
        raise Refused(f"名册截止日期 {as_of} 在今天之后，请核对。")
    county = actor.scope.county
    rows, troubles = roster_rows(frame, county=county, today=timezone.localdate())
    load = RosterLoad.objects.create(
        county=county,
        kind=kind,
        as_of=as_of,
        rows=len(rows),
        file_name=file_name[-200:],
        sm3=sm3(content),
        loaded_by=actor.username,
        loaded_at=timezone.now(),
    )
    stored = bulk.load_roster(rows, load_id=load.pk, county=county, kind=kind)
    record(
        actor=actor,
        action="roster.load",
        result="done",
        note=f"{kind} {as_of} {stored} 行，未采用 {len(troubles)} 行",
    )
    return stored, troubles
