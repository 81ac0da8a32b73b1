"""Many rows of a message as one frame: a column is looked at once, and lines are written at once.

A county's roster has thousands of rows, a proof a million; row objects cost twenty times the
writing. Whatever the quick look cannot vouch for is read again row by row, so that the refusal
still names each row and field.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, overload

import polars as pl

from yikatong.connectors.bank.lines import NO_LENGTHS, encoded, fitted, written
from yikatong.connectors.bank.messages import Column, Form, Row, money_column

# controls, invisible signs and private use, as UTF-8: one pass each, led by one byte
SUSPECT: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rb"\xc2[\x80-\x9f]",
        rb"\xe2(?:\x80[\x8b-\x8f\xa8-\xae]|\x81[\xa0-\xa9])",
        rb"\xef(?:\xbb\xbf|\xbf[\xb9-\xbb\xbd]|[\x80-\xa3])",
        rb"\xee",
        rb"\xf3[\xb0-\xbf]",
        rb"\xf4",
    )
)
CONTROLS: Final = bytes([*range(10), *range(11, 32), 127])
FEN_LIMIT: Final = 10**15
BYTES_MOST: Final = 4


@dataclass(frozen=True, slots=True)
class Framed(Sequence[Row]):
    """Rows of one class as a frame: text as String, numbers and fen as Int64, named like the
    fields. A column that is left out is empty in every row.
    """

    row_type: type[Row]
    frame: pl.DataFrame

    def __len__(self) -> int:
        return self.frame.height

    def __iter__(self) -> Iterator[Row]:
        for facts in self.frame.iter_rows(named=True):
            yield self.row_type(**facts)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Framed: ...
    def __getitem__(self, at: int | slice) -> Row | Framed:
        if isinstance(at, slice):
            return Framed(self.row_type, self.frame[at])
        return self.row_type(**self.frame.row(at, named=True))

    @property
    def amount_fen(self) -> int:
        place = money_column(self.row_type)
        if place is None:
            return 0
        return int(self.frame[fitted(self.row_type, NO_LENGTHS)[place].name].sum())


def body_of(rows: Sequence[Row], encoding: str, lengths: Mapping[str, int] = NO_LENGTHS) -> bytes:
    """The D lines of a part. Raises Unwritable with every value that cannot be written."""
    if isinstance(rows, Framed):
        quick = _quick(rows, encoding, lengths)
        if quick is not None:
            return quick
        rows = list(rows)
    lines = written(rows, encoding, lengths)
    return encoded("\n".join([*lines, ""]), encoding)


def _quick(rows: Framed, encoding: str, lengths: Mapping[str, int]) -> bytes | None:
    """All lines at once; None where some value needs a closer look."""
    shape = fitted(rows.row_type, lengths)
    frame = rows.frame
    if not all(_is_clean(column, frame, lengths) for column in shape):
        return None
    wire = [_on_the_wire(column, frame, lengths) for column in shape]
    buffer = io.BytesIO()
    frame.lazy().select(pl.lit("D").alias(""), *wire).collect().write_csv(
        buffer, include_header=False, separator="|", quote_style="never", line_terminator="\n"
    )
    text = buffer.getvalue()
    if len(text.translate(None, CONTROLS)) != len(text):
        return None
    if any(pattern.search(text) for pattern in SUSPECT):
        return None
    height, width = frame.height, len(shape)
    if text.count(b"\n") != height or text.count(b"|") != height * width:
        return None
    try:
        return text if encoding == "utf-8" else encoded(text.decode(), encoding)
    except UnicodeEncodeError:
        return None


def _is_clean(column: Column, frame: pl.DataFrame, lengths: Mapping[str, int]) -> bool:
    """Whether no value of the column can break its form, whatever the encoding."""
    if column.name not in frame.columns or lengths.get(column.name) == 0:
        return not column.is_required or lengths.get(column.name) == 0
    values = frame[column.name]
    if values.null_count():
        return False
    if column.form is not Form.TEXT:
        least = 1 if column.form is Form.AMOUNT else 0
        low, high = values.min(), values.max()
        is_whole = isinstance(low, int) and isinstance(high, int)
        return is_whole and least <= low and high < FEN_LIMIT  # type: ignore[operator]
    if column.choices and not column.choices.union({""}).issuperset(values.unique()):
        return False
    signs = values.str.len_chars()
    if column.is_required and signs.min() == 0:
        return False
    longest = int(str(signs.max() or 0))
    if column.most_signs and longest > column.most_signs:
        return False
    if longest * BYTES_MOST <= column.most:
        return True
    # a sign of two UTF-8 bytes has one more than a letter, and at most four in GB 18030
    more = values.str.len_bytes().cast(pl.Int64) - signs.cast(pl.Int64)
    return bool((signs.cast(pl.Int64) + more * 3 <= column.most).all())


def _on_the_wire(column: Column, frame: pl.DataFrame, lengths: Mapping[str, int]) -> pl.Expr:
    if column.name not in frame.columns or lengths.get(column.name) == 0:
        return pl.lit("").alias(column.name)
    value = pl.col(column.name)
    if column.form in {Form.AMOUNT, Form.MONEY}:
        cents = (value % 100).cast(pl.String).str.zfill(2)
        return pl.concat_str((value // 100).cast(pl.String), pl.lit("."), cents).alias(column.name)
    return value
