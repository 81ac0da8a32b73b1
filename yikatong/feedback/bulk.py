"""Results applied many at a time: states by one UPDATE … FROM, rows by one INSERT … SELECT."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from psycopg.errors import UniqueViolation

from yikatong.feedback.models import ResultFile
from yikatong.feedback.rules import Failure, Judgement
from yikatong.kernel.actor import Scope
from yikatong.kernel.errors import Refused
from yikatong.kernel.points import point
from yikatong.payout.models import BankShare
from yikatong.payout.queries import released_lines

# no value holds a control: they are refused when a file is read
NULL: Final = "\x01"

# what is sent of each row: a file says few kinds of thing, so that its words travel once a kind
TOLD: Final = (
    ("row_no", "int4"),
    ("kind", "int4"),
    ("detail_id", "text"),
    ("paid_fen", "int8"),
    ("bank_serial", "text"),
    ("at_us", "int8"),
)
NAMES: Final = ", ".join(name for name, _ in TOLD)
KIND: Final = ("result", "code", "bank_code", "bank_text", "sms_status")
CHUNK_ROWS: Final = 50_000
# a file of so many rows, and of this part of its share, has all payments of the share read once;
# below, each is looked up by its key
MANY_ROWS: Final = 5_000
PART: Final = 10
# a result says its file's and its row's number in one, the latter in so many bits, below zero too
ROW_BITS: Final = 24
MOST_ROWS: Final = 1 << (ROW_BITS - 1)
# what each kind of row says; and what it does to a payment in each state (`rules.Judgement`)
KINDS: Final = (
    "unnest(%(kind_results)s::text[], %(kind_codes)s::text[], %(kind_bank_codes)s::text[],"
    " %(kind_bank_texts)s::text[], %(kind_sms_statuses)s::text[])"
    " WITH ORDINALITY AS kind (result, code, bank_code, bank_text, sms_status, no)"
)
EFFECT: Final = (
    "unnest(%(results)s::text[], %(codes)s::text[], %(states)s::text[], %(rights)s::bool[],"
    " %(effects)s::text[], %(outcomes)s::text[]) AS effect (result, code, state, is_right, what, outcome)"
)
# as one: what a row of a kind says, and the states that it moves to an outcome. Apart (OFFSET), as
# there may be as many kinds as rows: payments must not be paired with kinds before rows are
WAYS: Final = (
    "(SELECT kind.*, effect.is_right, effect.outcome, array_agg(effect.state) AS states"  # noqa: S608 - fixed text
    f" FROM {KINDS} JOIN {EFFECT} ON effect.result = kind.result AND effect.code = kind.code"
    " WHERE effect.what = 'apply' GROUP BY kind.result, kind.code, kind.bank_code, kind.bank_text,"
    " kind.sms_status, kind.no, effect.is_right, effect.outcome)"
)
SAID: Final = (
    "(SELECT told.*, way.result, way.code, way.bank_code, way.bank_text, way.sms_status,"  # noqa: S608 - fixed text
    f" way.is_right, way.outcome, way.states FROM told JOIN {WAYS} AS way ON way.no = told.kind"
    " OFFSET 0) AS said"
)
HITS: Final = (
    "{in_share} = %(share)s AND payment.detail_id = said.detail_id"
    " AND payment.state = ANY (said.states) AND said.is_right ="
    " (said.paid_fen = CASE said.result WHEN 'FAILED' THEN 0 ELSE payment.amount_fen END)"
)
RESULT: Final = (
    "INSERT INTO feedback_paymentresult (file_row, county, unit_no, department_no, bank_no, payment_id,"
    " outcome, result, code, bank_code, bank_text, paid_fen, bank_serial, sms_status, at, applied_at)"
    f" SELECT %(file)s + (told.row_no & {(1 << ROW_BITS) - 1}), %(county)s, %(unit)s, %(department)s,"
    " %(bank)s, told.payment_id, told.outcome, told.result, told.code, told.bank_code, told.bank_text,"
    " told.paid_fen, told.bank_serial, told.sms_status,"
    " timestamptz 'epoch' + told.at_us * interval '1 microsecond', %(now)s"
)
# states first: what they were moved by is all that is written of a row, and no payment is looked up
# twice. Where a row or serial stands on another already the whole is taken back
_APPLY: Final = (
    "WITH told AS ("  # noqa: S608 - fixed text
    f" UPDATE payout_payment AS payment SET state = said.outcome FROM {SAID} WHERE {HITS}"
    " RETURNING payment.id AS payment_id, said.row_no, said.outcome, said.result, said.code, said.bank_code,"
    " said.bank_text, said.paid_fen, said.bank_serial, said.sms_status, said.at_us)"
    f" {RESULT} FROM told"
)
# and each is written before its payment moves
_APPLY_SOME: Final = (
    "WITH applied AS ("  # noqa: S608 - fixed text
    f" {RESULT} FROM (SELECT payment.id AS payment_id, said.* FROM {SAID}"
    f"  JOIN payout_payment AS payment ON {HITS}) AS told"
    " ON CONFLICT DO NOTHING RETURNING payment_id, outcome)"
    " UPDATE payout_payment AS payment SET state = applied.outcome FROM applied"
    " WHERE payment.id = applied.payment_id AND {in_share} = %(share)s"
)
_ODD: Final = (
    "SELECT told.detail_id, kind.result, told.paid_fen, coalesce(payment.state, ''),"  # noqa: S608 - fixed text
    " coalesce(payment.amount_fen, 0), coalesce(effect.what, '')"
    f" FROM told JOIN {KINDS} ON kind.no = told.kind LEFT JOIN payout_payment AS payment"
    "  ON {in_share} = %(share)s AND payment.detail_id = told.detail_id"
    f" LEFT JOIN {EFFECT} ON effect.result = kind.result AND effect.code = kind.code"
    "  AND effect.state = payment.state AND effect.is_right ="
    "  (told.paid_fen = CASE kind.result WHEN 'FAILED' THEN 0 ELSE payment.amount_fen END)"
    " WHERE effect.what IS DISTINCT FROM 'nothing' ORDER BY told.row_no"
)


@dataclass(frozen=True, slots=True)
class Told:
    """The share that a file speaks of, how many lines were released of it, and the file."""

    share_id: int
    lines: int
    county: str
    unit_no: int
    department_no: int
    bank_no: int
    file_id: int
    file_sm3: bytes


def told_of(share: BankShare, *, file_sm3: bytes, scope: Scope) -> Told:
    """The file is put down once: its rows point at it by their keys."""
    file, _ = ResultFile.objects.get_or_create(
        county=share.county,
        bank_no=share.bank_no,
        sm3=file_sm3,
        defaults={"unit_no": 0, "at": timezone.now()},
    )
    return Told(
        share_id=share.pk,
        lines=released_lines(share, scope=scope),
        county=share.county,
        unit_no=share.unit_no,
        department_no=share.department_no,
        bank_no=share.bank_no,
        file_id=file.pk,
        file_sm3=file_sm3,
    )


@dataclass(frozen=True, slots=True)
class Oddity:
    """A row that was not applied and is no mere repetition; no payment of ours: `state` is ''."""

    detail_id: str
    result: str
    paid_fen: int
    state: str
    amount_fen: int
    what: str


def apply(
    told: Told, rows: pl.DataFrame, judgements: Sequence[Judgement], *, now: datetime
) -> tuple[int, list[Oddity]]:
    """Rows of `results.frame_of`, no two of one payment: each changes its payment at most once.

    A row or serial that was applied before has no effect. Gives how many payments changed, and the
    rows that a person must look at. The caller holds the share's lock.

    Raises:
        Refused: a file of more rows than a key has room for.
    """
    if rows.height >= MOST_ROWS:
        raise Refused(f"结果文件有 {rows.height} 行，一份最多 {MOST_ROWS - 1} 行，请银行分份再发。")
    kinds = rows.select(KIND).unique(maintain_order=True).with_row_index("kind", offset=1)
    arguments = _arguments(told, kinds, judgements) | {"now": now}
    is_whole = rows.height >= max(MANY_ROWS, told.lines // PART)
    # the server does not know how many there are of a fresh share: it is left one way in, either
    # all of the share at once or each by its key (which this sum keeps from the share's index)
    in_share = "payment.share_id" if is_whole else "(payment.share_id + 0)"
    with connection.cursor() as cursor:
        _stage(
            cursor, rows.join(kinds, on=KIND, how="left", nulls_equal=True, maintain_order="left")
        )
        if is_whole:
            cursor.execute("SET LOCAL enable_nestloop = off")
        try:
            with transaction.atomic():
                cursor.execute(_APPLY.format(in_share=in_share), arguments)
        except IntegrityError as error:
            if not isinstance(error.__cause__, UniqueViolation):
                raise
            cursor.execute(_APPLY_SOME.format(in_share=in_share), arguments)
        applied = int(cursor.rowcount)
        odd: list[Oddity] = []
        if applied < rows.height:  # judged again: what was applied is a repetition by now
            cursor.execute(_ODD.format(in_share=in_share), arguments)
            odd = [Oddity(*row) for row in cursor.fetchall()]
        if is_whole:
            cursor.execute("SET LOCAL enable_nestloop = on")
    point("mid-apply")
    return applied, odd


def failures(
    batch_id: int, county: str, state: str, *, file_id: int | None = None
) -> list[Failure]:
    """The payments of a batch in this state (FAILED, RETURNED), by their ids; of one file only.

    From the payments to their results by key: a join of the two was made by reading the county's
    results for each.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT payment.id, payment.line_id, payment.detail_id, payment.seq, payment.attempt,"
            " payment.amount_fen, payment.bank_no, told.code, told.bank_text"
            " FROM payout_payment AS payment CROSS JOIN LATERAL ("
            "  SELECT result.code, result.bank_text, result.file_row FROM feedback_paymentresult AS result"
            "  WHERE result.payment_id = payment.id AND result.outcome = payment.state LIMIT 1) AS told"
            " WHERE payment.batch_id = %s AND payment.county = %s AND payment.state = %s"
            " AND (%s::bigint IS NULL OR told.file_row >> %s = %s::bigint) ORDER BY payment.id",
            [batch_id, county, state, file_id, ROW_BITS, file_id],
        )
        return [Failure(*row) for row in cursor.fetchall()]


def _arguments(told: Told, kinds: pl.DataFrame, judgements: Sequence[Judgement]) -> dict[str, Any]:
    return {
        "file": told.file_id << ROW_BITS,
        "kind_results": kinds["result"].to_list(),
        "kind_codes": kinds["code"].to_list(),
        "kind_bank_codes": kinds["bank_code"].to_list(),
        "kind_bank_texts": kinds["bank_text"].to_list(),
        "kind_sms_statuses": kinds["sms_status"].to_list(),
        "share": told.share_id,
        "county": told.county,
        "unit": told.unit_no,
        "department": told.department_no,
        "bank": told.bank_no,
        "results": [one.result for one in judgements],
        "codes": [one.code for one in judgements],
        "states": [one.state for one in judgements],
        "rights": [one.is_right for one in judgements],
        "effects": [one.what.value for one in judgements],
        "outcomes": [one.to for one in judgements],
    }


def _stage(cursor: Any, rows: pl.DataFrame) -> None:
    declared = ", ".join(f"{name} {kind}" for name, kind in TOLD)
    cursor.execute("DROP TABLE IF EXISTS pg_temp.told")
    cursor.execute(f"CREATE TEMP TABLE told ({declared}) ON COMMIT DROP")
    # nothing is quoted without need, so that what there is not must look like nothing there can be
    options = f"FORMAT CSV, NULL '{NULL}'"
    with cursor.copy(f"COPY told ({NAMES}) FROM STDIN ({options})") as copy:
        sent = rows.with_columns(at_us=pl.col("at").dt.epoch("us")).select(name for name, _ in TOLD)
        for chunk in sent.iter_slices(CHUNK_ROWS):
            buffer = io.BytesIO()
            chunk.write_csv(buffer, include_header=False, null_value=NULL)
            copy.write(buffer.getvalue())


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
