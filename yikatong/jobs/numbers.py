"""Numbers on the wire: `{bank3}{区划6}{yyyyMMdd}{seq6}`, ours, immutable (interfaces.md §2.1)."""

from __future__ import annotations

from datetime import date

from django.db import connection

SEQUENCE_ENDS = 1_000_000


def wire_number(code3: str, county: str, day: date) -> str:
    """The next number for one bank's share of one batch, or for one verification request."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('bank_batch_seq')")
        (serial,) = cursor.fetchone()
    return f"{code3}{county}{day:%Y%m%d}{serial % SEQUENCE_ENDS:06d}"
