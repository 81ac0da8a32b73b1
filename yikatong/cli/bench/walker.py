"""A process of its own that walks batches through one world: orders come in, seconds go out.

`small` and `memory` need it: two worlds at once, and a process whose memory is nobody else's.
One JSON order a line: {"do": "walk" | "submit", "file": …}; one JSON answer a line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from yikatong.cli import lists, session
from yikatong.cli.bench import batch, world
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT
from yikatong.kernel.period import Period

PATIENCE_S: Final = 300.0
POLL_S: Final = 0.01
JUDGED: Final = ("SUBMITTED", "VALIDATING")


class Walker:
    """The parent's end. A context: the process ends with it."""

    def __init__(self, county: world.World, *, has_worker: bool = False) -> None:
        self.county = county
        self._environ = {
            **os.environ,
            "YKT_HOME": str(county.home.root),
            "PYTHONPATH": str(CHECKOUT),
        }
        self._has_worker = has_worker

    def __enter__(self) -> Walker:
        self._worker = self._start("yikatong.cli", "run") if self._has_worker else None
        self._process = self._start("yikatong.cli.bench.walker", stdin=subprocess.PIPE)
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._process, self._worker):
            if process is not None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        pipe.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, what: str, file: Path) -> None:
        self._in.write(json.dumps({"do": what, "file": str(file)}) + "\n")
        self._in.flush()

    def answer(self) -> dict[str, Any]:
        """Raises Refused where the walk did not end well."""
        line = self._out.readline()
        if not line:
            raise Refused("基准进程中途退出，请看上面的提示。")
        told: dict[str, Any] = json.loads(line)
        return told

    def do(self, what: str, file: Path) -> dict[str, Any]:
        self.start(what, file)
        return self.answer()

    @property
    def _in(self) -> IO[str]:
        assert self._process.stdin is not None  # noqa: S101 - opened above
        return self._process.stdin

    @property
    def _out(self) -> IO[str]:
        assert self._process.stdout is not None  # noqa: S101 - opened above
        return self._process.stdout

    def _start(self, *words: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", *words], env=self._environ, cwd=CHECKOUT, text=True,
            stdin=stdin, stdout=subprocess.PIPE if stdin == subprocess.PIPE else subprocess.DEVNULL,
            stderr=None if stdin == subprocess.PIPE else subprocess.DEVNULL,
        )  # fmt: skip


def submitted(file: Path) -> dict[str, Any]:
    """A list goes up to the worker; gives the seconds from `submit` to its stored verdict."""
    from yikatong.journey.steps import advance
    from yikatong.organisation.scoping import acting
    from yikatong.submission.queries import find_batch

    session.log_in("web")
    number = lists.store_list(file, batch.clerk(), world.PROGRAMME, Period.parse(world.PERIOD))
    *before, (last, sender) = batch.UP
    for name, post in before:
        with acting(session.acting_for_batch(f"{world.SLUG}-{post}", number)) as actor:
            advance(_pk(number, actor), name, actor=actor)
    started = time.perf_counter()
    with acting(session.acting_for_batch(f"{world.SLUG}-{sender}", number)) as actor:
        pk = _pk(number, actor)
        advance(pk, last, actor=actor)
    while True:
        with acting(actor):
            found = find_batch(number, scope=actor.scope)
        if found is not None and found.status not in JUDGED:
            return {"seconds": time.perf_counter() - started, "status": found.status}
        if time.perf_counter() - started > PATIENCE_S:
            raise Refused("后台办理程序没有给出结论。")
        time.sleep(POLL_S)


def _pk(number: str, actor: Any) -> int:
    from yikatong.submission.queries import find_batch

    found = find_batch(number, scope=actor.scope)
    if found is None:
        raise Refused(f"没有批次 {number}。")
    return int(found.pk)


@contextmanager
def own_answers() -> Iterator[IO[str]]:
    """What the commands print goes to stderr; stdout is the wire."""
    wire = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout = sys.stderr
    yield wire


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    session.log_in("web")
    with own_answers() as wire, session.refusals():
        for line in sys.stdin:
            order = json.loads(line)
            file = Path(order["file"])
            if order["do"] == "submit":
                told = submitted(file)
            else:
                passage = batch.walk(file)
                told = {"seconds": passage.total, "parts": passage.seconds}
            wire.write(json.dumps(told) + "\n")
            wire.flush()


if __name__ == "__main__":
    main()
