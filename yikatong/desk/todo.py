"""待办: which batches wait for this person, and what they may do with one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django.utils import timezone

from yikatong.journey.steps import JOURNEYS, check, steps_from
from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.calendar import natural_days_until
from yikatong.kernel.errors import IllegalStep, Refused
from yikatong.kernel.steps import MACHINE_SEATS, NOTHING, Seat, Status, Step
from yikatong.organisation.queries import county_settings, work_calendar
from yikatong.organisation.rules import sits_on
from yikatong.submission.queries import batches_waiting

SHOWN: Final = 100
WORKING, NATURAL = "个工作日", "天"
# 撤销 and 作废 stand open for long; they are no work that waits
NEVER_WAITING: Final = frozenset({"cancel", "drop"})
# taken along with another step, never by itself
NEVER_OFFERED: Final = frozenset({"emptied"})


@dataclass(frozen=True, slots=True)
class Chip:
    """How long is left, in the shape of cotton/deadline_chip.html."""

    days: int | None
    unit: str = WORKING
    on: str = ""
    note: str = ""

    def __str__(self) -> str:
        if self.days is None:
            return self.note
        if self.days < 0:
            return f"已超时 {-self.days} {self.unit}"
        return f"剩 {self.days} {self.unit}" if self.days else "今天到期"


class Deadlines:
    """Counts what is left of a limit in the limit's own unit; reads the county's tables once."""

    def __init__(self, actor: Actor) -> None:
        self.county = actor.scope.county
        self.own: dict[str, Any] = county_settings(scope=actor.scope).settings.get("deadlines", {})
        self.calendar = work_calendar(scope=actor.scope)
        self.today = timezone.localdate()

    def chip(self, status: str, due_on: date | None) -> Chip | None:
        """None where nothing limits the present step."""
        if due_on is None:
            return None
        on = due_on.isoformat()
        if self._is_natural(Status(status)):
            return Chip(natural_days_until(self.today, due_on), NATURAL, on)
        try:
            return Chip(self.calendar.working_days_until(self.today, due_on), WORKING, on)
        except Refused:
            return Chip(None, on=on, note="节假日表未更新")

    def _is_natural(self, status: Status) -> bool:
        """As the journey set the day: by the first row from here that has a limit."""
        for step in steps_from(self.county, status):
            if step.time_limit.days is not None:
                own = self.own.get(step.name)
                return bool(own["is_natural"]) if own else step.time_limit.is_natural
        return False


@dataclass(frozen=True, slots=True)
class Waiting:
    """One batch of the 待办 with the step that it waits for."""

    batch: Any
    step: Step
    chip: Chip | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A step that this person's seat may take from here; `why_not` where it cannot be yet."""

    step: Step
    why_not: str = ""
    is_aside: bool = field(default=False)


def waiting_for(actor: Actor, deadlines: Deadlines) -> list[Waiting]:
    """What waits for this person, the nearest day first."""
    anywhere, of_unit = _statuses(actor)
    if not anywhere and not of_unit:
        return []
    found = batches_waiting(
        anywhere=anywhere, of_unit=of_unit, unit_no=actor.unit_no, scope=actor.scope
    )[:SHOWN]
    waiting = []
    for batch in found:
        step = next((one for one in _mine(batch, actor) if one.name not in NEVER_WAITING), None)
        if step is not None:
            waiting.append(Waiting(batch, step, deadlines.chip(batch.status, batch.due_on)))
    return waiting


def choices(batch: Any, actor: Actor) -> list[Choice]:
    """Every step from here of this person's seat; the usual ones first."""
    found = []
    for step in _mine(batch, actor):
        why_not = ""
        try:
            check(step, batch, actor, NOTHING)
        except IllegalStep as error:
            why_not = str(error)
        found.append(Choice(step, why_not, is_aside=step.name in NEVER_WAITING))
    return sorted(found, key=lambda choice: choice.is_aside)


def following(batch: Any) -> list[Step]:
    """Who comes next: the first usual step from here."""
    usual = [
        step
        for step in steps_from(batch.county, Status(batch.status))
        if step.name not in NEVER_WAITING | NEVER_OFFERED
    ]
    return usual[:1]


def _mine(batch: Any, actor: Actor) -> list[Step]:
    return [
        step
        for step in steps_from(batch.county, Status(batch.status))
        if step.name not in NEVER_OFFERED
        and sits_on(actor, step.seat, unit_no=batch.unit_no, department_no=batch.department_no)
    ]


def _statuses(actor: Actor) -> tuple[set[str], set[str]]:
    """Statuses at which some step is this duty's: of any batch in scope, and of its own drafts."""
    anywhere: set[str] = set()
    of_unit: set[str] = set()
    for step in JOURNEYS[actor.scope.county].values():
        if step.name in NEVER_WAITING | NEVER_OFFERED or step.seat in MACHINE_SEATS:
            continue
        starts = {status.value for status in step.starts_at}
        if step.seat in {Seat.UNIT_CLERK, Seat.UNIT_CHECK}:
            if actor.duty in DRAFTERS[step.seat]:
                of_unit |= starts
        elif actor.duty == SEATED[step.seat]:
            anywhere |= starts
    return anywhere, of_unit


DRAFTERS: Final = {
    Seat.UNIT_CLERK: (Duty.TOWN_CLERK, Duty.DEPT_CLERK),
    Seat.UNIT_CHECK: (Duty.TOWN_CHECK, Duty.DEPT_CHIEF),
}
SEATED: Final = {
    Seat.DEPT_CLERK: Duty.DEPT_CLERK,
    Seat.DEPT_CHIEF: Duty.DEPT_CHIEF,
    Seat.FINANCE: Duty.FINANCE,
}
