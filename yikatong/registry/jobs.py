"""Jobs of the registry: ask a bank."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yikatong.jobs.patience import PATIENCE
from yikatong.organisation.machines import machine
from yikatong.organisation.queries import paying_banks
from yikatong.organisation.scoping import acting
from yikatong.organisation.wire import post
from yikatong.registry.messages import question
from yikatong.registry.queries import verification_request


@app.task(name="registry.ask_bank", queue="main", retry=PATIENCE)
def ask_bank(request_id: int, county: str) -> None:
    with acting(machine(county)) as actor:
        request = verification_request(request_id, scope=actor.scope)
        bank = paying_banks(scope=actor.scope)[request.bank_no]
        post(question(request), bank, actor=actor)
