"""失败处理: who must do what by when, how long it takes, and how old the money is."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from yikatong.catalogue.queries import programmes
from yikatong.connectors.bank.codes import FAILURES
from yikatong.feedback import queries
from yikatong.feedback.models import Cure
from yikatong.feedback.rules import AGES, GATHERING, CureState, age_band, attempts_word
from yikatong.kernel.calendar import WorkCalendar
from yikatong.kernel.errors import Refused
from yikatong.organisation.paging import page_of, told_count
from yikatong.organisation.policy import BATCH_READERS, DeskRequest, policy
from yikatong.organisation.queries import (
    county_settings,
    paying_banks,
    unit_names,
    work_calendar,
)
from yikatong.submission.queries import numbers_of

TONE: Final = {
    CureState.PAID: "ok",
    CureState.ON_ITS_WAY: "wait",
    CureState.CURED: "ok",
    CureState.BY_HAND: "warn",
    CureState.OPEN: "error",
}
KIND_WORD: Final = {"FAILED": "失败", "RETURNED": "退汇", "STOPPED": "停发", "WRONG": "误入他户"}
USUAL_DAYS: Final = 5


@policy(BATCH_READERS)
@require_GET
def failures(request: DeskRequest) -> HttpResponse:
    """Failed payments of the scope with their cure, the medians, and the age of what is left."""
    scope = request.actor.scope
    found = queries.cures(scope=scope)
    page = page_of(found, request.GET)
    settings = county_settings(scope=scope).settings
    days = int(settings.get("correct_working_days", USUAL_DAYS))
    calendar = work_calendar(scope=scope)
    banks = paying_banks(scope=scope)
    numbers = numbers_of({one.batch_id for one in page.rows}, scope=scope)
    rows = []
    for one in page.rows:
        known = FAILURES.get(one.code, FAILURES["F99"])
        state = one.standing
        rows.append(
            {
                "one": one,
                "known": known,
                "bank": banks[one.bank_no].short_name,
                "number": numbers.get(one.batch_id, ""),
                "word": state.value,
                "tone": TONE[state],
                "due": _due(calendar, one.failed_at, days),
            }
        )
    context = {
        "rows": rows,
        "page": page,
        "count": told_count(found, "笔"),
        "today": timezone.localdate(),
        "ready": _ready(request),
        "ages": _ages(request),
        "medians": _medians(request),
    }
    return render(request, "failures.html", context)


def _ready(request: DeskRequest) -> list[dict[str, Any]]:
    """What may be paid again now, by item and period: how many, how much, for which time."""
    actor = request.actor
    groups: dict[tuple[str, str, int], list[Cure]] = {}
    for one in queries.ready_to_reissue(scope=actor.scope):
        unit = queries.correction_unit_of(one.unit_no, one.department_no, scope=actor.scope)
        groups.setdefault((one.programme_code, one.period, unit), []).append(one)
    items = {one.code: one.short_name for one in programmes(scope=actor.scope)}
    names = unit_names({unit for *_, unit in groups}, scope=actor.scope)
    return [
        {
            "code": code,
            "period": period,
            "item": items.get(code, code),
            "lines": len(rows),
            "fen": sum(one.amount_fen for one in rows),
            "times": attempts_word(one.attempt for one in rows),
            "is_mine": actor.duty in GATHERING and actor.unit_no == unit,
            "whose": names.get(unit, ""),
        }
        for (code, period, unit), rows in sorted(groups.items())
    ]


def _due(calendar: WorkCalendar, failed_at: Any, days: int) -> date | None:
    """None where no bank told when, or the holidays of the year are not known."""
    if failed_at is None:
        return None
    try:
        return calendar.add_working_days(timezone.localdate(failed_at), days)
    except Refused:
        return None


def _ages(request: DeskRequest) -> list[dict[str, Any]]:
    """无主款 by kind and age, in fen; every yuan that is nobody's stands in exactly one cell."""
    today = timezone.localdate()
    clocks = county_settings(scope=request.actor.scope).settings.get("clocks", {})
    limits = tuple(clocks.get("ageing_natural_days", AGES))
    sums: Counter[tuple[str, int]] = Counter()
    for one in queries.residue_of(scope=request.actor.scope):
        age = (today - one.since).days if one.since else 0
        sums[one.kind, age_band(age, limits)] += one.amount_fen
    bands = (0, *limits)
    return [
        {
            "kind": word,
            "cells": [
                (f"满 {band} 天" if band else f"不满 {limits[0]} 天", sums[kind, band])
                for band in bands
            ],
            "total": sum(sums[kind, band] for band in bands),
        }
        for kind, word in KIND_WORD.items()
    ]


def _medians(request: DeskRequest) -> list[dict[str, Any]]:
    scope = request.actor.scope
    towns = queries.cure_medians("TOWN", scope=scope)
    names = unit_names({one.key for one in towns}, scope=scope)
    banks = paying_banks(scope=scope)
    return [
        *(
            {"who": banks[one.key].short_name, "told": one}
            for one in queries.cure_medians("BANK", scope=scope)
        ),
        *({"who": names.get(one.key, "其他"), "told": one} for one in towns),
    ]
