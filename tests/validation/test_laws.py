"""每条交叉规则一张真值表: a row that breaks the law, and its neighbour that does not.

The same rows are then judged by the same file on DuckDB, which must name the same lines; and every
file must be readable by Spark. Dropping a rule file, or adding one without its rows, fails here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from unittest.mock import patch

import psycopg
import pytest
import sqlglot
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from tests.validation.cases import CASES, EVERYONE, Case, Row, area, sheet
from tests.validation.cast import DEPARTMENT, HERE, OTHER_TOWN, PERIOD, TOWN
from tests.validation.county import plant
from tests.validation.duck import on_duckdb
from tests.validation.rows import row
from tests.validation.world import Planter
from yikatong.catalogue.queries import programme_by_code
from yikatong.kernel.period import Period
from yikatong.organisation.machines import machine
from yikatong.organisation.rules import department_unit
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch
from yikatong.validation import actions, judging
from yikatong.validation.actions import check_rows
from yikatong.validation.rulebook import Law, laws
from yikatong.validation.rules import BLOCK, CONFIRM, INFO, Bands, Report
from yikatong.validation.world import world_facts

NO_FACTS: Final[Mapping[str, Any]] = {}


@pytest.fixture(scope="module", autouse=True)
def the_world(committing: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The small county, committed once; every test reads it as the worker and stores nothing."""
    from tests import database  # noqa: PLC0415 - beside the fixtures' own use of it

    with database.connect("ykt_admin", committing) as admin:
        plant(Planter(admin))
    with django_db_blocker.unblock(), database.pointed_at(committing, role="ykt_worker"):
        yield


@dataclass(frozen=True, slots=True)
class Judged:
    report: Report
    codes: frozenset[str]
    lines: tuple[int, ...]
    duck_lines: tuple[int, ...]


def judged(
    rows: tuple[Row, ...],
    programme: str,
    law: Law,
    bands: Bands = EVERYONE,
    facts: Mapping[str, Any] = NO_FACTS,
    look: Callable[[], None] | None = None,
) -> Judged:
    """The sheet under every rule; `lines` are those that this law names, here and on DuckDB.

    `look` is called while the joined world still stands.
    """
    given = patch.object(actions, "world_facts", lambda *a, **k: world_facts(*a, **k) | facts)
    with acting(machine(HERE)) as actor, given:
        found = programme_by_code(programme, scope=actor.scope)
        period = Period.parse(PERIOD)
        report = check_rows(rows, programme=found, period=period, bands=bands, actor=actor)
        if look is not None:
            look()
        return Judged(report, *_found(law))


def _found(law: Law) -> tuple[frozenset[str], tuple[int, ...], tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rule, severity, once, line_id FROM found ORDER BY line_id")
        rows = cursor.fetchall()
    here = tuple(
        line
        for code, severity, once, line in rows  # `check` tells once what it could not compare
        if (code, once) == (law.code, law.once) and severity in {law.severity, law.once and "info"}
    )
    return frozenset(code for code, *_ in rows), here, on_duckdb(law)


def law_of(code: str, severity: str = BLOCK) -> Law:
    (found,) = (law for law in laws() if (law.code, law.severity) == (code, severity))
    return found


@pytest.mark.parametrize("one", CASES, ids=lambda one: f"{one.code}-{one.programme}")
def test_the_law_hits_and_its_neighbour_passes(one: Case) -> None:
    law = law_of(one.code, one.severity)
    hit = judged(one.hit, one.programme, law, one.bands, one.facts)
    assert hit.codes == {one.code} | one.beside
    at_fault = one.hit[:1] if one.first_only else one.hit
    assert set(hit.lines) == {staged[0] for staged in at_fault}
    assert hit.duck_lines == hit.lines
    neighbour = judged(one.neighbour, one.neighbour_programme or one.programme, law, one.bands)
    assert neighbour.codes == set()
    assert neighbour.duck_lines == ()
    assert (neighbour.report.passed, neighbour.report.blocked) == (len(one.neighbour), 0)


def test_a_reissue_may_not_exceed_what_failed() -> None:
    """AM-3 looks at the line's origin, which only a stored batch has. The account typed at the
    first try is no matter any more (AC-0b): the money goes to the one registered since.
    """
    assert _codes_of_batch("AGAIN-1") == {"AM-3": (1, 1)}
    assert _codes_of_batch("AGAIN-2") == {}


def test_a_reissue_goes_to_the_card_that_was_put_right_for_it() -> None:
    """AC-4 asks nobody about the change that the failure made necessary."""
    assert _codes_of_batch("AGAIN-3") == {}
    assert _codes_of_batch("AGAIN-4") == {}, "however many drafts lie between"


def test_the_lower_of_two_is_reissued_where_the_higher_was_paid_less_for_it() -> None:
    """200 and 100: 100 failed after it was taken off, so 100 are still due; not where 200 came."""
    assert _codes_of_batch("AGAIN-5") == {}
    assert _codes_of_batch("AGAIN-6") == {"MX-2": (1, 1)}


def _codes_of_batch(number: str) -> dict[str, tuple[int, int]]:
    with acting(machine(HERE)) as actor:
        batch = Batch.objects.select_related("programme").get(county=HERE, number=number)
        judging.take_batch(batch.pk)
        period = Period.parse(PERIOD)
        judging.join_world(world_facts(batch.programme, period, batch_id=batch.pk, actor=actor))
        judging.run_rules(EVERYONE)
        found: dict[str, tuple[int, int]] = {}
        for law in laws():
            _, here, there = _found(law)
            assert here == there
            if here:
                found[law.code] = (len(here), len(there))
    return found


def test_every_rule_file_has_its_rows() -> None:
    """Drop a rule, or add one without its truth table, and this fails."""
    told = {(one.code, one.severity) for one in CASES} | {("AM-3", BLOCK)}
    assert told == {(law.code, law.severity) for law in laws()}


@pytest.mark.parametrize("law", laws(), ids=lambda law: law.file)
@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_every_law_is_read_by_other_engines(law: Law, dialect: str) -> None:
    (translated,) = sqlglot.transpile(
        law.sql, read="postgres", write=dialect, unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    again = sqlglot.parse_one(translated, read=dialect)
    assert tuple(again.named_selects) == law.columns


TOLERANCE = {"total_tolerance_per_line": 5}


def test_the_total_may_differ_by_rounding_and_is_told_once() -> None:
    """登封 2015: every line half-up, so 0.005 yuan a line is right and never a finding."""
    law = law_of("AM-6", CONFIRM)
    halves = [  # 119.48 元 × 0.125 亩 = 14.935, paid as 14.94
        row("钱大爷", quantity=Decimal("0.125"), amount_fen=1494, object_key=f"地{n}")
        for n in "一二"
    ]
    assert judged(sheet(halves), "P02", law, facts=TOLERANCE).lines == ()
    wrong = [row("钱大爷", quantity=Decimal("2.5"), amount_fen=29_900, object_key="地三"), *halves]
    found = judged(sheet(wrong), "P02", law, facts=TOLERANCE)
    assert found.lines == found.duck_lines == (2,), "the lines that are right to the fen pass"
    (told,) = (one for one in found.report.findings if one.rule == "AM-6")
    assert (told.row, told.severity) == (0, "confirm")
    assert "应为 328.570 元，金额合计 328.88 元" in told.message
    assert "3 行四舍五入允许的 0.015 元" in told.message
    assert judged(sheet(wrong), "P02", law).lines == (), "0 switches it off"


def test_the_owning_town_is_named_and_nothing_else_of_it() -> None:
    law = law_of("RG-2", INFO)
    rows = sheet([row("冉外镇"), row("冉邻1")])
    found = judged(rows, "P01", law, Bands(TOWN, TOWN + 999))
    assert found.lines == (2,)
    assert found.report.passed == 2, "land in another town is lawful: it is only told"
    (told,) = found.report.findings
    assert "保家镇" in told.message
    assert judged(rows, "P01", law, Bands(OTHER_TOWN, OTHER_TOWN + 999)).lines == (3,)
    department = department_unit(DEPARTMENT)
    assert judged(rows, "P01", law, Bands(department, department)).lines == ()
    assert judged(rows, "P01", law).lines == ()


# -- who is told what ---------------------------------------------------------------------------


def sentence(bands: Bands) -> str:
    told = judged(sheet(row("冉已领")), "P01", law_of("DU-2"), bands).report.findings
    return next(finding.message for finding in told if finding.rule == "DU-2")


def test_a_clerk_is_not_told_another_units_batch() -> None:
    assert "OTHER-1" not in sentence(Bands(TOWN, TOWN + 999))
    assert "保家镇" not in sentence(Bands(TOWN, TOWN + 999))
    assert "其他单位" in sentence(Bands(TOWN, TOWN + 999))


def test_the_unit_that_paid_is_told_its_own_batch() -> None:
    assert "OTHER-1" in sentence(Bands(OTHER_TOWN, OTHER_TOWN + 999))
    assert "保家镇" in sentence(Bands(OTHER_TOWN, OTHER_TOWN + 999))


def test_a_row_counts_by_its_worst_finding() -> None:
    rows = sheet([row("冉不符"), row("冉干部"), row("钱大娘")])
    report = judged(rows, "P06", law_of("RO-3", CONFIRM)).report
    assert (report.rows, report.blocked, report.to_confirm, report.passed) == (3, 1, 1, 1)
    assert report.amount_fen == 30_000


def test_what_could_not_be_compared_is_said_and_never_a_pass() -> None:
    report = judged(sheet([row("钱大娘"), row("冉残")]), "P08", law_of("SY-1", CONFIRM)).report
    assert (report.passed, report.to_confirm) == (0, 2)
    (told,) = report.findings
    assert (told.row, told.verdict) == (0, "未比对")
    assert "孤儿" in told.message
    assert "2 行" in told.message


def test_an_account_without_an_answer_is_told_once_and_holds_nothing_back() -> None:
    """`check` asks no bank: 未比对, one sentence for the file (README, AC-1)."""
    report = judged(sheet([row("冉未核"), row("冉无应答")]), "P01", law_of("AC-1", CONFIRM)).report
    assert (report.passed, report.to_confirm) == (2, 0)
    (told,) = report.findings
    assert (told.row, told.severity, told.verdict) == (0, "info", "未比对")


def verdicts(rows: Row | list[Row], programme: str) -> dict[str, tuple[str, int]]:
    report = judged(sheet(rows), programme, law_of("RO-2")).report
    told = report.as_json()["rules"]
    return {code: (one["verdict"], one["count"]) for code, one in told.items()}


def test_every_rule_says_its_verdict_of_the_file() -> None:
    told = verdicts([row("钱大娘"), row("冉不符"), row("冉未核"), row("冉换卡")], "P01")
    assert told["AC-1"] == ("阻断", 1)
    assert told["AC-4"] == ("待核", 1)
    assert told["DU-1"] == ("通过", 0)
    assert told["ID-1"] == ("通过", 0)
    assert verdicts(row("冉未核"), "P01")["AC-1"] == ("未比对", 1)


def test_a_rule_whose_roster_is_missing_or_stale_never_says_passed() -> None:
    missing = verdicts(row("钱大娘"), "P08")
    assert missing["RO-1"] == ("未比对", 0)
    assert missing["SY-1"] == ("未比对", 1)
    assert missing["RO-2"] == ("通过", 0)
    assert verdicts(row("钱大娘"), "P09")["RO-3"] == ("未比对", 0)
    # nor one that a county need not have: it is told, and nobody is asked about it
    assert verdicts(row("钱大娘"), "P59")["RO-4"] == ("未比对", 0)
    report = judged(sheet(row("钱大娘")), "P59", law_of("SY-1", INFO)).report
    (told,) = report.findings
    assert (told.row, told.severity, told.verdict) == (0, "info", "未比对")
    assert "“外嫁、迁出人员”名册缺失或已过期" in told.message
    assert report.passed == 1
    related = verdicts(row("钱大娘"), "P36")
    assert {related[code] for code in ("MX-1", "MX-2", "MX-3")} == {("未比对", 0)}
    assert verdicts(row("钱大娘"), "P01")["MX-1"] == ("通过", 0)


def test_what_was_taken_and_what_is_due_is_told_in_the_sentence() -> None:
    told = judged(sheet(row("冉低保", amount_fen=150_000)), "P23", law_of("MX-3")).report
    (finding,) = told.findings
    assert "1500.00 元减去已领后应发 1410.00 元" in finding.message
    assert "民发〔2019〕62号" in finding.message


def test_of_several_taken_each_sentence_says_what_is_known_of_its_own() -> None:
    """冉双项: paid 90 元 of one; of the other a roster tells, with an amount or without."""
    unknown = sentences_of("MX-3", row("冉双项", amount_fen=100_000), "P23")
    assert any("：本期已领“项目P22”90.00 元，本项只补差额" in one for one in unknown)
    assert any("：名册显示享受“项目P24”，金额不明，本项只补差额" in one for one in unknown)
    known = sentences_of("MX-3", row("冉两领", amount_fen=150_000), "P23")
    assert len(known) == 2
    assert all("减去各项已领共 170.00 元后应发 1330.00 元" in one for one in known)


def test_an_amount_says_how_it_comes_about() -> None:
    """A ceiling that cut it, and a formula that does more than multiply."""
    (cut,) = sentences_of("AM-1", area("钱大娘", 4, amount_fen=29_999), "P34")
    assert "标准 100 元、数量 4 应为 300.00 元（单笔上限）。" in cut
    (plain,) = sentences_of("AM-1", area("钱大娘", 2, amount_fen=19_999), "P34")
    assert "标准 100 元、数量 2 应为 200.00 元。" in plain
    (more,) = sentences_of("AM-1", area("钱大娘", 2, amount_fen=20_000, supplement_fen=500), "P57")
    assert "数量 2 （补贴金额＝（补贴标准＋增发金额）×数量）应为 210.00 元。" in more


def sentences_of(code: str, one: Row, programme: str) -> list[str]:
    found = judged(sheet(one), programme, law_of(code)).report.findings
    return [finding.message for finding in found if finding.rule == code]


@pytest.fixture
def another_county(
    connect: Callable[..., psycopg.Connection[Any]],
) -> AbstractContextManager[psycopg.Connection[Any]]:
    return connect("ykt_worker")


def test_another_county_knows_none_of_these_people(
    another_county: psycopg.Connection[Any],
) -> None:
    with another_county.transaction():
        another_county.execute("SELECT set_config('ykt.county', '500104', true)")
        assert another_county.execute("SELECT count(*) FROM registry_person").fetchone() == (0,)
