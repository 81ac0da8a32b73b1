"""Jobs of the wire. Retried with back-off while a bank cannot be reached."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yikatong.jobs.patience import LINE
from yikatong.organisation import wire
from yikatong.organisation.machines import machine
from yikatong.organisation.queries import paying_banks
from yikatong.organisation.scoping import acting


@app.task(name="organisation.deliver", queue="main", retry=LINE)
def deliver(bank_no: int, county: str) -> None:
    actor = machine(county)
    with acting(actor):
        bank = paying_banks(scope=actor.scope)[bank_no]
    wire.deliver(bank, actor=actor)
