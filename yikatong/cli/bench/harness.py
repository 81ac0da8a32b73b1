"""The figure that the medians of two works make, measured in turns in one run."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """`ratio` = seconds / reference_seconds, lower is better; no `target`: information only."""

    what: str
    seconds: float
    reference: str
    reference_seconds: float
    target: float | None
    spread: tuple[float, ...] = ()
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        return self.seconds / self.reference_seconds

    @property
    def holds(self) -> bool:
        return self.target is None or self.ratio <= self.target

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "seconds": round(self.seconds, 4),
            "reference": self.reference,
            "reference_seconds": round(self.reference_seconds, 4),
            "ratio": round(self.ratio, 3),
            "target": self.target,
            "holds": self.holds,
            "spread": [round(one, 4) for one in self.spread],
            **self.notes,
        }

    def sentence(self) -> str:
        promise = (
            "供参考"
            if self.target is None
            else f"承诺 ≤ {self.target}，{'达到' if self.holds else '未达到'}"
        )
        return (
            f"{self.what}：{self.seconds:.3f} 秒；参照 {self.reference} "
            f"{self.reference_seconds:.3f} 秒；比值 {self.ratio:.2f}，{promise}"
        )


def figure(
    what: str,
    ours: Sequence[float],
    reference: str,
    theirs: Sequence[float],
    *,
    target: float | None,
    **notes: Any,
) -> Figure:
    """From what was measured; the spread is min and max of both sides."""
    return Figure(
        what,
        statistics.median(ours),
        reference,
        statistics.median(theirs),
        target,
        (min(ours), max(ours), min(theirs), max(theirs)),
        notes,
    )


def machine() -> str:
    """Named beside every figure: figures of two machines do not compare."""
    return f"{platform.system()} {platform.machine()}，{platform.python_version()}"
