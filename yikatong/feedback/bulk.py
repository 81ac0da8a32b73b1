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


ENTRY = (
    ("kind", "text"),
    ("amount_fen", "int8"),
    ("batch_no", "text"),
    ("detail_id", "text"),
    ("bank_serial", "text"),
)


def keep_day_entries(
    account_id: int, county: str, bank_no: int, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Every row of a bank's day, of `ENTRY`'s shape."""
    names = ", ".join(name for name, _ in ENTRY)
    declared = ", ".join(f"{name} {kind}" for name, kind in ENTRY)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.day_rows")
        cursor.execute(f"CREATE TEMP TABLE day_rows ({declared}) ON COMMIT DROP")
        with cursor.copy(f"COPY day_rows ({names}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types([kind for _, kind in ENTRY])
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            "INSERT INTO feedback_dayentry (county, unit_no, bank_no, account_id, kind, amount_fen,"
            " batch_no, detail_id, bank_serial)"
            " SELECT %s, 0, %s, %s, kind, amount_fen, batch_no, detail_id, bank_serial FROM day_rows",
            [county, bank_no, account_id],
        )


def keep_sums(run_id: int, county: str) -> None:
    """The three sides of each department and bank, as they stand in this instant."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO feedback_reconciliationsum (county, unit_no, run_id, department_no, bank_no, voucher_fen,"
            " account_fen, kept_fen, paid_fen, failed_fen, in_transit_fen, stopped_fen, refunded_fen)"
            " SELECT county, 0, %s, department_no, bank_no, sum(voucher_fen), sum(account_fen), sum(kept_fen),"
            " sum(paid_fen), sum(failed_fen), sum(in_transit_fen), sum(stopped_fen), sum(refunded_fen)"
            " FROM three_way WHERE county = %s AND (account_fen > 0 OR kept_fen > 0 OR voucher_fen > 0)"
            " GROUP BY county, department_no, bank_no ORDER BY department_no, bank_no",
            [run_id, county],
        )


def stand(county: str) -> int:
    """Look once for what differs now, for the statements of one run; gives how many there are."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.standing")
        cursor.execute(
            "CREATE TEMP TABLE standing ON COMMIT DROP AS"
            " SELECT DISTINCT ON (fingerprint) * FROM standing_difference WHERE county = %s"
            " ORDER BY fingerprint",
            [county],
        )
        return int(cursor.rowcount)


def unknown_differences() -> int:
    """How many of `stand` have never been found before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM standing WHERE NOT EXISTS (SELECT FROM feedback_difference AS known"
            " WHERE known.county = standing.county AND known.fingerprint = standing.fingerprint)"
        )
        return int(cursor.fetchone()[0])


def open_differences(run_id: int, *, now: datetime) -> None:
    """Each of `stand` once; what has gone by itself, or has come back, is said of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO feedback_difference (county, unit_no, department_no, bank_no, batch_id, run_id, rule, side,"
            " fingerprint, amount_fen, since, owner, sentence, opened_at)"
            " SELECT county, unit_no, department_no, bank_no, batch_id, %s, rule, side, fingerprint, amount_fen, since,"
            " owner, left(sentence, 400), %s FROM standing ON CONFLICT (county, fingerprint) DO NOTHING",
            [run_id, now],
        )
        cursor.execute(
            "WITH spoken AS (SELECT difference.id, difference.county, difference.unit_no, difference.department_no,"
            " difference.bank_no, standing.fingerprint IS NOT NULL AS stands,"
            " (SELECT word.kind FROM feedback_differenceword AS word WHERE word.difference_id = difference.id"
            "  AND word.kind IN ('GONE', 'BACK') ORDER BY word.id DESC LIMIT 1) AS last"
            " FROM feedback_difference AS difference"
            " JOIN feedback_reconciliation AS run ON run.id = %s AND run.county = difference.county"
            " LEFT JOIN standing ON standing.fingerprint = difference.fingerprint"
            " WHERE NOT EXISTS (SELECT FROM feedback_differenceword AS word"
            "  WHERE word.difference_id = difference.id AND word.kind = 'CLOSE'))"
            " INSERT INTO feedback_differenceword (county, unit_no, department_no, bank_no, difference_id, kind, said_by,"
            " reason, at)"
            " SELECT county, unit_no, department_no, bank_no, id, CASE WHEN stands THEN 'BACK' ELSE 'GONE' END, '', '', %s"
            " FROM spoken WHERE (NOT stands AND last IS DISTINCT FROM 'GONE') OR (stands AND last = 'GONE')",
            [run_id, now],
        )
