"""Loads a county's 清单 from its pack: programmes, standards, rosters, relations."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from django.db.backends.postgresql.psycopg_any import DateRange

from yikatong.catalogue.models import BenefitStandard, Programme, Relation, RequiredRoster
from yikatong.catalogue.specs import CountyPack, ProgrammeSpec
from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import Refused

COMPATIBLE: Final = "COMPATIBLE"


def load_catalogue(pack: CountyPack, *, actor: Actor) -> int:
    """The list as published, once; later versions are new rows. Gives the number of programmes."""
    if actor.scope.county != pack.code:
        raise Refused("清单不属于本区县。")
    since = date(pack.catalogue_year, 1, 1)
    for spec in pack.programmes:
        _programme(pack, spec, since)
    for relation in pack.relations:
        Relation.objects.create(
            county=pack.code,
            code_a=relation.a,
            code_b=relation.b,
            kind=relation.kind.value,
            scope=relation.scope,
            since=relation.since,
            until=relation.until,
            legal_basis=relation.legal_basis,
            severity=relation.severity,
            grade_a=relation.grade_a,
            under_age=relation.under_age,
            keep=relation.keep,
        )
    for pair in pack.compatible:
        Relation.objects.create(
            county=pack.code, code_a=pair.a, code_b=pair.b, kind=COMPATIBLE, scope="person",
            since=since, legal_basis=pair.basis,
        )  # fmt: skip
    return len(pack.programmes)


def _programme(pack: CountyPack, spec: ProgrammeSpec, since: date) -> None:
    age = spec.age
    Programme.objects.create(
        county=pack.code,
        code=spec.code,
        serial=spec.no,
        name=spec.name,
        short_name=spec.short_name,
        department_no=spec.department,
        payee_kind=spec.payee_kind,
        object_kind=spec.object_kind,
        unit_name=spec.unit,
        frequency=spec.frequency,
        paying_unit=spec.paying_unit,
        formula=spec.formula,
        months_default=spec.months,
        age_min=age.min if age else None,
        age_max=age.max if age else None,
        age_min_female=age.min_female if age else None,
        target=spec.target,
        benefit_roster=spec.benefit_roster,
        grades=list(spec.grades),
        required_columns=list(spec.required_columns),
        columns=_columns(spec),
        formula_text=spec.formula_text,
        cap_fen=spec.cap_fen,
        disclosure_profile=spec.disclosure,
        sms_text=spec.sms,
        basis=pack.catalogue_source,
        flag=spec.confirm,
        note=spec.note,
        budget={
            "function": spec.function_code,
            "economic": spec.economic_code,
            "government": spec.government_code,
            "columns": list(spec.columns),
            "rounding": spec.rounding,
        },
        valid_from=since,
    )
    for standard in spec.standards:
        until = standard.valid_to + timedelta(days=1) if standard.valid_to else None
        BenefitStandard.objects.create(
            county=pack.code,
            programme_code=spec.code,
            grade=standard.grade,
            rate=standard.amount_yuan,
            valid=DateRange(standard.valid_from, until),
            is_sample=standard.is_sample,
            basis=standard.note,
        )
    wanted = (
        ("block", spec.required_rosters),
        ("confirm", spec.confirm_rosters),
        ("optional", spec.optional_rosters),
        ("compare", pack.must_compare),
    )
    for severity, kinds in wanted:
        for kind in kinds:
            RequiredRoster.objects.create(
                county=pack.code,
                programme_code=spec.code,
                kind=kind,
                severity=severity,
                max_age_days=pack.roster_max_age_days,
            )


def _columns(spec: ProgrammeSpec) -> list[dict[str, str | bool]]:
    """The list's own columns in order: those that are judged, then those that are only printed."""
    judged: list[dict[str, str | bool]] = [
        {
            "field": field,
            "word": spec.words.get(field, ""),
            "required": field in spec.required_columns,
        }
        for field in spec.columns
    ]
    printed: list[dict[str, str | bool]] = [
        {"field": "", "word": word, "required": False} for word in spec.extra_columns
    ]
    return judged + printed
