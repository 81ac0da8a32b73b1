"""An item's definition in plain words: for the page that the second person confirms from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from yikatong.catalogue.definition_words import RELATION_WORD, ROSTER_USE, SCOPE_WORD, SEVERITY
from yikatong.catalogue.definitions import Defined
from yikatong.catalogue.specs import (
    COLUMN_WORD,
    FORMULA_WORD,
    FREQUENCY_WORD,
    ITEM_CHECKS,
    OBJECT_WORD,
    ProgrammeSpec,
    RelationSpec,
    roster_word,
)
from yikatong.kernel.money import Money

PAYEE: Final = {"person": "到人", "household": "到户"}
PAYING: Final = {"department": "主管部门", "township": "镇街"}
DISCLOSED: Final = {"named": "逐人公示", "totals": "只公示人数和金额"}
# rules of the book that look at every item, whatever its definition says
ALWAYS: Final = "身份证号、登记、姓名、账户、重复享受、死亡人员等规则对每个项目都查，不能取消。"
Pairs = list[tuple[str, str]]


def facts(defined: Defined) -> Pairs:
    """What the item is."""
    spec = defined.spec
    return [
        ("项目名称", spec.name),
        ("简称", spec.short_name),
        ("补贴对象", spec.target),
        ("发放", f"{PAYEE[spec.payee_kind]}，由{PAYING[spec.paying_unit]}发放"),
        ("频次", FREQUENCY_WORD[spec.frequency]),
        ("标的", OBJECT_WORD[spec.object_kind] or "没有，一人（户）一笔"),
        ("公示", DISCLOSED[spec.disclosure]),
        ("政策依据", spec.note or "—"),
        ("等级", "、".join(spec.grades) or "不分"),
        ("计算方式", FORMULA_WORD[spec.formula]),
        ("计算公式", spec.formula_text or "—"),
        ("取整", "逐行四舍五入到分"),
        ("单笔上限", "不限" if spec.cap_fen is None else f"{Money(spec.cap_fen)} 元"),
        ("月数", f"默认 {spec.months} 个月" if spec.months else "不按月计"),
    ]


def columns(spec: ProgrammeSpec) -> Pairs:
    """Each column of the list: its header, and what becomes of it."""
    judged = [
        (
            spec.words.get(field, COLUMN_WORD[field]),
            f"{'必填' if field in spec.required_columns else '可填'}，按{COLUMN_WORD[field]}核对",
        )
        for field in spec.columns
    ]
    return judged + [(word, "只存文字，不核对") for word in spec.extra_columns]


def standards(spec: ProgrammeSpec) -> list[dict[str, str]]:
    return [
        {
            "grade": one.grade or "不分",
            "rate": f"{one.amount_yuan.normalize():f} {one.unit}",
            "since": one.valid_from.isoformat(),
            "until": one.valid_to.isoformat() if one.valid_to else "长期",
            "note": one.note or "—",
        }
        for one in spec.standards
    ]


def checks(defined: Defined, names: Mapping[str, str]) -> Pairs:
    """The rules that this item has chosen for itself, in words; `names` are items by code."""
    spec = defined.spec
    told: Pairs = []
    if spec.age is not None:
        parts = [
            f"满 {spec.age.min} 岁" if spec.age.min is not None else "",
            f"女满 {spec.age.min_female} 岁" if spec.age.min_female is not None else "",
            f"不超过 {spec.age.max} 岁" if spec.age.max is not None else "",
        ]
        told.append(("AG-1 年龄", "期末" + "，".join(part for part in parts if part)))
    uses = (spec.required_rosters, spec.confirm_rosters, spec.optional_rosters)
    for (_, word), kinds in zip(ROSTER_USE[1:], uses, strict=True):
        told += [(f"名册“{roster_word(kind)}”", word + _held(spec, kind)) for kind in kinds]
    if spec.benefit_roster:
        told.append(("表明已享受本项的名册", roster_word(spec.benefit_roster)))
    told += [_relation(one, names) for one in defined.relations]
    told += [(f"与 {names.get(one.b, one.b)}", "可以兼得") for one in defined.compatible]
    for name, word in ITEM_CHECKS.items():
        value = spec.checks.get(name)
        told.append(
            (word, "按区县阈值查" if value is None else f"阈值 {value}" if value else "不查")
        )
    return told


def _held(spec: ProgrammeSpec, kind: str) -> str:
    days = spec.roster_days.get(kind)
    return "" if days is None else f"，{days} 天内有效"


def _relation(one: RelationSpec, names: Mapping[str, str]) -> tuple[str, str]:
    parts = [dict(RELATION_WORD)[one.kind.value], dict(SCOPE_WORD)[one.scope]]
    parts.append(dict(SEVERITY)[one.severity])
    if one.grade_a:
        parts.append(f"仅限本项“{one.grade_a}”")
    if one.under_age is not None:
        parts.append(f"仅限未满 {one.under_age} 岁")
    if one.keep:
        parts.append("保留本项" if one.keep == one.a else "保留对方")
    parts.append(f"{one.since} 起" + (f"至 {one.until}" if one.until else ""))
    return (f"与 {names.get(one.b, one.b)}", "；".join([*parts, one.legal_basis]).rstrip("；"))


def differences(old: Defined, new: Defined, names: Mapping[str, str]) -> list[dict[str, str]]:
    """What the new version changes: each line with its words before and now."""
    before, now = _all(old, names), _all(new, names)
    return [
        {"term": term, "before": before.get(term, "—"), "now": now.get(term, "—")}
        for term in dict.fromkeys([*before, *now])
        if before.get(term) != now.get(term)
    ]


def _all(defined: Defined, names: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, Any] = dict(facts(defined))
    found |= {f"列“{word}”": use for word, use in columns(defined.spec)}
    found |= {
        f"标准 {one['grade']} {one['since']} 起": f"{one['rate']}，至{one['until']}"
        for one in standards(defined.spec)
    }
    return found | dict(checks(defined, names))
