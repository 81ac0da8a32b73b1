"""D lines read as one frame, as `frames` writes them: what the quick look cannot vouch for is left
to `lines.read`, whose refusal names each row and field.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import polars as pl

from yikatong.connectors.bank.frames import FORBIDDEN, SUSPECT, Framed, can_stand, looked_at
from yikatong.connectors.bank.lines import NO_LENGTHS, decoded
from yikatong.connectors.bank.messages import Column, Form, ResultRow, Row, columns

# fewer rows are as quick one by one
FEWEST: Final = 100
# a county's roster comes back in these
IN_FRAMES: Final = frozenset({ResultRow})
WHOLE: Final = "^[0-9]{1,9}$"
YUAN: Final = r"^[0-9]{1,13}\.[0-9]{2}$"
SECONDS: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$"
INSTANT: Final = pl.Datetime("us", "UTC")
MARK: Final = "mark"


def quick_read(row_type: type[Row], body: bytes, encoding: str) -> Framed | None:
    """All D lines of a part at once; None where some line or value needs a closer look.

    Instants come in UTC.
    """
    if row_type not in IN_FRAMES or body.count(b"\n") < FEWEST:
        return None
    try:
        text = body if body.isascii() else decoded(body, encoding).encode()
    except UnicodeDecodeError:
        return None
    shape = columns(row_type)
    raw = _split(text, shape)
    frame = _parsed(raw, shape) if raw is not None else None
    if frame is None:
        return None
    is_tight = looked_at([one for one in shape if one.form is not Form.INSTANT], frame, NO_LENGTHS)
    if is_tight is None or not can_stand(text, encoding, is_tight=is_tight):
        return None
    return Framed(row_type, frame)


def _split(text: bytes, shape: Sequence[Column]) -> pl.DataFrame | None:
    """Their fields as text; None where a line has more or fewer, or a sign that none may have."""
    lines = text.count(b"\n")
    # each line has its bars and its end, and no other sign of the kind
    if len(text) - len(text.translate(None, FORBIDDEN)) != lines * (len(shape) + 1):
        return None
    if any(lead in text and pattern.search(text) for lead, pattern in SUSPECT):
        return None
    names = [MARK, *(column.name for column in shape)]
    try:
        raw = pl.read_csv(
            io.BytesIO(text), has_header=False, separator="|", quote_char=None, eol_char="\n",
            new_columns=names, infer_schema=False,
        ).fill_null("")  # fmt: skip
    except pl.exceptions.PolarsError:  # a line has more fields than the first
        return None
    return raw if raw.height == lines and (raw[MARK] == "D").all() else None


def _parsed(raw: pl.DataFrame, shape: Sequence[Column]) -> pl.DataFrame | None:
    """None where a value is not written as its form asks."""
    asked = {column.name: _is_written(column) for column in shape}
    (said,) = raw.select(**{name: test.all() for name, test in asked.items()}).to_dicts()
    if not all(said.values()):
        return None
    frame = raw.select(_meant(column) for column in shape)
    for column in shape:  # a day that there is not
        if column.form is Form.INSTANT:
            blank = int((raw[column.name] == "").sum())
            if frame[column.name].null_count() != blank or (column.is_required and blank):
                return None
    return frame


def _is_written(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    if column.form is Form.TEXT:
        return pl.lit(value=True)
    if column.form is Form.INSTANT:
        return (value == "") | value.str.contains(SECONDS)
    return value.str.contains(WHOLE if column.form is Form.INT else YUAN)


def _meant(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    if column.form is Form.INT:
        return value.cast(pl.Int64)
    if column.form in {Form.AMOUNT, Form.MONEY}:
        return value.str.replace(".", "", literal=True).cast(pl.Int64)
    if column.form is Form.INSTANT:
        told = value.str.to_datetime("%Y-%m-%dT%H:%M:%S%:z", time_unit="us", strict=False)
        return told.dt.convert_time_zone("UTC").cast(INSTANT)
    return value
