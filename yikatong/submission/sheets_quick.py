"""The columns of a large, plain workbook read all at once, where all cells of a column are alike.

`sheets_door` reads a workbook cell by cell, each with its type: a conversion to text would hide
digits that a number has lost. Where a column holds nothing but text, or nothing but numbers, the
same calamine gives it as a whole (fastexcel, in half of the time); what is not so is read cell by
cell after all. The first rows, in which headers and data are mixed, are always read so.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

import fastexcel
import polars as pl

from yikatong.kernel.errors import Refused
from yikatong.submission.sheets_cells import in_text
from yikatong.submission.sheets_package import Limits, too_big

# below this the cells are read in no time; above, two shapes of the whole are too much to hold
FEWEST_BYTES: Final = 4 << 20
MOST_BYTES: Final = 200 << 20
_ROW_END: Final = re.compile(rb"</row\s*>")
_LONGEST_ROW_END: Final = len(b"</row>") + 8
_END: Final = b"</sheetData></worksheet>"
_STEP: Final = 1 << 16
_LONGEST_HEAD: Final = 1 << 20
_UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError,
)  # fmt: skip


def head_of(source: Path | bytes, rows: int) -> bytes | None:
    """The same workbook with so many rows of each sheet, or a few more, for the reader of cells.

    None where it is no such package, not large enough, or not written as every program does.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as whole:
            return _head(whole, rows)
    except _UNREADABLE:
        return None  # which the reader of cells tells in its own words


def _head(whole: zipfile.ZipFile, rows: int) -> bytes | None:
    entries = whole.infolist()
    sheets = {one.filename for one in entries if _is_sheet(one.filename)}
    largest = max((one.file_size for one in entries if one.filename in sheets), default=0)
    if largest < FEWEST_BYTES or sum(one.file_size for one in entries) > MOST_BYTES:
        return None
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as head:
        for entry in entries:
            with whole.open(entry) as stream:
                is_sheet = entry.filename in sheets
                part = _first_rows(stream, rows) if is_sheet else stream.read(MOST_BYTES)
            if part is None:
                return None
            head.writestr(entry.filename, part)
    return made.getvalue()


def _is_sheet(name: str) -> bool:
    return name.lower().startswith("xl/worksheets/") and name.lower().endswith(".xml")


def _first_rows(stream: IO[bytes], rows: int) -> bytes | None:
    """The text of a sheet up to the end of so many rows; None where that is nowhere near."""
    text, seen, at = b"", 0, 0
    while block := stream.read(_STEP):
        text += block
        while found := _ROW_END.search(text, at):
            seen, at = seen + 1, found.end()
            if seen == rows:
                return text[:at] + _END
        at = max(at, len(text) - _LONGEST_ROW_END)
        if len(text) > _LONGEST_HEAD:
            return None
    return text


def columns(
    source: Path | bytes, name: str, places: Sequence[int], *, after: int, limits: Limits
) -> pl.DataFrame | None:
    """The rows after the first `after` ones of a sheet that begins in column A, as
    `sheets_cells.columns_of` has them: a String column named by each of `places`.

    None where a column is of several types, or of one whose cells have to be looked at one by one.

    Raises:
        Refused: more rows or columns than the limits allow.
    """
    seen: list[int] = []

    def is_wanted(column: Any) -> bool:
        seen.append(column.absolute_index)
        return column.absolute_index in places

    try:
        sheet = fastexcel.read_excel(source).load_sheet(
            name, header_row=None, skip_rows=after, schema_sample_rows=None,
            dtype_coercion="strict", use_columns=is_wanted,
        )  # fmt: skip
        if sheet.total_height > limits.rows + 10 or max(seen, default=0) >= limits.columns:
            raise Refused(too_big(limits))
        typed = sheet.to_polars()
    except fastexcel.FastExcelError:
        return None
    at = {column.absolute_index: column.name for column in sheet.selected_columns}
    absent = pl.Series(values=[None], dtype=pl.String).new_from_index(0, typed.height)
    found = []
    for place in places:
        is_there = place in at
        text = in_text(typed[at[place]]) if is_there else absent
        if text is None:
            return None
        found.append(text.alias(str(place)))
    return pl.DataFrame(found)
