"""The words of the definition form, and a kept definition as the values of its fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from yikatong.catalogue.specs import ENTITLED, ITEM_CHECKS, ROSTER_KINDS, STOPPING

# blank rows offered beside those that are filled
STANDARD_ROWS: Final = 3
RELATION_ROWS: Final = 2
OWN_ROSTER: Final = "own"
UNUSED, OPTIONAL, REQUIRED = "", "optional", "required"
COLUMN_USE: Final = ((UNUSED, "不用"), (OPTIONAL, "可填"), (REQUIRED, "必填"))
ROSTER_USE: Final = (
    ("", "不比对"),
    ("required_rosters", "必须在册"),
    ("confirm_rosters", "在册的要核实，缺名册须说明"),
    ("optional_rosters", "有名册就核实"),
)
RELATION_WORD: Final = (
    ("", "不设"),
    ("DENY", "互斥，只能享受一项"),
    ("HIGHER", "择高"),
    ("TOPUP", "补差，减去对方已领"),
    ("SAME_ASSET", "同一标的不重复"),
    ("COMPATIBLE", "可以兼得"),
)
SCOPE_WORD: Final = (
    ("person", "按人"),
    ("household", "按户"),
    ("plot", "按地块"),
    ("house", "按房屋"),
    ("machine", "按机具"),
)
KEEP_WORD: Final = (("", "两项都查"), ("own", "保留本项"), ("other", "保留对方"))
SEVERITY: Final = (("block", "错误，不予发放"), ("confirm", "提醒，写明理由可发"))
# fields that are kept under their own name
PLAIN: Final = (
    *("name", "short_name", "target", "note", "payee_kind", "paying_unit", "frequency", "unit"),
    *("object_kind", "disclosure", "formula", "formula_text", "rounding", "benefit_roster"),
    *("function_code", "economic_code", "government_code"),
)
KEPT_AS_NUMBERS: Final = ("months", "cap_yuan")
RELATION_PARTS: Final = (
    *("b", "kind", "scope", "severity", "keep", "grade", "age", "since", "until", "basis"),
)
FRESH: Final[dict[str, Any]] = {
    "payee_kind": "person",
    "rounding": "half_up",
    "months": 0,
    **{f"check_{name}": True for name in ITEM_CHECKS},
}


def offered() -> list[tuple[str, str]]:
    """Rosters that an item may choose; whom RO-2 stops is compared for every item anyway."""
    return [(kind, word) for kind, word in ROSTER_KINDS.items() if kind not in STOPPING]


def listed(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def initial_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in the fields of the form for a definition that is there already."""
    item = content["programme"]
    words, used = item.get("words", {}), item["columns"]
    known = {name: item[name] for name in (*PLAIN, *KEPT_AS_NUMBERS) if name in item}
    found = known | {
        "grades": "\n".join(item["grades"]),
        "extra_columns": "\n".join(item.get("extra_columns", [])),
        **{f"age_{key}": value for key, value in item.get("age", {}).items() if key != "note"},
        **{
            f"use_{field}": REQUIRED if field in item["required_columns"] else OPTIONAL
            for field in used
        },
        **{f"word_{field}": word for field, word in words.items()},
        **{f"check_{name}": item.get("checks", {}).get(name) != 0 for name in ITEM_CHECKS},
    }
    for use, _ in ROSTER_USE[1:]:
        for kind in item.get(use, []):
            name = OWN_ROSTER if kind.startswith(ENTITLED) else kind
            found[f"roster_{name}"] = use
            found[f"days_{name}"] = item.get("roster_days", {}).get(kind)
    for n, one in enumerate(item.get("standards", [])):
        found |= {
            f"standard_{n}_grade": one["grade"],
            f"standard_{n}_amount": one["amount_yuan"],
            f"standard_{n}_from": date.fromisoformat(one["valid_from"]),
            f"standard_{n}_to": _or_none(one.get("valid_to")),
            f"standard_{n}_note": one.get("note", ""),
        }
    return found | _relations_of(content)


def _relations_of(content: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    listed = [
        *content.get("relations", []),
        *({**pair, "kind": "COMPATIBLE"} for pair in content.get("compatible", [])),
    ]
    for n, one in enumerate(listed):
        keep = one.get("keep", "")
        found |= {
            f"relation_{n}_b": one["b"],
            f"relation_{n}_kind": one["kind"],
            f"relation_{n}_scope": one.get("scope", "person"),
            f"relation_{n}_severity": one.get("severity", "block"),
            f"relation_{n}_keep": "" if not keep else "other" if keep == one["b"] else "own",
            f"relation_{n}_grade": one.get("grade_a", ""),
            f"relation_{n}_age": one.get("under_age"),
            f"relation_{n}_since": _or_none(one.get("since")),
            f"relation_{n}_until": _or_none(one.get("until")),
            f"relation_{n}_basis": one.get("legal_basis", one.get("basis", "")),
        }
    return found


def _or_none(day: str | None) -> date | None:
    return None if day is None else date.fromisoformat(day)
