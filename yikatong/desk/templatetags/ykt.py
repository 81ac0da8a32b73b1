"""How values are shown: money with two decimals, identifiers masked, states in words."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.urls import reverse

from yikatong.desk import words
from yikatong.kernel.actor import DUTY_WORD, Duty
from yikatong.kernel.money import Money

register = template.Library()

# a state is never told by its colour alone: each tone has a mark of its own
TONE_MARK = {"ok": "check", "warn": "warn", "error": "cross", "info": "info", "wait": "clock"}
MESSAGE_TONE = {"success": "ok", "warning": "warn", "error": "error"}
RESULT_TONE = {"passed": "ok", "done": "ok", "returned": "error", "refused": "error"}
DAYS_THAT_WARN = 1
IMPORT_STEPS = ("上传名单", "看检查结果", "存为草稿", "编制送审")


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


@register.filter
def thousands(number: int | str | None) -> str:
    """3268 → 3,268; nothing known gives a dash."""
    return "—" if number is None or number == "" else f"{int(number):,}"


@register.filter
def plain_number(value: Decimal | None) -> str:
    """A standard or a quantity without its trailing zeros; nothing known gives a dash."""
    return "—" if value is None else format(value.normalize(), "f")


@register.simple_tag
def percent(part: int, whole: int) -> str:
    """99.17%, cut and not rounded: what is not all is never shown as 100%."""
    if not whole:
        return "—"
    hundredths = 10_000 * part // whole
    return f"{hundredths // 100}.{hundredths % 100:02d}%"


@register.simple_tag
def total(*amounts: int) -> int:
    return sum(amounts)


@register.simple_tag
def crumbs(*words: str) -> list[dict[str, str]]:
    """Pairs of label and address, or the name of one of our pages; the last one leads nowhere."""
    pairs = zip(words[::2], words[1::2], strict=True)
    return [{"label": label, "url": _address(place)} for label, place in pairs]


def _address(place: str) -> str:
    return place if not place or place.startswith("/") else reverse(place)


@register.filter
def columns(heads: str) -> list[dict[str, object]]:
    """The heads of a table: "行号>|享受人" is a column of figures and one of words."""
    return [
        {"title": head.rstrip(">"), "is_right": head.endswith(">")} for head in heads.split("|")
    ]


@register.filter
def import_steps(at: int) -> list[dict[str, str]]:
    """The wizard's own bar, in the shape of cotton/steps.html; `at` counts from 1."""
    return [
        {"title": title, "state": "done" if n < at else "current" if n == at else "todo"}
        for n, title in enumerate(IMPORT_STEPS, start=1)
    ]


@register.filter
def duty_word(duty: str) -> str:
    return DUTY_WORD[Duty(duty)]


@register.filter
def result_tone(result: str) -> str:
    """The tone of an audit event's result."""
    return RESULT_TONE.get(result, "plain")


@register.filter
def severity_tone(severity: str) -> str:
    return words.SEVERITY_TONE.get(severity, "info")


register.filter("status_word", words.status_word)
register.filter("status_tone", words.status_tone)
register.filter("payment_word", words.payment_word)
register.filter("payment_tone", words.payment_tone)
