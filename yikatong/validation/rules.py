"""Severities, verdict words, and what a finding is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

BLOCK: Final = "block"
CONFIRM: Final = "confirm"
INFO: Final = "info"
SEVERITIES: Final = (BLOCK, CONFIRM, INFO)
SEVERITY_WORD: Final = {BLOCK: "错误", CONFIRM: "提醒", INFO: "提示"}

NOT_COMPARED: Final = "未比对"
VERDICT_OF: Final = {BLOCK: "阻断", CONFIRM: "待核", INFO: "提示"}


@dataclass(frozen=True, slots=True)
class FoundRow:
    """One finding as shown: `row` is the user's own row number, 0 for the whole file."""

    row: int
    field: str
    rule: str
    severity: str
    message: str
    verdict: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "field": self.field,
            "rule": self.rule,
            "severity": self.severity,
            "verdict": self.verdict,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What a check says: rows = passed + blocked + to_confirm, a row by its worst finding."""

    rows: int
    passed: int
    blocked: int
    to_confirm: int
    amount_fen: int
    findings: tuple[FoundRow, ...] = field(default=())

    def with_notices(self, notices: tuple[FoundRow, ...]) -> Report:
        """The same report with what was said of the file first."""
        return replace(self, findings=(*notices, *self.findings))

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "passed": self.passed,
            "blocked": self.blocked,
            "to_confirm": self.to_confirm,
            "amount_fen": self.amount_fen,
            "findings": [finding.as_json() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True)
class Bands:
    """The unit whose clerk reads the sentences: rows of others are told without their data."""

    unit_lo: int
    unit_hi: int
