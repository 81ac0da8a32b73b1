"""From a sheet to rows in the shape that submission stages: indexed, digested, with the faults
that the row rules found at the door. No identifier leaves this room in clear.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import polars as pl
from psycopg.types.json import Jsonb

from yikatong.catalogue.models import Programme
from yikatong.kernel.card import normalised_account
from yikatong.kernel.masks import masked_id
from yikatong.kernel.period import Period
from yikatong.kernel.resident_id import normalised_id
from yikatong.submission.rules import line_digest
from yikatong.submission.sheets import Sheet, read_sheet
from yikatong.submission.sheets_door import WEB, Limits
from yikatong.submission.sheets_forms import DISBURSEMENT
from yikatong.validation import row_rules
from yikatong.validation.rules import FoundRow
from yikatong.vault.access import the_vault

TEXT_LIMIT: Final = 60
REMARK_LIMIT: Final = 300
MOST_QUANTITY: Final = Decimal(10) ** 10
MOST_MONTHS: Final = 12 * 10


@dataclass(frozen=True, slots=True)
class Intake:
    """A sheet ready to be checked or stored; `notices` are about the file, not about a line."""

    rows: tuple[tuple[Any, ...], ...]
    notices: tuple[FoundRow, ...]


def read_list(
    content: bytes,
    name: str,
    programme: Programme,
    period: Period,
    *,
    today: date,
    limits: Limits = WEB,
) -> Intake:
    """Read a 发放清册 for one programme and period.

    Raises:
        Refused: unreadable, unsafe, empty, or a required column is missing.
    """
    form = DISBURSEMENT.requiring(*programme.required_columns)
    sheet = read_sheet(content, form, name=name, limits=limits)
    return Intake(tuple(_rows(sheet, programme, period, today)), tuple(_notices(sheet)))


def _notices(sheet: Sheet) -> Iterator[FoundRow]:
    for notice in sheet.notices:
        yield FoundRow(
            notice.row or 0, notice.field, notice.rule, notice.severity, notice.message, "提示"
        )


def _rows(
    sheet: Sheet, programme: Programme, period: Period, today: date
) -> Iterator[tuple[Any, ...]]:
    required = (*row_rules.ALWAYS_FILLED, *programme.required_columns)
    found = row_rules.examine(sheet.frame, on=today, required=required)
    faults = _by_row(found)
    frame, county, vault = sheet.frame, programme.county, the_vault()
    is_household = programme.payee_kind == Programme.PayeeKind.HOUSEHOLD
    ids = {
        party: vault.blind_indexes_or_none(county, _folded(frame, f"{party}_id", normalised_id))
        for party in ("head", "payee", "beneficiary")
    }
    accounts = _folded(frame, "account_no", normalised_account)
    account_indexes = vault.blind_indexes_or_none(county, accounts, kind="card")
    for place, line in enumerate(frame.iter_rows(named=True)):
        row_no = line["row"]
        head = ids["head"][place]
        if head is None and is_household and line["head_id"] is None:
            head = ids["payee"][place]
        facts = {
            "row_no": row_no,
            "head_name": _cut(line["head_name"]),
            "head_index": head,
            "payee_name": _cut(line["payee_name"]),
            "payee_index": ids["payee"][place],
            "beneficiary_name": _cut(line["beneficiary_name"]),
            "beneficiary_index": ids["beneficiary"][place],
            "id_masked": masked_id(line["beneficiary_id"]) if line["beneficiary_id"] else "",
            "account_index": account_indexes[place],
            "account_last4": (accounts[place] or "")[-4:],
            "object_key": _cut(line["object_key"]),
            "grade": _cut(line["grade"])[:40],
            "standard": _number(line["standard"]),
            "quantity": _number(line["quantity"]),
            "months": _months(line["months"]),
            "amount_fen": line["amount_fen"] if (line["amount_fen"] or 0) >= 0 else None,
            "village": f"{_cut(line['town'])}{_cut(line['village'])}"[:80],
            "village_group": _cut(line["group"])[:40],
            "remark": (line["remark"] or "")[:REMARK_LIMIT],
            "faults": Jsonb(faults.get(row_no, [])),
        }
        digest = line_digest({**facts, "programme_code": programme.code, "period": str(period)})
        yield (*facts.values(), digest)


def _by_row(found: pl.DataFrame) -> dict[int, list[dict[str, str]]]:
    grouped: dict[int, list[dict[str, str]]] = {}
    for row, field, rule, severity, message in found.iter_rows():
        fault = {"rule": rule, "severity": severity, "field": field, "message": message}
        grouped.setdefault(row, []).append(fault)
    return grouped


def _folded(frame: pl.DataFrame, column: str, fold: Any) -> list[str | None]:
    return [None if text is None else fold(text) for text in frame[column].to_list()]


def _cut(text: str | None) -> str:
    return (text or "").strip()[:TEXT_LIMIT]


def _number(text: str | None) -> Decimal | None:
    """A quantity or rate; what is no number is NU-1's business and stays empty here."""
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 <= value < MOST_QUANTITY else None


def _months(text: str | None) -> int | None:
    value = _number(text)
    if value is None or value != value.to_integral_value() or value > MOST_MONTHS:
        return None
    return int(value)
