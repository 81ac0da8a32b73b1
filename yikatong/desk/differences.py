"""What an approver looks at: what differs from last period, what each rule said of the batch, and
which lines the bank would fail as things stand.
"""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from yikatong.desk.batches import batch_or_404, foretold
from yikatong.organisation.paging import page_of, told_count
from yikatong.organisation.policy import BATCH_READERS, DeskRequest, policy
from yikatong.validation.queries import changes_from_last_period, forecast
from yikatong.validation.rules import CHANGE_WORD, ChangeKind


@policy(BATCH_READERS)
@require_GET
def changes(request: DeskRequest, number: str) -> HttpResponse:
    """与上期比较, page by page; `?kind=` shows one kind, a word that is none shows all."""
    batch = batch_or_404(number, request.actor)
    chosen = request.GET.get("kind", "")
    kind = ChangeKind(chosen) if chosen in set(ChangeKind) else None
    found = changes_from_last_period(batch, scope=request.actor.scope, kind=kind)
    page = page_of(found, request.GET)
    context = {
        "batch": batch,
        "title": CHANGE_WORD[kind] if kind else "与上期比较",
        "rows": page.rows,
        "page": page,
        "count": told_count(found),
    }
    return render(request, "changes.html", context)


@policy(BATCH_READERS)
@require_GET
def forecast_lines(request: DeskRequest, number: str) -> HttpResponse:
    """预计可能失败, page by page: who, which account, why, and who puts it right."""
    batch = batch_or_404(number, request.actor)
    found = forecast(batch, scope=request.actor.scope)
    page = page_of(found, request.GET)
    context = {
        "batch": batch,
        "rows": foretold(page.rows),
        "page": page,
        "count": told_count(found, "行"),
    }
    return render(request, "forecast.html", context)
