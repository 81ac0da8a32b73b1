"""`batch` and `step`: where a batch is, and one step of its journey as a named person."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from yikatong.cli import session
from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money

if TYPE_CHECKING:
    from yikatong.kernel.actor import Actor
    from yikatong.submission.models import Batch

FORETOLD = 1000  # rows of the forecast told in full; the counts are of all


def facts_of(number: str) -> dict[str, Any]:
    """The shape of `batch --json`."""
    from yikatong.audit.queries import events_of_batch
    from yikatong.organisation.queries import county_settings
    from yikatong.organisation.scoping import acting
    from yikatong.payout.queries import money_of
    from yikatong.submission.queries import batch_by_number, declared_totals, redrafts_of
    from yikatong.validation.queries import verdict_counts

    _, actor = session.find_batch(number)
    with acting(actor):
        batch = batch_by_number(number, scope=actor.scope)
        lines, declared_fen = declared_totals(batch, scope=actor.scope)
        money = money_of(batch, scope=actor.scope)
        judged = sum(verdict_counts(batch, scope=actor.scope)) > 0
        history = [
            {
                "step": event.action.removeprefix("batch."),
                "by": event.username or event.person_name,
                "at": event.at.isoformat(timespec="seconds"),
                "result": event.result,
                "from": event.from_status,
                "to": event.to_status,
                "note": event.note,
            }
            for event in events_of_batch(batch.pk, scope=actor.scope)
        ]
        return {
            "number": batch.number,
            "county": county_settings(scope=actor.scope).slug,
            "programme": batch.programme.code,
            "period": batch.period,
            "status": batch.status,
            "title": batch.title,
            "lines": lines,
            "due_lines": money.due_lines if judged else lines,
            "due_fen": money.due_fen if judged else declared_fen,
            "paid_fen": money.paid_fen,
            "failed_fen": money.failed_fen,
            "in_transit_fen": money.in_transit_fen,
            "stopped_fen": money.stopped_fen,
            "due_on": batch.due_on,
            "origin": batch.origin.number if batch.origin else None,
            "redrafts": [one.number for one in redrafts_of(batch, scope=actor.scope)],
            "forecast": forecast_facts(batch, actor),
            "history": history,
        }


def forecast_facts(batch: Batch, actor: Actor) -> dict[str, Any]:
    """预计可能失败, before money is requested; the lines without a name or number in full."""
    from yikatong.kernel.masks import masked_name
    from yikatong.validation.outlook import forecast_reason
    from yikatong.validation.queries import forecast, forecast_sum

    told = forecast_sum(batch, scope=actor.scope)
    rows = []
    for line in forecast(batch, scope=actor.scope)[:FORETOLD]:
        why, fixes = forecast_reason(line)
        rows.append(
            {
                "row": line.row_no,
                "name": masked_name(line.payee_name),
                "id": line.id_masked,
                "account": line.last4,
                "fen": line.amount_fen,
                "why": why,
                "fixes": fixes,
            }
        )
    return {"lines": told.lines, "fen": told.fen, "rows": rows}


def show(number: str, *, as_json: bool) -> None:
    """One batch for a person, or as JSON."""
    session.log_in("worker")
    facts = facts_of(number)
    if as_json:
        session.show_json(facts)
        return
    money = {
        key: Money(facts[f"{key}_fen"])
        for key in ("due", "paid", "failed", "in_transit", "stopped")
    }
    sys.stdout.write(
        f"{facts['number']} {facts['title']}  {facts['status']}\n"
        f"应发 {money['due']} = 成功 {money['paid']} + 失败 {money['failed']}"
        f" + 在途 {money['in_transit']} + 停发 {money['stopped']}\n"
    )
    for event in facts["history"]:
        sys.stdout.write(
            f"  {event['at']}  {event['step']:<10} {event['by']}  {event['result']}"
            f"  {event['note']}\n"
        )


def take(number: str, name: str, *, as_user: str, reason: str) -> None:
    """One step as that user, in their role and scope; refused in words when it is not theirs."""
    session.log_in("web")
    from yikatong.journey.steps import advance, inputs_of, step_of
    from yikatong.kernel.steps import NOTHING, STATUS_WORD, Inputs, Reason, Status
    from yikatong.organisation.scoping import acting
    from yikatong.submission.queries import batch_by_number
    from yikatong.submission.rules import Decision, DropReason

    actor = session.acting_for_batch(as_user, number)
    with acting(actor):
        batch = batch_by_number(number, scope=actor.scope)
        wanted = inputs_of(step_of(batch, name))
        inputs: Inputs = NOTHING
        if wanted is Decision:
            inputs = Decision(passed=not reason, reason=reason)
        elif wanted is Reason:
            inputs = Reason(reason)
        elif wanted is DropReason:
            inputs = DropReason(reason)
        elif reason:
            raise Refused("这一步不需要写原因。")
        batch = advance(batch.pk, name, actor=actor, inputs=inputs)
    sys.stdout.write(f"{batch.number} {STATUS_WORD[Status(batch.status)]}\n")


def reissue(programme: str, period: str, *, as_user: str) -> None:
    """补发批次 of one item and period by that clerk; its number on stdout."""
    session.log_in("web")
    from yikatong.journey.steps import gather
    from yikatong.organisation.queries import actors_of
    from yikatong.organisation.scoping import acting

    with acting(actors_of(as_user, via=session.VIA)[0]) as actor:
        made = gather(programme, period, actor=actor)
    sys.stdout.write(f"{made.batch.number}\n")
    session.say(f"{made.lines} 笔，编制送审后按原流程办理")
