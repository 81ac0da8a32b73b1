"""凭证草稿 in the budget system's form: its field names and codes, one row per entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils import timezone

from yikatong.accounting.models import Voucher
from yikatong.connectors.budget import textform
from yikatong.connectors.budget.fieldmap import field_map as map_named


def vouchers_in_budget_form(vouchers: Iterable[Voucher], *, county: str, field_map: str) -> bytes:
    """A whole VCH file. `field_map` is the county's setting.

    Raises:
        Refused: there is no such map, or it lacks a code.
    """
    return textform.write(
        "VCH",
        f"{county}{timezone.localtime():%Y%m%d%H%M%S}",
        _rows(vouchers, county),
        field_map=map_named(field_map),
        created=timezone.localtime().replace(microsecond=0),
    )


def _rows(vouchers: Iterable[Voucher], county: str) -> Iterator[dict[str, Any]]:
    for voucher in vouchers:
        day = timezone.localdate(voucher.drafted_at)
        for entry in voucher.entries.all():
            yield {
                "voucher_no": f"{voucher.kind}-{voucher.pk}",
                "kind": voucher.kind,
                "date": day.isoformat(),
                "summary": voucher.summary,
                "book": entry.book,
                "account": entry.account,
                "debit_fen": entry.amount_fen if entry.is_debit else 0,
                "credit_fen": 0 if entry.is_debit else entry.amount_fen,
                "mof_div_code": f"{county}000",
                "fiscal_year": str(day.year),
                "pro_code": entry.programme_code,
                "bgt_id": entry.indicator,
                "cor_bgt_doc_no": entry.document_no,
                "exp_func_code": entry.exp_func_code,
                "batch_no": entry.batch_number,
                "unit_no": entry.town_no or voucher.unit_no,
                "event": voucher.event,
            }
