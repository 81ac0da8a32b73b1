"""What the public may see: names masked, minors and sensitive items as totals, and small cells told
with others, so that no subtraction gives them back.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from yikatong.disclosure.rules import SMALL, PaidFact, PublicRow, named_rows, shown_fen, total_rows
from yikatong.kernel.masks import masked_name

LONG_NUMBER = re.compile(r"\d{6,}")
QIAN = PaidFact("大青村", "3组", "钱大娘", 71, Decimal("2.50"), Decimal("73.6"), 18_400)


def village(name: str, *amounts: int) -> list[PaidFact]:
    return [replace(QIAN, village=name, amount_fen=fen) for fen in amounts]


names = st.text(alphabet="钱大娘买买提·阿依古丽𬱖㐂", min_size=1, max_size=9)
facts = st.builds(
    PaidFact,
    village=st.sampled_from(["大青村", "小青村", "桑柘社区", "老街社区"]),
    group=st.sampled_from(["1组", "2组"]),
    name=names,
    age=st.one_of(st.none(), st.integers(0, 110)),
    quantity=st.one_of(st.none(), st.decimals(0, 99, places=2)),
    standard=st.one_of(st.none(), st.decimals(0, 999, places=2)),
    amount_fen=st.integers(1, 99_999),
)


def test_a_name_keeps_its_first_and_last_character() -> None:
    (row,) = named_rows([QIAN])
    assert row == PublicRow("大青村3组", "钱*娘", 1, "2.5", "73.6", 18_400)


def test_a_minor_is_not_named_nor_placed() -> None:
    rows = named_rows([QIAN, *(replace(QIAN, name="冉孩", age=17) for _ in range(SMALL))])
    assert rows[-1] == PublicRow("未成年人（仅汇总）", "", SMALL, "", "", 18_400 * SMALL)
    assert not any("冉" in row.name_masked for row in rows)


def test_eighteen_is_no_minor() -> None:
    assert named_rows([replace(QIAN, age=18)])[0].name_masked


def test_a_few_minors_have_no_amount_and_the_total_does_not_give_it_back() -> None:
    rows = named_rows([QIAN, replace(QIAN, name="冉孩", age=3, amount_fen=777)])
    assert rows[-1].amount_fen is None
    assert shown_fen(rows) == QIAN.amount_fen


def test_large_villages_stand_alone() -> None:
    rows = total_rows(village("大青村", *[100] * 5) + village("小青村", *[100] * 6))
    assert [(row.village, row.people, row.amount_fen) for row in rows] == [
        ("大青村", 5, 500),
        ("小青村", 6, 600),
    ]


def test_a_lone_small_village_takes_a_second_with_it() -> None:
    rows = total_rows(
        village("大青村", *[100] * 9) + village("小青村", *[100] * 5) + village("老街", 777)
    )
    assert [(row.village, row.people, row.amount_fen) for row in rows] == [
        ("大青村", 9, 900),
        ("其他村（社区）合计", 6, 1_277),
    ]


def test_two_small_villages_that_are_few_together_take_a_third_with_them() -> None:
    """Three people in all: without a third village the notice's own total would tell their sum."""
    rows = total_rows(
        village("大青村", *[100] * 9) + village("小青村", 777) + village("老街", 888, 999)
    )
    assert [(row.people, row.amount_fen) for row in rows] == [(12, 900 + 777 + 888 + 999)]


def test_fewer_than_five_in_all_show_no_amount_at_all() -> None:
    rows = total_rows(village("大青村", 90_00))
    assert rows == [PublicRow("其他村（社区）合计", "", 1, "", "", None)]
    assert shown_fen(rows) == 0


def test_nobody_paid_is_an_empty_notice() -> None:
    assert named_rows([]) == total_rows([]) == []


@given(st.lists(facts, max_size=40))
@example([replace(QIAN, name="冉孩", age=5)])
def test_a_named_notice_counts_everybody_once_and_shows_no_number_of_a_person(
    found: list[PaidFact],
) -> None:
    rows = named_rows(found)
    assert sum(row.people for row in rows) == len(found)
    minors = [fact for fact in found if fact.age is not None and fact.age < 18]
    hidden = sum(fact.amount_fen for fact in minors) if len(minors) < SMALL else 0
    assert shown_fen(rows) == sum(fact.amount_fen for fact in found) - hidden
    for row in rows:
        assert not LONG_NUMBER.search(row.village + row.name_masked)
    adults = {masked_name(fact.name) for fact in found if fact not in minors}
    assert {row.name_masked for row in rows} - {""} <= adults


@given(st.lists(facts, max_size=40))
def test_totals_conserve_people_and_money_and_hide_small_cells(found: list[PaidFact]) -> None:
    rows = total_rows(found)
    whole = sum(fact.amount_fen for fact in found)
    assert sum(row.people for row in rows) == len(found)
    assert all((row.name_masked, row.quantity, row.standard) == ("", "", "") for row in rows)
    assert all(row.amount_fen is not None for row in rows if row.people >= SMALL)
    assert all(row.amount_fen is None for row in rows if row.people < SMALL)
    if len(found) >= SMALL:
        assert shown_fen(rows) == whole, "nothing is left out that a subtraction could find"
    else:
        assert shown_fen(rows) == 0
