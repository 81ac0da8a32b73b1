"""What the public may see of a batch: allow-listed fields, masked; sensitive items as totals.

trust.md §10: cells below five people are suppressed, and a second cell with them, so that no
subtraction gives them back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from yikatong.kernel.masks import masked_name

SMALL: Final = 5
ADULT: Final = 18
MINOR_NAME: Final = ""


@dataclass(frozen=True, slots=True)
class PaidFact:
    """One paid line, as the projection reads it. `age` in years at the period's end."""

    village: str
    group: str
    name: str
    age: int | None
    quantity: Decimal | None
    standard: Decimal | None
    amount_fen: int


@dataclass(frozen=True, slots=True)
class PublicRow:
    """One row of a notice. `amount_fen` None where a small cell is suppressed."""

    village: str
    name_masked: str
    people: int
    quantity: str
    standard: str
    amount_fen: int | None


def named_rows(facts: Sequence[PaidFact]) -> list[PublicRow]:
    """By person, names masked; minors are not listed but told in one row of totals."""
    adults = [fact for fact in facts if fact.age is None or fact.age >= ADULT]
    minors = [fact for fact in facts if fact.age is not None and fact.age < ADULT]
    rows = [
        PublicRow(
            f"{fact.village}{fact.group}",
            masked_name(fact.name),
            1,
            _plain(fact.quantity),
            _plain(fact.standard),
            fact.amount_fen,
        )
        for fact in sorted(adults, key=lambda fact: (fact.village, fact.group, fact.name))
    ]
    if minors:
        total = sum(fact.amount_fen for fact in minors) if len(minors) >= SMALL else None
        rows.append(PublicRow("未成年人（仅汇总）", MINOR_NAME, len(minors), "", "", total))
    return rows


def total_rows(facts: Sequence[PaidFact]) -> list[PublicRow]:
    """Counts and totals by village; villages with few people are told together."""
    by_village: dict[str, list[int]] = {}
    for fact in facts:
        by_village.setdefault(fact.village, []).append(fact.amount_fen)
    small = {village for village, amounts in by_village.items() if len(amounts) < SMALL}
    # what is told together must itself be large: a small rest could be found by subtraction
    while small and len(small) < len(by_village) and _people(by_village, small) < SMALL:
        others = [village for village in by_village if village not in small]
        small.add(min(others, key=lambda village: (len(by_village[village]), village)))
    rows = [
        PublicRow(village, "", len(amounts), "", "", sum(amounts))
        for village, amounts in sorted(by_village.items())
        if village not in small
    ]
    if small:
        amounts = [fen for village in small for fen in by_village[village]]
        shown = sum(amounts) if len(amounts) >= SMALL else None
        rows.append(PublicRow("其他村（社区）合计", "", len(amounts), "", "", shown))
    return rows


def shown_fen(rows: Sequence[PublicRow]) -> int:
    """What a notice may give as its total: of the amounts that it shows, or a subtraction from it
    would give back the one that it does not.
    """
    return sum(row.amount_fen or 0 for row in rows)


def _people(by_village: Mapping[str, Sequence[int]], villages: Collection[str]) -> int:
    return sum(len(by_village[village]) for village in villages)


def _plain(value: Decimal | None) -> str:
    return "" if value is None else format(value.normalize(), "f")
