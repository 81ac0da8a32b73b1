"""遮掩: what of a name or a number a person may see. Pages of the public show no digits at all."""

from __future__ import annotations

STAR = "*"
HEAD_OF_ID = 6
TAIL = 4
PHONE_HEAD = 3


def masked_name(name: str) -> str:
    """张三 → 张*, 张小三 → 张*三; of longer names only the first and the last character stay."""
    name = name.strip()
    first, middle, last = name[:1], name[1:-1], name[1:][-1:]
    return first + STAR * len(middle) + last if middle else first + STAR * len(last)


def masked_id(text: str) -> str:
    """First six and last four; a text too short for that shows its last two at most."""
    if len(text) <= HEAD_OF_ID + TAIL:
        return _tail_only(text, 2)
    return text[:HEAD_OF_ID] + STAR * (len(text) - HEAD_OF_ID - TAIL) + text[-TAIL:]


def masked_card(text: str) -> str:
    """The last four digits, nothing of the bank or the branch."""
    return _tail_only(text, TAIL)


def masked_phone(text: str) -> str:
    """First three and last four."""
    if len(text) <= PHONE_HEAD + TAIL:
        return _tail_only(text, 2)
    return text[:PHONE_HEAD] + STAR * (len(text) - PHONE_HEAD - TAIL) + text[-TAIL:]


def _tail_only(text: str, shown: int) -> str:
    if len(text) <= shown:
        return STAR * len(text)
    return STAR * (len(text) - shown) + text[-shown:]
