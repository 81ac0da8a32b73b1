"""Reads of findings, verdicts and checks, in a scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.utils import timezone

from yikatong.catalogue.models import Definition
from yikatong.kernel.actor import Scope
from yikatong.kernel.errors import Refused
from yikatong.kernel.steps import Status
from yikatong.submission.models import Batch, Line
from yikatong.submission.queries import answers
from yikatong.validation.headway import seconds_left
from yikatong.validation.models import (
    CheckRun,
    Finding,
    Headway,
    LineOutlook,
    LineVerdict,
    PeriodChange,
    RuleOutcome,
    Trial,
)
from yikatong.validation.outlook import ENDED_BADLY, OF_THE_AMOUNT
from yikatong.validation.rules import CONFIRM, CONFIRMED, INFO, ChangeKind, Outcome

# judged, and no money asked for yet
FORESEEN_AT: Final = (Status.VALIDATED, Status.SENDING, Status.IN_REVIEW, Status.READY)


def last_run(batch: Batch, *, scope: Scope) -> int:
    """The number of the newest run over this batch, 0 before the first.

    Read from the outcomes, which a run writes even where it found nothing; from the findings of
    runs that were stored before there were outcomes.
    """
    told = RuleOutcome.objects.filter(county=scope.county, batch=batch).aggregate(n=Max("run_no"))
    found = Finding.objects.filter(county=scope.county, batch=batch).aggregate(n=Max("run_no"))
    return max(int(told["n"] or 0), int(found["n"] or 0))


def findings_of(batch: Batch, *, scope: Scope) -> QuerySet[Any]:
    """Findings of the newest run; of a fresh correction those that its lines were kept back for.

    What was found in a line that has been taken out since is not shown any more. `severity_now`
    and `verdict_now` tell what a person has answered since the run, as the next run will.
    """
    run_no = last_run(batch, scope=scope)
    found: QuerySet[Any] = Finding.objects.filter(county=scope.county)
    if run_no == 0 and batch.origin is not None:
        run_no = last_run(batch.origin, scope=scope)
        found = found.filter(batch=batch.origin, line__copies__batch=batch)
    else:
        still_here = Exists(Line.objects.filter(pk=OuterRef("line_id")))
        found = found.filter(Q(line=None) | still_here, batch=batch)
    given = answers(batch, scope=scope).filter(
        rule=OuterRef("rule"), obligation=OuterRef("obligation"), evidence=OuterRef("evidence")
    )
    is_answered = Q(severity=CONFIRM) & Exists(given)  # in this order: few rows are looked up
    answered = When(is_answered, then=Value(INFO))
    confirmed = When(is_answered, then=Value(CONFIRMED))
    told: QuerySet[Any] = (
        found.filter(run_no=run_no)
        .annotate(severity_now=Case(answered, default=F("severity")))
        .annotate(verdict_now=Case(confirmed, default=F("verdict")))
        .order_by("row_no", "rule")
    )
    return told


def findings_by_rule(batch: Batch, *, scope: Scope) -> list[dict[str, Any]]:
    """Grouped for a page: rule, severity, count, one sentence as an example."""
    rows: Iterable[Any] = (
        findings_of(batch, scope=scope)
        .order_by()
        .values("rule", "severity_now", "verdict_now")
        .annotate(times=Count("id"), example=Min("sentence"))
        .order_by("severity_now", "rule")
    )
    return [
        {
            "rule": row["rule"],
            "severity": row["severity_now"],
            "verdict": row["verdict_now"],
            "times": row["times"],
            "example": row["example"],
        }
        for row in rows
    ]


def findings_of_lines(
    batch: Batch, lines: Iterable[Line], *, scope: Scope
) -> dict[int, list[Any]] | None:
    """What the newest run found in each of these lines, the gravest first; None before any run.

    A line of a fresh correction is told what the line it was copied from was kept back for.
    """
    if batch.origin_id is None and last_run(batch, scope=scope) == 0:
        return None
    copy_of = {line.origin_id: line.pk for line in lines if line.origin_id is not None}
    line_of = copy_of | {line.pk: line.pk for line in lines}
    told: dict[int, list[Any]] = {}
    found = findings_of(batch, scope=scope).filter(line_id__in=list(line_of))
    for finding in found.order_by("severity_now", "rule", "id"):
        if finding.line_id is not None:
            told.setdefault(line_of[finding.line_id], []).append(finding)
    return told


def reasons_given(batch: Batch, *, scope: Scope) -> dict[str, list[str]]:
    """Why what is 已确认 may go on: rule → the reasons written, each once."""
    covered = findings_of(batch, scope=scope).filter(
        verdict_now=CONFIRMED, rule=OuterRef("rule"), evidence=OuterRef("evidence")
    )
    given = answers(batch, scope=scope).filter(Exists(covered)).order_by("id")
    told: dict[str, list[str]] = {}
    for rule, reason in given.values_list("rule", "reason"):
        if reason not in told.setdefault(rule, []):
            told[rule].append(reason)
    return told


def rule_outcomes_of(batch: Batch, *, scope: Scope) -> dict[str, Outcome]:
    """What each rule said in the newest run; empty before the first."""
    run_no = last_run(batch, scope=scope)
    rows = RuleOutcome.objects.filter(county=scope.county, batch=batch, run_no=run_no)
    return {
        row.rule: Outcome(row.verdict, row.findings)
        for row in rows.order_by("rule").only("rule", "verdict", "findings")
    }


def changes_from_last_period(
    batch: Batch, *, scope: Scope, kind: ChangeKind | None = None
) -> QuerySet[PeriodChange]:
    """What the newest run found different from last period, for approval by difference.

    By kind, then by row; nobody has a row where there was no earlier payment of the item at all,
    except 共用账户 and 共用电话, which need none. `get_kind_display()` is the Chinese word.
    """
    run_no = last_run(batch, scope=scope)
    found = PeriodChange.objects.filter(county=scope.county, batch=batch, run_no=run_no)
    if kind is not None:
        found = found.filter(kind=kind.value)
    return found.order_by("kind", "row_no", "id")


def change_counts(batch: Batch, *, scope: Scope) -> dict[ChangeKind, int]:
    """How many rows of each kind; a kind without any is told as 0."""
    counted = dict(
        changes_from_last_period(batch, scope=scope)
        .order_by()
        .values_list("kind")
        .annotate(Count("id"))
    )
    return {kind: counted.get(kind.value, 0) for kind in ChangeKind}


def verdict_counts(batch: Batch, *, scope: Scope) -> tuple[int, int]:
    """(passed, failed) lines of the verdict; (0, 0) before it."""
    rows = dict(
        LineVerdict.objects.filter(county=scope.county, batch=batch)
        .values_list("passed")
        .annotate(Count("pk"))
    )
    return rows.get(True, 0), rows.get(False, 0)


def check_run(run_id: int, *, scope: Scope) -> CheckRun:
    found: CheckRun | None = (
        CheckRun.objects.filter(county=scope.county, pk=run_id)
        .select_related("source_file", "batch")
        .defer("source_file__sealed")
        .first()
    )
    if found is None:
        raise Refused("没有这次检查，或不在您的办理范围内。")
    return found


def headway_of(subject: str, *, scope: Scope) -> dict[str, Any] | None:
    """How far a long judgement is: rows, phase, percent, seconds left; None where none runs."""
    found = Headway.objects.filter(county=scope.county, subject=subject).first()
    if found is None:
        return None
    return {
        "rows": found.rows,
        "phase": found.phase,
        "percent": 100 * found.done // found.of if found.of else 0,
        "seconds_left": seconds_left(found.started_at, found.done, found.of, now=timezone.now()),
        "is_cancelled": bool(found.cancelled_by),
    }


def headway_words(batch: Batch, *, scope: Scope) -> str:
    """How far the judging of a batch is, in words; '' where none is long enough to be told."""
    told = headway_of(f"batch|{batch.pk}", scope=scope)
    if told is None:
        return ""
    left = told["seconds_left"]
    wait = "" if left is None else f"，大约还要 {left} 秒"
    return f"{told['phase']} {told['percent']}%{wait}"


def recent_checks(*, scope: Scope) -> QuerySet[CheckRun]:
    return (
        CheckRun.objects.filter(county=scope.county)
        .select_related("source_file", "batch")
        .defer("source_file__sealed", "report")
        .order_by("-id")[:20]
    )


def checks_not_stored(*, by: str, since: date, scope: Scope) -> QuerySet[CheckRun]:
    """A person's own checks that are done and not stored as a draft, newest first."""
    return (
        CheckRun.objects.filter(
            county=scope.county, asked_by=by, batch=None, asked_at__date__gte=since
        )
        .exclude(state__in=(CheckRun.State.QUEUED, CheckRun.State.RUNNING))
        .select_related("source_file")
        .defer("source_file__sealed", "report")
        .order_by("-id")
    )


def findings_of_rule(batch: Batch, rule: str, *, scope: Scope) -> QuerySet[Any]:
    """Every row that one rule named in the newest run."""
    return findings_of(batch, scope=scope).filter(rule=rule)


def open_obligations(batch: Batch, rule: str, *, scope: Scope) -> list[tuple[str, bytes]]:
    """(享受权标识, evidence) of each `confirm` of one rule: what an answer points at."""
    found = (
        findings_of_rule(batch, rule, scope=scope)
        .filter(severity_now=CONFIRM)
        .order_by("obligation", "evidence")
        .values_list("obligation", "evidence")
        .distinct()
    )
    return [(obligation, bytes(evidence)) for obligation, evidence in found]


def find_check(run_id: int, *, scope: Scope) -> CheckRun | None:
    found: CheckRun | None = (
        CheckRun.objects.filter(county=scope.county, pk=run_id)
        .select_related("source_file", "batch")
        .defer("source_file__sealed")
        .first()
    )
    return found


def check_of_same_file(
    sm3: bytes, *, programme_code: str, period: str, scope: Scope
) -> CheckRun | None:
    """An earlier check of the same bytes for the same programme and period, if it ended."""
    found: CheckRun | None = (
        CheckRun.objects.filter(
            county=scope.county,
            source_file__sm3=sm3,
            programme_code=programme_code,
            period=period,
        )
        .exclude(state__in=(CheckRun.State.FAILED, CheckRun.State.STOPPED))
        .order_by("-id")
        .first()
    )
    return found


def check_run_with_file(run_id: int, *, scope: Scope) -> CheckRun:
    """A check with its sealed file; only the worker's grants reach it."""
    found: CheckRun = (
        CheckRun.objects.filter(county=scope.county).select_related("source_file").get(pk=run_id)
    )
    return found


@dataclass(frozen=True, slots=True)
class ForecastSum:
    """预计可能失败: how many lines, their fen, and how many lines the reader cannot judge."""

    lines: int
    fen: int
    unseen: int


def forecast(batch: Batch, *, scope: Scope) -> QuerySet[LineOutlook]:
    """Lines that the bank would fail as things stand, before money is requested, by line.

    Those whose account version has a newest bank answer other than MATCH, one that is no longer
    valid, or none; and those whose newest ended payment to the same version failed or came back
    for its account's sake. Nothing before the verdict, and nothing once money was asked for.
    """
    return _outlook(batch, scope=scope).filter(
        Q(outcome=None)
        | ~Q(outcome="MATCH")
        | Q(valid_until__lt=timezone.localdate())
        | Q(earlier_state__in=ENDED_BADLY)
        & (Q(earlier_code=None) | ~Q(earlier_code=OF_THE_AMOUNT)),
        is_seen=True,
    )


def forecast_sum(batch: Batch, *, scope: Scope) -> ForecastSum:
    """`unseen` are lines paid to accounts outside the scope: of these nothing is foretold."""
    if batch.status not in FORESEEN_AT:
        return ForecastSum(0, 0, 0)
    told = forecast(batch, scope=scope).order_by().aggregate(n=Count("id"), fen=Sum("amount_fen"))
    unseen = _outlook(batch, scope=scope).filter(is_seen=False).count()
    return ForecastSum(int(told["n"]), int(told["fen"] or 0), unseen)


def _outlook(batch: Batch, *, scope: Scope) -> QuerySet[LineOutlook]:
    if batch.status not in FORESEEN_AT:
        return LineOutlook.objects.none()
    return LineOutlook.objects.filter(county=scope.county, batch=batch).order_by("id")


def trial_with_file(trial_id: int, *, scope: Scope) -> Trial:
    found: Trial = Trial.objects.select_related("definition", "source_file").get(
        county=scope.county, pk=trial_id
    )
    return found


def find_trial(trial_id: int, *, scope: Scope) -> Trial | None:
    """None where nothing of that number is in the scope."""
    found: Trial | None = _trials(scope).filter(pk=trial_id).first()
    return found


def trials_of(definition: Definition, *, scope: Scope) -> list[Trial]:
    """Every trial of this version, the newest first."""
    return list(_trials(scope).filter(definition=definition).order_by("-id"))


def _trials(scope: Scope) -> QuerySet[Trial]:
    return Trial.objects.filter(county=scope.county).select_related("definition")
