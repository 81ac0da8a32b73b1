"""The world of a judgement, joined once, and what the rules find in it. Runs as the worker.

A short list is judged in TEMP tables by index looks; a long one in UNLOGGED tables of the schema
`judging`, which PostgreSQL joins with two processes. Both are gone when their transaction ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.db import connection

from yikatong.validation.headway import JOINING, RULES, Told, silent
from yikatong.validation.rulebook import Law, laws, sentence_sql
from yikatong.validation.rules import Bands

WORLD: Final = Path(__file__).parent / "world.sql"
PERIODS: Final = Path(__file__).parent / "periods.sql"
# a hash of a million keys in memory; given back when the transaction ends
WORK_MEMORY: Final = "128MB"
# the tables of one judgement are alike throughout: a fifth of the usual sample tells their plans apart
SAMPLE: Final = 20
# rows of a join pass from one to the other in memory
TWO_PROCESSES: Final = "SET LOCAL parallel_tuple_cost = 0.005"
# from here on a hash join in two processes beats an index look per line
LARGE: Final = 50_000
TEMP_TABLE: Final = re.compile(r"CREATE TEMP TABLE (\w+) ON COMMIT DROP AS")
TABLES: Final = (
    *(
        "input",
        "aside",
        "known",
        "used",
        "shared",
        "changed",
        "account",
        "before",
        "rates",
        "guarded",
        "other",
    ),
    *("reissued", "facts", "person", "own_period", "other_period", "relation", "roster_kind"),
    *("roster", "town", "paid", "deduction", "programme", "hit", "found"),
)
INPUT_COLUMNS: Final = (
    "row_no, payee_name, payee_index, beneficiary_name, beneficiary_index,"
    " account_index, account_last4, object_key, grade, standard, quantity, months, amount_fen, supplement_fen, faults"
)
# the same folding as kernel.names: dots to U+00B7, blanks away; full-width is folded at the door
NAME_KEY: Final = "translate({column}, '•‧・．. \u3000', '·····')"


@lru_cache(maxsize=3)
def statements(script: Path) -> tuple[str, ...]:
    """The statements of a script, one by one."""
    text = script.read_text(encoding="utf-8")
    return tuple(one for one in text.split(";\n") if one.strip())


def take_staged(rows: int) -> None:
    """The file that submission staged becomes the input: its row numbers are its line ids."""
    _take("row_no AS line_id, NULL::bigint AS origin_id", "staged", [], rows)


def take_batch(batch_id: int) -> None:
    """The lines of a batch become the input."""
    source = "submission_line WHERE batch_id = %s"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {source}", [batch_id])  # noqa: S608 - fixed text
        (rows,) = cursor.fetchone()
    _take("id AS line_id, origin_id", source, [batch_id], int(rows))


def put_away() -> None:
    """Nothing of a judgement outlives its transaction; TEMP tables go with it by themselves."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {_all_in('judging')} CASCADE")


def _all_in(schema: str) -> str:
    return ", ".join(f"{schema}.{table}" for table in TABLES)


def _take(identity: str, source: str, arguments: Sequence[Any], rows: int) -> None:
    keys = ", ".join(
        f"{NAME_KEY.format(column=name)} AS {name}_key"
        for name in ("payee_name", "beneficiary_name")
    )
    put_away()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {_all_in('pg_temp')} CASCADE")
        if rows >= LARGE:
            # one at a time: two lists of this size would share the memory of a small server
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('judging', 0))")
            cursor.execute("SET LOCAL search_path = judging, public")
            cursor.execute(TWO_PROCESSES)
        cursor.execute(f"SET LOCAL work_mem = '{WORK_MEMORY}'")
        cursor.execute(f"SET LOCAL default_statistics_target = {SAMPLE}")
        cursor.execute(
            _sized(
                f"CREATE TEMP TABLE input ON COMMIT DROP AS"  # noqa: S608 - names of our own
                f" SELECT {identity}, {INPUT_COLUMNS}, {keys}, payee_index = beneficiary_index AS is_same_person"
                f" FROM {source}",
                is_large=rows >= LARGE,
            ),
            list(arguments),
        )
        cursor.execute(
            "ANALYZE input (line_id, origin_id, payee_index, object_key, is_same_person)"
        )


def _sized(statement: str, *, is_large: bool) -> str:
    """A table of the world: TEMP for a short list; for a long one UNLOGGED, which PostgreSQL joins
    with two processes. No other session ever sees it: it goes before its transaction ends.
    """
    return (
        TEMP_TABLE.sub(r"CREATE UNLOGGED TABLE judging.\1 AS", statement) if is_large else statement
    )


def parts() -> int:
    """Into how many parts a judgement falls, its reading and its storing counted as one each."""
    return 2 + len(statements(PERIODS)) + len(statements(WORLD)) + len(laws())


def join_world(facts: Mapping[str, Any], told: Told = silent) -> None:
    """Materialise the input with everything that the rules may read; see world.sql."""
    given = dict(facts)
    amount = given.pop("amount_sql")
    with connection.cursor() as cursor:
        is_large = _is_large(cursor)
        for statement in statements(PERIODS):
            cursor.execute(statement, given)
        given |= _periods(cursor)
        for place, statement in enumerate(statements(WORLD), 1 + len(statements(PERIODS))):
            told(JOINING, place, parts())
            cursor.execute(
                _sized(statement, is_large=is_large).replace("/*amount*/", amount), given
            )


def _is_large(cursor: Any) -> bool:
    cursor.execute("SELECT to_regclass('judging.input') IS NOT NULL")
    return bool(cursor.fetchone()[0])


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


def run_rules(bands: Bands, told: Told = silent) -> None:
    """Every rule once, into the TEMP table `found`; row faults of the door join them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE hit (line_id bigint, rule text, severity text, verdict text,"
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
            "INSERT INTO hit SELECT facts.line_id, fault.rule, fault.severity,"
            " CASE fault.severity WHEN 'block' THEN '阻断' WHEN 'confirm' THEN '待核' ELSE '提示' END,"
            " fault.field, fault.message, sha256(convert_to(fault.rule || fault.message, 'UTF8')), 'door'"
            " FROM facts, jsonb_to_recordset(facts.faults)"
            " AS fault (rule text, severity text, field text, message text) WHERE facts.faults <> '[]'"
        )
        is_large = _is_large(cursor)
        for place, law in enumerate(laws(), parts() - 1 - len(laws())):
            told(RULES, place, parts())
            asked = _asked(law)
            own = {"lo": bands.unit_lo, "hi": bands.unit_hi}
            if not is_large:
                cursor.execute(f"INSERT INTO hit {asked}", own)
                continue
            # two processes answer a CREATE TABLE … AS, only one an INSERT … SELECT
            cursor.execute(f"CREATE UNLOGGED TABLE judging.answer AS {asked}", own)
            cursor.execute("INSERT INTO hit SELECT * FROM judging.answer")
            cursor.execute("DROP TABLE judging.answer")
        # whose row it is, told once for all rules
        cursor.execute("ANALYZE hit (line_id)")
        cursor.execute(
            "CREATE TEMP TABLE found ON COMMIT DROP AS"
            " SELECT hit.line_id, hit.rule, hit.severity, hit.verdict, hit.field,"
            " CASE WHEN hit.once IN ('', 'check') THEN '第 ' || facts.row_no || ' 行 ' || facts.beneficiary_name"
            " || '：' ELSE '' END || hit.sentence AS sentence, hit.evidence,"
            " CASE hit.once WHEN 'door' THEN '' ELSE hit.once END AS once"
            " FROM hit JOIN facts ON facts.line_id = hit.line_id"
        )
        cursor.execute("ANALYZE found (line_id, rule, once)")


def _asked(law: Law) -> str:
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
        f"SELECT found.line_id, '{quoted['code']}' AS rule, '{law.severity}' AS severity,"  # noqa: S608 - rule files of our own, checked when loaded
        f" '{quoted['verdict']}' AS verdict, {sentence_sql(law.field)} AS field,"
        f" {sentence} AS sentence,"
        f" sha256(convert_to('{quoted['code']}|' || {evidence}, 'UTF8')) AS evidence, '{law.once}' AS once"
        f" FROM ({law.sql.replace('%', '%%')}) AS found"
    )
