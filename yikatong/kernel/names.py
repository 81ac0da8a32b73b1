"""姓名: compared by their characters, not by the width or the dot that someone typed.

Minority names are written with five and more kinds of dot (domain.md §13); all mean U+00B7.
Names are never put through NFKC as a whole: it would replace rare characters of the
compatibility blocks by others.
"""

from __future__ import annotations

import unicodedata
from typing import Final

MIDDLE_DOT: Final = "\u00b7"
DOTS: Final = "·•‧・．.･∙⋅●﹒᛫"
BLANKS: Final = (
    " \t\r\n\v\f\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff\u00ad"
    # the marks of direction that Windows and WeChat copy along with a number
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_FOLD: Final = (
    {ord(dot): MIDDLE_DOT for dot in DOTS}
    | dict.fromkeys(map(ord, BLANKS))
    | {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code) not in DOTS}
)


def normalised_name(name: str) -> str:
    """For comparison and storage: half width, dots as U+00B7, no blanks, Latin letters upper."""
    return unicodedata.normalize("NFC", name).translate(_FOLD).upper()


def same_name(one: str, other: str) -> bool:
    return normalised_name(one) == normalised_name(other)


def has_private_use(name: str) -> bool:
    """Is a character from a private use area: it means another person on another machine."""
    return any(unicodedata.category(character) == "Co" for character in name)


def has_lost_character(name: str) -> bool:
    """Does a character stand where another system could not write the true one (?, □, U+FFFD)."""
    return any(character in "?？□�■" for character in name)


def rare_characters(name: str) -> tuple[str, ...]:
    """The characters that a bank with GB2312 cannot write, in order. The dot is not among them."""
    return tuple(c for c in normalised_name(name) if c != MIDDLE_DOT and not _in_gb2312(c))


def has_rare_character(name: str) -> bool:
    return bool(rare_characters(name))


def _in_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
