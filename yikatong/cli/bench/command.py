"""`./ykt bench NAME`: runs one, prints both sides, the ratio and the promise."""

from __future__ import annotations

import resource
import sys
from typing import Any

from yikatong.cli import session
from yikatong.cli.bench import bankfile, batch, harness, load, memory, settle, small, xlsx
from yikatong.kernel.errors import Refused

BENCHMARKS = {
    "load": load,
    "batch": batch,
    "xlsx": xlsx,
    "small": small,
    "settle": settle,
    "memory": memory,
    "bankfile": bankfile,
}


def run(name: str, *, rows: int | None, as_json: bool) -> int:
    """0 where every promise holds, 1 where one is broken.

    Args:
        rows: how many lines; None for the number that the promise names.

    Raises:
        Refused: no such benchmark.
    """
    if name not in BENCHMARKS:
        raise Refused(f"没有基准“{name}”。现有：{'、'.join(BENCHMARKS)}。")
    module = BENCHMARKS[name]
    count = module.ROWS if rows is None else rows
    figures = module.run(count)
    if as_json:
        session.show_json(told(name, count, figures))
    else:
        sys.stdout.write(f"{harness.machine()}\n")
        for one in figures:
            sys.stdout.write(one.sentence() + "\n")
    return 0 if all(one.holds for one in figures) else 1


def told(name: str, rows: int, figures: list[harness.Figure]) -> dict[str, Any]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {
        "name": name,
        "rows": rows,
        "figures": [one.as_json() for one in figures],
        "peak_mib": peak,
        "machine": harness.machine(),
    }
