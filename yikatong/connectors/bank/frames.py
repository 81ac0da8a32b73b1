"""Many rows of a message as one frame: a column is looked at once, and lines are written at once.

A county's roster has thousands of rows, a proof a million; row objects cost twenty times the
writing. Whatever the quick look cannot vouch for is read again row by row, so that the refusal
still names each row and field.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, overload

import polars as pl

from yikatong.connectors.bank.lines import NO_LENGTHS, encoded, fitted, written
from yikatong.connectors.bank.messages import Column, Form, Row, money_column

# controls, invisible signs and private use, as UTF-8: one pass each, led by one byte
SUSPECT: Final = tuple(
    (lead, re.compile(pattern))
    for lead, pattern in (
        (b"\xc2", rb"\xc2[\x80-\x9f]"),
        (b"\xe2", rb"\xe2(?:\x80[\x8b-\x8f\xa8-\xae]|\x81[\xa0-\xa9])"),
        (b"\xef", rb"\xef(?:\xbb\xbf|\xbf[\xb9-\xbb\xbd]|[\x80-\xa3])"),
        (b"\xee", rb"\xee"),
        (b"\xf3", rb"\xf3[\xb0-\xbf]"),
        (b"\xf4", rb"\xf4"),
    )
)
FORBIDDEN: Final = bytes([*range(32), 127]) + b"|"
ASKED: Final = ("nulls", "low", "high", "bytes", "stranger")
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

    def translated(self, source: str, target: str, meaning: Callable[[str], str]) -> Framed:
        """`target` where it is empty becomes the meaning of `source`, asked once for each value."""
        if source not in self.frame.columns or target not in self.frame.columns:
            return self
        meanings = {value: meaning(value) for value in self.frame[source].unique()}
        meant = pl.col(source).replace_strict(meanings, return_dtype=pl.String)
        own = pl.col(target)
        filled = pl.when(own == "").then(meant).otherwise(own).alias(target)
        return Framed(self.row_type, self.frame.with_columns(filled))

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
    looked = looked_at(shape, frame, lengths)
    if looked is None:
        return None
    wire = [_on_the_wire(column, frame, lengths) for column in shape]
    buffer = io.BytesIO()
    frame.lazy().select(pl.lit("D").alias(""), *wire).collect().write_csv(
        buffer, include_header=False, separator="|", quote_style="never", line_terminator="\n"
    )
    text = buffer.getvalue()
    # a bar, line break or control inside a value is one more than the lines have of themselves
    own = frame.height * (len(shape) + 1)
    if len(text) - len(text.translate(None, FORBIDDEN)) != own:
        return None
    if any(lead in text and pattern.search(text) for lead, pattern in SUSPECT):
        return None
    return _in_encoding(text, encoding, is_tight=looked)


def _in_encoding(text: bytes, encoding: str, *, is_tight: bool) -> bytes | None:
    """In GBK, the two-byte part of GB 18030, a sign has never more bytes than in UTF-8; so where
    lengths were judged by those (`is_tight`), the text must be of such signs only.
    """
    said = text.decode()
    if encoding in {"gb18030", "utf-8"}:
        try:
            found = said.encode("gbk") if is_tight or encoding == "gb18030" else b""
        except UnicodeEncodeError:
            return None if is_tight else encoded(said, encoding)
        return found if encoding == "gb18030" else text
    try:
        return encoded(said, encoding)
    except UnicodeEncodeError:
        return None


def can_stand(text: bytes, encoding: str, *, is_tight: bool) -> bool:
    """Whether text in UTF-8, whose lengths were judged by `looked_at`, fits in the encoding."""
    return text.isascii() or _in_encoding(text, encoding, is_tight=is_tight) is not None


def looked_at(
    shape: Sequence[Column], frame: pl.DataFrame, lengths: Mapping[str, int]
) -> bool | None:
    """None where a value may break its column's form; else whether a length was judged by UTF-8."""
    asked: dict[str, pl.Expr] = {}
    for column in shape:
        if column.name not in frame.columns or lengths.get(column.name) == 0:
            if column.is_required and lengths.get(column.name) != 0:
                return None
            continue
        asked |= _questions(column)
    (facts,) = frame.lazy().select(**asked).collect().to_dicts()
    is_tight = False
    for column in shape:
        if f"{column.name}.nulls" not in facts:
            continue
        verdict = _verdict(column, {k: facts.get(f"{column.name}.{k}") for k in ASKED})
        if verdict is None:
            return None
        is_tight = is_tight or verdict
    return is_tight


def _questions(column: Column) -> dict[str, pl.Expr]:
    value, name = pl.col(column.name), column.name
    asked = {f"{name}.nulls": value.null_count()}
    if column.form is not Form.TEXT:
        return asked | {f"{name}.low": value.min(), f"{name}.high": value.max()}
    asked |= {
        f"{name}.low": value.str.len_bytes().min(),
        f"{name}.bytes": value.str.len_bytes().max(),
        f"{name}.high": value.str.len_chars().max(),
    }
    if column.choices:
        asked[f"{name}.stranger"] = (~value.is_in([*column.choices, ""])).any()
    return asked


def _verdict(column: Column, facts: Mapping[str, Any]) -> bool | None:
    """None: not clean; True: clean only if no sign is longer than in UTF-8."""
    low, high = facts["low"], facts["high"]
    if facts["nulls"] or facts["stranger"]:
        return None
    if column.form is not Form.TEXT:
        least = 1 if column.form is Form.AMOUNT else 0
        is_money = type(low) is int and type(high) is int and least <= low and high < FEN_LIMIT
        return False if is_money else None
    if column.is_required and low == 0:
        return None
    if column.most_signs and high > column.most_signs:
        return None
    if high * BYTES_MOST <= column.most:
        return False
    return True if facts["bytes"] <= column.most else None


def _on_the_wire(column: Column, frame: pl.DataFrame, lengths: Mapping[str, int]) -> pl.Expr:
    if column.name not in frame.columns or lengths.get(column.name) == 0:
        return pl.lit("").alias(column.name)
    value = pl.col(column.name)
    if column.form in {Form.AMOUNT, Form.MONEY}:
        cents = (value % 100).cast(pl.String).str.zfill(2)
        return pl.concat_str((value // 100).cast(pl.String), pl.lit("."), cents).alias(column.name)
    return value
