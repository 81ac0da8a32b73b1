"""Which processes belong to a cluster, told by their working folder and not by a number in a file.

A server killed with -9 leaves a `postmaster.pid` whose number may by now be anybody's, a zombie
that nobody has waited for, and backends that still hold its shared memory. Every process of a
cluster has the cluster as its working folder, which the kernel tells us truly.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

POLL_S = 0.02
PATIENCE_S = 3.0
DEAD_STATES = "ZX"


def of_cluster(data: Path) -> list[int]:
    """The live `postgres` processes whose working folder is this cluster."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and is_of_cluster(int(entry.name), data)
    ]


def is_of_cluster(pid: int, data: Path) -> bool:
    proc = Path("/proc") / str(pid)
    try:
        state = (proc / "stat").read_text().rpartition(")")[2].split()[0]
        program = (proc / "exe").readlink().name
        return (
            state not in DEAD_STATES
            and program.removesuffix(" (deleted)") == "postgres"
            and os.path.samefile(proc / "cwd", data)
        )
    except OSError:
        return False


def send(pids: list[int], what: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, what)
        except ProcessLookupError:
            continue


def wait_until_gone(data: Path, wait_s: float) -> bool:
    """Whether no process of the cluster is left, after at most `wait_s` seconds."""
    end = time.monotonic() + wait_s
    while of_cluster(data):
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True


def clear_orphans(data: Path) -> bool:
    """End backends that outlived their postmaster, first in peace. Whether none is left.

    Nothing committed is lost by it: the log on disk is what counts, and it is replayed at start.
    """
    if wait_until_gone(data, PATIENCE_S):
        return True
    for what in (signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL):
        send(of_cluster(data), what)
        if wait_until_gone(data, PATIENCE_S):
            return True
    return False
