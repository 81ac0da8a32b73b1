"""`memory`: what a batch costs all our processes, PostgreSQL apart, told as PSS in MiB.

The process that reads and judges, and every child that it starts, are watched while a batch goes
through; the same for a tenth of the lines. Growth is to be linear or better.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from yikatong.cli.bench import batch, harness, sheets, world
from yikatong.cli.bench.walker import Walker

ROWS: Final = 1_000_000
TIMES: Final = 10
# ten times the lines: at most so many times the memory and the time
GROWTH: Final = 11.0
EVERY_S: Final = 0.05
MIB: Final = 1024


def run(rows: int) -> list[harness.Figure]:
    county = world.enter(rows * batch.PEOPLE_A_LINE)
    figures = []
    for ending, write in (("csv", sheets.write_csv), ("xlsx", sheets.write_xlsx)):
        told = []
        for lines in (rows // TIMES, rows):
            file = county.home.root / f"list-{lines}.{ending}"
            if not file.exists():
                write(file, lines)
            told.append(_peak(county, file))
        (few_mib, few_s), (mib, seconds) = told
        figures.append(
            harness.figure(
                f"{rows} 行 {ending} 的内存峰值（MiB）", [mib], f"{rows // TIMES} 行", [few_mib],
                target=GROWTH, unit="MiB",
            )
        )  # fmt: skip
        figures.append(
            harness.figure(
                f"{rows} 行 {ending} 的用时",
                [seconds],
                f"{rows // TIMES} 行",
                [few_s],
                target=GROWTH,
            )
        )
    return figures


def _peak(county: world.World, file: Path) -> tuple[float, float]:
    """(MiB at the highest, seconds) of one walk in a fresh process."""
    with Walker(county) as walker:
        with _watched(walker.pid) as seen:
            told = walker.do("walk", file)
        batch.forget(county)
    seconds: float = told["seconds"]
    return max(seen), seconds


@contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    seen = [0.0]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            seen.append(sum(pss_mib(one) for one in [pid, *descendants(pid)]))
            time.sleep(EVERY_S)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def descendants(pid: int) -> list[int]:
    """Children and theirs, as the kernel lists them; one that ended meanwhile is gone."""
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        for task in tasks:
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text("ascii").split():
                found += [int(child), *descendants(int(child))]
    except FileNotFoundError:
        pass
    return found


def pss_mib(pid: int) -> float:
    """Proportional set size: shared pages count once among those that share them."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / MIB
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0.0
