"""Rows of a list that are no lines: 合计, 制表人, notes; and whether its totals are true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

TAIL_WORDS: Final = (
    r"^(?:本页)?(?:合计|总计|小计|共计|累计|制表|填表人|审核人|复核人|负责人|经办人|单位负责|填报人|"
    r"填报单位|分管领导|主管领导|注[:：]|说明[:：]|备注[:：])"
)
TOTAL_WORDS: Final = r"^(?:合计|总计|共计)"
# what the only filled cell of a row says where it is a note below the list
NOTE_WORDS: Final = (
    r"[:：；。]|盖章|签章|签字|公章|^[0-9]{1,2}[.．、][^0-9]|^[此本]表|^以下空白|^第.{1,3}页"
)
# a row with a number of a person is that person's, whatever else it says
_PERSON: Final = r"[0-9０-９]{14}|\*{6}"


@dataclass(frozen=True, slots=True)
class Totals:
    """A 合计 row: what it states and what its lines sum to, in fen."""

    row: int
    stated_fen: int | None
    sum_fen: int

    @property
    def differs(self) -> bool:
        return self.stated_fen is not None and self.stated_fen != self.sum_fen


@dataclass(frozen=True, slots=True)
class Tails:
    """Where (from 0) the rows are no lines; and which of them are totals."""

    places: pl.Series
    totals: pl.Series


def tails(typed: pl.DataFrame, ids: Sequence[int]) -> Tails:
    """A row without a person's number is a tail by its first filled cell.

    Args:
        typed: the columns of the list, named by their places.
        ids: the places of those that hold numbers of people.
    """
    numbers = [pl.col(str(at)).str.contains(_PERSON).fill_null(value=False) for at in ids]
    candidates = typed.select(~pl.any_horizontal(numbers)).to_series().arg_true()
    cells = [pl.col(name).str.replace_all(r"[\s　]", "") for name in typed.columns]
    is_filled = [cell.str.len_bytes().fill_null(0) > 0 for cell in cells]
    told = typed[candidates].select(
        lead=pl.coalesce(
            pl.when(filled).then(cell) for filled, cell in zip(is_filled, cells, strict=True)
        ),
        filled=pl.sum_horizontal(is_filled),
    )
    is_tail = told.select(
        pl.col("lead").str.contains(TAIL_WORDS)
        | (pl.col("filled") == 1) & pl.col("lead").str.contains(NOTE_WORDS)
    ).to_series()
    return Tails(
        candidates.filter(is_tail), candidates.filter(told["lead"].str.contains(TOTAL_WORDS))
    )


def totals_of(amounts: pl.Series, rows: pl.Series, tails: Tails) -> Iterator[Totals]:
    """Each 合计 row against the lines above it, all of them or those since the 合计 before; one
    above all lines against those below it. Sums of fen, never of rounded floats.
    """
    lines = amounts.clone().scatter(tails.places, None)
    sums = lines.fill_null(0).cum_sum()
    every = int(lines.sum())
    places = tails.totals.to_list()
    first = next(iter(lines.is_not_null().arg_true().head(1)), len(lines))
    before = 0
    for at, place in enumerate(places):
        above = int(sums[place])
        below = int(sums[places[at + 1]]) if at + 1 < len(places) else every
        choices = (above, above - before) if place > first else (every, below)
        before = above
        stated = None if amounts[place] is None else int(amounts[place])
        yield Totals(int(rows[place]), stated, stated if stated in choices else choices[0])
