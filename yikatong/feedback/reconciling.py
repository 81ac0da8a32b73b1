"""三方对账: a run, its differences, their answers and closing by a second person."""

from __future__ import annotations

from datetime import date
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from yikatong.audit.actions import record
from yikatong.feedback import bulk
from yikatong.feedback.models import Difference, DifferenceWord, Reconciliation
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.errors import Refused

ASKING: Final = frozenset({Duty.FINANCE, Duty.DEPT_CLERK, Duty.DEPT_CHIEF})
SHORTEST_REASON: Final = 4


def ask_for_run(*, actor: Actor) -> None:
    """按需对账: queued at once, as the worker, who alone sees every side.

    Raises:
        Refused: not finance's nor a department's.
    """
    if actor.duty not in ASKING:
        raise Refused("对账由财政或主管部门发起。")
    record(actor=actor, action="reconcile.ask", result="done", unit_no=actor.unit_no)
    county = actor.scope.county
    defer("feedback.reconcile", lock=f"reconcile-{county}", county=county, asked_by=actor.username)


def run(
    *, cause: Reconciliation.Cause, day: date, asked_by: str, treasury_told: str, actor: Actor
) -> Reconciliation:
    """R1–R6 over the whole county: the three sums, and every difference that stands, once."""
    county, now = actor.scope.county, timezone.now()
    found = bulk.stand(county)
    made = Reconciliation.objects.create(
        county=county,
        cause=cause,
        day=day,
        treasury_told=treasury_told[:300],
        found=found,
        opened=bulk.unknown_differences(),
        asked_by=asked_by,
        at=now,
    )
    bulk.keep_sums(made.pk, county)
    bulk.open_differences(made.pk, now=now)
    return made


def answer(difference: Difference, *, reason: str, actor: Actor) -> None:
    """答复: what was found out about a difference.

    Raises:
        Refused: not finance's nor a department's, no reason, or closed already.
    """
    _say(difference, DifferenceWord.Kind.ANSWER, reason, actor=actor)


def close(difference: Difference, *, reason: str, actor: Actor) -> None:
    """销号, by another person than who answered.

    Raises:
        Refused: not answered, answered by the same person, closed already, or no reason.
    """
    said = list(difference.words.filter(county=actor.scope.county))
    answers = {word.said_by for word in said if word.kind == DifferenceWord.Kind.ANSWER}
    if not answers:
        raise Refused("这条差异还没有答复，请先写明查清的情况。")
    if actor.username in answers:
        raise Refused("您已答复过这条差异，请由另一人核实后销号。")
    _say(difference, DifferenceWord.Kind.CLOSE, reason, actor=actor)


def _say(difference: Difference, kind: DifferenceWord.Kind, reason: str, *, actor: Actor) -> None:
    if actor.duty not in ASKING:
        raise Refused("对账差异由财政或主管部门答复、销号。")
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("请写明查清的情况（不少于 4 个字）。")
    try:
        with transaction.atomic():
            DifferenceWord.objects.create(
                county=difference.county,
                unit_no=difference.unit_no,
                department_no=difference.department_no,
                bank_no=difference.bank_no,
                difference=difference,
                kind=kind,
                said_by=actor.username,
                reason=reason.strip()[:300],
                at=timezone.now(),
            )
    except IntegrityError as error:
        if "销号" not in str(error) and "a_difference_is_closed_once" not in str(error):
            raise
        raise Refused("这条差异刚被另一人销号，不能再写。") from None
    record(
        actor=actor,
        action=f"difference.{kind.value.lower()}",
        result="done",
        unit_no=difference.unit_no,
        department_no=difference.department_no,
        batch_id=difference.batch_id,
        note=f"{difference.rule} 差异 {difference.pk}：{reason.strip()}"[:300],
    )
