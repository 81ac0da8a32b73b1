"""Two columns of one meaning: where they differ, which of them counts is for a person to say."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import polars as pl

from yikatong.submission.sheets_cells import RawSheet, called
from yikatong.submission.sheets_forms import MEASURED, Form, Kind
from yikatong.submission.sheets_header import GUESSED, REPEATED, TOLD, Header, MissingColumns
from yikatong.submission.sheets_text import put_right

# what decides where the money goes, and how much
DECISIVE: Final = MEASURED | {Kind.ID, Kind.ACCOUNT}


def twice(header: Header, form: Form, left: int) -> dict[int, str]:
    """Columns that say once more what decides where the money goes, and how much: place → field.
    Where a person has said which one it is, that one is.
    """
    said = {column.field for column in header.mapped if column.how == TOLD}
    return {
        column.place - left: column.field
        for column in header.mapped
        if column.how == REPEATED
        and column.field is not None
        and column.field not in said
        and form.field(column.field).kind in DECISIVE
    }


def refuse_doubt(
    raw: RawSheet, typed: pl.DataFrame, lines: pl.DataFrame, header: Header, form: Form
) -> None:
    """Ask which of two columns counts where they differ.

    Args:
        typed: the rows below the header, as `sheets_cells.columns_of` has them.
        lines: the list's own rows of them, `row` and the fields as they were understood.

    Raises:
        MissingColumns: 应发金额 beside 实发金额, two accounts or two areas, and not the same.
    """
    for place, name in twice(header, form, raw.left).items():
        other = put_right(typed[str(place)], form.field(name).kind).values
        other = other.gather(lines["row"] - typed["row"].min())
        differs = _differ(other, lines[name])
        if differs.any():
            raise _asked(raw, header, name, place, lines["row"].filter(differs), form)


def _differ(other: pl.Series, used: pl.Series) -> pl.Series:
    """Where the one says something else than the other; 5 and 5.00 are the same."""
    pair = pl.DataFrame({"other": other, "used": used})
    plain = [pl.col(name).str.to_decimal(scale=10) for name in pair.columns]
    is_same = pl.col("other").eq_missing(pl.col("used")) | (plain[0] == plain[1])
    return pair.select(pl.col("other").is_not_null() & ~is_same.fill_null(value=False)).to_series()


def _asked(
    raw: RawSheet, header: Header, name: str, place: int, rows: pl.Series, form: Form
) -> MissingColumns:
    """The question, for the screen of columns: neither of the two is sure."""
    asked = {place + raw.left, header.columns[name] + raw.left}
    mapped = tuple(
        replace(column, how=GUESSED, field=name if column.how != REPEATED else None)
        if column.place in asked
        else column
        for column in header.mapped
    )
    first, second = (f"“{column.label}”" for column in mapped if column.place in asked)
    word = form.field(name).word
    where = f"第 {rows[0]} 行" + (f"等 {len(rows)} 行" if len(rows) > 1 else "")
    return MissingColumns(
        f"{called(raw.name)}里{first}和{second}两列都像是{word}，{where}内容不同。"
        f"请指定哪一列是{word}、另一列不用，或删去不用的一列后重新上传。",
        mapped,
        (),
    )
