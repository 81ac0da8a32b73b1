"""What each rule is called, row rules and cross rules alike: for pages that group findings."""

from __future__ import annotations

from functools import lru_cache

from yikatong.validation.row_rules import ROW_RULES
from yikatong.validation.rulebook import laws


@lru_cache(maxsize=1)
def rule_titles() -> dict[str, str]:
    """Rule code → 名称. Where several checks share a code, all their names."""
    named: dict[str, dict[str, None]] = {}
    for code, title in (
        *((law.code, law.title) for law in laws()),
        *((rule.code, rule.name) for rule in ROW_RULES),
    ):
        named.setdefault(code, {})[title] = None
    return {code: "；".join(titles) for code, titles in named.items()}


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
