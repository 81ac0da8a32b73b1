"""计算公式 are read as officials write them, exactly, and nothing else can hide in one."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.catalogue.formulas import parse
from yikatong.kernel.errors import Refused

FACTS = {"补贴标准": Decimal("119.4800000"), "面积": Decimal("2.500"), "月数": 3}


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("补贴金额=补贴标准×面积", "298.70"),
        ("补贴金额＝补贴标准＊面积", "298.70"),
        ("补贴标准*面积*月数", "896.10"),
        ("补贴金额 = （补贴标准 － 19.48） × 面积", "250"),
        ("补贴标准×面积÷２", "149.35"),
        ("1 + 2 × 3 - 4 ÷ 8", "6.5"),
        ("10－2－3", "5"),
        ("补贴标准×30%", "35.844"),
    ],
)
def test_full_width_and_half_width_mean_the_same(text: str, worth: str) -> None:
    assert parse(text).value(FACTS) == Decimal(worth)


def test_a_formula_tells_what_it_gives_and_what_it_needs() -> None:
    formula = parse("补贴金额=补贴标准×面积")
    assert formula.target == "补贴金额"
    assert formula.names == {"补贴标准", "面积"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "补贴标准×",
        "（补贴标准×面积",
        "补贴标准×面积）",
        "补贴标准 面积",
        "__import__('os').system('x')",
        "补贴标准; DROP TABLE x",
        "补贴标准**2",
        "a[0]",
        "标准.面积",
        "'x'",
        "(" * 30 + "1" + ")" * 30,
        "1+" * 150 + "1",
    ],
)
def test_what_is_no_formula_is_refused_in_words(text: str) -> None:
    with pytest.raises(Refused, match="公式"):
        parse(text)


def test_a_word_without_a_value_and_a_zero_below_are_refused() -> None:
    with pytest.raises(Refused, match="人数"):
        parse("补贴标准×人数").value(FACTS)
    with pytest.raises(Refused, match="除数"):
        parse("补贴标准÷（月数－3）").value(FACTS)
    with pytest.raises(Refused, match="不是本项的列"):
        parse("补贴标准×人数").sql({"补贴标准": "rate"})


def test_only_our_columns_numbers_and_signs_reach_sql() -> None:
    told = parse("补贴金额=补贴标准×面积÷（月数＋1）").sql(
        {"补贴标准": "rate", "面积": "units", "月数": "month_count"}
    )
    assert told == "((rate * units)::numeric / nullif((month_count + 1), 0))"


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Refused):
        parse(text).sql({})
