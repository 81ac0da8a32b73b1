"""What each rule is called, row rules and cross rules alike: for pages that group findings."""

from __future__ import annotations

from functools import lru_cache

from yikatong.validation.row_rules import ROW_RULES
from yikatong.validation.rulebook import laws
from yikatong.validation.rules import CONFIRM, CONFIRMED, SEVERITIES


@lru_cache(maxsize=1)
def rule_titles() -> dict[str, str]:
    """Rule code → 名称. Several checks may share a code; the gravest, then the first, names it."""
    titles: dict[str, str] = {}
    for severity in SEVERITIES:
        for (code, of_severity), title in titles_by_severity().items():
            if of_severity == severity:
                titles.setdefault(code, title)
    return titles


@lru_cache(maxsize=1)
def titles_by_severity() -> dict[tuple[str, str], str]:
    """(rule code, severity) → 名称: exact where a page groups by both."""
    titles: dict[tuple[str, str], str] = {}
    for rule in ROW_RULES:  # first: the law of the same code is the narrower word (AM-2 超过上限)
        titles.setdefault((rule.code, rule.severity.value), rule.name)
    for law in laws():
        titles.setdefault((law.code, law.severity), law.title)
    for law in laws():
        if law.once == "check":  # told as info by `check`: no word of a bank that said no
            titles.setdefault((law.code, "info"), law.title)
    return titles


def title_of(rule: str, severity: str, verdict: str = "") -> str:
    """What to call these findings of a rule; an answered `confirm` keeps the name it had."""
    asked = CONFIRM if verdict == CONFIRMED else severity
    return titles_by_severity().get((rule, asked)) or rule_titles().get(rule, "")


@lru_cache(maxsize=1)
def rule_codes() -> tuple[str, ...]:
    """Every code of the book, in order."""
    return tuple(sorted(rule_titles()))


@lru_cache(maxsize=1)
def rosters_read_by_rules() -> dict[str, frozenset[str]]:
    """Rule code → the uses of rosters that its files read."""
    found: dict[str, frozenset[str]] = {}
    for law in laws():
        found[law.code] = found.get(law.code, frozenset()) | law.rosters
    return found
