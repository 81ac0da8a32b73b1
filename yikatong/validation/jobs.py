"""Jobs of validation: rules always run as the worker with the county's scope (trust.md §2)."""

from __future__ import annotations

from contextlib import suppress

from procrastinate.contrib.django import app

from yikatong.jobs.patience import PATIENCE
from yikatong.organisation.machines import machine
from yikatong.organisation.queries import unit_by_number
from yikatong.organisation.scoping import acting
from yikatong.submission.queries import batch_by_id
from yikatong.validation import actions, trials
from yikatong.validation.headway import Cancelled
from yikatong.validation.models import CheckRun
from yikatong.validation.queries import check_run_with_file, trial_with_file
from yikatong.validation.rules import Bands


@app.task(name="validation.check_file", queue="main", retry=PATIENCE)
def check_file(run_id: int, county: str) -> None:
    """A cancelled check is over: its transaction is undone, and it is not tried again."""
    with suppress(Cancelled), acting(machine(county)) as actor:
        run = check_run_with_file(run_id, scope=actor.scope)
        unit = unit_by_number(run.unit_no, scope=actor.scope)
        actions.run_check(run, bands=Bands(unit.unit_no, unit.unit_hi), actor=actor)


@app.task(name="validation.examine", queue="main", retry=PATIENCE)
def examine(batch_id: int, county: str) -> None:
    with acting(machine(county)) as actor:
        batch = batch_by_id(batch_id, scope=actor.scope)
        unit = unit_by_number(batch.unit_no, scope=actor.scope)
        actions.examine(batch, bands=Bands(unit.unit_no, unit.unit_hi), actor=actor)


@app.task(name="validation.try_definition", queue="main", retry=PATIENCE)
def try_definition(trial_id: int, county: str) -> None:
    with acting(machine(county)) as actor:
        trial = trial_with_file(trial_id, scope=actor.scope)
        if trial.state == CheckRun.State.QUEUED:
            unit = unit_by_number(trial.unit_no, scope=actor.scope)
            trials.run_trial(trial, bands=Bands(unit.unit_no, unit.unit_hi), actor=actor)
