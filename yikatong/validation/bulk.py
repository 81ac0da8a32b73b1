"""What a judgement found: told, and kept. Runs as the worker, over the world of `judging`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from yikatong.validation import judging
from yikatong.validation.rules import (
    BLOCK,
    CONFIRM,
    INFO,
    Differences,
    FoundRow,
    Outcome,
    Report,
    rule_outcomes,
)
from yikatong.validation.titles import rosters_read_by_rules, rule_codes

CHANGES: Final = Path(__file__).parent / "changes.sql"
SHOWN_AT_MOST: Final = 200_000
DIFFERENCES_SHOWN: Final = 20
DIFFERENCE: Final = (
    "row_no, kind, name, object_key, before_fen, now_fen, before_last4, now_last4, shared_by"
)
# whose bank answer is missing: step by step from the payees of a batch
STEPS: Final = ("payee", "card", "unknown", "unverified")
OPEN: Final = (
    "request.county = %(county)s AND request.answered_at IS NULL"
    " AND request.asked_at > %(since)s AND request.for_change_id IS NULL"
)
"""Questions about versions that a bank still owes an answer to."""
ASKED: Final = (
    "SELECT asked.id::bigint FROM registry_verificationrequest AS request"  # noqa: S608 - as above
    f" CROSS JOIN LATERAL jsonb_array_elements_text(request.versions) AS asked (id) WHERE {OPEN}"
)


def forgive_answered(batch_ids: Sequence[int]) -> None:
    """A `confirm` that was answered with a reason no longer holds its line back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE found SET severity = 'info', verdict = '已确认' FROM submission_confirmation AS answer, line"
            " WHERE found.severity = 'confirm' AND line.line_id = found.line_id"
            " AND answer.batch_id = ANY(%s) AND answer.rule = found.rule"
            " AND answer.evidence = found.evidence"
            " AND answer.obligation = CASE found.once WHEN 'batch' THEN '' ELSE line.obligation END",
            [list(batch_ids)],
        )


def report(*, is_check: bool) -> Report:
    """Counts by each row's worst finding, and all findings in the order of the sheet."""
    with connection.cursor() as cursor:
        if is_check:  # no bank answer stored yet: said once, and nothing is held back by it
            cursor.execute("UPDATE found SET severity = 'info' WHERE once = 'check'")
        cursor.execute(
            "WITH worst AS (SELECT line.line_id, line.amount_fen,"
            " bool_or(found.severity = 'block') AS blocked, bool_or(found.severity = 'confirm') AS open"
            " FROM line LEFT JOIN found ON found.line_id = line.line_id GROUP BY line.line_id, line.amount_fen)"
            " SELECT count(*), count(*) FILTER (WHERE blocked),"
            " count(*) FILTER (WHERE open AND blocked IS NOT TRUE), coalesce(sum(amount_fen), 0) FROM worst"
        )
        rows, blocked, open_, amount_fen = cursor.fetchone()
        cursor.execute(
            "SELECT row_no, field, rule, severity, sentence, verdict FROM ("
            " SELECT line.row_no, found.* FROM found JOIN line ON line.line_id = found.line_id"
            " WHERE NOT (found.once IN ('always', 'batch', 'file') OR (%(is_check)s AND found.once = 'check'))"
            " UNION ALL"
            " SELECT 0, found.* FROM found WHERE found.once = 'file'"
            " UNION ALL"
            " SELECT 0, min(line_id), rule, max(severity), max(verdict), max(field),"
            " min(sentence) || '（涉及 ' || count(*) || ' 行）', min(evidence), once FROM found"
            " WHERE found.once IN ('always', 'batch') OR (%(is_check)s AND found.once = 'check')"
            " GROUP BY rule, once, CASE WHEN once = 'batch' THEN sentence ELSE '' END) AS shown"
            " ORDER BY row_no, rule LIMIT %(most)s",
            {"is_check": is_check, "most": SHOWN_AT_MOST},
        )
        findings = tuple(
            FoundRow(row, field or "", rule, severity, sentence, verdict)
            for row, field, rule, severity, sentence, verdict in cursor.fetchall()
        )
    return Report(
        rows, rows - blocked - open_, blocked, open_, int(amount_fen), findings, outcomes()
    )


def outcomes() -> dict[str, Outcome]:
    """The verdict of every rule over this run, those that found nothing included."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rule, verdict, count(*) FROM found GROUP BY rule, verdict")
        told = {(rule, verdict): int(times) for rule, verdict, times in cursor.fetchall()}
        cursor.execute("SELECT DISTINCT need FROM roster_kind WHERE NOT is_fresh")
        not_fresh = frozenset(need for (need,) in cursor.fetchall())
    return rule_outcomes(rule_codes(), told, reads=rosters_read_by_rules(), not_fresh=not_fresh)


def store_findings(
    *, batch_id: int, run_no: int, county: str, unit_no: int, department_no: int
) -> None:
    """Keep what was found, INSERT … SELECT; what belongs to no line is of the whole batch."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO validation_finding (county, unit_no, department_no, batch_id, line_id, run_no,"
            " row_no, field, rule, severity, verdict, sentence, evidence, obligation)"
            " SELECT %s, %s, %s, %s, CASE WHEN found.once <> 'file' THEN line.line_id END, %s,"
            " CASE WHEN found.once = 'file' THEN 0 ELSE line.row_no END, coalesce(found.field, ''), found.rule,"
            " found.severity, found.verdict, found.sentence, found.evidence,"
            " CASE WHEN found.once IN ('batch', 'file') THEN '' ELSE line.obligation END"
            " FROM found JOIN line ON line.line_id = found.line_id",
            [county, unit_no, department_no, batch_id, run_no],
        )


def store_outcomes(
    *, batch_id: int, run_no: int, county: str, unit_no: int, department_no: int
) -> None:
    """Keep what each rule said of this run."""
    told = outcomes()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO validation_ruleoutcome (county, unit_no, department_no, batch_id, run_no, rule,"
            " verdict, findings)"
            " SELECT %s, %s, %s, %s, %s, * FROM unnest(%s::text[], %s::text[], %s::int[])",
            [
                county,
                unit_no,
                department_no,
                batch_id,
                run_no,
                list(told),
                [one.verdict for one in told.values()],
                [one.count for one in told.values()],
            ],
        )


def store_changes(
    *, batch_id: int, run_no: int, county: str, unit_no: int, department_no: int, is_whole: bool
) -> None:
    """Keep what differs from last period; `is_whole`: who is missing is told too.

    A correction holds some lines of another batch: whoever is not among them is not gone.
    """
    with connection.cursor() as cursor:
        _compare(cursor, county, unit_no, batch_id, is_whole=is_whole)
        cursor.execute(
            "INSERT INTO validation_periodchange (county, unit_no, department_no, batch_id, run_no,"  # noqa: S608 - names of our own
            f" line_id, last_period, {DIFFERENCE})"
            f" SELECT %s, %s, %s, %s, %s, line_id, last_period, {DIFFERENCE} FROM difference"
            # pages walk by id: the order of their rows is made here
            " ORDER BY kind, row_no, name, object_key",
            [county, unit_no, department_no, batch_id, run_no],
        )


def differences(*, county: str, unit_no: int) -> Differences:
    """What the file under check differs in from last period; nothing is stored."""
    with connection.cursor() as cursor:
        _compare(cursor, county, unit_no, 0, is_whole=True)
        cursor.execute("SELECT kind, count(*) FROM difference GROUP BY kind")
        counts = {kind: int(times) for kind, times in cursor.fetchall()}
        cursor.execute(
            f"SELECT {DIFFERENCE} FROM (SELECT difference.*, row_number()"  # noqa: S608 - names of our own
            " OVER (PARTITION BY kind ORDER BY row_no, name, object_key) AS place FROM difference)"
            " AS placed WHERE place <= %s ORDER BY kind, place",
            [DIFFERENCES_SHOWN],
        )
        names = [column.name for column in cursor.description]
        rows = tuple(dict(zip(names, row, strict=True)) for row in cursor.fetchall())
        cursor.execute("SELECT EXISTS (SELECT FROM own_period WHERE is_last)")
        (has_last,) = cursor.fetchone()
    return Differences(bool(has_last), counts, rows)


def _compare(
    cursor: CursorWrapper, county: str, unit_no: int, batch_id: int, *, is_whole: bool
) -> None:
    """Into the TEMP table `difference`; see changes.sql."""
    facts: dict[str, int | str | bool] = {
        "county": county, "unit_no": unit_no, "batch_id": batch_id, "is_whole": is_whole,
    }  # fmt: skip
    cursor.execute("DROP TABLE IF EXISTS pg_temp.differing, pg_temp.difference")
    for statement in judging.statements(CHANGES):
        cursor.execute(statement, facts)


def store_verdicts(
    *, batch_id: int, county: str, unit_no: int, department_no: int
) -> tuple[int, int]:
    """Append each line's verdict with whom it was judged as; gives (passed, failed)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO validation_lineverdict (county, unit_no, department_no, batch_id, line_id,"
            " payee_id, beneficiary_id, household_id, account_id, account_version_id, bank_no, obligee_id,"
            " passed, worst, at)"
            " SELECT %(county)s, %(unit_no)s, %(department_no)s, %(batch_id)s, line.line_id, line.payee_id,"
            " line.beneficiary_id, line.household_id, line.account_id, line.version_id, line.bank_no,"
            " line.obligee_id, coalesce(worst.rank, 0) < 2 AND line.amount_fen > 0,"
            " CASE worst.rank WHEN 3 THEN %(block)s WHEN 2 THEN %(confirm)s WHEN 1 THEN %(info)s ELSE '' END,"
            " clock_timestamp()"
            " FROM facts AS line LEFT JOIN (SELECT line_id, max(CASE severity WHEN %(block)s THEN 3 WHEN %(confirm)s THEN 2 ELSE 1 END)"
            " AS rank FROM found GROUP BY line_id) AS worst ON worst.line_id = line.line_id"
            # a key of this size is filled from its beginning to its end, not here and there
            " ORDER BY line.line_id",
            {
                "county": county, "unit_no": unit_no, "department_no": department_no, "batch_id": batch_id,
                "block": BLOCK, "confirm": CONFIRM, "info": INFO,
            },
        )  # fmt: skip
        cursor.execute(
            "SELECT count(*) FILTER (WHERE passed), count(*) FILTER (WHERE NOT passed)"
            " FROM validation_lineverdict WHERE batch_id = %s",
            [batch_id],
        )
        passed, failed = cursor.fetchone()
    return int(passed), int(failed)


def versions_to_verify(
    batch_id: int, county: str, today: str, asked_since: datetime
) -> list[tuple[int, int]]:
    """(bank number, account version) of this batch's payees without a valid bank answer.

    What another question since that instant has asked already, and is not answered, is left out:
    a bank counts the tries of a card, and the one answer serves every batch that waits for it.
    """
    with connection.cursor() as cursor, _unverified(cursor, batch_id, county, today) as unverified:
        cursor.execute(
            f"SELECT bank_no, version_id FROM {unverified} WHERE version_id NOT IN ({ASKED})"  # noqa: S608 - fixed text
            " ORDER BY 1, 2",
            {"county": county, "since": asked_since},
        )
        return [(int(bank), int(version)) for bank, version in cursor.fetchall()]


def awaits_an_answer(batch_id: int, county: str, today: str, asked_since: datetime) -> bool:
    """Whether a bank still owes an answer about a payee of this batch, whoever has asked."""
    facts: dict[str, int | str | datetime] = {
        "batch": batch_id, "county": county, "since": asked_since,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE for_batch_id = %(batch)s), count(*)"  # noqa: S608 - fixed text
            f" FROM registry_verificationrequest AS request WHERE {OPEN}",
            facts,
        )
        own, all_open = cursor.fetchone()
        if own or not all_open:
            return bool(own)
        with _unverified(cursor, batch_id, county, today) as unverified:
            cursor.execute(
                f"SELECT EXISTS (SELECT FROM {unverified} WHERE version_id IN ({ASKED}))",  # noqa: S608 - fixed text
                facts,
            )
            return bool(cursor.fetchone()[0])


@contextmanager
def _unverified(cursor: CursorWrapper, batch_id: int, county: str, today: str) -> Iterator[str]:
    """The name of a table of bank and version of each payee without a valid answer.

    As in `judging`: of a short list TEMP, of a long one UNLOGGED, which two processes join; gone
    with the block.
    """
    cursor.execute("SELECT count(*) FROM submission_line WHERE batch_id = %s", [batch_id])
    (rows,) = cursor.fetchone()
    if rows >= judging.LARGE:
        # names that no other batch has: two may be begun at once
        payee, card, unknown, unverified = (f"judging.{step}_{batch_id}" for step in STEPS)
        create = "CREATE UNLOGGED TABLE {} AS"
        cursor.execute(judging.TWO_PROCESSES)
    else:
        payee, card, unknown, unverified = STEPS
        create = "CREATE TEMP TABLE {} ON COMMIT DROP AS"
        cursor.execute(f"DROP TABLE IF EXISTS {', '.join(f'pg_temp.{step}' for step in STEPS)}")
    facts: dict[str, int | str] = {"county": county, "today": today, "batch": batch_id}
    cursor.execute(f"SET LOCAL work_mem = '{judging.WORK_MEMORY}'")
    # step by step, each counted: in one statement the planner takes the versions that nobody has
    # verified for one row, and meets all of them with all payees
    for name, source in (
        (
            payee,
            "SELECT DISTINCT payee_index AS id_index FROM submission_line"
            " WHERE batch_id = %(batch)s AND payee_index IS NOT NULL",
        ),
        (
            card,
            f"SELECT account.current_id AS version_id FROM {payee} AS payee"  # noqa: S608 - names of our own
            " JOIN registry_person AS person ON person.county = %(county)s AND person.id_index = payee.id_index"
            " JOIN registry_cardaccount AS account ON account.county = %(county)s"
            " AND account.person_id = person.id AND account.is_active",
        ),
        (
            unknown,
            f"SELECT card.version_id FROM {card} AS card WHERE NOT EXISTS (SELECT"  # noqa: S608 - names of our own
            " FROM registry_accountverification AS known WHERE known.county = %(county)s"
            " AND known.version_id = card.version_id AND known.valid_until >= %(today)s::date"
            " AND known.outcome <> 'UNAVAILABLE')",
        ),
        # most have been verified: only of the others is the bank looked up
        (
            unverified,
            f"SELECT version.bank_no, version.id AS version_id FROM {unknown} AS unknown"  # noqa: S608 - names of our own
            " JOIN registry_cardaccountversion AS version ON version.county = %(county)s"
            " AND version.id = unknown.version_id",
        ),
    ):
        cursor.execute(f"{create.format(name)} {source}", facts)
        cursor.execute(f"ANALYZE {name}")
    yield unverified
    cursor.execute(f"DROP TABLE {payee}, {card}, {unknown}, {unverified}")


def one_judge_at_a_time(key: str) -> None:
    """Two batches of one programme and period are judged one after the other: no double pass."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
