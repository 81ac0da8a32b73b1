"""What the rules found in a batch, and what was written about it: for its page and its lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from yikatong.desk import words
from yikatong.desk.todo import Deadlines
from yikatong.kernel.actor import Actor
from yikatong.kernel.period import Period
from yikatong.kernel.steps import Status
from yikatong.organisation.policy import CLERKS
from yikatong.registry.queries import rosters_not_fresh
from yikatong.submission.queries import roster_answers
from yikatong.submission.rules import roster_evidence
from yikatong.validation.queries import findings_by_rule, findings_of_lines, reasons_given
from yikatong.validation.rules import BLOCK, CONFIRM, CONFIRMED, SEVERITY_WORD
from yikatong.validation.titles import rule_titles, title_of

ROSTER_RULE: Final = "SY-1"


def found_in(batch: Any, actor: Actor) -> dict[str, Any]:
    """Groups of the newest run, and what must be answered before a draft may go on."""
    can_answer = batch.status == Status.DRAFT and (
        actor.unit_no == batch.unit_no and actor.duty in CLERKS
    )
    rows = findings_by_rule(batch, scope=actor.scope)
    is_answered = any(row["verdict"] == CONFIRMED for row in rows)
    reasons = reasons_given(batch, scope=actor.scope) if is_answered else {}
    groups = [
        {
            **row,
            "title": title_of(str(row["rule"]), str(row["severity"]), str(row["verdict"])),
            "reasons": reasons.get(str(row["rule"]), []) if row["verdict"] == CONFIRMED else [],
            "word": SEVERITY_WORD.get(str(row["severity"]), ""),
            "tone": words.SEVERITY_TONE.get(str(row["severity"]), "info"),
            "can_answer": can_answer
            and row["severity"] == "confirm"
            and row["rule"] != ROSTER_RULE,  # answered by name of the roster, above
        }
        for row in rows
    ]
    return {"findings": groups, "rosters": _rosters(batch, actor), "can_answer": can_answer}


def _rosters(batch: Any, actor: Actor) -> list[dict[str, str]]:
    """比对名册 that are missing or too old for this draft, and the reason given, if any."""
    if batch.status != Status.DRAFT:
        return []
    answered = roster_answers(batch, rule=ROSTER_RULE, scope=actor.scope)
    stale = rosters_not_fresh(
        batch.programme,
        Period.parse(batch.period),
        today=Deadlines(actor).today,
        scope=actor.scope,
    )
    return [
        {"kind": kind, "sentence": sentence, "reason": answered.get(roster_evidence(kind), "")}
        for kind, sentence in stale
    ]


def title_of_rows(rule: str, rows: Iterable[Any]) -> str:
    """The name of what these rows share; where they are of several kinds, the rule's own."""
    kinds = {title_of(rule, row.severity_now, row.verdict_now) for row in rows}
    return kinds.pop() if len(kinds) == 1 else rule_titles().get(rule, "")


def with_findings(batch: Any, lines: Sequence[Any], actor: Actor) -> list[dict[str, Any]]:
    """Lines with what the newest run found in each; before any, what was seen when they came in."""
    found = findings_of_lines(batch, lines, scope=actor.scope)
    rows = []
    for line in lines:
        if found is None:
            told = [(fault["severity"], fault["message"], "") for fault in line.faults]
        else:
            told = [
                (one.severity_now, one.sentence, one.verdict_now) for one in found.get(line.pk, [])
            ]
        problems = [
            {
                "word": CONFIRMED if verdict == CONFIRMED else SEVERITY_WORD.get(severity, ""),
                "tone": words.SEVERITY_TONE.get(severity, "info"),
                # the row tells its number and its name already
                "sentence": sentence.removeprefix(f"第 {line.row_no} 行 {line.beneficiary_name}："),
            }
            for severity, sentence, verdict in told
        ]
        is_bad = any(severity in {BLOCK, CONFIRM} for severity, _, _ in told)
        rows.append({"line": line, "problems": problems, "is_bad": is_bad})
    return rows
