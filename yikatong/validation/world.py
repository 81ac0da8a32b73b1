"""The parameters of world.sql for one programme and period: settings, windows, rosters, formula."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from django.utils import timezone

from yikatong.catalogue import formulas
from yikatong.catalogue.models import Programme
from yikatong.catalogue.queries import rosters_read
from yikatong.catalogue.specs import COLUMN_WORD, PLAIN_FORMULA, formula_columns, roster_word
from yikatong.kernel.actor import Actor
from yikatong.kernel.period import Period
from yikatong.organisation.queries import county_settings
from yikatong.submission.sheets_forms import bare_word

HIGHEST_AGE: Final = 200
EVER: Final = ("2000-01", "2999-12")
YEARLY: Final = frozenset({"yearly", "once", "instalment"})
THRESHOLDS: Final = (
    "amount_change_percent",
    "quantity_jump_percent",
    "village_top",
    "village_times",
    "village_least",
    "yearly_repeat_asks",
    "phone_shared_by",
    "total_tolerance_per_line",
)
# the columns of world.sql over which a formula computes
COLUMNS: Final = {
    "rate": "rate",
    "quantity": "units",
    "months": "month_count",
    "supplement": "(coalesce(supplement_fen, 0) * 0.01)",
}
FOLDED: Final = str.maketrans("1234１２３４", "一二三四一二三四")


def world_facts(
    programme: Programme, period: Period, *, batch_id: int, actor: Actor
) -> dict[str, Any]:
    """Everything that world.sql is given; `amount_sql` is the item's formula over its columns."""
    settings = county_settings(scope=actor.scope).settings
    checks = settings.get("checks", {}) | programme.checks
    return {
        "county": programme.county,
        "programme_code": programme.code,
        "period": str(period),
        "first_day": period.first_day,
        "last_day": period.last_day,
        "today": timezone.localdate(),
        "batch_id": batch_id,
        "tolerance_fen": settings.get("amount_tolerance_fen", 0),
        "account_change_days": settings.get("account_change_days", 0),
        **{name: checks.get(name, 0) for name in THRESHOLDS},
        "is_household": programme.payee_kind == Programme.PayeeKind.HOUSEHOLD,
        "object_kind": programme.object_kind,
        **_words(programme),
        "formula": programme.formula,
        "amount_sql": amount_sql(programme),
        "formula_shown": formula_shown(programme),
        "cap_fen": programme.cap_fen,
        "grades": [grade_key(grade) for grade in programme.grades],
        # a monthly item per person counts one where the sheet has no quantity column
        "quantity_is_one": "quantity" not in programme.required_columns,
        "months_default": programme.months_default,
        **_ages(programme),
        **_windows(programme, period),
        **_rosters(programme, period, settings.get("roster_max_age_days", 0), actor=actor),
    }


def own_words(programme: Programme) -> dict[str, str]:
    """What a clerk calls the columns of this item: field → its own word without the unit, else the
    general one; only those of `COLUMN_WORD`.
    """
    own = {one["field"]: bare_word(one["word"]) for one in programme.columns if one["word"]}
    return {field: own.get(field, word) for field, word in COLUMN_WORD.items()}


def amount_sql(programme: Programme) -> str:
    """The item's formula as SQL over world.sql's columns; by default 标准×数量×月数."""
    words = {one["field"]: one["word"] for one in programme.columns if one["field"] and one["word"]}
    formula = formulas.parse(programme.formula_text or PLAIN_FORMULA)
    columns = {word: COLUMNS[field] for word, field in formula_columns(words).items()}
    return formula.sql(columns)


def formula_shown(programme: Programme) -> str:
    """The item's formula where 标准、数量、月数 alone do not tell how the amount comes about."""
    text = programme.formula_text or PLAIN_FORMULA
    return "" if formulas.parse(text).is_product else f"（{text}）"


def grade_key(grade: str) -> str:
    """A grade for comparison, as world.sql folds it: 1级 and 残疾一级 are 一级."""
    return grade.translate(FOLDED).replace("残疾", "")


def repeats(programme: Programme) -> str:
    """How far back the same payment is a repetition: ever, instalment, year, quarter, or ''."""
    if programme.object_kind in {"machine", "house"}:
        return "ever"
    if programme.frequency == "instalment":
        return "instalment"
    if programme.frequency in {"yearly", "once"} or programme.object_kind == "case":
        return "year"
    return "quarter" if programme.frequency == "quarterly" else ""


def _windows(programme: Programme, period: Period) -> dict[str, Any]:
    """Periods, both ends included: own payments that may repeat, this year, and the last period."""
    kind = repeats(programme)
    year = (f"{period.year}-01", f"{period.year}-12")
    first = (period.month - 1) // 3 * 3 + 1
    own = {
        "ever": EVER,
        "instalment": EVER,
        "year": year,
        "quarter": (f"{period.year}-{first:02d}", f"{period.year}-{first + 2:02d}"),
        "": (str(period), str(period)),
    }[kind]
    is_yearly = programme.frequency in YEARLY
    return {
        "repeats": kind,
        "own_from": own[0],
        "own_to": own[1],
        "year_from": year[0],
        "year_to": year[1],
        "is_yearly": is_yearly,
        # a yearly item is compared with all of last year, any other with the newest earlier month
        "last_from": f"{period.year - 1}-01" if is_yearly else None,
        "last_to": f"{period.year - 1}-12" if is_yearly else str(period.previous),
    }


def _rosters(programme: Programme, period: Period, days: int, *, actor: Actor) -> dict[str, Any]:
    needs = rosters_read(
        programme.code, period.first_day, period.last_day, max_age_days=days, scope=actor.scope
    )
    return {
        "needs": json.dumps([asdict(need) for need in needs]),
        "roster_words": json.dumps({need.kind: roster_word(need.kind) for need in needs}),
        "watches_kin": any(n.kind == "village_cadre" and n.need == "watch" for n in needs),
    }


def _words(programme: Programme) -> dict[str, str]:
    words = own_words(programme)
    return {
        "object_word": words["object_key"],
        "quantity_word": words["quantity"],
        "grade_word": words["grade"],
    }


def _ages(programme: Programme) -> dict[str, Any]:
    lowest = -1 if programme.age_min is None else programme.age_min
    female = programme.age_min_female
    parts = []
    if programme.age_min is not None:
        parts.append(
            f"满{programme.age_min}岁" + (f"，女满{female}岁" if female is not None else "")
        )
    elif female is not None:
        parts.append(f"女满{female}岁")
    if programme.age_max is not None:
        parts.append(f"不超过{programme.age_max}岁")
    return {
        "age_lowest": lowest,
        "age_lowest_female": lowest if female is None else female,
        "age_highest": HIGHEST_AGE if programme.age_max is None else programme.age_max,
        "age_rule": "，".join(parts),
    }
