"""Reads of findings, verdicts and checks, in a scope."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet

from yikatong.kernel.actor import Scope
from yikatong.kernel.errors import Refused
from yikatong.submission.models import Batch, Line
from yikatong.validation.models import CheckRun, Finding, LineVerdict


def last_run(batch: Batch, *, scope: Scope) -> int:
    """The number of the newest run over this batch, 0 before the first."""
    facts = Finding.objects.filter(county=scope.county, batch=batch).aggregate(n=Max("run_no"))
    return int(facts["n"] or 0)


def findings_of(batch: Batch, *, scope: Scope) -> QuerySet[Finding]:
    """Findings of the newest run; of a fresh correction those that its lines were kept back for.

    What was found in a line that has been taken out since is not shown any more.
    """
    run_no = last_run(batch, scope=scope)
    found = Finding.objects.filter(county=scope.county)
    if run_no == 0 and batch.origin is not None:
        run_no = last_run(batch.origin, scope=scope)
        found = found.filter(batch=batch.origin, line__copies__batch=batch)
    else:
        still_here = Exists(Line.objects.filter(pk=OuterRef("line_id")))
        found = found.filter(Q(line=None) | still_here, batch=batch)
    return found.filter(run_no=run_no).order_by("row_no", "rule")


def findings_by_rule(batch: Batch, *, scope: Scope) -> list[dict[str, Any]]:
    """Grouped for a page: rule, severity, count, one sentence as an example."""
    rows: Iterable[Any] = (
        findings_of(batch, scope=scope)
        .order_by()
        .values("rule", "severity", "verdict")
        .annotate(times=Count("id"), example=Min("sentence"))
        .order_by("severity", "rule")
    )
    return [dict(row) for row in rows]


def verdict_counts(batch: Batch, *, scope: Scope) -> tuple[int, int]:
    """(passed, failed) lines of the verdict; (0, 0) before it."""
    rows = dict(
        LineVerdict.objects.filter(county=scope.county, batch=batch)
        .values_list("passed")
        .annotate(Count("id"))
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


def findings_of_rule(batch: Batch, rule: str, *, scope: Scope) -> QuerySet[Finding]:
    """Every row that one rule named in the newest run."""
    return findings_of(batch, scope=scope).filter(rule=rule)


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
        .exclude(state=CheckRun.State.FAILED)
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
