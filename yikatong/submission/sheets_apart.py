"""Reads a workbook in a child process with limits of its own: a hostile file kills its child, and
the person gets a sentence.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from typing import IO, Any, Final

import polars as pl

from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT
from yikatong.submission import sheets_child
from yikatong.submission.sheets_forms import Form
from yikatong.submission.sheets_header import Mapped
from yikatong.submission.sheets_meaning import MissingColumns, Notice, Sheet, Totals
from yikatong.submission.sheets_package import Limits

PROGRAM: Final = "from yikatong.submission.sheets_child import main; main()"
TOO_COMPLEX: Final = "读取这个文件占用的内存超过限度，已停止。请拆成几个文件，并删去多余的行和列。"
ENV: Final = {
    "PYTHONPATH": str(CHECKOUT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "POLARS_MAX_THREADS": "2",
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

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            _close(pipe)

    def read(
        self, content: bytes, form: Form, limits: Limits, *, mapping: Mapping[str, str]
    ) -> Sheet:
        """Raises Refused: what the child said, or that it died of the file."""
        question = BytesIO()
        sheets_child.give(
            question,
            {
                "form": form.code,
                "required": form.required,
                "columns": form.columns,
                "mapping": dict(mapping),
                "limits": asdict(limits),
            },
            content,
        )
        try:
            answer, trouble = self._process.communicate(question.getvalue(), timeout=limits.seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise Refused(_too_slow(limits)) from None
        code = self._process.returncode
        if code > 0 and code != sheets_child.TOO_MUCH:
            raise RuntimeError(f"the reading child failed: {trouble.decode(errors='replace')}")
        if code == -signal.SIGXCPU:
            raise Refused(_too_slow(limits))
        if code != 0:
            raise Refused(TOO_COMPLEX)
        facts, frame = sheets_child.take(BytesIO(answer))
        if "missing" in facts:
            raise MissingColumns(facts["refused"], _mapped(facts), tuple(facts["missing"]))
        if "refused" in facts:
            raise Refused(facts["refused"])
        return _sheet(facts, pl.read_ipc(frame), form)


def _too_slow(limits: Limits) -> str:
    return f"读取这个文件超过 {limits.seconds} 秒，已停止。请拆成几个文件后重新上传。"


def _sheet(facts: Mapping[str, Any], frame: pl.DataFrame, form: Form) -> Sheet:
    kinds = {"amount_fen": pl.Int64}
    frame = frame.with_columns(
        pl.lit(None, dtype=kinds.get(name, pl.String)).alias(name) for name in facts["empty"]
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


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None and not pipe.closed:
        pipe.close()
