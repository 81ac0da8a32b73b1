"""Lines as columns: a whole list is digested and made ready for COPY without a loop over its lines.

A frame of lines has the columns of `bulk.STAGED`; the three indexes, the account's and the digest
are hexadecimal text there, quantities and rates plain decimal text, faults the text of a JSON list.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import polars as pl

from yikatong.submission.rules import DIGEST_FIELDS

INDEXES: Final = ("head_index", "payee_index", "beneficiary_index", "account_index")
TEXTS: Final = ("payee_name", "beneficiary_name", "object_key", "grade")
_ESCAPED: Final = r'["\\\x00-\x1f]'


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that are made ready part by part, so that the server may store one part while the next
    is digested. Each call of `parts` makes them anew.
    """

    height: int
    parts: Callable[[], Iterator[pl.DataFrame]]

    def whole(self) -> pl.DataFrame:
        """All of them as one frame."""
        return pl.concat(self.parts(), how="vertical")


def rewritten(
    column: pl.Series, is_odd: pl.Series, rewrite: Callable[[str], str | None]
) -> pl.Series:
    """The column with the odd ones of its texts put through `rewrite`, one by one."""
    places = is_odd.fill_null(value=False).arg_true()
    if not len(places):
        return column
    values = [rewrite(text) for text in column.gather(places)]
    return column.clone().scatter(places, pl.Series(values=values, dtype=pl.String))


def decimals(column: pl.Series, *, digits: int, scale: int) -> pl.Series:
    """Sound numbers in their shortest plain form (3.250 → 3.25), rounded half-up to the scale that
    the table keeps; null where the text is no number, negative, or too long.
    """
    sound = rf"^[0-9]{{1,{digits}}}(?:\.[0-9]+)?$"
    bare = pl.select(pl.when(column.str.contains(sound)).then(column)).to_series()
    bare = rewritten(bare, bare.str.contains(rf"\.[0-9]{{{scale + 1},}}$"), _rounded_to(scale))
    shown = bare.str.replace(r"^0+([0-9])", "$1")
    return shown.str.replace(r"(\.[0-9]*[1-9])0+$|\.0+$", "$1")


def _rounded_to(scale: int) -> Callable[[str], str]:
    unit = Decimal(1).scaleb(-scale)
    return lambda text: format(Decimal(text).quantize(unit, ROUND_HALF_UP), "f")


def digests(lines: pl.DataFrame, *, programme_code: str, period: str) -> pl.Series:
    """`rules.line_digest` of every line, as hexadecimal text."""
    fixed = {"programme_code": programme_code, "period": period}
    parts: list[pl.Expr] = []
    for place, field in enumerate(sorted(DIGEST_FIELDS)):
        parts.append(pl.lit(f'{"," if place else "{"}"{field}":'))
        if field in fixed:
            parts.append(pl.lit(json.dumps(fixed[field], ensure_ascii=False)))
            continue
        value = pl.col(field).cast(pl.String)
        if field in TEXTS:
            value = pl.lit(rewritten(lines[field], lines[field].str.contains(_ESCAPED), _escaped))
        if field in {*TEXTS, *INDEXES, "standard", "quantity"}:
            value = pl.concat_str(pl.lit('"'), value, pl.lit('"'))
        parts.append(value.fill_null("null"))
    texts = lines.select(pl.concat_str(*parts, pl.lit("}"))).to_series()
    empty = hashlib.new("sm3")
    found = []
    for text in texts.cast(pl.Binary).to_list():
        running = empty.copy()
        running.update(text)
        found.append(running.hexdigest())
    return pl.Series("digest", found, dtype=pl.String)


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def as_copied(lines: pl.DataFrame) -> pl.DataFrame:
    """As COPY … (FORMAT CSV) reads it: bytes as \\x…, all texts to be quoted, nulls bare."""
    return lines.with_columns(
        pl.concat_str(pl.lit("\\x"), pl.col(name)).alias(name) for name in (*INDEXES, "digest")
    )
