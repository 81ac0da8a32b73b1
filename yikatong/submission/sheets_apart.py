"""Reads a workbook in a child process with limits of its own: a hostile file kills its child, and
the person gets a sentence.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Event, Timer
from typing import IO, Any, Final

import polars as pl

from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT
from yikatong.submission import sheets_child
from yikatong.submission.sheets_cells import in_one_piece
from yikatong.submission.sheets_forms import Form
from yikatong.submission.sheets_header import Mapped, MissingColumns
from yikatong.submission.sheets_meaning import Notice, Sheet
from yikatong.submission.sheets_package import Limits
from yikatong.submission.sheets_tails import Totals

PROGRAM: Final = "from yikatong.submission.sheets_child import main; main()"
TOO_COMPLEX: Final = "读取这个文件占用的内存超过限度，已停止。请拆成几个文件，并删去多余的行和列。"
ENV: Final = {
    "PYTHONPATH": str(CHECKOUT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "POLARS_MAX_THREADS": "2",
    # what polars frees goes back at once: its allocator would keep it, and the limits count that
    "_RJEM_MALLOC_CONF": "retain:false,dirty_decay_ms:100,muzzy_decay_ms:0,narenas:2",
}


class Child:
    """A child that is starting while its file is still being examined; `with` ends it for sure."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**ENV, "PATH": os.defpath},
            cwd="/",
        )
        self._to_child = _open(self._process.stdin)
        self._from_child = _open(self._process.stdout)
        self._trouble = _open(self._process.stderr)
        self._is_late = Event()
        self._watch: Timer | None = None

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._to_child, self._from_child, self._trouble):
            with suppress(BrokenPipeError):
                pipe.close()

    def ask(
        self, source: Path | bytes, form: Form, limits: Limits, *, mapping: Mapping[str, str]
    ) -> None:
        """Give it the file to read: it opens a file by itself, and is handed bytes."""
        question = {
            "path": str(source.resolve()) if isinstance(source, Path) else "",
            "form": form.code,
            "required": form.required,
            "columns": form.columns,
            "mapping": dict(mapping),
            "limits": asdict(limits),
        }
        self._form, self._limits = form, limits
        self._watch = Timer(limits.seconds, self._end_late)
        self._watch.start()
        with suppress(BrokenPipeError):  # a child that ended says why by how it ended
            sheets_child.give(self._to_child, json.dumps(question, ensure_ascii=False).encode())
            if isinstance(source, bytes):
                sheets_child.give(self._to_child, source)

    def answer(self) -> Sheet:
        """What it read.

        Raises:
            Refused: what the child said, or that it died of the file.
        """
        told = sheets_child.take(self._from_child)
        frames = [
            pl.read_ipc(message)
            for message in iter(lambda: sheets_child.take(self._from_child), b"")
        ]
        trouble = self._trouble.read()
        code = self._process.wait()
        if self._is_late.is_set() or code == -signal.SIGXCPU:
            raise Refused(_too_slow(self._limits))
        if code > 0 and code != sheets_child.TOO_MUCH:
            raise RuntimeError(f"the reading child failed: {trouble.decode(errors='replace')}")
        if code != 0:
            raise Refused(TOO_COMPLEX)
        facts = json.loads(told)
        if "missing" in facts:
            raise MissingColumns(facts["refused"], _mapped(facts), tuple(facts["missing"]))
        if "refused" in facts:
            raise Refused(facts["refused"])
        return _sheet(facts, in_one_piece(frames), self._form)

    def read(
        self, source: Path | bytes, form: Form, limits: Limits, *, mapping: Mapping[str, str]
    ) -> Sheet:
        """`ask`, then `answer`."""
        self.ask(source, form, limits, mapping=mapping)
        return self.answer()

    def _end_late(self) -> None:
        """Takes longer than the limits allow, and that is said."""
        self._is_late.set()
        self._process.kill()


def _too_slow(limits: Limits) -> str:
    return f"读取这个文件超过 {limits.seconds} 秒，已停止。请拆成几个文件后重新上传。"


def _sheet(facts: Mapping[str, Any], frame: pl.DataFrame, form: Form) -> Sheet:
    kinds = {"amount_fen": pl.Int64}
    absent = {
        kind: pl.Series(values=[None], dtype=kind).new_from_index(0, frame.height)
        for kind in {kinds.get(name, pl.String) for name in facts["empty"]}
    }
    frame = frame.with_columns(
        absent[kinds.get(name, pl.String)].alias(name) for name in facts["empty"]
    ).select(facts["columns"])
    return Sheet(
        frame=frame,
        notices=tuple(Notice(**notice) for notice in facts["notices"]),
        totals=None if facts["totals"] is None else Totals(**facts["totals"]),
        form=form,
        name=facts["name"],
        header_row=facts["header_row"],
        labels=facts["labels"],
        fixed=facts["fixed"],
        mapped=_mapped(facts),
    )


def _mapped(facts: Mapping[str, Any]) -> tuple[Mapped, ...]:
    return tuple(Mapped(**column) for column in facts["mapped"])


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:  # pragma: no cover - each was asked for
        raise RuntimeError("a child without its pipes")
    return pipe
