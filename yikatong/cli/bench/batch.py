"""`batch`: from the CSV of a list to the stored verdict of every line, all rules on.

The very path of the product: the clerk's file is read and stored as a draft (`submit`), people
send it up, the worker judges it (`validate`, `conclude`). What people do in between is not counted.
The reference is a bare COPY of the same lines, encoded beforehand, into a table without key or
index.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg

from yikatong.cli import lists, session
from yikatong.cli.bench import harness, sheets, world
from yikatong.kernel.errors import Refused
from yikatong.kernel.period import Period

ROWS: Final = 1_000_000
# CSV to stored verdict, in bare COPYs of the same lines (speed.md §3 b)
TARGET: Final = 8.0
ROUNDS: Final = 5
PEOPLE_A_LINE: Final = 3
FORGETTING_TRIES: Final = 10
SCRATCH: Final = "bench_bare_copy"
CHUNK: Final = 1 << 20
# what a batch leaves, in tables that name it
LEFT: Final = (
    "validation_finding",
    "validation_lineverdict",
    "validation_ruleoutcome",
    "validation_periodchange",
    "submission_approval",
    "submission_batchmove",
    "submission_confirmation",
    "payout_payment",
    "payout_bankshare",
    "submission_line",
)
UP: Final = (
    ("compile", "dept-clerk"),
    ("report", "dept-chief"),
    ("approve", "dept-chief"),
    ("submit", "dept-clerk"),
)


@dataclass
class Passage:
    """How long one batch took, by part; and what became of it."""

    seconds: dict[str, float] = field(default_factory=dict)
    number: str = ""
    passed: int = 0
    failed: int = 0

    @property
    def total(self) -> float:
        return sum(self.seconds.values())

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


def run(rows: int) -> list[harness.Figure]:
    county = world.enter(rows * PEOPLE_A_LINE)
    session.log_in("web")
    file = county.home.root / f"list-{rows}.csv"
    if not file.exists():
        sheets.write_csv(file, rows)
    return [measure(county, file, rows)]


def measure(county: world.World, file: Path, rows: int, *, rounds: int = ROUNDS) -> harness.Figure:
    first = walk(file)  # warms both sides, and gives the lines to encode
    encoded = encode(county, first.number)
    forget(county)
    ours: list[float] = []
    bare: list[float] = []
    parts: list[dict[str, float]] = []
    for _ in range(rounds):
        bare.append(bare_copy(county, encoded))
        passage = walk(file)
        ours.append(passage.total)
        parts.append(passage.seconds)
        forget(county)
    middle = sorted(range(rounds), key=lambda n: ours[n])[rounds // 2]
    return harness.figure(
        f"{rows} 行从 CSV 到存下验证结论，全部规则", ours, "同样的行直接 COPY", bare,
        target=TARGET,
        parts={name: round(one, 3) for name, one in parts[middle].items()},
        passed=first.passed, failed=first.failed, people=county.people, payments=county.payments,
    )  # fmt: skip


def walk(file: Path) -> Passage:
    """One batch through the product; its parts timed."""
    passage = Passage()
    session.log_in("web")
    by = clerk()
    with passage.part("store"):
        passage.number = lists.store_list(file, by, world.PROGRAMME, Period.parse(world.PERIOD))
    from yikatong.journey.steps import advance
    from yikatong.organisation.scoping import acting
    from yikatong.validation.queries import verdict_counts

    for name, post in UP:
        with acting(session.acting_for_batch(f"{world.SLUG}-{post}", passage.number)) as actor:
            advance(_batch(passage.number, actor.scope).pk, name, actor=actor)
    session.log_in("worker")
    machine = session.machine_for(world.COUNTY)
    for name in ("validate", "conclude"):
        with passage.part(name), acting(machine) as actor:
            batch = advance(_batch(passage.number, actor.scope).pk, name, actor=actor)
    with acting(machine) as actor:
        passage.passed, passage.failed = verdict_counts(batch, scope=actor.scope)
    return passage


def clerk() -> Any:
    """Who drafts in the world: the department's clerk."""
    return lists.drafting_clerk(
        f"{world.SLUG}-dept-clerk", world.SLUG, world.COUNTY, world.PROGRAMME
    )


def _batch(number: str, scope: Any) -> Any:
    from yikatong.submission.queries import find_batch

    return find_batch(number, scope=scope)


def encode(county: world.World, number: str) -> Path:
    """The lines of a batch as binary COPY, in the home."""
    from yikatong.submission.bulk import COLUMNS

    target = county.home.root / "encoded.bin"
    query = (
        f"COPY (SELECT {COLUMNS} FROM submission_line WHERE batch_id ="  # noqa: S608 - names of our own
        " (SELECT id FROM submission_batch WHERE number = %s) ORDER BY row_no)"
        " TO STDOUT (FORMAT BINARY)"
    )
    with (
        world.connect(county) as connection,
        target.open("wb") as stream,
        connection.cursor().copy(query, [number]) as copy,
    ):
        for block in copy:
            stream.write(block)
    return target


def bare_copy(county: world.World, encoded: Path) -> float:
    """The reference: into a logged table without key or index, committed."""
    from yikatong.submission.bulk import STAGED

    declared = ", ".join(f"{name} {kind}" for name, kind in STAGED)
    with world.connect(county) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {SCRATCH}")
        connection.execute(f"CREATE TABLE {SCRATCH} ({declared})")
        started = time.perf_counter()
        with (
            encoded.open("rb") as stream,
            connection.cursor().copy(f"COPY {SCRATCH} FROM STDIN (FORMAT BINARY)") as copy,
        ):
            while block := stream.read(CHUNK):
                copy.write(block)
        seconds = time.perf_counter() - started
        connection.execute(f"DROP TABLE {SCRATCH}")
    return seconds


def forget(county: world.World) -> None:
    """Take out what a walk left, as the administrator: the next one meets the same world.

    A worker may still be at the batch that goes: who loses the race tries again.
    """
    for _ in range(FORGETTING_TRIES):
        try:
            _forget(county)
        except psycopg.errors.DeadlockDetected:
            continue
        return
    raise Refused("上一轮留下的批次没有清得掉，请先停下这个基准区县的后台办理程序。")


def _forget(county: world.World) -> None:
    kept = world.LAST_YEAR - world.FIRST_YEAR + 1
    with world.connect(county) as connection, connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in LEFT:
            connection.execute(
                # not by the batches that are still there: an earlier run may have ended half way
                f"DELETE FROM {table} WHERE batch_id > %s",  # noqa: S608 - names of our own
                [kept],
            )
        connection.execute("DELETE FROM submission_batch WHERE id > %s", [kept])
        connection.execute("TRUNCATE procrastinate_jobs CASCADE")
    with world.connect(county) as connection:
        for table in LEFT:
            connection.execute(f"VACUUM (ANALYZE) {table}")
