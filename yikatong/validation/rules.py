"""Severities, verdict words, and what a finding is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

BLOCK: Final = "block"
CONFIRM: Final = "confirm"
INFO: Final = "info"
SEVERITIES: Final = (BLOCK, CONFIRM, INFO)
SEVERITY_WORD: Final = {BLOCK: "错误", CONFIRM: "提醒", INFO: "提示"}

NOT_COMPARED: Final = "未比对"
CONFIRMED: Final = "已确认"  # a 待核 that was answered with a reason
VERDICT_OF: Final = {BLOCK: "阻断", CONFIRM: "待核", INFO: "提示"}


PASSED: Final = "通过"


class ChangeKind(StrEnum):
    """What differs from last period (approval by difference)."""

    NEW = "NEW"
    GONE = "GONE"
    AMOUNT = "AMOUNT"
    ACCOUNT = "ACCOUNT"
    SHARED_ACCOUNT = "SHARED_ACCOUNT"
    SHARED_PHONE = "SHARED_PHONE"


CHANGE_WORD: Final = {
    ChangeKind.NEW: "本期新增",
    ChangeKind.GONE: "本期不再发放",
    ChangeKind.AMOUNT: "金额变化",
    ChangeKind.ACCOUNT: "账户变化",
    ChangeKind.SHARED_ACCOUNT: "多人共用账户",
    ChangeKind.SHARED_PHONE: "多人共用电话",
}


@dataclass(frozen=True, slots=True)
class Differences:
    """What a file differs in from what its unit paid last period: how many of each kind, and the
    first rows of each (`kind`, `row_no`, `name`, `object_key`, `before_fen`, `now_fen`,
    `before_last4`, `now_last4`, `shared_by`). `has_last`: there is a last period at all.
    """

    has_last: bool
    counts: Mapping[str, int]
    rows: tuple[Mapping[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        return {"has_last": self.has_last, "counts": dict(self.counts), "rows": list(self.rows)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one rule said of a whole run: 通过, 阻断, 待核 or 未比对, and of how many findings."""

    verdict: str
    count: int

    def as_json(self) -> dict[str, Any]:
        return {"verdict": self.verdict, "count": self.count}


def rule_outcomes(
    codes: Iterable[str],
    told: Mapping[tuple[str, str], int],
    *,
    reads: Mapping[str, frozenset[str]],
    not_fresh: frozenset[str],
) -> dict[str, Outcome]:
    """The verdict of each rule over a run, in the order of the codes.

    Args:
        told: (code, verdict of a finding) → how many.
        reads: code → the uses of rosters that it reads.
        not_fresh: the uses of which a roster is missing or stale.

    A rule that could not compare everything is 未比对, unless what it did find already blocks.
    """
    found: dict[str, Outcome] = {}
    for code in sorted({*codes, *(rule for rule, _ in told)}):
        counts = {verdict: n for (rule, verdict), n in told.items() if rule == code}
        blind = bool(reads.get(code, frozenset()) & not_fresh)
        verdict = next(
            (
                one
                for one in (VERDICT_OF[BLOCK], NOT_COMPARED, VERDICT_OF[CONFIRM])
                if one in counts or (one == NOT_COMPARED and blind)
            ),
            PASSED,
        )
        count = counts.get(verdict, sum(counts.values()) if verdict == PASSED else 0)
        found[code] = Outcome(verdict, count)
    return found


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
    rules: Mapping[str, Outcome] = field(default_factory=dict)
    differences: Differences | None = None

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Report:
        """What `as_json` gave, without the outcomes of the rules."""
        return cls(
            rows=int(told["rows"]),
            passed=int(told["passed"]),
            blocked=int(told["blocked"]),
            to_confirm=int(told["to_confirm"]),
            amount_fen=int(told["amount_fen"]),
            findings=tuple(FoundRow(**finding) for finding in told["findings"]),
        )

    def with_notices(self, notices: tuple[FoundRow, ...]) -> Report:
        """The same report with what was said of the file first."""
        return replace(self, findings=(*notices, *self.findings))

    def as_json(self) -> dict[str, Any]:
        told = {} if self.differences is None else {"differences": self.differences.as_json()}
        return told | {
            "rows": self.rows,
            "passed": self.passed,
            "blocked": self.blocked,
            "to_confirm": self.to_confirm,
            "amount_fen": self.amount_fen,
            "findings": [finding.as_json() for finding in self.findings],
            "rules": {code: outcome.as_json() for code, outcome in self.rules.items()},
        }


@dataclass(frozen=True, slots=True)
class Bands:
    """The unit whose clerk reads the sentences: rows of others are told without their data."""

    unit_lo: int
    unit_hi: int
