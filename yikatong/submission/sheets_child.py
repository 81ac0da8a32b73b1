"""The program of the child that reads a workbook: it may die of it, and nothing else does.

Asked over standard input, answers over standard output, holds no key and no connection, and
imports no Django. Its memory and time are limited before it sees a byte of the file.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

import polars as pl

from yikatong.kernel.errors import Refused
from yikatong.submission.sheets_door import workbook_sheets
from yikatong.submission.sheets_forms import FORMS
from yikatong.submission.sheets_header import MissingColumns
from yikatong.submission.sheets_meaning import Sheet, understood
from yikatong.submission.sheets_package import Limits

LENGTH_BYTES: Final = 8
# one message after another, so that neither side holds the whole a second time
MESSAGE_ROWS: Final = 1 << 16

# allocators reserve addresses that they never use: those are no memory
RESERVED: Final = 1 << 30
# how the child ends when it could not answer: a fault of this house, or the file was too much
OUR_FAULT: Final = 70
TOO_MUCH: Final = 71


def main() -> None:
    """One question, one answer."""
    sys.excepthook = _end
    asked = json.loads(take(sys.stdin.buffer))
    limits = Limits(**asked["limits"])
    _limit(limits)
    form = FORMS[asked["form"]].of_item(asked["columns"]).requiring(*asked["required"])
    sheets = workbook_sheets(
        Path(asked["path"]) if asked["path"] else take(sys.stdin.buffer), limits
    )
    answer: dict[str, Any]
    try:
        sheet = understood(sheets, form, mapping=asked["mapping"])
    except MissingColumns as refusal:
        mapped = [asdict(column) for column in refusal.mapped]
        answer = {"refused": str(refusal), "mapped": mapped, "missing": refusal.missing}
        frame = pl.DataFrame()
    except Refused as refusal:
        answer, frame = {"refused": str(refusal)}, pl.DataFrame()
    else:
        frame = sheet.frame
        empty = [column.name for column in frame if column.null_count() == column.len()]
        answer = as_facts(sheet) | {"empty": empty, "columns": frame.columns}
        frame = frame.drop(empty)
        del sheet
    del sheets  # the workbook goes before the frame is written a second time
    give(sys.stdout.buffer, json.dumps(answer, ensure_ascii=False).encode())
    for rows in frame.iter_slices(MESSAGE_ROWS):
        give(sys.stdout.buffer, rows.write_ipc(None, compression="uncompressed").getbuffer())


def as_facts(sheet: Sheet) -> dict[str, Any]:
    """All of a sheet but its frame and form, as JSON can hold it."""
    return {
        "notices": [asdict(notice) for notice in sheet.notices],
        "totals": None if sheet.totals is None else asdict(sheet.totals),
        "name": sheet.name,
        "header_row": sheet.header_row,
        "labels": dict(sheet.labels),
        "fixed": dict(sheet.fixed),
        "mapped": [asdict(column) for column in sheet.mapped],
    }


def take(stream: IO[bytes]) -> bytes:
    """A message of this pair of programs; empty where there are no more, or no whole one."""
    length = int.from_bytes(stream.read(LENGTH_BYTES))
    message = stream.read(length)
    return message if len(message) == length else b""


def give(stream: IO[bytes], message: Any) -> None:
    """As `take` reads it: its length, then its bytes."""
    stream.write(len(message).to_bytes(LENGTH_BYTES))
    stream.write(message)
    stream.flush()


def _limit(limits: Limits) -> None:
    """What reading may add to the memory that Python and polars hold already."""
    pl.Series([""]).str.len_bytes()  # polars' own threads and their stacks come first
    size, _, _, _, _, data, _ = map(int, Path("/proc/self/statm").read_text("ascii").split())
    page = resource.getpagesize()
    for kind, most in (
        (resource.RLIMIT_DATA, data * page + limits.memory_bytes),
        (resource.RLIMIT_AS, size * page + limits.memory_bytes + RESERVED),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, highest = resource.getrlimit(kind)
        bound = most if highest == resource.RLIM_INFINITY else min(most, highest)
        resource.setrlimit(kind, (bound, bound))


def _end(
    kind: type[BaseException], error: BaseException, where: TracebackType | None
) -> None:  # pragma: no cover - in the child
    """Say whose fault it was; never what the file held."""
    ours = issubclass(kind, Exception) and not issubclass(kind, MemoryError)
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = "" if where is None else f" {where.tb_frame.f_code.co_filename}:{where.tb_lineno}"
    sys.stderr.write(f"{kind.__name__}{place}\n")
    sys.stderr.flush()
    os._exit(OUR_FAULT if ours else TOO_MUCH)
