"""`bench`: each figure beside a reference that is measured in the same run, alternated (speed.md).

`load`: storing a validated batch (TEMP, INSERT … SELECT, keys, indexes, digest) against a bare
client COPY of the same rows into a logged table without key or index.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from yikatong.cli import session
from yikatong.kernel.digest import of_digests
from yikatong.kernel.errors import Refused

ROUNDS: Final = 5
# rows/s ≥ 0.4 × bare COPY, told as time: lower is better
LOAD_TARGET: Final = 2.5
SCRATCH: Final = "bench_bare_copy"


def run(name: str, *, rows: int, as_json: bool) -> int:
    """0 where every promise holds, 1 where one is broken.

    Raises:
        Refused: no such benchmark.
    """
    if name != "load":
        raise Refused(f"没有基准“{name}”。现有：load。")
    figures = [_load(rows)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    told: dict[str, Any] = {"name": name, "rows": rows, "figures": figures, "peak_mib": peak}
    if as_json:
        session.show_json(told)
    else:
        for one in figures:
            sys.stdout.write(
                f"{one['what']}：{one['seconds']:.3f} 秒；参照 {one['reference']} {one['reference_seconds']:.3f} 秒；"
                f"比值 {one['ratio']:.2f}，承诺 ≤ {one['target']}，{'达到' if one['holds'] else '未达到'}\n"
            )
    return 0 if all(one["holds"] for one in figures) else 1


def _load(rows: int) -> dict[str, Any]:
    session.log_in("worker")
    from yikatong.organisation.queries import counties_of_home

    counties = list(counties_of_home())
    if not counties:
        raise Refused("这个数据目录里还没有区县，请先运行 ./ykt init。")
    county = counties[0].county
    made = [_row(number) for number in range(1, rows + 1)]
    ours, bare = [], []
    for _ in range(ROUNDS):
        bare.append(_timed(lambda: _bare_copy(made)))
        ours.append(_timed(lambda: _store(made, county)))
    seconds, reference = statistics.median(ours), statistics.median(bare)
    ratio = seconds / reference
    return {
        "what": "存一批（临时表、插入、键、索引、摘要）",
        "seconds": round(seconds, 4),
        "reference": "同样的行直接 COPY",
        "reference_seconds": round(reference, 4),
        "ratio": round(ratio, 3),
        "target": LOAD_TARGET,
        "holds": ratio <= LOAD_TARGET,
        "spread": [
            round(min(ours), 4),
            round(max(ours), 4),
            round(min(bare), 4),
            round(max(bare), 4),
        ],
    }


def _row(number: int) -> tuple[Any, ...]:
    """A synthetic line in the shape of `submission.bulk.STAGED`; nobody's."""
    from decimal import Decimal

    from psycopg.types.json import Jsonb

    index = number.to_bytes(32, "big")
    return (
        number, "样例", index, "样例", index, "样例", index, "500243********0000", index, "0000", "", "",
        Decimal("73.6"), Decimal(number % 90 + 1), None, (number % 90 + 1) * 7360, "样例村", "1组", "",
        Jsonb([]), index,
    )  # fmt: skip


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _bare_copy(rows: Sequence[tuple[Any, ...]]) -> None:
    """The reference: binary COPY into a logged table without key or index, committed."""
    import psycopg

    from yikatong.cli.postgres import Server
    from yikatong.submission.bulk import COLUMNS, STAGED

    declared = ", ".join(f"{name} {kind}" for name, kind in STAGED)
    with psycopg.connect(Server(session.home()).conninfo(), autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {SCRATCH}")  # noqa: S608
        connection.execute(f"CREATE TABLE {SCRATCH} ({declared})")
        started = connection.cursor()
        with started.copy(f"COPY {SCRATCH} ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types([kind for _, kind in STAGED])
            for row in rows:
                copy.write_row(row)
        connection.execute(f"DROP TABLE {SCRATCH}")


def _store(rows: Sequence[tuple[Any, ...]], county: str) -> None:
    """Ours: the very path of `submit`, under the policies, then rolled back to leave no batch."""
    from django.db import transaction
    from django.utils import timezone

    from yikatong.catalogue.queries import programmes
    from yikatong.organisation.scoping import acting
    from yikatong.submission import bulk
    from yikatong.submission.models import Batch

    with acting(session.machine_for(county)) as actor:
        programme = programmes(scope=actor.scope)[0]
        batch = Batch.objects.create(
            county=county, unit_no=1, department_no=programme.department_no, programme=programme,
            number=f"BENCH{time.time_ns()}", period="2000-01", title="基准", made_by="bench",
            made_at=timezone.now(),
        )  # fmt: skip
        bulk.stage(rows)
        bulk.store_staged(
            batch_id=batch.pk, county=county, unit_no=1, department_no=programme.department_no,
            programme_code=programme.code, period="2000-01", by="bench",
        )  # fmt: skip
        of_digests(row[-1] for row in rows)
        transaction.set_rollback(True)
