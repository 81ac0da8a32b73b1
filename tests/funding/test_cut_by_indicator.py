"""AM-5 and the cut of a batch over indicators: whole lines, in order, never more than there is."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.funding.rules import LAST_SEQ, Cut, Usable, cut_by_indicator, shortcoming
from yikatong.kernel.errors import Refused

LINES = st.lists(st.integers(1, 50_000), min_size=1, max_size=12)


def cut(shares: dict[int, list[int]], available: list[int]) -> list[Cut]:
    return cut_by_indicator(
        {bank: sum(lines) for bank, lines in shares.items()},
        [Usable(f"ZB{n}", fen) for n, fen in enumerate(available)],
        lines_of=lambda bank: list(enumerate(shares[bank], start=1)),
        lines_in_all={bank: len(lines) for bank, lines in shares.items()},
    )


def test_one_indicator_that_reaches_is_one_application_per_bank() -> None:
    cuts = cut({1: [100, 200], 2: [300]}, [600, 10_000])
    assert cuts == [Cut(1, "ZB0", 0, LAST_SEQ, 2, 300), Cut(2, "ZB0", 0, LAST_SEQ, 1, 300)]


def test_what_the_first_does_not_reach_comes_from_the_next_by_whole_lines() -> None:
    cuts = cut({1: [100, 200, 300]}, [350, 10_000])
    assert cuts == [Cut(1, "ZB0", 0, 2, 2, 300), Cut(1, "ZB1", 3, LAST_SEQ, 1, 300)]


def test_a_second_bank_goes_on_where_the_first_left_the_indicators() -> None:
    cuts = cut({1: [100, 200], 2: [50, 400]}, [350, 10_000])
    assert [(one.bank_no, one.indicator, one.amount_fen) for one in cuts] == [
        (1, "ZB0", 300), (2, "ZB0", 50), (2, "ZB1", 400),
    ]  # fmt: skip


def test_too_little_is_refused_in_words_with_the_figures() -> None:
    with pytest.raises(Refused, match=r"AM-5.*需要 0\.51 元.*ZB0 可用 0\.50 元"):
        cut({1: [51]}, [50])


def test_no_indicator_at_all_says_so() -> None:
    with pytest.raises(Refused, match="尚未从预算系统读到"):
        cut({1: [51]}, [])


def test_a_closed_or_overdrawn_indicator_is_passed_over() -> None:
    assert [one.indicator for one in cut({1: [51]}, [-7, 0, 51])] == ["ZB2"]


@given(st.dictionaries(st.integers(1, 8), LINES, min_size=1, max_size=4),
       st.lists(st.integers(0, 400_000), max_size=4))  # fmt: skip
def test_every_line_is_applied_for_once_and_no_indicator_is_exceeded(
    shares: dict[int, list[int]], available: list[int]
) -> None:
    try:
        cuts = cut(shares, available)
    except Refused:
        return
    used = dict.fromkeys(range(len(available)), 0)
    for bank, lines in shares.items():
        own = sorted((one for one in cuts if one.bank_no == bank), key=lambda one: one.seq_from)
        assert own[0].seq_from == 0
        assert own[-1].seq_to == LAST_SEQ
        for one, after in pairwise(own):
            assert one.seq_to + 1 == after.seq_from
        for one in own:
            fens = [f for seq, f in enumerate(lines, 1) if one.seq_from <= seq <= one.seq_to]
            assert (one.lines, one.amount_fen) == (len(fens), sum(fens))
            used[int(one.indicator[2:])] += one.amount_fen
        assert sum(one.amount_fen for one in own) == sum(lines)
    assert all(used[n] <= fen for n, fen in enumerate(available))
    assert cut(shares, available) == cuts, "the same batch is cut the same way"


@pytest.mark.parametrize(
    ("received", "asked", "came", "is_ours", "word"),
    [(99, 100, 99, True, "到账不足"), (101, 100, 101, True, "到账超额"),
     (200, 100, 100, True, "重复到账"), (0, 100, 100, False, "错户到账")],
)  # fmt: skip
def test_what_is_wrong_with_money_has_a_name(
    received: int, asked: int, came: int, is_ours: bool, word: str
) -> None:
    told = shortcoming(received_fen=received, asked_fen=asked, came_fen=came, is_ours=is_ours)
    assert told == word
