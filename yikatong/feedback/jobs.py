"""三方对账 as a job: the treasury is asked first, no transaction open; then all is compared."""

from __future__ import annotations

from datetime import date, time
from typing import Final

from django.utils import timezone
from procrastinate.contrib.django import app

from yikatong.feedback import notices, reconciling, returning
from yikatong.feedback.models import Reconciliation
from yikatong.feedback.queries import run_on
from yikatong.funding import treasury
from yikatong.jobs.patience import LINE, PATIENCE
from yikatong.kernel.errors import Refused, TryAgain
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.payout.queries import has_paid

EARLIEST: Final = time(7, 0)  # the banks' day accounts and the treasury's are there by then


@app.task(name="feedback.reconcile", queue="main", retry=LINE)
def reconcile(county: str, asked_by: str = "", day: str = "") -> None:
    """R1–R6 of one county; by itself once a day, and whenever a person asks."""
    run_now(county, asked_by=asked_by, day=date.fromisoformat(day) if day else None)


@app.task(name="feedback.send_text", queue="main", retry=LINE)
def send_text(notice_id: int, county: str) -> None:
    notices.send(notice_id, actor=machine(county))


@app.task(name="feedback.call_back", queue="main", retry=PATIENCE)
def call_back(county: str) -> None:
    with acting(machine(county)) as actor:
        returning.call_back(actor=actor)


def run_now(county: str, *, asked_by: str = "", day: date | None = None) -> Reconciliation:
    """The same, at once; gives the run. A treasury that does not answer is said, not waited for."""
    actor = machine(county)
    on = day or timezone.localdate()
    told = ""
    try:
        treasury.reconcile_day(on, actor=actor)
    except (Refused, TryAgain) as error:
        told = str(error)
    cause = Reconciliation.Cause.DEMAND if asked_by else Reconciliation.Cause.DAILY
    with acting(actor):
        return reconciling.run(
            cause=cause, day=on, asked_by=asked_by, treasury_told=told, actor=actor
        )


def run_daily(county: str) -> int:
    """Today's run where it is due and has not been made; gives how many differences are new."""
    now = timezone.localtime()
    if now.time() < EARLIEST:
        return 0
    with acting(machine(county)) as actor:
        if run_on(now.date(), scope=actor.scope) or not has_paid(scope=actor.scope):
            return 0
        returning.call_back(actor=actor)
    return run_now(county).opened
