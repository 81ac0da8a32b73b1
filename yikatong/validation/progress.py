"""What a second upload has cured: the marked workbook carries, row by row, what was found in it.

A row's mark travels with the row when a clerk sorts, inserts or deletes. It is only told, never
trusted: every row is judged again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

import polars as pl

from yikatong.submission.sheets_forms import EARLIER
from yikatong.validation.rules import BLOCK, CONFIRM, FoundRow

MARK: Final = "YKT1"


@dataclass(frozen=True, slots=True)
class Progress:
    """Faults (a rule in a row; `info` does not count) of the earlier check and of this one."""

    cured: int
    still: int
    new: int

    @property
    def sentence(self) -> str:
        told = f"与上次相比：修好 {self.cured} 条，仍有 {self.still} 条"
        return f"{told}，新增 {self.new} 条。" if self.new else f"{told}。"

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def mark_of(findings: Iterable[FoundRow]) -> str:
    """What is written into a row that was checked: YKT1 and the rules that it broke."""
    rules = {f.rule for f in findings if f.severity in {BLOCK, CONFIRM}}
    return "_".join((MARK, *sorted(rules)))


def progress(frame: pl.DataFrame, findings: Iterable[FoundRow]) -> Progress | None:
    """Compare with the marks in a sheet's frame; None where no row carries one."""
    marked = frame.filter(pl.col(EARLIER).str.starts_with(MARK)).select("row", EARLIER)
    if marked.is_empty():
        return None
    before = {
        (row, rule) for row, mark in marked.iter_rows() for rule in mark.split("_")[1:] if rule
    }
    now = {(f.row, f.rule) for f in findings if f.row > 0 and f.severity in {BLOCK, CONFIRM}}
    return Progress(len(before - now), len(before & now), len(now - before))
