"""项目定义: an officer's own item from its first draft to its end, two persons at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Max
from django.utils import timezone

from yikatong.audit.actions import record
from yikatong.catalogue.actions.force import end_listing, put_in_force
from yikatong.catalogue.definitions import content_of, read_definition
from yikatong.catalogue.models import Definition, Programme
from yikatong.catalogue.queries import next_own_code
from yikatong.catalogue.rules import OPEN, DefinitionState
from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.errors import IllegalStep, Refused

SHORTEST_REASON: Final = 4


def define(content: Mapping[str, Any], *, actor: Actor) -> Definition:
    """新建项目 of the clerk's own department, in 试填; nobody can submit under it yet."""
    department_no = _own_department(actor, Duty.DEPT_CLERK)
    code = next_own_code(department_no, scope=actor.scope)
    return _new_version(content, code, 1, department_no, actor=actor)


def revise(definition: Definition, *, actor: Actor) -> Definition:
    """另起新版本 of an item that is live or was stopped: to be tried and confirmed again."""
    department_no = _own_department(actor, Duty.DEPT_CLERK)
    versions = Definition.objects.filter(county=definition.county, code=definition.code)
    if versions.filter(state__in=list(OPEN)).exists():
        raise IllegalStep("这个项目已有一个新版本在试填，请先办完那一版。")
    newest = versions.aggregate(newest=Max("version"))["newest"]
    return _new_version(definition.content, definition.code, newest + 1, department_no, actor=actor)


def redefine(definition: Definition, content: Mapping[str, Any], *, actor: Actor) -> Definition:
    """修改 of what is being written; what was tried before no longer counts."""
    _own_department(actor, Duty.DEPT_CLERK)
    if definition.state not in OPEN:
        raise IllegalStep("已生效或停用的版本不能修改，请另起新版本。")
    kept = content_of(
        read_definition(content, code=definition.code, department_no=definition.department_no)
    )
    if kept == definition.content:
        return definition
    Definition.objects.filter(pk=definition.pk, county=definition.county).update(
        content=kept, state=DefinitionState.DRAFT.value
    )
    _told(definition, "programme.edit", "done", "改写定义", actor=actor)
    definition.refresh_from_db()
    return definition


def confirm(definition: Definition, *, actor: Actor) -> Programme:
    """确认生效 by the second person: from now on it is an item of the list like any other.

    Raises:
        IllegalStep: nothing was tried as it stands, or the confirmer wrote it.
    """
    _own_department(actor, Duty.DEPT_CHIEF)
    locked = Definition.objects.select_for_update().get(pk=definition.pk, county=definition.county)
    if locked.state != DefinitionState.TESTED:
        raise IllegalStep("请先由经办用样表试查现在这一稿，试查过才能确认生效。")
    if actor.username in {locked.made_by, *locked.editors}:
        raise IllegalStep("编制项目定义的人不能自己确认生效，请另一人办理。")
    if bytes(locked.digest) != bytes(definition.digest):
        raise IllegalStep("定义刚刚被改写过，请刷新后重新核对。")
    _retire_live(locked, "由新版本替代", actor=actor)
    Definition.objects.filter(pk=locked.pk, county=locked.county).update(
        state=DefinitionState.LIVE.value,
        confirmed_by=actor.username,
        confirmed_at=timezone.now(),
    )
    programme = put_in_force(locked, actor=actor)
    _told(locked, "programme.confirm", "passed", "确认生效", actor=actor)
    return programme


def give_back(definition: Definition, *, reason: str, actor: Actor) -> None:
    """退回 of a tried definition to its clerk, with a reason."""
    _own_department(actor, Duty.DEPT_CHIEF)
    why = _why(reason, "退回")
    if definition.state != DefinitionState.TESTED:
        raise IllegalStep("只有试运行的项目可以退回。")
    _set(definition, state=DefinitionState.DRAFT.value, reason=why)
    _told(definition, "programme.return", "returned", why, actor=actor)


def retire(definition: Definition, *, reason: str, actor: Actor) -> None:
    """停用 of a live item by the department's second person; batches on their way go on."""
    _own_department(actor, Duty.DEPT_CHIEF)
    why = _why(reason, "停用")
    if definition.state != DefinitionState.LIVE:
        raise IllegalStep("只有生效的项目可以停用。")
    _retire_live(definition, why, actor=actor)


def drop_definition(definition: Definition, *, reason: str, actor: Actor) -> None:
    """作废 of a version that is not live, by its clerk."""
    _own_department(actor, Duty.DEPT_CLERK)
    why = _why(reason, "作废")
    if definition.state not in OPEN:
        raise IllegalStep("只有试填、试运行的版本可以作废。")
    _end(definition, why, actor=actor)
    _told(definition, "programme.drop", "done", why, actor=actor)


def tried(definition: Definition, digest: bytes, *, actor: Actor) -> bool:
    """试运行: the worker has judged a sample under this text. False where it was edited since."""
    return bool(
        Definition.objects.filter(
            pk=definition.pk,
            county=actor.scope.county,
            digest=digest,
            state=DefinitionState.DRAFT.value,
        ).update(state=DefinitionState.TESTED.value)
    )


def _retire_live(definition: Definition, why: str, *, actor: Actor) -> None:
    live = Definition.objects.filter(
        county=definition.county, code=definition.code, state=DefinitionState.LIVE.value
    ).first()
    if live is None:
        return
    _end(live, why, actor=actor)
    end_listing(live, timezone.localdate(), actor=actor)
    _told(live, "programme.retire", "done", why, actor=actor)


def _end(definition: Definition, why: str, *, actor: Actor) -> None:
    _set(
        definition,
        state=DefinitionState.RETIRED.value,
        retired_by=actor.username,
        retired_at=timezone.now(),
        reason=why,
    )


def _set(definition: Definition, **values: Any) -> None:
    Definition.objects.filter(pk=definition.pk, county=definition.county).update(**values)


def _new_version(
    content: Mapping[str, Any], code: str, version: int, department_no: int, *, actor: Actor
) -> Definition:
    kept = _checked(content, code, department_no)
    made: Definition = Definition.objects.create(
        county=actor.scope.county,
        department_no=department_no,
        code=code,
        version=version,
        content=kept,
        digest=b"",  # the database writes it
        made_by=actor.username,
        made_at=timezone.now(),
    )
    made.refresh_from_db()
    _told(made, "programme.define", "done", "新建定义", actor=actor)
    return made


def _checked(content: Mapping[str, Any], code: str, department_no: int) -> dict[str, Any]:
    """The definition in its one written form. Raises Refused: what is wrong with it."""
    return content_of(read_definition(content, code=code, department_no=department_no))


def _own_department(actor: Actor, duty: Duty) -> int:
    number = actor.scope.department_no
    if actor.duty != duty or number is None:
        word = "经办" if duty == Duty.DEPT_CLERK else "审批"
        raise Refused(f"项目定义的这一步由主管部门{word}办理，不在您的岗位职责内。")
    return number


def _why(reason: str, what: str) -> str:
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused(f"请写明{what}的原因（不少于 {SHORTEST_REASON} 个字）。")
    return reason.strip()


def _told(definition: Definition, action: str, result: str, note: str, *, actor: Actor) -> None:
    record(
        actor=actor,
        action=action,
        result=result,
        department_no=definition.department_no,
        note=f"{definition.code} 第 {definition.version} 版：{note}",
        touched=bytes(definition.digest),
    )
