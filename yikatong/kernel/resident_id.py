"""公民身份号码 (GB 11643-1999): parsed at the door, true ever after, masked wherever shown."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final

from yikatong.kernel.errors import Refused
from yikatong.kernel.masks import masked_id
from yikatong.kernel.names import BLANKS

LENGTH: Final = 18
OLD_LENGTH: Final = 15
MOST_YEARS: Final = 120
WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_CHARACTERS: Final = "10X98765432"
# The first two digits name the province, 81 82 83 the residence permits of 港澳台, 9 that of
# foreigners: others are told (ID-4) and never refused. County codes are not looked up: many were
# abolished (渝 before 1997 was 川 51) and people still carry them.
PROVINCE: Final = re.compile(
    r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]",
)
_SHAPE: Final = re.compile(r"[0-9]{17}[0-9X]")
_STRIP: Final = dict.fromkeys(map(ord, BLANKS + "'’‘`"))


@dataclass(frozen=True, slots=True, repr=False)
class ResidentId:
    """A valid 18-character number. Build it with `parse`; `str` is masked, `repr` shows nothing.

    Valid means: 17 digits and the right check character (MOD 11-2), and a birth date that exists.
    """

    _text: str

    def __post_init__(self) -> None:
        refuse_wrong(self._text)

    @classmethod
    def parse(cls, text: str, *, on: date | None = None) -> ResidentId:
        """Read what someone typed: full width, blanks, a leading ' and a small x are understood.

        Args:
            text: as typed or as read from a cell.
            on: the day on which the person must have been born and be at most 120 years old.

        Raises:
            Refused: a sentence that says what is wrong, without the number itself.
        """
        number = cls(normalised_id(text))
        if on is not None and number.birth_on > on:
            raise Refused("身份证号中的出生日期晚于当天，请核对。")
        if on is not None and number.age_on(on) > MOST_YEARS:
            raise Refused(f"身份证号中的出生日期距今超过 {MOST_YEARS} 年，请核对。")
        return number

    @property
    def birth_on(self) -> date:
        return date(int(self._text[6:10]), int(self._text[10:12]), int(self._text[12:14]))

    @property
    def is_male(self) -> bool:
        return int(self._text[16]) % 2 == 1

    @property
    def region(self) -> str:
        """The six digits of the county of first registration; it may be abolished since."""
        return self._text[:6]

    def age_on(self, day: date) -> int:
        """Full years; who is born on 29 February has the birthday on 1 March in other years."""
        born = self.birth_on
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))

    def reveal(self) -> str:
        """The 18 characters. Only for ciphers, bank files and screens that the person may see."""
        return self._text

    def __str__(self) -> str:
        return masked_id(self._text)

    def __repr__(self) -> str:
        return "ResidentId(…)"


def normalised_id(text: str) -> str:
    """NFKC, no blanks, zero-width characters or quotes, upper case. Not yet checked."""
    return unicodedata.normalize("NFKC", text).translate(_STRIP).upper()


def check_character(first_seventeen: str) -> str:
    """MOD 11-2 of GB 11643-1999 over 17 digits."""
    total = sum(int(d) * w for d, w in zip(first_seventeen, WEIGHTS, strict=True))
    return CHECK_CHARACTERS[total % 11]


def upgrade_proposal(text: str) -> str:
    """Of an old 15-digit number the 18 characters it would have: a proposal, never silently used.

    Raises:
        Refused: not 15 digits, or no such birth date.
    """
    old = normalised_id(text)
    if len(old) != OLD_LENGTH or not (old.isascii() and old.isdigit()):
        raise Refused("不是 15 位旧身份证号，无法换算。")
    body = old[:6] + "19" + old[6:]
    number = body + check_character(body)
    refuse_wrong(number)
    return number


def refuse_wrong(number: str) -> None:
    """Raises Refused, in words that hold nothing of the number."""
    if len(number) == OLD_LENGTH and number.isdigit():
        raise Refused("身份证号是 15 位旧号，请换成 18 位。")
    if len(number) != LENGTH:
        raise Refused(f"身份证号应为 18 位，现在是 {len(number)} 位，请核对。")
    if _SHAPE.fullmatch(number) is None:
        raise Refused("身份证号前 17 位应为数字，末位为数字或 X，请核对。")
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise Refused("身份证号中的出生日期不存在，请核对。") from None
    if check_character(number[:17]) != number[17]:
        raise Refused("身份证号校验码不符，请对照身份证逐位核对。")
