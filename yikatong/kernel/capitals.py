"""大写金额, as the 票据法 forms write it: 1,234,500.06 → 壹佰贰拾叁万肆仟伍佰元零陆分."""

from __future__ import annotations

from typing import Final

from yikatong.kernel.errors import Refused
from yikatong.kernel.money import FEN_PER_YUAN, Money

DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
PLACES: Final = ("", "拾", "佰", "仟")
GROUPS: Final = ("", "万", "亿", "万亿")
PER_GROUP: Final = 10_000


def in_capitals(money: Money) -> str:
    """Written out, to the fen. 整 closes an amount without fen.

    Raises:
        Refused: below zero or beyond 9,999 万亿: no form of ours holds such an amount.
    """
    if money.fen < 0:
        raise Refused("负数金额不能写成大写。")
    yuan, fen = divmod(money.fen, FEN_PER_YUAN)
    whole = _whole(yuan)
    if fen == 0:
        return f"{whole or '零'}元整"
    jiao, rest = divmod(fen, 10)
    small = f"{DIGITS[jiao]}角" if jiao else "零" if whole else ""
    small += f"{DIGITS[rest]}分" if rest else "整"
    return (f"{whole}元" if whole else "") + small


def _whole(yuan: int) -> str:
    written, needs_zero = "", False
    for place in range(len(GROUPS) - 1, -1, -1):
        group = yuan // PER_GROUP**place % PER_GROUP
        if group == 0:
            needs_zero = bool(written)
            continue
        if written and (needs_zero or group < PER_GROUP // 10):
            written += DIGITS[0]
        written += _group(group) + GROUPS[place]
        needs_zero = False
    if yuan >= PER_GROUP ** len(GROUPS):
        raise Refused("金额过大，不能写成大写。")
    return written


def _group(number: int) -> str:
    """1 to 9999, without a leading zero."""
    written, skipped = "", False
    for place in range(len(PLACES) - 1, -1, -1):
        digit = number // 10**place % 10
        if digit == 0:
            skipped = bool(written)
            continue
        written += (DIGITS[0] if skipped else "") + DIGITS[digit] + PLACES[place]
        skipped = False
    return written
