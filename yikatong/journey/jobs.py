"""Jobs of the journey: take a machine's step, look whether one is due, apply a message."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yikatong.jobs.patience import PATIENCE
from yikatong.journey import inbox
from yikatong.journey.steps import JOURNEYS, advance, steps_from
from yikatong.kernel.actor import Duty
from yikatong.kernel.errors import IllegalStep, TryAgain
from yikatong.kernel.points import point
from yikatong.kernel.steps import Seat, Status
from yikatong.organisation.machines import machine
from yikatong.organisation.rules import MACHINE_OF_SEAT
from yikatong.organisation.scoping import acting
from yikatong.submission.queries import batch_by_id


@app.task(name="journey.take", queue="main", retry=PATIENCE)
def take(batch_id: int, county: str, name: str) -> None:
    """Take a SYSTEM or CLOCK step; a batch that has moved on already needs nothing."""
    step = JOURNEYS[county][name]
    with acting(machine(county, MACHINE_OF_SEAT[step.seat])) as actor:
        if Status(batch_by_id(batch_id, scope=actor.scope).status) in step.starts_at:
            advance(batch_id, name, actor=actor)


@app.task(name="journey.nudge", queue="main", retry=PATIENCE)
def nudge(batch_id: int, county: str) -> None:
    """Take the step that waits for a bank or the treasury, if what it waits for has come."""
    with acting(machine(county)) as actor:
        status = Status(batch_by_id(batch_id, scope=actor.scope).status)
    for step in steps_from(county, status):
        if step.seat in {Seat.BANK, Seat.TREASURY} and _tried(batch_id, county, step.name, MACHINE_OF_SEAT[step.seat]):
            return


@app.task(name="journey.apply_message", queue="main", retry=PATIENCE)
def apply_message(inbox_id: int, county: str) -> None:
    with acting(machine(county, Duty.BANK_MESSAGE)) as actor:
        inbox.apply(inbox_id, actor=actor)
    point("applied")


def _tried(batch_id: int, county: str, name: str, duty: Duty) -> bool:
    """Whether the step was taken; not yet due is no error."""
    try:
        with acting(machine(county, duty)) as actor:
            advance(batch_id, name, actor=actor)
    except (TryAgain, IllegalStep):
        return False
    return True
