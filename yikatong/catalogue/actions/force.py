"""The rows of an item as the rules read them: of a pack's programme or of an officer's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import Max
from django.utils import timezone

from yikatong.catalogue.definitions import columns_of, read_definition
from yikatong.catalogue.models import (
    BenefitStandard,
    Definition,
    Programme,
    Relation,
    RequiredRoster,
)
from yikatong.catalogue.specs import CompatibleSpec, CountyPack, ProgrammeSpec, RelationSpec
from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import Refused
from yikatong.organisation.queries import county_settings

COMPATIBLE: Final = "COMPATIBLE"


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where the rows of an item come from, and what they need from its county."""

    county: str
    since: date
    basis: str
    must_compare: tuple[str, ...]
    max_age_days: int
    definition: Definition | None = None

    @property
    def version(self) -> int:
        return 1 if self.definition is None else self.definition.version


def load_catalogue(pack: CountyPack, *, actor: Actor) -> int:
    """The list as published, once; later versions are new rows. Gives the number of programmes."""
    if actor.scope.county != pack.code:
        raise Refused("清单不属于本区县。")
    since = date(pack.catalogue_year, 1, 1)
    origin = _Origin(
        pack.code, since, pack.catalogue_source, pack.must_compare, pack.roster_max_age_days
    )
    for spec in pack.programmes:
        _programme(spec, origin)
    for relation in pack.relations:
        _relation(relation, origin)
    for pair in pack.compatible:
        _compatible(pair, origin)
    return len(pack.programmes)


def put_in_force(definition: Definition, *, actor: Actor) -> Programme:
    """Write the rows that the rules read, in place of an earlier version's.

    A trial does the same and takes it all back; what stays needs a live definition (triggers.sql).
    """
    defined = read_definition(
        definition.content, code=definition.code, department_no=definition.department_no
    )
    settings = county_settings(scope=actor.scope).settings
    county, code = definition.county, definition.code
    today = timezone.localdate()
    origin = _Origin(
        county,
        today,
        defined.spec.note,
        tuple(settings.get("must_compare", ())),
        settings.get("roster_max_age_days", 0),
        definition,
    )
    end_listing(definition, today, actor=actor)
    mine = {"county": county, "definition__code": code, "definition__county": county}
    for model in (BenefitStandard, RequiredRoster, Relation):
        model.objects.filter(**mine).delete()
    versions = Programme.objects.filter(county=county)
    serial = (
        versions.filter(code=code).aggregate(n=Max("serial"))["n"]
        or (versions.aggregate(n=Max("serial"))["n"] or 0) + 1
    )
    programme = _programme(replace(defined.spec, no=serial), origin)
    for relation in defined.relations:
        _relation(relation, origin)
    for pair in defined.compatible:
        _compatible(pair, origin)
    return programme


def end_listing(definition: Definition, today: date, *, actor: Actor) -> None:
    """The item is listed no more. Its standards, rosters and relations stay until a newer version
    brings its own: batches on their way are still judged by them.
    """
    Programme.objects.filter(county=actor.scope.county, code=definition.code, valid_to=None).update(
        valid_to=today
    )


def _programme(spec: ProgrammeSpec, origin: _Origin) -> Programme:
    age = spec.age
    programme: Programme = Programme.objects.create(
        county=origin.county,
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
        columns=columns_of(spec),
        formula_text=spec.formula_text,
        cap_fen=spec.cap_fen,
        disclosure_profile=spec.disclosure,
        sms_text=spec.sms,
        basis=origin.basis,
        flag=spec.confirm,
        note=spec.note,
        budget={
            "function": spec.function_code,
            "economic": spec.economic_code,
            "government": spec.government_code,
            "columns": list(spec.columns),
            "rounding": spec.rounding,
        },
        checks=dict(spec.checks),
        version=origin.version,
        valid_from=origin.since,
        definition=origin.definition,
    )
    _standards(spec, origin)
    _rosters(spec, origin)
    return programme


def _standards(spec: ProgrammeSpec, origin: _Origin) -> None:
    for standard in spec.standards:
        until = standard.valid_to + timedelta(days=1) if standard.valid_to else None
        BenefitStandard.objects.create(
            county=origin.county,
            programme_code=spec.code,
            grade=standard.grade,
            rate=standard.amount_yuan,
            valid=DateRange(standard.valid_from, until),
            is_sample=standard.is_sample,
            basis=standard.note,
            definition=origin.definition,
        )


def _rosters(spec: ProgrammeSpec, origin: _Origin) -> None:
    wanted = (
        ("block", spec.required_rosters),
        ("confirm", spec.confirm_rosters),
        ("optional", spec.optional_rosters),
        ("compare", origin.must_compare),
    )
    for severity, kinds in wanted:
        for kind in kinds:
            RequiredRoster.objects.create(
                county=origin.county,
                programme_code=spec.code,
                kind=kind,
                severity=severity,
                max_age_days=spec.roster_days.get(kind, origin.max_age_days),
                definition=origin.definition,
            )


def _relation(relation: RelationSpec, origin: _Origin) -> None:
    Relation.objects.create(
        county=origin.county,
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
        definition=origin.definition,
    )


def _compatible(pair: CompatibleSpec, origin: _Origin) -> None:
    Relation.objects.create(
        county=origin.county,
        code_a=pair.a,
        code_b=pair.b,
        kind=COMPATIBLE,
        scope="person",
        since=origin.since,
        legal_basis=pair.basis,
        definition=origin.definition,
    )
