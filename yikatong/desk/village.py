"""村(社区): its own people, and what is paid to them; masked, and nothing to press."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from yikatong.desk import words
from yikatong.kernel.actor import Duty
from yikatong.organisation.paging import page_of, told_count
from yikatong.organisation.policy import DeskRequest, policy
from yikatong.registry.queries import persons, without_account
from yikatong.submission.queries import lines_of_people

SHOWN: Final = 10


def home(request: DeskRequest) -> HttpResponse:
    """How many people, who has no account yet, and the newest lines."""
    scope = request.actor.scope
    lines = lines_of_people(scope=scope)
    year = timezone.localdate().year
    context = {
        "people": persons(scope=scope).count(),
        "without": without_account(scope=scope),
        "year": year,
        "of_year": lines.filter(period__startswith=f"{year}-").count(),
        "rows": _told(list(lines[:SHOWN])),
    }
    return render(request, "village_home.html", context)


@policy({Duty.VILLAGE})
@require_GET
def lines(request: DeskRequest) -> HttpResponse:
    """本村明细: every line of this village's people since it was sent up."""
    found = lines_of_people(scope=request.actor.scope)
    page = page_of(found, request.GET, is_newest_first=True)
    context = {"rows": _told(page.rows), "page": page, "count": told_count(found, "笔")}
    return render(request, "village_lines.html", context)


def _told(rows: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "line": line,
            "word": words.status_word(line.batch.status),
            "tone": words.status_tone(line.batch.status),
        }
        for line in rows
    ]
