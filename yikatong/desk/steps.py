"""办理: the one form by which a person takes a step of a batch's journey."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import DatabaseError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from yikatong.desk import words
from yikatong.desk.batches import batch_or_404
from yikatong.desk.errors import CONFLICT, UNPROCESSABLE, said_no, status_of
from yikatong.desk.forms import StepForm
from yikatong.journey.steps import JOURNEYS, advance, check, inputs_of
from yikatong.kernel.actor import Actor
from yikatong.kernel.capitals import in_capitals
from yikatong.kernel.errors import IllegalStep, Refused
from yikatong.kernel.money import Money
from yikatong.kernel.steps import NOTHING, Step
from yikatong.organisation.policy import BATCH_READERS, DeskRequest, policy
from yikatong.payout.queries import money_of
from yikatong.submission.queries import declared_totals
from yikatong.validation.queries import findings_by_rule, verdict_counts


@policy(BATCH_READERS)
@require_http_methods(["GET", "POST"])
def take(request: DeskRequest, number: str, name: str) -> HttpResponse:
    """GET shows what is asked and of whom; POST takes the step and goes back to the batch."""
    actor = request.actor
    batch = batch_or_404(number, actor)
    step = JOURNEYS[batch.county].get(name)
    if step is None:
        raise Http404
    try:
        check(step, batch, actor, NOTHING)
    except IllegalStep as error:
        return _page(request, batch, step, why_not=str(error), status=CONFLICT)
    form = StepForm(inputs_of(step), request.POST if request.method == "POST" else None)
    if request.method == "GET":
        return _page(request, batch, step, form=form)
    if not form.is_valid():
        return _page(request, batch, step, form=form, status=UNPROCESSABLE)
    try:
        moved = advance(batch.pk, name, actor=actor, inputs=form.inputs())
    except (Refused, DatabaseError) as error:
        sentence = said_no(error)
        if sentence is None:
            raise
        form.add_error(None, sentence)
        return _page(request, batch, step, form=form, status=status_of(error))
    messages.success(
        request, f"已办理“{step.title}”，批次现在是“{words.status_word(moved.status)}”。"
    )
    return redirect("batch", number=batch.number)


def _page(
    request: DeskRequest,
    batch: Any,
    step: Step,
    *,
    form: StepForm | None = None,
    why_not: str = "",
    status: int = 200,
) -> HttpResponse:
    lines, fen = _totals(batch, request.actor)
    context = {
        "batch": batch,
        "step": step,
        "form": form,
        "why_not": why_not,
        "lines": lines,
        "fen": fen,
        "capitals": in_capitals(Money(fen)),
        "findings": _open_findings(batch, request.actor),
        "is_aside": step.back is None and step.name in {"cancel", "drop"},
    }
    return render(request, "step.html", context, status=status)


def _totals(batch: Any, actor: Actor) -> tuple[int, int]:
    """People and money that the step is about: what passed once judged, else what was declared."""
    if sum(verdict_counts(batch, scope=actor.scope)):
        money = money_of(batch, scope=actor.scope)
        return money.due_lines, money.due_fen
    return declared_totals(batch, scope=actor.scope)


def _open_findings(batch: Any, actor: Actor) -> dict[str, int]:
    """Findings of the newest run by severity, so that a checker sees them before deciding."""
    found: dict[str, int] = {}
    for row in findings_by_rule(batch, scope=actor.scope):
        severity = str(row["severity"])
        found[severity] = found.get(severity, 0) + int(str(row["times"]))
    return found
