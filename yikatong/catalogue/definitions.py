"""项目定义 as JSON: the keys of a pack's `[[programmes]]`, with the item's relations. Pure.

An officer's item is read by the same reader and held to the same checks as a county's pack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from yikatong.catalogue.formulas import parse
from yikatong.catalogue.pack_checks import check_programme, check_relation
from yikatong.catalogue.pack_programmes import programme, relation
from yikatong.catalogue.pack_table import Table, finished
from yikatong.catalogue.specs import (
    CompatibleSpec,
    ProgrammeSpec,
    RelationSpec,
    StandardSpec,
    formula_columns,
)
from yikatong.kernel.errors import Refused

SMS: Final = "【{bank}】您的{short}补贴{amount}元已于{date}发放至尾号{tail}账户。咨询{phone}。"
DAYS: Final = frozenset({"valid_from", "valid_to", "since", "until"})
WHERE: Final = "本项"
MOST_STANDARDS: Final = 40
MOST_RELATIONS: Final = 30
MOST_EXTRA: Final = 12
LONGEST_WORD: Final = 20
LONGEST_NAME: Final = 100
MOST_CAP_YUAN: Final = 100_000_000
MOST_MONTHS: Final = 120
MOST_AGE: Final = 120
# what a formula can take from nowhere but the sheet
IN_THE_SHEET: Final = frozenset({"quantity", "supplement"})
# headers that always mean somebody or some account, whatever an item calls its columns
RESERVED: Final = frozenset(
    (
        *("序号", "姓名", "身份证", "身份证号", "身份证号码", "补贴金额", "金额", "备注"),
        *(f"{who}{what}" for who in ("户主", "收款人", "享受人") for what in ("姓名", "身份证号")),
        *("户主", "收款人", "享受人", "银行账号", "账号", "卡号", "开户银行"),
        *("村居委会", "村民小组", "组", "联系电话", "电话", "行标识", "校验标识"),
    )
)


@dataclass(frozen=True, slots=True)
class Defined:
    """An item as an officer has defined it, with its relations, of which it is the first side."""

    spec: ProgrammeSpec
    relations: tuple[RelationSpec, ...]
    compatible: tuple[CompatibleSpec, ...]


def read_definition(content: Mapping[str, Any], *, code: str, department_no: int) -> Defined:
    """Read and check a definition.

    Raises:
        Refused: a sentence that names the entry and what is wrong with it.
    """
    given = dict(content.get("programme", {})) | {
        "code": code,
        "no": 0,
        "department": department_no,
    }
    named = {key: content.get(key, []) for key in ("relations", "compatible")}
    table = Table(_dated({"programme": given, **named}), WHERE)
    inner = table.table("programme")
    inner.where = WHERE
    found = Defined(
        finished(inner, programme),
        tuple(
            finished(Table(one | {"a": code}, f"{WHERE}的第 {n} 条关系"), relation)
            for n, one in enumerate(_dicts(table, "relations"), 1)
        ),
        tuple(
            CompatibleSpec(code, str(one.get("b", "")), str(one.get("basis", "")))
            for one in _dicts(table, "compatible")
        ),
    )
    _check(found)
    return found


def content_of(defined: Defined) -> dict[str, Any]:
    """The JSON of a definition; `read_definition` of it gives the same again."""
    spec = defined.spec
    age = spec.age
    return {
        "programme": {
            "name": spec.name,
            "short_name": spec.short_name,
            "note": spec.note,
            "confirm": spec.confirm,
            "target": spec.target,
            "payee_kind": spec.payee_kind,
            "object_kind": spec.object_kind,
            "unit": spec.unit,
            "frequency": spec.frequency,
            "paying_unit": spec.paying_unit,
            "formula": spec.formula,
            "formula_text": spec.formula_text,
            "rounding": spec.rounding,
            "months": spec.months,
            "grades": list(spec.grades),
            "required_rosters": list(spec.required_rosters),
            "confirm_rosters": list(spec.confirm_rosters),
            "optional_rosters": list(spec.optional_rosters),
            "benefit_roster": spec.benefit_roster,
            "disclosure": spec.disclosure,
            "sms": spec.sms,
            "columns": list(spec.columns),
            "required_columns": list(spec.required_columns),
            "words": dict(spec.words),
            "extra_columns": list(spec.extra_columns),
            "function_code": spec.function_code,
            "economic_code": spec.economic_code,
            "government_code": spec.government_code,
            "checks": dict(spec.checks),
            "roster_days": dict(spec.roster_days),
            "standards": [_standard(one) for one in spec.standards],
            **({} if spec.cap_fen is None else {"cap_yuan": spec.cap_fen // 100}),
            **(
                {}
                if age is None
                else {
                    "age": _filled(
                        min=age.min, max=age.max, min_female=age.min_female, note=age.note or None
                    )
                }
            ),
        },
        "relations": [_relation(one) for one in defined.relations],
        "compatible": [{"b": one.b, "basis": one.basis} for one in defined.compatible],
    }


def columns_of(spec: ProgrammeSpec) -> list[dict[str, str | bool]]:
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


def _standard(one: StandardSpec) -> dict[str, Any]:
    return {
        "grade": one.grade,
        "amount_yuan": format(one.amount_yuan, "f"),
        "unit": one.unit,
        "sample": one.is_sample,
        "note": one.note,
        **_filled(valid_from=_day(one.valid_from), valid_to=_day(one.valid_to)),
    }


def _relation(one: RelationSpec) -> dict[str, Any]:
    return {
        "b": one.b,
        "kind": one.kind.value,
        "scope": one.scope,
        "legal_basis": one.legal_basis,
        "severity": one.severity,
        "grade_a": one.grade_a,
        "keep": one.keep,
        **_filled(since=_day(one.since), until=_day(one.until), under_age=one.under_age),
    }


def _filled(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _dicts(table: Table, key: str) -> list[dict[str, Any]]:
    found = table.list_of(key)
    if not all(isinstance(one, dict) for one in found):
        raise Refused(f"{WHERE}：{key} 应为一列“键 = 值”。")
    return found


def _dated(value: Any, key: str = "") -> Any:
    """JSON has no dates: those of known keys are read from 2026-03-05."""
    if isinstance(value, dict):
        return {name: _dated(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_dated(one) for one in value]
    if key in DAYS and isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise Refused(f"{WHERE}：日期“{value}”写法不对，请写成 2026-03-05。") from None
    return value


def _check(defined: Defined) -> None:
    spec = defined.spec
    _check_words(spec)
    check_programme(spec, WHERE)
    _check_formula_columns(spec)
    _check_bounds(spec)
    _check_standards(spec)
    others = [one.b for one in defined.relations] + [one.b for one in defined.compatible]
    if spec.code in others or "" in others:
        raise Refused(f"{WHERE}：关系要选另一个项目。")
    for one in defined.relations:
        check_relation(one, spec.grades, f"{WHERE}与 {one.b} 的关系")
    _twice([(one.b, one.kind.value, one.grade_a) for one in defined.relations], "关系")
    if len(others) > MOST_RELATIONS:
        raise Refused(f"{WHERE}：关系最多 {MOST_RELATIONS} 条。")


def _check_words(spec: ProgrammeSpec) -> None:
    words = [*spec.words.values(), *spec.extra_columns]
    for word in words:
        if not 0 < len(word.strip()) <= LONGEST_WORD or word[0] in "=+-@":
            raise Refused(f"{WHERE}：列名“{word}”应为 1 至 {LONGEST_WORD} 个字，不能以符号开头。")
        if word in RESERVED:
            raise Refused(f"{WHERE}：列名“{word}”另有含义，请换一个叫法。")
    _twice(words, "列名")
    _twice(list(spec.columns), "列")
    _twice(list(spec.grades), "等级")
    if len(spec.extra_columns) > MOST_EXTRA:
        raise Refused(f"{WHERE}：只存文字的列最多 {MOST_EXTRA} 列。")


def _check_formula_columns(spec: ProgrammeSpec) -> None:
    if not spec.formula_text:
        return
    columns = formula_columns(spec.words)
    for word in sorted(parse(spec.formula_text).names):
        if columns[word] in IN_THE_SHEET and columns[word] not in spec.columns:
            raise Refused(f"{WHERE}：计算公式用到“{word}”，请在“名单的列”里选上这一列。")


def _check_bounds(spec: ProgrammeSpec) -> None:
    if not 0 < len(spec.name) <= LONGEST_NAME:
        raise Refused(f"{WHERE}：名称应为 1 至 {LONGEST_NAME} 字。")
    if spec.cap_fen is not None and not 0 < spec.cap_fen <= MOST_CAP_YUAN * 100:
        raise Refused(f"{WHERE}：单笔上限应在 1 元至 {MOST_CAP_YUAN} 元之间。")
    if spec.months > MOST_MONTHS:
        raise Refused(f"{WHERE}：默认月数最多 {MOST_MONTHS}。")
    if spec.age is not None:
        ages = [age for age in (spec.age.min, spec.age.max, spec.age.min_female) if age is not None]
        if any(age > MOST_AGE for age in ages):
            raise Refused(f"{WHERE}：年龄最多 {MOST_AGE} 岁。")
        if (spec.age.min or 0) > (MOST_AGE if spec.age.max is None else spec.age.max):
            raise Refused(f"{WHERE}：最小年龄不能大于最大年龄。")


def _check_standards(spec: ProgrammeSpec) -> None:
    if len(spec.standards) > MOST_STANDARDS:
        raise Refused(f"{WHERE}：标准最多 {MOST_STANDARDS} 条。")
    for place, one in enumerate(spec.standards):
        if one.valid_to is not None and one.valid_to < one.valid_from:
            raise Refused(f"{WHERE}：标准的截止日期 {one.valid_to} 早于起始日期。")
        for other in spec.standards[:place]:
            if one.grade == other.grade and _overlap(one, other):
                told = f"“{one.grade}”" if one.grade else ""
                raise Refused(f"{WHERE}：{told}有两条标准的有效期重叠，请改成前后相接。")


def _overlap(one: StandardSpec, other: StandardSpec) -> bool:
    return (one.valid_to or date.max) >= other.valid_from and (
        other.valid_to or date.max
    ) >= one.valid_from


def _twice(values: list[Any], what: str) -> None:
    if len(set(values)) != len(values):
        raise Refused(f"{WHERE}：{what}有重复。")
