"""Writes of many lines: COPY into a TEMP table of the session, then INSERT … SELECT under the
policies (COPY into a table under row-level security is refused).
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from django.db import connection

from yikatong.kernel.ahead import ahead
from yikatong.kernel.digest import sm3
from yikatong.kernel.points import point
from yikatong.submission.line_columns import Lines, as_copied

STAGED: Final = (
    ("row_no", "int4"),
    ("head_name", "text"),
    ("head_index", "bytea"),
    ("payee_name", "text"),
    ("payee_index", "bytea"),
    ("beneficiary_name", "text"),
    ("beneficiary_index", "bytea"),
    ("id_masked", "text"),
    ("account_index", "bytea"),
    ("account_last4", "text"),
    ("object_key", "text"),
    ("grade", "text"),
    ("standard", "numeric"),
    ("quantity", "numeric"),
    ("months", "int4"),
    ("amount_fen", "int8"),
    ("supplement_fen", "int8"),
    ("village", "text"),
    ("village_group", "text"),
    ("remark", "text"),
    ("faults", "jsonb"),
    ("digest", "bytea"),
)
COLUMNS: Final = ", ".join(name for name, _ in STAGED)
CHUNK_ROWS: Final = 20_000
# a list to be staged: lines (see line_columns) in parts or as one frame, or rows of STAGED's shape
Rows = Lines | pl.DataFrame | Iterable[Sequence[Any]]
# what a copy keeps of its origin
COPIED: Final = f"programme_code, period, {COLUMNS}"


@dataclass(frozen=True, slots=True)
class LineSet:
    """A set of lines by its size, its sum and the SM3 over its sorted digests."""

    lines: int
    amount_fen: int
    digest: bytes


def stage(rows: Rows) -> int:
    """COPY lines into the TEMP table `staged`; gives their number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pg_temp.staged') IS NOT NULL")
        if cursor.fetchone()[0]:
            # made in this very transaction: emptied where it stands, and not made anew each time
            cursor.execute("TRUNCATE pg_temp.staged")
        else:
            # of the very types of the lines: what is inserted from here is not cast value by value
            cursor.execute(
                f"CREATE TEMP TABLE staged ON COMMIT DROP AS SELECT {COLUMNS} FROM submission_line"  # noqa: S608 - names of our own
                " WITH NO DATA"
            )
        if isinstance(rows, Lines):
            count = _copy_frames(cursor, ahead(rows.parts()))
        elif isinstance(rows, pl.DataFrame):
            count = _copy_frames(cursor, [rows])
        else:
            count = _copy_rows(cursor, rows)
    # nothing joins `staged`, it is read once from end to end: ANALYZE would cost as much as COPY
    return count


def _copy_frames(cursor: Any, frames: Iterable[pl.DataFrame]) -> int:
    """As text written by polars, which measured faster than any row by row."""
    count = 0
    with cursor.copy(f"COPY staged ({COLUMNS}) FROM STDIN (FORMAT CSV)") as copy:
        for lines in frames:
            ready = as_copied(lines.select(name for name, _ in STAGED))
            for chunk in ready.iter_slices(CHUNK_ROWS):
                buffer = io.BytesIO()
                chunk.write_csv(buffer, include_header=False, quote_style="non_numeric")
                copy.write(buffer.getvalue())
            count += lines.height
    return count


def _copy_rows(cursor: Any, rows: Iterable[Sequence[Any]]) -> int:
    count = 0
    with cursor.copy(f"COPY staged ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types([kind for _, kind in STAGED])
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def store(
    rows: Rows,
    *,
    batch_id: int,
    county: str,
    unit_no: int,
    department_no: int,
    programme_code: str,
    period: str,
    by: str,
) -> int:
    """Lines into a draft, staged and then INSERT … SELECT, part by part; gives their number.

    No ORDER BY: a TEMP table is read by one process from its beginning, so that the lines get their
    numbers in the order in which they were copied, and sorting them once more took a third of it.
    """
    parts: Iterable[Rows]
    if isinstance(rows, Lines):
        parts = ahead(rows.parts())
    elif isinstance(rows, pl.DataFrame):
        parts = rows.iter_slices(CHUNK_ROWS)
    else:
        parts = [rows]
    count = 0
    for part in parts:
        stage(part)
        point("mid-copy")
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO submission_line (batch_id, county, unit_no, department_no, programme_code,"  # noqa: S608 - names of our own
                f" period, entered_by, {COLUMNS})"
                f" SELECT %s, %s, %s, %s, %s, %s, %s, {COLUMNS} FROM staged",
                [batch_id, county, unit_no, department_no, programme_code, period, by],
            )
            count += int(cursor.rowcount)
    return count


def copy_lines(
    *, origin_id: int, batch_id: int, unit_no: int, by: str, line_ids: Sequence[int] | None
) -> int:
    """Copy lines into a new draft, each pointing at its origin; None copies every line.

    A split copies, never moves. A line that has a successor already is not copied again.
    """
    source, arguments = _uncopied(origin_id, line_ids)
    prefixed = ", ".join(f"line.{name.strip()}" for name in COPIED.split(","))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO submission_line (batch_id, county, unit_no, department_no, entered_by,"  # noqa: S608 - names of our own
            f" origin_id, {COPIED})"
            f" SELECT %s, line.county, %s, line.department_no, %s, line.id, {prefixed}"
            f" FROM {source} ORDER BY line.id",
            [batch_id, unit_no, by, *arguments],
        )
        return int(cursor.rowcount)


def take_over(
    line_ids: Sequence[int], *, batch_id: int, unit_no: int, by: str
) -> tuple[dict[int, int], int]:
    """Gather the successors of these failed lines in one draft: those that stand in another draft
    of the unit are moved, those that have none are copied.

    Gives how many came from each draft, and how many were copied. A successor that was gathered
    before, or has been sent up, stays where it is.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE submission_line AS copy SET batch_id = %s FROM submission_batch AS draft"
            " WHERE draft.id = copy.batch_id AND draft.status = 'DRAFT' AND NOT draft.is_gathered"
            " AND draft.unit_no = %s AND copy.origin_id = ANY(%s) RETURNING draft.id",
            [batch_id, unit_no, list(line_ids)],
        )
        moved = Counter(int(draft_id) for (draft_id,) in cursor.fetchall())
        prefixed = ", ".join(f"line.{name.strip()}" for name in COPIED.split(","))
        cursor.execute(
            f"INSERT INTO submission_line (batch_id, county, unit_no, department_no, entered_by,"  # noqa: S608 - names of our own
            f" origin_id, {COPIED})"
            f" SELECT %s, line.county, %s, line.department_no, %s, line.id, {prefixed}"
            " FROM submission_line AS line WHERE line.id = ANY(%s) AND NOT EXISTS"
            " (SELECT FROM submission_line AS copy WHERE copy.origin_id = line.id)"
            " ORDER BY line.id ON CONFLICT DO NOTHING",
            [batch_id, unit_no, by, list(line_ids)],
        )
        copied = int(cursor.rowcount)
        cursor.execute(
            "UPDATE submission_line AS line SET row_no = numbered.place FROM (SELECT id,"
            " row_number() OVER (ORDER BY origin_id)::int AS place FROM submission_line"
            " WHERE batch_id = %s) AS numbered WHERE line.id = numbered.id",
            [batch_id],
        )
    return dict(moved), copied


def has_uncopied(origin_id: int, line_ids: Sequence[int] | None) -> bool:
    """Whether any of these lines has no successor yet."""
    source, arguments = _uncopied(origin_id, line_ids)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {source})", arguments)  # noqa: S608 - fixed text
        return bool(cursor.fetchone()[0])


def _uncopied(origin_id: int, line_ids: Sequence[int] | None) -> tuple[str, list[Any]]:
    """Chosen lines of a batch that have no successor, and the arguments: from their ids by key,
    never by a scan of the batch; None chooses every line.
    """
    lines, batch, arguments = "submission_line AS line", "line.batch_id", []
    if line_ids is not None:
        lines = "unnest(%s::bigint[]) AS chosen (id) JOIN submission_line AS line ON line.id = chosen.id"
        # the sum keeps the planner from the index of batches: it does not know how many lines one has
        batch, arguments = "line.batch_id + 0", [list(line_ids)]
    return (
        f"{lines} WHERE {batch} = %s"
        " AND NOT EXISTS (SELECT FROM submission_line AS copy WHERE copy.origin_id = line.id)",
        [*arguments, origin_id],
    )


def lines_of(batch_id: int, *, only_passed: bool) -> LineSet:
    """The set that a digest answers for: all lines of a batch, or, of one that was judged, those
    that passed: all but the ones that did not, which are few, where the passed are not.
    """
    failed = failing_lines(batch_id) if only_passed else []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(line.amount_fen), 0)::bigint,"
            " coalesce(string_agg(line.digest, ''::bytea ORDER BY line.digest), ''::bytea)"
            " FROM submission_line AS line WHERE line.batch_id = %s AND line.id <> ALL(%s::bigint[])",
            [batch_id, failed],
        )
        lines, amount_fen, digests = cursor.fetchone()
    return LineSet(int(lines), int(amount_fen), sm3(bytes(digests)))


def failing_lines(batch_id: int) -> list[int]:
    """The lines of a judged batch that did not pass."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT line_id FROM validation_lineverdict WHERE batch_id = %s AND NOT passed",
            [batch_id],
        )
        return [line_id for (line_id,) in cursor.fetchall()]


def each_line(batch_id: int) -> Iterator[tuple[Any, ...]]:
    """The rows of a batch in the shape of `STAGED`, the first column being the line's id."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {COLUMNS} FROM submission_line WHERE batch_id = %s ORDER BY id",  # noqa: S608 - names of our own
            [batch_id],
        )
        yield from cursor.fetchall()
