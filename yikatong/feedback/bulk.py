"""Results applied many at a time: states by one UPDATE … FROM, rows by one INSERT … SELECT."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from yikatong.kernel.points import point

COLUMNS = (
    ("payment_id", "int8"),
    ("file_sm3", "bytea"),
    ("row_no", "int4"),
    ("result", "text"),
    ("code", "text"),
    ("bank_code", "text"),
    ("bank_text", "text"),
    ("paid_fen", "int8"),
    ("bank_serial", "text"),
    ("sms_status", "text"),
    ("at", "timestamptz"),
    ("new_state", "text"),
)


def apply(rows: Sequence[tuple[Any, ...]], *, now: datetime) -> set[int]:
    """Rows of `COLUMNS`' shape; a row or serial applied before has no effect.

    Gives the payments that a row was applied to.
    """
    names = ", ".join(name for name, _ in COLUMNS)
    declared = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming")
        cursor.execute(f"CREATE TEMP TABLE incoming ({declared}) ON COMMIT DROP")
        with cursor.copy(f"COPY incoming ({names}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types([kind for _, kind in COLUMNS])
            for row in rows:
                copy.write_row(row)
        # joined twice: without statistics, row against row
        cursor.execute("ANALYZE incoming")
        cursor.execute(
            "WITH applied AS ("
            " INSERT INTO feedback_paymentresult (county, unit_no, department_no, bank_no, payment_id, file_sm3,"
            " row_no, result, code, bank_code, bank_text, paid_fen, bank_serial, sms_status, at, applied_at)"
            " SELECT payment.county, payment.unit_no, payment.department_no, payment.bank_no, payment.id,"
            " incoming.file_sm3, incoming.row_no, incoming.result, incoming.code, incoming.bank_code,"
            " incoming.bank_text, incoming.paid_fen, incoming.bank_serial, incoming.sms_status, incoming.at, %s"
            " FROM incoming JOIN payout_payment AS payment ON payment.id = incoming.payment_id"
            " ORDER BY payment.id"
            " ON CONFLICT DO NOTHING RETURNING payment_id)"
            " UPDATE payout_payment AS payment SET state = incoming.new_state"
            " FROM incoming JOIN applied ON applied.payment_id = incoming.payment_id"
            " WHERE payment.id = incoming.payment_id AND payment.state <> incoming.new_state"
            " RETURNING payment.id",
            [now],
        )
        applied = {int(payment_id) for (payment_id,) in cursor.fetchall()}
    point("mid-apply")
    return applied


def our_day(county: str, bank_no: int, day: str) -> tuple[int, int]:
    """(lines, fen) that we hold as paid by this bank on that day, Shanghai time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(result.paid_fen), 0) FROM feedback_paymentresult AS result"
            " WHERE result.county = %s AND result.bank_no = %s AND result.result = 'SUCCESS'"
            " AND (result.at AT TIME ZONE 'Asia/Shanghai')::date = %s::date",
            [county, bank_no, day],
        )
        lines, fen = cursor.fetchone()
    return int(lines), int(fen)
