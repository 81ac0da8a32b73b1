"""`small`: a township's list of a thousand lines must not pay for the size of the registry.

Two worlds, one ten times the other, each with its own server and its own worker; in each the list
is submitted and the clock runs until its verdict is stored, the wait in the queue included. The
banks' answers are stored ones: no line leaves the house.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from yikatong.cli.bench import batch, harness, sheets, world
from yikatong.cli.bench.walker import Walker

ROWS: Final = 1_000
TIMES: Final = 10
# the registry ten times as big, this much slower at most
TARGET: Final = 1.3
ROUNDS: Final = 7
PEOPLE_A_LINE: Final = 3000


def run(rows: int) -> list[harness.Figure]:
    root = os.environ.get("YKT_HOME", "")
    worlds = []
    for people in (rows * PEOPLE_A_LINE // TIMES, rows * PEOPLE_A_LINE):
        worlds.append(world.enter(people))
        os.environ["YKT_HOME"] = root
    few, many = worlds
    files = [_list(one, rows) for one in worlds]
    seconds: tuple[list[float], list[float]] = ([], [])
    with Walker(few, has_worker=True) as small, Walker(many, has_worker=True) as big:
        for walker, file in ((small, files[0]), (big, files[1])):
            _once(walker, file)  # both warm
        for _ in range(ROUNDS):
            for walker, file, told in zip((small, big), files, seconds, strict=True):
                told.append(_once(walker, file))
    return [
        harness.figure(
            f"{rows} 行名单从提交到存下结论，含排队，登记 {many.people} 人", seconds[1],
            f"登记 {few.people} 人", seconds[0], target=TARGET,
        )
    ]  # fmt: skip


def _once(walker: Walker, file: Path) -> float:
    told = walker.do("submit", file)
    batch.forget(walker.county)
    seconds: float = told["seconds"]
    return seconds


def _list(county: world.World, rows: int) -> Path:
    file = county.home.root / f"list-{rows}.csv"
    if not file.exists():
        sheets.write_csv(file, rows)
    return file
