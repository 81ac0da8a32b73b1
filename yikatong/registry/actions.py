"""对象与账户: 账户变更 by two people, and what banks say of accounts."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl
from django.utils import timezone

from yikatong.audit.actions import record
from yikatong.catalogue.queries import programme_by_code
from yikatong.catalogue.specs import ENTITLED, ROSTER_KINDS
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor
from yikatong.kernel.card import CardNumber
from yikatong.kernel.digest import sm3
from yikatong.kernel.errors import Refused
from yikatong.kernel.names import normalised_name
from yikatong.organisation.queries import paying_banks, units_of_kind
from yikatong.registry import bulk
from yikatong.registry.collection import (
    Places,
    Trouble,
    not_in_use,
    people_rows,
    roster_rows,
)
from yikatong.registry.messages import CHANGE_FIELD, NUMBER_FIELD
from yikatong.registry.models import (
    AccountChange,
    CardAccount,
    CardAccountVersion,
    Guardian,
    Person,
    RosterLoad,
)
from yikatong.vault.access import the_vault

SHORTEST_REASON: Final = 4
NOWHERE: Final = (0, -1)
NOT_TAKEN: Final = {
    "name": "本人已登记，登记的姓名与表内不同，没有更改。请对照身份证核对，确需更正的办理变更。",
    "account": "已登记的账户（尾号 {last4}）与表内账号不同，没有更改。换卡、换折请提出账户变更。",
    "guardian": "表内的监护人没有登记，没有记下监护关系。请先登记监护人，再导入本行。",
}


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


def left_as_it_was(frame: pl.DataFrame, *, actor: Actor) -> list[Trouble]:
    """What `register_people` did not take from the rows of this frame, in the same transaction."""
    told = [
        Trouble(row, f"第 {row} 行 {name}：{NOT_TAKEN[what].format(last4=last4)}")
        for row, name, what, last4 in bulk.arrivals_not_taken(actor.scope.county)
    ]
    return sorted([*not_in_use(frame), *told], key=lambda trouble: trouble.row)


def load_roster(
    frame: pl.DataFrame, *, kind: str, as_of: date, file_name: str, content: bytes, actor: Actor
) -> tuple[int, list[Trouble]]:
    """Store a comparison roster with its as-of date: (entries, rows not sound)."""
    if kind not in ROSTER_KINDS and not kind.startswith(ENTITLED):
        raise Refused(
            f"没有“{kind}”这种名册。可用：{'、'.join(ROSTER_KINDS)}，或 {ENTITLED}项目编码。"
        )
    if kind.startswith(ENTITLED):
        programme_by_code(kind.removeprefix(ENTITLED), scope=actor.scope)
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
