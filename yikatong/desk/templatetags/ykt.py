"""How values are shown: money with two decimals, identifiers masked, states in words."""

from __future__ import annotations

from django import template

from yikatong.kernel.money import Money

register = template.Library()

# a state is never told by its colour alone: each tone has a mark of its own
TONE_MARK = {"ok": "check", "warn": "warn", "error": "cross", "info": "info", "wait": "clock"}
MESSAGE_TONE = {"success": "ok", "warning": "warn", "error": "error"}
DAYS_THAT_WARN = 1


@register.filter
def money(fen: int | Money | str | None) -> str:
    """Fen as yuan with two decimals: 148290640 → 1,482,906.40. Nothing known gives a dash."""
    if fen is None or fen == "":
        return "—"
    return str(fen if isinstance(fen, Money) else Money(int(fen)))


@register.filter
def tone_mark(tone: str) -> str:
    """The name of the icon that stands for this tone; a dot for any other."""
    return TONE_MARK.get(tone, "dot")


@register.filter
def message_tone(level: str) -> str:
    """Django's message levels in the tones of this house."""
    return MESSAGE_TONE.get(level, "info")


@register.filter
def days_tone(days: int) -> str:
    """How urgent so many remaining days are; negative ones are overdue."""
    if days < 0:
        return "error"
    return "warn" if days <= DAYS_THAT_WARN else "ok"


@register.filter
def without_sign(number: int) -> int:
    return abs(number)
