"""`load`: storing a validated batch (TEMP, INSERT … SELECT, keys, indexes, audit digest) against a
bare client COPY of the same lines, encoded beforehand, into a logged table without key or index.
"""

from __future__ import annotations

import time
from typing import Any, Final

from yikatong.cli import session
from yikatong.cli.bench import batch, harness, sheets, world
from yikatong.kernel.period import Period

ROWS: Final = 100_000
# rows/s ≥ 0.4 × bare COPY, told as time: lower is better (speed.md §3 a)
TARGET: Final = 2.5
ROUNDS: Final = 5


def run(rows: int) -> list[harness.Figure]:
    county = world.enter(rows * batch.PEOPLE_A_LINE)
    session.log_in("web")
    file = county.home.root / f"list-{rows}.csv"
    if not file.exists():
        sheets.write_csv(file, rows)
    intake = _read(file)
    number, _ = _stored(intake)
    encoded = batch.encode(county, number)
    batch.forget(county)
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(ROUNDS):
        bare.append(batch.bare_copy(county, encoded))
        ours.append(_stored(intake)[1])
        batch.forget(county)
    return [
        harness.figure(
            f"存 {rows} 行（临时表、插入、键、索引、摘要）", ours, "同样的行直接 COPY", bare,
            target=TARGET,
        )
    ]  # fmt: skip


def _read(file: Any) -> Any:
    from django.utils import timezone

    from yikatong.catalogue.queries import programme_by_code
    from yikatong.organisation.scoping import acting
    from yikatong.submission.sheets_door import BULK
    from yikatong.validation.intake import read_list

    with acting(batch.clerk()) as actor:
        programme = programme_by_code(world.PROGRAMME, scope=actor.scope)
        intake = read_list(
            file.read_bytes(), file.name, programme, Period.parse(world.PERIOD),
            today=timezone.localdate(), limits=BULK,
        )  # fmt: skip
        return intake.rows.whole()


def _stored(rows: Any) -> tuple[str, float]:
    """The number of the draft, and how long it took from the lines in hand to the commit."""
    from yikatong.catalogue.queries import programme_by_code
    from yikatong.organisation.scoping import acting
    from yikatong.submission.actions import draft

    started = time.perf_counter()
    with acting(batch.clerk()) as actor:
        programme = programme_by_code(world.PROGRAMME, scope=actor.scope)
        made = draft(
            programme=programme, period=Period.parse(world.PERIOD), unit_no=actor.unit_no,
            rows=rows, source_file=None, actor=actor,
        )  # fmt: skip
    return made.number, time.perf_counter() - started
