"""Jobs of the registry: ask a bank."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yikatong.connectors.bank.refusals import Unwritable
from yikatong.jobs.patience import PATIENCE
from yikatong.jobs.queue import defer
from yikatong.organisation.machines import machine
from yikatong.organisation.queries import paying_banks
from yikatong.organisation.scoping import acting
from yikatong.organisation.wire import post, profile_of
from yikatong.registry import bulk
from yikatong.registry import verifications as asking
from yikatong.registry.messages import question, question_of_change, unwritable_versions
from yikatong.registry.queries import change_to_verify, verification_request
from yikatong.registry.rules import UNWRITABLE


@app.task(name="registry.ask_bank", queue="main", retry=PATIENCE)
def ask_bank(request_id: int, county: str) -> None:
    with acting(machine(county)) as actor:
        request = verification_request(request_id, scope=actor.scope)
        bank = paying_banks(scope=actor.scope)[request.bank_no]
        over = bulk.versions_over_quota(
            request.pk, county=county, bank_no=request.bank_no, since=asking.midnight(),
            most=profile_of(bank).verify_per_day,
        )  # fmt: skip
        if asking.keep_quota(request, over, actor=actor):
            message = question(request)
            try:
                post(message, bank, actor=actor)
            except Unwritable as error:
                asking.leave_out(
                    request, unwritable_versions(message, error), UNWRITABLE, actor=actor
                )
                if request.versions:
                    post(question(request), bank, actor=actor)


@app.task(name="registry.ask_again", queue="main", retry=PATIENCE)
def ask_again(county: str, unit_no: int, bank_no: int, versions: list[int]) -> None:
    """What was over yesterday's quota."""
    with acting(machine(county)) as actor:
        request = asking.ask_versions(versions, bank_no=bank_no, unit_no=unit_no, actor=actor)
        defer("registry.ask_bank", request_id=request.pk, county=county)


@app.task(name="registry.verify_change", queue="main", retry=PATIENCE)
def verify_change(change_id: int, county: str) -> None:
    """核验 at data entry, as soon as a clerk has entered the account."""
    with acting(machine(county)) as actor:
        change = change_to_verify(change_id, scope=actor.scope)
        bank = paying_banks(scope=actor.scope)[change.bank_no]
        per_day = profile_of(bank).verify_per_day
        tries = bulk.tries_of_card(
            bytes(change.number_index), county=county, bank_no=change.bank_no,
            since=asking.midnight(),
        )  # fmt: skip
        request = asking.ask_of_change(change, tries=tries, per_day=per_day, actor=actor)
        if request is not None:
            try:
                post(question_of_change(request, change), bank, actor=actor)
            except Unwritable:
                asking.unwritable_change(request, change, actor=actor)


@app.task(name="registry.carry_answer", queue="main", retry=PATIENCE)
def carry_answer(change_id: int, county: str) -> None:
    with acting(machine(county)) as actor:
        asking.carry_answer(change_to_verify(change_id, scope=actor.scope), actor=actor)
