"""What each rule is called, row rules and cross rules alike: for pages that group findings."""

from __future__ import annotations

from functools import lru_cache

from yikatong.validation.row_rules import ROW_RULES
from yikatong.validation.rulebook import laws


@lru_cache(maxsize=1)
def rule_titles() -> dict[str, str]:
    """Rule code → 名称. Several checks may share a code; the first one names it."""
    titles = {law.code: law.title for law in laws()}
    for rule in ROW_RULES:
        titles.setdefault(rule.code, rule.name)
    return titles
