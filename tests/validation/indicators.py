"""An indicator of the small county and what was last read of it."""

from __future__ import annotations

from typing import Any, Protocol

from django.db.models import Model

from yikatong.funding.models import Indicator, IndicatorReading


class Puts(Protocol):
    def put(self, model: type[Model], **values: Any) -> int: ...


def plant_indicator(planter: Puts, bgt_id: str, *, balance_fen: int, applied_fen: int = 0) -> int:
    """Of P01 for 2026, read long ago, open for execution."""
    made = planter.put(Indicator, bgt_id=bgt_id, fiscal_year="2026", programme_code="P01")
    planter.put(
        IndicatorReading,
        indicator=made,
        amount_fen=balance_fen,
        balance_fen=balance_fen,
        applied_fen=applied_fen,
        is_open=True,
    )
    return made
