"""An officer's definition is read as a pack is, and comes back from the form as it went in."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yikatong.catalogue.definitions import (
    RESERVED,
    Defined,
    content_of,
    read_definition,
)
from yikatong.catalogue.forms import DefinitionForm
from yikatong.catalogue.formulas import parse
from yikatong.catalogue.pack import load_pack
from yikatong.catalogue.rules import DEFINITION_MOVES, DEFINITION_WORD, own_code
from yikatong.catalogue.specs import COLUMN_WORD, ITEM_CHECKS, ROSTER_KINDS, STOPPING
from yikatong.catalogue.told import differences
from yikatong.kernel.errors import Refused

PACK = load_pack(Path(__file__).parents[2] / "packs" / "dadukou")
CODE, DEPARTMENT = "NA01", 1
OTHERS = {f"P{n:02d}": f"项目{n}" for n in range(1, 19)}
KINDS = [kind for kind in ROSTER_KINDS if kind not in STOPPING]


def read(content: dict[str, Any]) -> Defined:
    return read_definition(content, code=CODE, department_no=DEPARTMENT)


@st.composite
def words(draw: st.DrawFn) -> str:
    text = draw(st.text("田亩坡茶林养殖甲乙丙丁（）", min_size=1, max_size=6))
    return f"列{text}"


@st.composite
def relations(draw: st.DrawFn, grades: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "b": other,
            "kind": draw(st.sampled_from(["DENY", "HIGHER", "TOPUP", "SAME_ASSET"])),
            "scope": draw(st.sampled_from(["person", "household", "plot"])),
            "severity": draw(st.sampled_from(["block", "confirm"])),
            "legal_basis": "文号",
            "grade_a": draw(st.sampled_from(["", *grades])),
            "keep": draw(st.sampled_from(["", CODE, other])),
            "since": "2026-01-01",
            **({"under_age": 16} if draw(st.booleans()) else {}),
        }
        for other in draw(st.lists(st.sampled_from(["P01", "P10", "P14"]), unique=True))
    ]


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """A definition that the form can hold, in its one written form."""
    used = [name for name in COLUMN_WORD if draw(st.booleans())]
    called = draw(st.lists(words(), min_size=9, max_size=9, unique_by=lambda w: w.strip("（）")))
    grades = draw(st.lists(st.sampled_from(["一级", "二级", "甲类"]), unique=True))
    uses: dict[str, list[str]] = {
        key: [] for key in ("required_rosters", "confirm_rosters", "optional_rosters")
    }
    days: dict[str, int] = {}
    for kind in KINDS:
        if key := draw(st.sampled_from(["", *uses])):
            uses[key].append(kind)
            if draw(st.booleans()):
                days[kind] = draw(st.integers(1, 400))
    since = date(2026, 1, 1)
    rates = draw(st.lists(st.decimals("0.0000001", "99999", places=7), max_size=12))
    standards = [
        {
            "grade": "",
            "amount_yuan": format(rate.normalize(), "f"),
            "unit": "元/亩",
            "valid_from": (since + timedelta(days=31 * n)).isoformat(),
            "valid_to": (since + timedelta(days=31 * n + 30)).isoformat(),
            "sample": False,
            "note": "",
        }
        for n, rate in enumerate(rates)
    ]
    ages = draw(st.dictionaries(st.sampled_from(["min", "min_female"]), st.integers(0, 120)))
    programme: dict[str, Any] = {
        "name": "高山蔬菜",
        "short_name": "蔬菜",
        "note": "文号",
        "target": "种植户",
        "payee_kind": draw(st.sampled_from(["person", "household"])),
        "object_kind": draw(st.sampled_from(["", "plot", "machine", "house", "case"])),
        "unit": "亩",
        "frequency": draw(st.sampled_from(["yearly", "monthly", "once"])),
        "paying_unit": draw(st.sampled_from(["department", "township"])),
        "formula": draw(st.sampled_from(["rate", "case"])),
        "formula_text": "补贴金额=补贴标准×月数",
        "rounding": "half_up",
        "months": draw(st.integers(0, 12)),
        "grades": grades,
        "benefit_roster": draw(st.sampled_from(["", *ROSTER_KINDS])),
        "disclosure": draw(st.sampled_from(["named", "totals"])),
        "sms": PACK.programmes[0].sms,
        "columns": used,
        "required_columns": [name for name in used if draw(st.booleans())],
        "words": {name: called.pop() for name in used if draw(st.booleans())},
        "extra_columns": [called.pop() for _ in range(draw(st.integers(0, 3)))],
        "function_code": "",
        "economic_code": "",
        "government_code": "",
        "checks": {name: 0 for name in ITEM_CHECKS if draw(st.booleans())},
        "roster_days": days,
        "standards": standards,
        **uses,
    }
    if draw(st.booleans()):
        programme["cap_yuan"] = draw(st.integers(1, 100_000))
    if ages:
        programme["age"] = ages
    return {
        "programme": programme | {"confirm": ""},
        "relations": draw(relations(grades)),
        "compatible": [{"b": "P15", "basis": "文号"}] if draw(st.booleans()) else [],
    }


@settings(max_examples=50)
@given(contents())
def test_what_is_read_is_written_again_as_it_stood(content: dict[str, Any]) -> None:
    defined = read(content)
    kept = content_of(defined)
    assert read(kept) == defined
    assert content_of(read(kept)) == kept
    assert kept == content
    assert differences(defined, read(kept), OTHERS) == []


@settings(max_examples=25)
@given(contents())
def test_the_form_gives_back_what_it_was_given(content: dict[str, Any]) -> None:
    shown = DefinitionForm(OTHERS, own=(CODE, DEPARTMENT), content=content)
    typed = {}
    for field in shown:
        value = field.value()
        if value is not None and value is not False:  # an age of 0 is one
            typed[field.html_name] = "on" if value is True else str(value)
    form = DefinitionForm(OTHERS, typed, own=(CODE, DEPARTMENT))
    assert form.is_valid(), form.errors
    assert content_of(read(form.cleaned_data["content"])) == content_of(read(content))


@pytest.mark.parametrize("spec", PACK.programmes, ids=lambda spec: spec.code)
def test_each_of_the_18_items_could_have_been_defined_by_an_officer(spec: Any) -> None:
    defined = Defined(spec, (), ())
    content = content_of(defined)
    found = read_definition(content, code=spec.code, department_no=spec.department).spec
    assert content_of(Defined(found, (), ())) == content


def base() -> dict[str, Any]:
    return deepcopy(content_of(Defined(PACK.programme("P04"), (), ())))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"formula_text": "补贴金额=补贴标准×人数"}, "第 11 个字起的“人数”不是本项的列"),
        ({"formula_text": "补贴标准×种植面积"}, "应写成“补贴金额=…”"),
        ({"formula_text": ""}, "缺少计算公式"),
        ({"short_name": "超过七个字的简称"}, "简称应为 1 至 7 字"),
        ({"words": {"quantity": "金额"}}, "另有含义"),
        ({"words": {"quantity": "=1+1"}}, "不能以符号开头"),
        ({"extra_columns": ["品种", "品种"]}, "列名有重复"),
        ({"required_rosters": ["nobody"]}, "不认识名册"),
        ({"required_rosters": ["entitled:P01"]}, "不认识名册"),
        ({"checks": {"made_up": 0}}, "checks 只能是"),
        ({"roster_days": {"disabled": 30}}, "本项不用的名册"),
        ({"optional_rosters": ["retired"], "roster_days": {"retired": 0}}, "名册有效天数"),
        ({"age": {"min": 60, "max": 16}}, "最小年龄不能大于最大年龄"),
        ({"rounding": "up"}, "rounding 应为"),
        ({"made_up": 1}, "不认识 made_up"),
        ({"columns": [], "required_columns": [], "words": {}}, "不是本项的列"),
    ],
)
def test_what_would_not_hold_is_refused_in_words(change: dict[str, Any], said: str) -> None:
    content = base()
    content["programme"] |= change
    with pytest.raises(Refused, match=said):
        read(content)


def test_standards_are_exact_and_never_overlap() -> None:
    content = base()
    (one,) = content["programme"]["standards"]
    one["amount_yuan"] = "124.9788302"
    assert read(content).spec.standards[0].amount_yuan == Decimal("124.9788302")
    content["programme"]["standards"].append(one | {"valid_from": "2025-01-01"})
    with pytest.raises(Refused, match="有效期重叠"):
        read(content)
    one["valid_to"] = "2024-12-31"
    assert len(read(content).spec.standards) == 2
    one["amount_yuan"] = "1.12345678"
    with pytest.raises(Refused, match="最多 7 位小数"):
        read(content)


def test_an_item_is_related_to_another_one() -> None:
    content = base()
    relation = {"b": CODE, "kind": "DENY", "scope": "person", "since": "2026-01-01"}
    content["relations"] = [relation | {"legal_basis": ""}]
    with pytest.raises(Refused, match="另一个项目"):
        read(content)
    content["relations"] = [relation | {"b": "P14", "legal_basis": "", "grade_a": "特级"}]
    with pytest.raises(Refused, match="没有等级“特级”"):
        read(content)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("补贴金额=补贴标准×（面积", "第 11 个字“（”没有对应的“）”"),
        ("补贴金额=补贴标准×面积）", "第 13 个字“）”前面没有对应的“（”"),
        ("补贴金额=补贴标准××面积", "第 11 个字“×”这里应为列名"),
        ("补贴金额=补贴标准&面积", "第 10 个字“&”看不懂"),
        ("补贴金额=补贴标准×", "第 10 个字“×”后面应有"),
        ("补贴金额=补贴标准 面积", "第 11 个字“面积”前面缺少"),
        ("补贴金额=", "“=”后面应有"),
    ],
)
def test_a_formula_is_refused_at_its_place(text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        parse(text)


def test_departments_never_meet_in_one_code() -> None:
    codes = [own_code(department, taken) for department in range(1, 60) for taken in range(3)]
    assert len(set(codes)) == len(codes)
    assert (own_code(1, 0), own_code(27, 9)) == ("NA01", "NAA10")
    assert not {one.code for one in PACK.programmes} & set(codes)


def test_every_state_is_reached_and_left() -> None:
    states = set(DEFINITION_WORD)
    assert {move.to for move in DEFINITION_MOVES} | {"DRAFT"} == states
    assert {move.at for move in DEFINITION_MOVES} == states - {"RETIRED"}
    assert RESERVED
