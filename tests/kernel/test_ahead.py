"""One step ahead: all items, in order, none lost; and what fails is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.kernel.ahead import ahead


@given(st.lists(st.one_of(st.none(), st.integers())))
def test_every_item_comes_in_its_order(items: list[int | None]) -> None:
    assert list(ahead(items)) == items


def test_the_next_is_made_while_the_caller_has_this_one() -> None:
    second = threading.Event()

    def steps() -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    coming = ahead(steps())
    assert next(coming) == 1
    assert second.wait(timeout=30), "nobody has asked for it yet"
    assert list(coming) == [2]


def test_what_making_one_raises_is_raised_where_it_is_asked_for() -> None:
    def steps() -> Iterator[int]:
        yield 1
        raise ValueError("second")

    coming = ahead(steps())
    assert next(coming) == 1
    with pytest.raises(ValueError, match="second"):
        next(coming)
