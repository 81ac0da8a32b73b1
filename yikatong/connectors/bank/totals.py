"""Control sums of a message."""

from __future__ import annotations

from collections.abc import Sequence

from yikatong.connectors.bank.frames import Framed
from yikatong.connectors.bank.messages import Row, columns, money_column


def sum_of(row_type: type[Row], rows: Sequence[Row]) -> int:
    """The control sum in fen; 0 for messages without money."""
    if isinstance(rows, Framed):
        return rows.amount_fen
    place = money_column(row_type)
    if place is None:
        return 0
    name = columns(row_type)[place].name
    return sum(getattr(row, name) for row in rows)
