"""How long a text message may get, and its short form."""

from __future__ import annotations

from typing import Final

MOST_NOTE: Final = 22  # a bank's short field (招行 NTFINF)
LONGEST_BANK: Final = 9
LONGEST_PHONE: Final = 12


def short_note(short_name: str, amount: str) -> str:
    """The form of the message for banks whose field is short."""
    return f"{short_name}补贴{amount}元"
