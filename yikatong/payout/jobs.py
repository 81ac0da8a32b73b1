"""Jobs of payout: an id in, one message out."""

from __future__ import annotations

from datetime import datetime

from procrastinate.contrib.django import app

from yikatong.connectors.bank.refusals import Unwritable
from yikatong.funding import treasury
from yikatong.funding.queries import request_by_id
from yikatong.jobs.patience import PATIENCE
from yikatong.jobs.queue import defer
from yikatong.kernel.points import point
from yikatong.organisation.machines import machine
from yikatong.organisation.queries import county_settings, paying_banks
from yikatong.organisation.scoping import acting
from yikatong.organisation.wire import post
from yikatong.payout import actions, messages
from yikatong.payout.actions import set_unwritable_aside
from yikatong.payout.details import details_of
from yikatong.payout.queries import payment_by_id, share_by_id, stops_before


@app.task(name="payout.post_roster", queue="main", retry=PATIENCE)
def post_roster(share_id: int, county: str) -> None:
    point("intent-committed")
    with acting(machine(county)) as actor:
        share = share_by_id(share_id, scope=actor.scope)
        bank = paying_banks(scope=actor.scope)[share.bank_no]
        hotline = county_settings(scope=actor.scope).settings.get("hotline", "")
        roster = messages.roster(share, bank_name=bank.name, hotline=hotline)
        try:
            post(roster, bank, actor=actor)
        except Unwritable as error:
            if set_unwritable_aside(share, messages.named(roster, error), actor=actor):
                # in a job of its own: what is left is read anew
                defer("payout.post_roster", share_id=share.pk, county=county)


@app.task(name="payout.post_release", queue="main", retry=PATIENCE)
def post_release(share_id: int, county: str) -> None:
    with acting(machine(county)) as actor:
        share = share_by_id(share_id, scope=actor.scope)
        bank = paying_banks(scope=actor.scope)[share.bank_no]
        post(messages.release(share, scope=actor.scope), bank, actor=actor)


@app.task(name="payout.post_cancel", queue="main", retry=PATIENCE)
def post_cancel(share_id: int, county: str) -> None:
    with acting(machine(county)) as actor:
        share = share_by_id(share_id, scope=actor.scope)
        bank = paying_banks(scope=actor.scope)[share.bank_no]
        number = stops_before(share, scope=actor.scope) + 1
        post(messages.cancellation(share, reason="撤回更正", number=number), bank, actor=actor)


@app.task(name="payout.post_stop", queue="main", retry=PATIENCE)
def post_stop(payment_id: int, county: str) -> None:
    with acting(machine(county)) as actor:
        payment = payment_by_id(payment_id, scope=actor.scope)
        bank = paying_banks(scope=actor.scope)[payment.bank_no]
        number = stops_before(payment.share, scope=actor.scope, payment=payment)
        message = messages.stoppage(payment, reason=payment.stop.reason, number=number)
        post(message, bank, actor=actor)


@app.task(name="payout.fund_from_kept", queue="main", retry=PATIENCE)
def fund_from_kept(request_id: int, county: str) -> None:
    with acting(machine(county)) as actor:
        actions.fund_from_kept(request_by_id(request_id, scope=actor.scope), actor=actor)


@app.task(name="payout.tell_held", queue="main", retry=PATIENCE)
def tell_held(batch_no: str, county: str, until: str, why: str) -> None:
    with acting(machine(county)) as actor:
        actions.tell_held(batch_no, datetime.fromisoformat(until), why, actor=actor)


@app.task(name="payout.send_details", queue="main", retry=PATIENCE)
def send_details(request_id: int, county: str) -> None:
    """B03; read in one transaction, sent with none open. The same rows have the same keys."""
    with acting(machine(county)) as actor:
        request = request_by_id(request_id, scope=actor.scope)
        rows = list(details_of(request, scope=actor.scope))
    treasury.send_details(request, rows)


@app.task(name="payout.file_with_persons", queue="main", retry=PATIENCE)
def file_with_persons(request_id: int, county: str) -> None:
    """B02 in the treasury's envelope, which holds the persons too."""
    actor = machine(county)
    with acting(actor):
        request = request_by_id(request_id, scope=actor.scope)
        rows = list(details_of(request, scope=actor.scope))
    treasury.file(request_id, actor=actor, persons=rows)
