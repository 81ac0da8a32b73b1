"""Jobs of accounting: drafts of what happened, each keyed by its event."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yikatong.accounting import actions
from yikatong.accounting.queries import recovery_by_id
from yikatong.jobs.patience import PATIENCE
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission.queries import batch_by_id


@app.task(name="accounting.draft_refunds", queue="main", retry=PATIENCE)
def draft_refunds(batch_id: int, county: str) -> None:
    with acting(machine(county)) as actor:
        actions.draft_refunds(batch_by_id(batch_id, scope=actor.scope), actor=actor)


@app.task(name="accounting.draft_kept", queue="main", retry=PATIENCE)
def draft_kept(batch_id: int, county: str) -> None:
    with acting(machine(county)) as actor:
        actions.draft_kept(batch_by_id(batch_id, scope=actor.scope), actor=actor)


@app.task(name="accounting.draft_recovery", queue="main", retry=PATIENCE)
def draft_recovery(recovery_id: int, county: str) -> None:
    with acting(machine(county)) as actor:
        actions.draft_recovery(recovery_by_id(recovery_id, scope=actor.scope), actor=actor)
