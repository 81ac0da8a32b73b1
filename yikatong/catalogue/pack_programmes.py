"""How a programme and a relation are written, in a pack and in an officer's definition alike."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from yikatong.catalogue.pack_table import Table, finished
from yikatong.catalogue.specs import (
    FORMULA_WORD,
    FREQUENCY_WORD,
    OBJECT_WORD,
    AgeRule,
    ProgrammeSpec,
    RelationKind,
    RelationSpec,
    StandardSpec,
)
from yikatong.kernel.errors import Refused

MOST_STANDARD_DECIMALS: Final = 7
MOST_STANDARD_DIGITS: Final = 11
SCOPES: Final = ("person", "household", "plot", "house", "machine")


def _age(table: Table) -> AgeRule:
    return AgeRule(
        table.number_or_none("min"),
        table.number_or_none("max"),
        table.number_or_none("min_female"),
        table.text("note", ""),
    )


def _standard(table: Table) -> StandardSpec:
    text = table.text("amount_yuan")
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise Refused(f"{table.where}：amount_yuan“{text}”不是数字。") from None
    exponent = amount.as_tuple().exponent
    is_fine = isinstance(exponent, int) and -exponent <= MOST_STANDARD_DECIMALS
    if not (is_fine and amount > 0 and amount.adjusted() < MOST_STANDARD_DIGITS):
        raise Refused(
            f"{table.where}：amount_yuan 应大于 0，最多 {MOST_STANDARD_DECIMALS} 位小数。"
        )
    return StandardSpec(
        grade=table.text("grade"),
        amount_yuan=amount,
        unit=table.text("unit"),
        valid_from=table.day("valid_from"),
        valid_to=table.day_or_none("valid_to"),
        is_sample=table.flag("sample"),
        note=table.text("note", ""),
    )


def _words(table: Table | None) -> dict[str, str]:
    if table is None:
        return {}
    return finished(table, lambda t: {field: t.text(field) for field in t.names()})


def _thresholds(table: Table | None) -> dict[str, int]:
    if table is None:
        return {}
    return finished(table, lambda t: {name: t.number(name) for name in t.names()})


def _cap(table: Table) -> int | None:
    yuan = table.number_or_none("cap_yuan")
    return None if yuan is None else yuan * 100


def programme(table: Table) -> ProgrammeSpec:
    age = table.table_or_none("age")
    return ProgrammeSpec(
        code=table.text("code"),
        no=table.number("no"),
        name=table.text("name"),
        short_name=table.text("short_name"),
        department=table.number("department"),
        note=table.text("note", ""),
        confirm=table.text("confirm", ""),
        target=table.text("target"),
        payee_kind=table.one_of("payee_kind", ("person", "household")),
        object_kind=table.one_of("object_kind", OBJECT_WORD),
        unit=table.text("unit"),
        frequency=table.one_of("frequency", FREQUENCY_WORD),
        paying_unit=table.one_of("paying_unit", ("department", "township")),
        formula=table.one_of("formula", FORMULA_WORD),
        rounding=table.one_of("rounding", ("half_up",)),
        months=table.number("months"),
        grades=table.texts("grades"),
        age=finished(age, _age) if age is not None else None,
        required_rosters=table.texts("required_rosters"),
        confirm_rosters=table.texts("confirm_rosters"),
        optional_rosters=table.texts_or_none("optional_rosters"),
        benefit_roster=table.text("benefit_roster"),
        disclosure=table.one_of("disclosure", ("named", "totals")),
        sms=table.text("sms"),
        columns=table.texts("columns"),
        required_columns=table.texts("required_columns"),
        words=_words(table.table_or_none("words")),
        extra_columns=table.texts_or_none("extra_columns"),
        formula_text=table.text("formula_text", ""),
        cap_fen=_cap(table),
        function_code=table.text("function_code"),
        economic_code=table.text("economic_code"),
        government_code=table.text("government_code"),
        standards=table.each("standards", _standard),
        checks=_thresholds(table.table_or_none("checks")),
        roster_days=_thresholds(table.table_or_none("roster_days")),
    )


def relation(table: Table) -> RelationSpec:
    return RelationSpec(
        a=table.text("a"),
        b=table.text("b"),
        kind=RelationKind(table.one_of("kind", tuple(RelationKind))),
        scope=table.one_of("scope", SCOPES),
        since=table.day("since"),
        until=table.day_or_none("until"),
        legal_basis=table.text("legal_basis"),
        severity=table.text("severity", "block"),
        grade_a=table.text("grade_a", ""),
        under_age=table.number_or_none("under_age"),
        keep=table.text("keep", ""),
    )
