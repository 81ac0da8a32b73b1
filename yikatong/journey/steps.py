"""The one `advance`: the only writer of a batch's status (house.md §3)."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from yikatong.audit.actions import record as record_event
from yikatong.audit.queries import events_of_batch
from yikatong.feedback.reissues import Gathered, gather_cured
from yikatong.jobs.queue import defer
from yikatong.journey import dadukou, pengshui
from yikatong.kernel.actor import Actor, Scope
from yikatong.kernel.calendar import YearUnknown, add_natural_days
from yikatong.kernel.errors import IllegalStep
from yikatong.kernel.steps import (
    MACHINE_SEATS,
    NOTHING,
    SEAT_WORD,
    STATUS_WORD,
    Inputs,
    Limit,
    Passed,
    Returned,
    Seat,
    Status,
    Step,
    Verdict,
)
from yikatong.organisation.queries import county_settings, work_calendar
from yikatong.organisation.rules import sits_on
from yikatong.submission.models import Batch
from yikatong.submission.rules import DropReason

Journey = Mapping[str, Step]
CHECKING: Final = frozenset({Seat.UNIT_CHECK, Seat.DEPT_CHIEF, Seat.FINANCE})


def by_name(steps: tuple[Step, ...]) -> Journey:
    return {step.name: step for step in steps}


JOURNEYS: Final[Mapping[str, Journey]] = {
    "500243": by_name(pengshui.JOURNEY),
    "500104": by_name(dadukou.JOURNEY),
}


@transaction.atomic
def advance(batch_id: int, name: str, *, actor: Actor, inputs: Inputs = NOTHING) -> Batch:
    """Take one step: lock, check, work, land, record. All of it happens, or none.

    Raises:
        IllegalStep: not from here, not this person's, or not with these inputs.
        Refused: the work itself says no, in words.
        TryAgain: an answer from elsewhere is still missing (machine steps only).
    """
    batch = lock_batch(batch_id, actor)
    step = step_of(batch, name)
    check(step, batch, actor, inputs)
    filled = inputs_of(step)() if inputs is NOTHING else inputs
    start = Status(batch.status)

    verdict = step.does(batch, actor=actor, inputs=filled)

    land(batch, step, step.lands_on(verdict, start=start))
    record(step, batch, start=start, actor=actor, verdict=verdict)
    return batch


@transaction.atomic
def gather(programme_code: str, period: str, *, actor: Actor) -> Gathered:
    """一键补发: the drafts that it leaves without a line are closed with it, each saying why.

    Raises:
        Refused: not the correcting unit's clerk, or nothing is mended.
    """
    made = gather_cured(programme_code, period, actor=actor)
    reason = DropReason(f"明细已全部并入补发批次 {made.batch.number}")
    for batch_id in made.emptied:
        advance(batch_id, "emptied", actor=actor, inputs=reason)
    return made


def lock_batch(batch_id: int, actor: Actor) -> Batch:
    """What is outside the scope does not exist."""
    batch: Batch | None = (
        Batch.objects.select_for_update(of=("self",), no_key=True)
        .select_related("programme")
        .filter(pk=batch_id, county=actor.scope.county)
        .first()
    )
    if batch is None:
        raise IllegalStep("没有这个批次，或不在您的办理范围内。")
    return batch


def step_of(batch: Batch, name: str) -> Step:
    step = JOURNEYS[batch.county].get(name)
    if step is None:
        known = "、".join(f"{s.name}（{s.title}）" for s in JOURNEYS[batch.county].values())
        raise IllegalStep(f"本区县的流程里没有“{name}”这一步。可用的步骤：{known}。")
    return step


def check(step: Step, batch: Batch, actor: Actor, inputs: Inputs) -> None:
    """Status, seat, another person than in `apart` (不相容岗位), inputs of the work's own kind."""
    if Status(batch.status) not in step.starts_at:
        raise IllegalStep(
            f"批次 {batch.number} 现在是“{STATUS_WORD[Status(batch.status)]}”，不能办理“{step.title}”。"
        )
    if not sits_on(actor, step.seat, unit_no=batch.unit_no, department_no=batch.department_no):
        raise IllegalStep(f"“{step.title}”由{SEAT_WORD[step.seat]}办理，不在您的岗位职责内。")
    if step.apart is not None and actor.username in people_of_step(batch, step.apart, actor):
        raise IllegalStep(
            f"“{step.title}”须由另一人办理：您已办理过本批的“{step_of(batch, step.apart).title}”。"
        )
    wanted = inputs_of(step)
    if inputs is not NOTHING and not isinstance(inputs, wanted):
        raise IllegalStep(f"“{step.title}”不需要这些内容。")


def inputs_of(step: Step) -> type[Inputs]:
    """The one frozen dataclass that the work's signature names."""
    named = typing.get_type_hints(step.does).get("inputs", Inputs)
    return typing.cast("type[Inputs]", named)


def people_of_step(batch: Batch, name: str, actor: Actor) -> set[str]:
    """Who last took that step of this batch since it was last a draft."""
    passed = events_of_batch(batch.pk, scope=actor.scope).filter(
        action=f"batch.{name}", result="passed"
    )
    return {event.username for event in passed if event.username}


def land(batch: Batch, step: Step, status: Status) -> None:
    """The only assignment of a status: sets the due day, queues what follows by itself."""
    if status == Status(batch.status):
        return
    batch.status = status
    batch.due_on = due_day(batch, status)
    batch.save(update_fields=["status", "due_on"])
    for following in steps_from(batch.county, status):
        if following.seat == Seat.SYSTEM:
            defer("journey.take", lock=f"batch-{batch.pk}", batch_id=batch.pk, county=batch.county, name=following.name)
        elif following.seat in {Seat.BANK, Seat.TREASURY}:
            defer("journey.nudge", lock=f"batch-{batch.pk}", batch_id=batch.pk, county=batch.county)
        elif following.seat == Seat.CLOCK and batch.due_on is not None:
            midnight = datetime.combine(batch.due_on + timedelta(days=1), time.min)
            defer(
                "journey.take",
                at=timezone.make_aware(midnight),
                batch_id=batch.pk,
                county=batch.county,
                name=following.name,
            )


def due_day(batch: Batch, status: Status) -> date | None:
    """时限 of what comes next: the first row that starts here with a limit of its own.

    None where the holidays of that year are not known yet: money does not wait for a calendar.
    """
    following = [step for step in steps_from(batch.county, status) if step.time_limit.days is not None]
    if not following:
        return None
    limit = time_limit(following[0], batch.county)
    today = timezone.localdate()
    if limit.days is None:
        return None
    if limit.is_natural:
        return add_natural_days(today, limit.days)
    try:
        return work_calendar(scope=Scope(batch.county)).add_working_days(today, limit.days)
    except YearUnknown:
        return None


def time_limit(step: Step, county: str) -> Limit:
    """The pack's number where it has one (`deadlines` of the county), else the table's."""
    settings = county_settings(scope=Scope(county)).settings
    own = settings.get("deadlines", {}).get(step.name)
    return Limit(own["days"], is_natural=own["is_natural"]) if own else step.time_limit


def steps_from(county: str, status: Status) -> list[Step]:
    return [step for step in JOURNEYS[county].values() if status in step.starts_at]


def record(step: Step, batch: Batch, *, start: Status, actor: Actor, verdict: Verdict) -> None:
    """One audit event per command, with the digest of the lines it touched."""
    word = {Passed: "passed", Returned: "returned"}.get(type(verdict), "stays")
    record_event(
        actor=actor,
        action=f"batch.{step.name}",
        result=word,
        unit_no=batch.unit_no,
        department_no=batch.department_no,
        batch_id=batch.pk,
        from_status=start.value,
        to_status=batch.status,
        note=verdict.reason if isinstance(verdict, Returned) else verdict.note,
        touched=verdict.touched,
    )


def edges(county: str) -> list[tuple[str, str, str, bool]]:
    """(step, from, to, is a check) of every row, for the trigger that is the last judge."""
    found = []
    for step in JOURNEYS[county].values():
        is_check = step.seat in CHECKING and step.seat not in MACHINE_SEATS
        for start in step.starts_at:
            found.append((step.name, start.value, step.passes.value, is_check))
            if step.back is not None:
                found.append((step.name, start.value, step.back.value, is_check))
    return found

