"""Writes of many payments: one INSERT … SELECT per batch, one UPDATE per message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db import connection

from yikatong.kernel.digest import of_digests


def banks_of_passed(batch_id: int) -> list[tuple[int, int, int]]:
    """(bank, lines, fen) of the lines that passed and have no payment yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT verdict.bank_no, count(*), sum(line.amount_fen) FROM validation_lineverdict AS verdict"
            " JOIN submission_line AS line ON line.id = verdict.line_id"
            " WHERE verdict.batch_id = %s AND verdict.passed GROUP BY verdict.bank_no ORDER BY 1",
            [batch_id],
        )
        return [(int(bank), int(lines), int(fen)) for bank, lines, fen in cursor.fetchall()]


NUMBERED: Final = (
    "SELECT verdict.line_id, row_number() OVER (ORDER BY verdict.line_id)::int AS seq"
    " FROM validation_lineverdict AS verdict"
    " WHERE verdict.batch_id = %(batch)s AND verdict.passed AND verdict.bank_no = %(bank)s"
)
# what failed at this very bank comes first: its money may have stayed there, and every request for
# money covers one range of places
NUMBERED_AGAIN: Final = (
    "SELECT verdict.line_id, row_number() OVER (ORDER BY EXISTS (SELECT FROM payout_payment AS failed"
    "  WHERE failed.county = verdict.county AND failed.obligee_id = verdict.obligee_id"
    "  AND failed.programme_code = line.programme_code AND failed.period = line.period"
    "  AND failed.object_key = line.object_key AND failed.bank_no = verdict.bank_no"
    "  AND failed.state IN ('FAILED', 'RETURNED')) DESC, verdict.line_id)::int AS seq"
    " FROM validation_lineverdict AS verdict JOIN submission_line AS line ON line.id = verdict.line_id"
    " WHERE verdict.batch_id = %(batch)s AND verdict.passed AND verdict.bank_no = %(bank)s"
)


def make_payments(*, batch_id: int, share_id: int, bank_no: int, is_reissue: bool) -> int:
    """One payment per passing line of this bank, on the account version that was judged.

    The attempt follows the ones before it; the database refuses a second live one (I2).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payout_payment (county, unit_no, department_no, bank_no, batch_id, share_id, line_id,"  # noqa: S608 - fixed texts
            " detail_id, seq, programme_code, period, obligee_id, beneficiary_id,"
            " object_key, grade, quantity, attempt, amount_fen, account_version_id, state)"
            " SELECT line.county, line.unit_no, line.department_no, %(bank)s, line.batch_id, share.id, line.id,"
            " share.batch_no || lpad(numbered.seq::text, 7, '0'), numbered.seq, line.programme_code, line.period,"
            " verdict.obligee_id, verdict.beneficiary_id, line.object_key, line.grade, line.quantity,"
            " coalesce(earlier.attempt, 0) + 1, line.amount_fen,"
            " verdict.account_version_id, 'SENT'"
            f" FROM ({NUMBERED if not is_reissue else NUMBERED_AGAIN}) AS numbered"
            " JOIN validation_lineverdict AS verdict ON verdict.line_id = numbered.line_id"
            " JOIN submission_line AS line ON line.id = numbered.line_id"
            " JOIN payout_bankshare AS share ON share.id = %(share)s"
            " LEFT JOIN LATERAL (SELECT max(payment.attempt) AS attempt FROM payout_payment AS payment"
            "   WHERE payment.county = line.county AND payment.programme_code = line.programme_code"
            "   AND payment.period = line.period AND payment.obligee_id = verdict.obligee_id"
            "   AND payment.object_key = line.object_key) AS earlier ON true",
            {"batch": batch_id, "bank": bank_no, "share": share_id},
        )
        return int(cursor.rowcount)


def withdraw_payments(share_id: int) -> list[int]:
    """Payments that will not be paid from this share; gives their lines."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE payout_payment SET state = 'WITHDRAWN' WHERE share_id = %s AND state = 'SENT'"
            " RETURNING line_id",
            [share_id],
        )
        return [line_id for (line_id,) in cursor.fetchall()]


def withdraw_rows(share_id: int, first_seq: int, last_seq: int) -> list[int]:
    """Payments of one part that will not be paid from this share; gives their lines."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE payout_payment SET state = 'WITHDRAWN' WHERE share_id = %s AND state = 'SENT'"
            " AND seq BETWEEN %s AND %s RETURNING line_id",
            [share_id, first_seq, last_seq],
        )
        return [line_id for (line_id,) in cursor.fetchall()]


def withdraw_named(share_id: int, detail_ids: Sequence[str]) -> list[int]:
    """Payments that this bank cannot even be told of; gives their lines."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE payout_payment SET state = 'WITHDRAWN' WHERE share_id = %s AND state = 'SENT'"
            " AND detail_id = ANY(%s) RETURNING line_id",
            [share_id, list(detail_ids)],
        )
        return [line_id for (line_id,) in cursor.fetchall()]


def hold_failed(line_ids: Sequence[int]) -> list[int]:
    """Lock the failed payments of these lines until the end; gives those that have failed still."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT payment.line_id FROM payout_payment AS payment WHERE payment.line_id = ANY(%s)"
            " AND payment.state IN ('FAILED', 'RETURNED') ORDER BY payment.id FOR NO KEY UPDATE",
            [list(line_ids)],
        )
        return [int(line_id) for (line_id,) in cursor.fetchall()]


def sent_digest(share_id: int) -> bytes:
    """SM3 over the digests of the lines that this share pays."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT line.digest FROM payout_payment AS payment JOIN submission_line AS line"
            " ON line.id = payment.line_id WHERE payment.share_id = %s AND payment.state = 'SENT'",
            [share_id],
        )
        return of_digests(bytes(digest) for (digest,) in cursor.fetchall())


def dead_before_period(share_ids: Sequence[int]) -> list[int]:
    """Payments whose beneficiary a 死亡 roster shows dead before the period, found since approval."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT payment.id FROM payout_payment AS payment"
            " JOIN validation_lineverdict AS verdict ON verdict.line_id = payment.line_id"
            " JOIN registry_person AS person ON person.id = verdict.beneficiary_id"
            " JOIN registry_rosterentry AS entry ON entry.county = person.county"
            "  AND entry.id_index = person.id_index AND entry.kind = 'deceased'"
            " WHERE payment.share_id = ANY(%s) AND payment.state = 'SENT'"
            "  AND entry.since < to_date(payment.period || '-01', 'YYYY-MM-DD')",
            [list(share_ids)],
        )
        return [payment_id for (payment_id,) in cursor.fetchall()]
