"""The world of a check, joined once, and what the rules find in it. Runs as the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.db import connection

from yikatong.validation.rulebook import Law, laws, sentence_sql
from yikatong.validation.rules import (
    BLOCK,
    CONFIRM,
    INFO,
    Bands,
    FoundRow,
    Outcome,
    Report,
    rule_outcomes,
)
from yikatong.validation.titles import rosters_read_by_rules, rule_codes

WORLD: Final = Path(__file__).parent / "world.sql"
PERIODS: Final = Path(__file__).parent / "periods.sql"
# a hash of a million keys in memory; given back when the transaction ends
WORK_MEMORY: Final = "128MB"
CHANGES: Final = Path(__file__).parent / "changes.sql"
SHOWN_AT_MOST: Final = 200_000
INPUT_COLUMNS: Final = (
    "row_no, head_index, payee_name, payee_index, beneficiary_name, beneficiary_index,"
    " account_index, account_last4, object_key, grade, standard, quantity, months, amount_fen, supplement_fen, faults"
)
# the same folding as kernel.names: dots to U+00B7, blanks away; full-width is folded at the door
NAME_KEY: Final = "translate({column}, '•‧・．. \u3000', '·····')"


@lru_cache(maxsize=2)
def _statements(script: Path) -> tuple[str, ...]:
    text = script.read_text(encoding="utf-8")
    return tuple(one for one in text.split(";\n") if one.strip())


def take_staged() -> None:
    """The file that submission staged becomes the input: its row numbers are its line ids."""
    _take("row_no AS line_id, NULL::bigint AS origin_id", "staged", [])


def take_batch(batch_id: int) -> None:
    """The lines of a batch become the input."""
    _take("id AS line_id, origin_id", "submission_line WHERE batch_id = %s", [batch_id])


def _take(identity: str, source: str, arguments: Sequence[Any]) -> None:
    keys = ", ".join(
        f"{NAME_KEY.format(column=name)} AS {name}_key"
        for name in ("payee_name", "beneficiary_name")
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TABLE IF EXISTS pg_temp.input, pg_temp.known, pg_temp.own_period, pg_temp.other_period, pg_temp.before,"
            " pg_temp.facts, pg_temp.person, pg_temp.account, pg_temp.relation, pg_temp.roster_kind,"
            " pg_temp.roster, pg_temp.paid, pg_temp.deduction, pg_temp.programme, pg_temp.found CASCADE"
        )
        cursor.execute(
            f"CREATE TEMP TABLE input ON COMMIT DROP AS"  # noqa: S608 - names of our own
            f" SELECT {identity}, {INPUT_COLUMNS}, {keys} FROM {source}",
            list(arguments),
        )
        cursor.execute("ANALYZE input (head_index, payee_index, beneficiary_index, object_key)")


def join_world(facts: Mapping[str, Any]) -> None:
    """Materialise the input with everything that the rules may read; see world.sql."""
    given = dict(facts)
    amount = given.pop("amount_sql")
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{WORK_MEMORY}'")
        for statement in _statements(PERIODS):
            cursor.execute(statement, given)
        given |= _periods(cursor)
        for statement in _statements(WORLD):
            cursor.execute(statement.replace("/*amount*/", amount), given)


def _periods(cursor: Any) -> dict[str, list[str]]:
    """The periods of earlier payments that the rules may meet, as constants for the planner."""
    cursor.execute(
        "SELECT coalesce(array_agg(period) FILTER (WHERE is_last), '{}'),"
        " coalesce(array_agg(period) FILTER (WHERE is_repeat), '{}') FROM own_period"
    )
    last, repeat = cursor.fetchone()
    cursor.execute(
        "SELECT coalesce(array_agg(DISTINCT other_code), '{}'),"
        " coalesce(array_agg(DISTINCT period), '{}') FROM other_period"
    )
    codes, periods = cursor.fetchone()
    return {
        "last_periods": last,
        "repeat_periods": repeat,
        "other_codes": codes,
        "other_periods": periods,
    }


def run_rules(bands: Bands) -> None:
    """Every rule once, into the TEMP table `found`; row faults of the door join them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE found (line_id bigint, rule text, severity text, verdict text,"
            " field text, sentence text, evidence bytea, once text) ON COMMIT DROP"
        )
        cursor.execute("DROP TABLE IF EXISTS pg_temp.town")
        cursor.execute(
            "CREATE TEMP TABLE town ON COMMIT DROP AS SELECT unit_no, unit_hi, name AS town_name,"
            " (unit_no, unit_hi) = (%(lo)s, %(hi)s) AS is_drafting FROM organisation_unit"
            " WHERE county = current_setting('ykt.county') AND kind = 'town'",
            {"lo": bands.unit_lo, "hi": bands.unit_hi},
        )
        cursor.execute(
            "INSERT INTO found SELECT line.line_id, fault.rule, fault.severity,"
            " CASE fault.severity WHEN 'block' THEN '阻断' WHEN 'confirm' THEN '待核' ELSE '提示' END,"
            " fault.field, fault.message, sha256(convert_to(fault.rule || fault.message, 'UTF8')), ''"
            " FROM line, jsonb_to_recordset(line.faults)"
            " AS fault (rule text, severity text, field text, message text) WHERE line.faults <> '[]'"
        )
        for law in laws():
            cursor.execute(_insert(law), {"lo": bands.unit_lo, "hi": bands.unit_hi})
        cursor.execute("ANALYZE found")


def _insert(law: Law) -> str:
    prefix = "'第 ' || line.row_no || ' 行 ' || line.beneficiary_name || '：' || "
    if law.once in {"always", "batch", "file"}:
        prefix = ""
    sentence = sentence_sql(law.message)
    if law.trimmed:
        own = "found.unit_no BETWEEN %(lo)s AND %(hi)s"
        sentence = f"CASE WHEN {own} THEN {sentence} ELSE {sentence_sql(law.trimmed)} END"
    evidence = (
        " || '|' || ".join(f"coalesce(found.{name}::text, '')" for name in law.columns[1:]) or "''"
    )
    quoted = {
        key: value.replace("'", "''")
        for key, value in (("code", law.code), ("verdict", law.verdict))
    }
    return (
        "INSERT INTO found"  # noqa: S608 - rule files of our own, checked when loaded
        f" SELECT found.line_id, '{quoted['code']}', '{law.severity}', '{quoted['verdict']}', '{law.field}',"
        f" {prefix}{sentence}, sha256(convert_to('{quoted['code']}|' || {evidence}, 'UTF8')), '{law.once}'"
        f" FROM ({law.sql.replace('%', '%%')}) AS found JOIN line ON line.line_id = found.line_id"
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
        cursor.execute(
            _changes_script(),
            {
                "county": county, "unit_no": unit_no, "department_no": department_no,
                "batch_id": batch_id, "run_no": run_no, "is_whole": is_whole,
            },
        )  # fmt: skip


@lru_cache(maxsize=1)
def _changes_script() -> str:
    return CHANGES.read_text(encoding="utf-8")


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
            " line.beneficiary_id, line.household_id, line.account_id, line.version_id, account.bank_no,"
            " line.obligee_id, coalesce(worst.rank, 0) < 2 AND line.amount_fen > 0,"
            " CASE worst.rank WHEN 3 THEN %(block)s WHEN 2 THEN %(confirm)s WHEN 1 THEN %(info)s ELSE '' END,"
            " clock_timestamp()"
            " FROM line LEFT JOIN account ON account.account_id = line.account_id"
            " LEFT JOIN (SELECT line_id, max(CASE severity WHEN %(block)s THEN 3 WHEN %(confirm)s THEN 2 ELSE 1 END)"
            " AS rank FROM found GROUP BY line_id) AS worst ON worst.line_id = line.line_id",
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


def failing_lines(batch_id: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT line_id FROM validation_lineverdict WHERE batch_id = %s AND NOT passed",
            [batch_id],
        )
        return [line_id for (line_id,) in cursor.fetchall()]


def versions_to_verify(batch_id: int, county: str, today: str) -> list[tuple[int, int]]:
    """(bank number, account version) of this batch's payees without a valid bank answer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT version.bank_no, version.id FROM submission_line AS line"
            " JOIN registry_person AS payee ON payee.county = %(county)s AND payee.id_index = line.payee_index"
            " JOIN registry_cardaccount AS account ON account.person_id = payee.id AND account.is_active"
            " JOIN registry_cardaccountversion AS version ON version.id = account.current_id"
            " WHERE line.batch_id = %(batch)s AND NOT EXISTS (SELECT FROM registry_accountverification AS known"
            " WHERE known.version_id = version.id AND known.valid_until >= %(today)s::date"
            " AND known.outcome <> 'UNAVAILABLE') ORDER BY 1, 2",
            {"county": county, "batch": batch_id, "today": today},
        )
        return [(int(bank), int(version)) for bank, version in cursor.fetchall()]


def one_judge_at_a_time(key: str) -> None:
    """Two batches of one programme and period are judged one after the other: no double pass."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
