"""Columns of typed cells as columns of text, without inventing a digit.

A workbook's numbers are binary fractions: 15 digits of them are true. What has more digits than
that is written with an exponent, for `sheets_text.is_lost` to find, and never as rounded digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Final

import polars as pl

Cell = str | float | int | bool | date | datetime | time | timedelta | None
CHUNK_ROWS: Final = 10_000
NAMELESS: Final = "csv"  # the one sheet of a .csv file
MOST_EXACT: Final = 10**15
EXACT_CHARACTERS: Final = 15
_TEXTS: Final = frozenset({str, type(None)})
_PLAIN: Final = rf"^-?[0-9.]{{1,{EXACT_CHARACTERS}}}$"


@dataclass(frozen=True, slots=True)
class RawSheet:
    """One sheet of the file: its first rows as typed, and the way to all the others.

    `head` begins with row 1 of the user's own sheet and holds `HEAD_ROWS` rows at most. `rest` are
    the rows after it: typed cells, or, where the file was text, a frame of String columns. `left`
    columns of the user's own sheet stand empty before the first cell of each of these rows.
    `at_once` may give columns of `rest` as `columns_of` does, or None where they are to be read
    cell by cell; it is asked once, and `rest` not touched before. `by_commas`: a comma in a cell
    that is not quoted makes two of it; `widths`: how many cells each row has, the empty ones too,
    where `rest` does not tell.
    """

    name: str
    head: Sequence[Sequence[Cell]]
    rest: Iterator[Sequence[Cell]] | pl.DataFrame
    left: int = 0
    at_once: Callable[[Sequence[int]], pl.DataFrame | None] | None = None
    by_commas: bool = False
    widths: pl.Series | None = None


def called(name: str) -> str:
    """What the sentence calls the sheet: a .csv file has none that its writer would know."""
    return "这个表格" if name == NAMELESS else f"工作表“{name}”"


def columns_of(raw: RawSheet, *, after: int, places: Sequence[int]) -> pl.DataFrame:
    """The rows after the first `after` ones of a sheet.

    Returns:
        `row` (Int64, from 1, as in the user's own sheet) and a String column named by each of
        `places` (from 0, as in the rows of `raw`); null where a cell is empty or absent.
    """
    first = _chunk(raw.head[after:], places)
    if isinstance(raw.rest, pl.DataFrame):
        width = raw.rest.width
        absent = pl.lit(None, dtype=pl.String)
        rest = raw.rest.select(
            (pl.col(raw.rest.columns[at]) if at < width else absent).alias(str(at)) for at in places
        )
        chunks = [first, rest]
    elif raw.at_once is not None and (whole := raw.at_once(places)) is not None:
        chunks = [first, whole]
    else:
        chunks = [first]
        while rows := list(islice(raw.rest, CHUNK_ROWS)):
            chunks.append(_chunk(rows, places))
    whole = in_one_piece(chunks)
    numbers = pl.int_range(after + 1, after + 1 + whole.height, dtype=pl.Int64, eager=True)
    return whole.insert_column(0, numbers.alias("row"))


def in_one_piece(chunks: list[pl.DataFrame]) -> pl.DataFrame:
    """One frame of them all, made column by column: never a second copy of the whole.

    The frames in `chunks` are taken apart.
    """
    return pl.DataFrame(
        [
            pl.concat([chunk.drop_in_place(name) for chunk in chunks], rechunk=True)
            for name in chunks[0].columns
        ]
    )


def _chunk(rows: Sequence[Sequence[Cell]], places: Sequence[int]) -> pl.DataFrame:
    width = max(map(len, rows), default=0)
    if any(len(row) != width for row in rows):
        rows = [(*row, *(None,) * (width - len(row))) for row in rows]
    columns = list(zip(*rows, strict=True))
    return pl.DataFrame(
        [
            text_column(columns[at] if at < width else (None,) * len(rows)).alias(str(at))
            for at in places
        ]
    )


def text_column(cells: Sequence[Cell]) -> pl.Series:
    """Cells of any types as text; blank cells are null."""
    kinds = set(map(type, cells))
    if kinds <= _TEXTS:
        return pl.Series(values=cells, dtype=pl.String)
    if kinds <= _TEXTS | {float} and len(kinds) > 0:
        return _numbers(cells)
    return pl.Series(values=[as_text(cell) for cell in cells], dtype=pl.String)


def _numbers(cells: Sequence[Cell]) -> pl.Series:
    """Texts and numbers."""
    shown = _of_numbers(pl.Series(values=[cell if type(cell) is float else None for cell in cells]))
    if str not in set(map(type, cells)):
        return shown
    texts = pl.Series(values=[cell if type(cell) is str else None for cell in cells])
    return pl.select(pl.coalesce(shown, texts.cast(pl.String))).to_series()


def _of_numbers(numbers: pl.Series) -> pl.Series:
    """What has few digits is written all at once, the others one by one."""
    whole = numbers.cast(pl.Int64, strict=False)
    is_whole = (whole == numbers) & (whole.abs() < MOST_EXACT)
    shown = pl.select(pl.when(is_whole).then(whole.cast(pl.String)).otherwise(
        numbers.cast(pl.String))).to_series()  # fmt: skip
    long = (numbers.is_not_null() & ~is_whole.fill_null(value=False)
            & ~shown.str.contains(_PLAIN)).arg_true()  # fmt: skip
    if len(long):
        exact = [as_text(number) for number in numbers.gather(long)]
        shown = shown.scatter(long, pl.Series(values=exact, dtype=pl.String))
    return shown


def in_text(typed: pl.Series) -> pl.Series | None:
    """A column whose cells are all of one type as `text_column` writes them; None for a type whose
    cells have to be looked at one by one.
    """
    if typed.dtype == pl.String:
        return typed
    if typed.dtype.is_numeric():
        return _of_numbers(typed)
    if typed.dtype == pl.Boolean:
        return pl.select(
            pl.when(typed).then(pl.lit("是")).when(~typed).then(pl.lit("否"))
        ).to_series()
    if typed.dtype == pl.Null:
        return typed.cast(pl.String)
    return None


def as_text(cell: Cell) -> str | None:
    """A typed cell as text."""
    match cell:
        case None | str():
            return cell
        case bool():
            return "是" if cell else "否"
        case int() | float():
            return _digits(cell)
        case datetime():
            return cell.date().isoformat()
        case _:
            return str(cell)


def _digits(number: float) -> str:
    """Excel shows 15 digits of a number and so do we: 941.3000000000001 is 941.3, and what has
    more digits than that is written with an exponent, as lost.
    """
    if abs(number) < MOST_EXACT and number == int(number):
        return str(int(number))
    shown = format(number, ".15g")
    return format(number, ".15f").rstrip("0") if "e-" in shown else shown.replace("e+", "E+")
