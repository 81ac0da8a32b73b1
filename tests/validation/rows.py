"""Rows in the shape that submission stages, in words."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from tests.validation.cast import index_of
from yikatong.submission.bulk import STAGED


def row(name: str, /, **values: Any) -> tuple[Any, ...]:
    """One staged row of 100 元 for this person, paid to themselves, unless said otherwise.

    `payee` names another payee; `name_typed` is what stands in the sheet instead of the name.
    """
    payee = values.pop("payee", name)
    typed = values.pop("name_typed", name)
    facts: dict[str, Any] = dict.fromkeys((column for column, _ in STAGED), "")
    facts |= {
        "row_no": 2,
        "head_index": None,
        "payee_name": payee if payee != name else typed,
        "payee_index": index_of(payee),
        "beneficiary_name": typed,
        "beneficiary_index": index_of(name),
        "account_index": None,
        "standard": None,
        "quantity": None,
        "months": None,
        "amount_fen": 10_000,
        "supplement_fen": None,
        "faults": Jsonb([]),
        "digest": index_of(name),
    }
    assert not set(values) - set(facts), f"no such column: {set(values) - set(facts)}"
    facts |= values
    return tuple(facts[column] for column, _ in STAGED)
