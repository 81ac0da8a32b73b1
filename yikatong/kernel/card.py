"""卡号、折号、单位账号: a number of 8 to 32 digits and what kind of account it names."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from yikatong.kernel.errors import Refused
from yikatong.kernel.masks import masked_card
from yikatong.kernel.names import BLANKS

FEWEST: Final = 8
MOST: Final = 32
_STRIP: Final = dict.fromkeys(map(ord, BLANKS + "'’‘`-－"))


class CardKind(StrEnum):
    CARD = "CARD"
    PASSBOOK = "PASSBOOK"
    SSC = "SSC"
    CORP = "CORP"


CARD_KIND_WORD: Final = {
    CardKind.CARD: "储蓄卡",
    CardKind.PASSBOOK: "存折",
    CardKind.SSC: "社保卡",
    CardKind.CORP: "对公账户",
}


@dataclass(frozen=True, slots=True, repr=False)
class CardNumber:
    """8 to 32 digits. `str` shows the last four, `repr` nothing.

    A wrong Luhn digit is a warning and never refuses: banks issue numbers without it, and
    passbooks and corporate accounts have none (AC-5 is info).
    """

    _digits: str
    kind: CardKind = CardKind.CARD

    def __post_init__(self) -> None:
        if not (self._digits.isascii() and self._digits.isdigit()):
            raise Refused("银行账号只能是数字，请核对。")
        if not FEWEST <= len(self._digits) <= MOST:
            raise Refused(
                f"银行账号应为 {FEWEST} 至 {MOST} 位数字，现在是 {len(self._digits)} 位，请核对。"
            )

    @classmethod
    def parse(cls, text: str, kind: CardKind = CardKind.CARD) -> CardNumber:
        """Read what someone typed: blanks and hyphens between groups are understood.

        Raises:
            Refused: letters, or fewer than 8 or more than 32 digits.
        """
        return cls(normalised_account(text), kind)

    @property
    def is_luhn_doubtful(self) -> bool:
        """Does the Luhn digit not fit, where one is expected (储蓄卡, 社保卡)."""
        return self.kind in {CardKind.CARD, CardKind.SSC} and not is_luhn(self._digits)

    def reveal(self) -> str:
        """All digits. Only for ciphers, bank files and screens that the person may see."""
        return self._digits

    def __str__(self) -> str:
        return masked_card(self._digits)

    def __repr__(self) -> str:
        return "CardNumber(…)"


def normalised_account(text: str) -> str:
    """NFKC without blanks, quotes and hyphens. Not yet checked."""
    return unicodedata.normalize("NFKC", text).translate(_STRIP)


def luhn_digit(body: str) -> str:
    """The digit that makes `body` + digit pass."""
    return str((10 - _luhn_sum(body + "0") % 10) % 10)


def is_luhn(digits: str) -> bool:
    return _luhn_sum(digits) % 10 == 0


def _luhn_sum(digits: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        tens, ones = divmod(int(digit) * (1 + place % 2), 10)
        total += tens + ones
    return total
