"""每条交叉规则一张真值表: a row that breaks the law, and its neighbour that does not.

The same rows are then judged by the same file on DuckDB, which must name the same lines; and every
file must be readable by Spark. Dropping a rule file, or adding one without its rows, fails here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

import psycopg
import pytest
import sqlglot
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from tests.validation.duck import on_duckdb
from tests.validation.world import (
    HERE,
    OTHER_TOWN,
    PERIOD,
    TOWN,
    Planter,
    index_of,
    row,
)
from yikatong.catalogue.queries import programme_by_code
from yikatong.kernel.actor import ALL_UNITS
from yikatong.kernel.period import Period
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.payout.models import BankShare
from yikatong.submission.models import Batch
from yikatong.validation import bulk
from yikatong.validation.actions import check_rows, world_facts
from yikatong.validation.rulebook import Law, laws
from yikatong.validation.rules import Bands, Report

Row = tuple[Any, ...]
EVERYONE: Final = Bands(*ALL_UNITS)
LAND: Final = {"quantity": Decimal("2.500"), "amount_fen": 29_870}  # 119.48 元 × 2.5 亩


@dataclass(frozen=True, slots=True)
class Case:
    """Sheets of one programme: the first breaks this law alone, the second breaks none.

    `beside` are the codes that the first cannot help breaking as well.
    """

    code: str
    programme: str
    hit: tuple[Row, ...]
    neighbour: tuple[Row, ...]
    beside: frozenset[str] = field(default=frozenset())
    neighbour_programme: str = ""


def case(
    code: str, programme: str, hit: Row | list[Row], neighbour: Row | list[Row], **values: Any
) -> Case:
    return Case(code, programme, _sheet(hit), _sheet(neighbour), **values)


def _sheet(rows: Row | list[Row]) -> tuple[Row, ...]:
    listed = rows if isinstance(rows, list) else [rows]
    return tuple((number, *one[1:]) for number, one in enumerate(listed, start=2))


CASES: Final = (
    case("RG-1", "P01", row("未登记"), row("钱大娘")),
    case("RG-1", "P01", row("冉孩", payee="未登记"), row("冉孩", payee="冉父")),
    case("RG-1", "P02", row("钱大娘", **LAND), row("钱大爷", **LAND)),  # no household on record
    case("NM-1", "P01", row("钱大娘", name_typed="钱大妈"), row("钱大娘", name_typed="钱　大 娘")),
    case("NM-1", "P01", row("冉孩", payee="冉父", payee_name="冉爸"), row("冉孩", payee="冉父")),
    case("NM-1b", "P01", row("冉户名"), row("钱大娘")),
    case("AC-0", "P01", row("冉无卡"), row("钱大娘")),
    case(
        "AC-0b",
        "P01",
        row("钱大娘", account_index=index_of("card 别人"), account_last4="1111"),
        row("钱大娘", account_index=index_of("card 钱大娘"), account_last4="8888"),
    ),
    case("AC-1", "P01", row("冉不符"), row("钱大娘")),
    case("AC-1u", "P01", row("冉未核"), row("钱大娘")),
    case("AC-1u", "P01", row("冉无应答"), row("钱大娘")),
    case("AC-2", "P01", row("冉共一"), row("冉同一")),
    case("AC-2", "P01", row("冉共二"), row("冉孩")),  # the ward's card is the guardian's
    case("AC-3", "P01", row("冉孩", payee="冉外"), row("冉孩", payee="冉父")),
    case(
        "AC-3",
        "P02",
        row("钱大爷", payee="钱小妹", **LAND),
        row("钱小妹", payee="钱大爷", **LAND),  # 到户: the head receives
    ),
    case("AG-1", "P04", row("冉男五五"), row("冉女五五")),
    case("AG-1", "P13", row("冉男五五"), row("冉孩")),
    case("AM-1", "P01", row("钱大娘", amount_fen=10_001), row("钱大娘", amount_fen=10_000)),
    case("AM-1", "P02", row("钱大爷", **{**LAND, "amount_fen": 29_871}), row("钱大爷", **LAND)),
    case("AM-1q", "P02", row("钱大爷", amount_fen=29_870), row("钱大爷", **LAND)),
    case(
        "AM-1s",
        "P11",
        row("钱大娘", standard=Decimal(100)),
        row("钱大娘"),
        neighbour_programme="P01",
    ),
    case(
        "AM-1s",
        "P11",
        row("钱大娘", standard=Decimal(100)),
        row("钱大娘", amount_fen=12_345),
        neighbour_programme="P12",
    ),
    case(
        "AM-2c",
        "P03",
        row("钱大娘", quantity=Decimal(3), amount_fen=30_001),
        row("钱大娘", quantity=Decimal(3), amount_fen=30_000),
    ),
    case(
        "DU-1",
        "P01",
        [row("钱大娘"), row("钱大娘")],
        [row("钱大娘", object_key="机1"), row("钱大娘", object_key="机2")],
    ),
    case("DU-2", "P01", row("冉已领"), row("冉已领", object_key="机2")),
    case("DU-2", "P01", row("冉已领"), row("钱大娘")),
    case(
        "DU-3",
        "P01",
        [row("钱大娘", object_key="地1"), row("冉残", object_key="地1")],
        [row("钱大娘", object_key="地1"), row("冉残", object_key="地2")],
    ),
    case("DU-3", "P01", row("钱大娘", object_key="地9"), row("钱大娘", object_key="地8")),
    case("MX-1", "P07", row("冉特困"), row("钱大娘")),
    case("MX-1", "P07", row("冉低保"), row("冉已领")),
    case("MX-1", "P10", row("冉孩"), row("冉特困")),  # under 16 only
    case("RO-1", "P05", row("钱大娘"), row("冉残")),
    case("RO-2", "P01", row("冉故"), row("冉新故")),
    case("RO-3", "P06", row("冉干部"), row("钱大娘")),
    case("SY-1", "P08", row("钱大娘"), row("冉残"), neighbour_programme="P05"),
    case("SY-1", "P09", row("钱大娘"), row("钱大娘"), neighbour_programme="P06"),
)


def plant(planter: Planter) -> None:
    with planter.county(HERE):
        planter.offices()
        _programmes(planter)
        people = _people(planter)
        _rosters(planter)
        _paid(planter, people)


def _programmes(planter: Planter) -> None:
    for code in ("P01", "P05", "P06", "P07", "P09", "P10"):
        planter.programme(code)
    planter.programme(
        "P02",
        standard="119.4800000",
        payee_kind="household",
        object_kind="plot",
        required_columns=["quantity"],
    )
    planter.programme("P03", formula="difference", required_columns=["quantity"])
    planter.programme("P04", age_min=60, age_min_female=55)
    planter.programme("P08", benefit_roster="extreme_poverty")
    planter.programme("P11", standard=None)
    planter.programme("P12", standard=None, formula="case")
    planter.programme("P13", age_max=54)
    planter.relation("P07", "P08")
    planter.relation("P08", "P10", under_age=16)
    planter.requires("P05", "disabled", "block")
    planter.requires("P06", "village_cadre", "confirm")
    planter.requires("P08", "orphan", "block")  # never loaded
    planter.requires("P09", "imprisoned", "confirm", days=30)  # loaded long ago


def _people(planter: Planter) -> dict[str, int]:
    fifty_five = date(1971, 9, 30)  # 55 on the last day of the period
    planter.household("H1", "钱大爷", "钱小妹")
    home = planter.household("H2", None)[0]
    for name in ("冉同一", "冉同二"):
        planter.person(name, household=home, account="one household")
    for name in ("冉共一", "冉共二"):
        planter.person(name, account="two strangers")
    for name, outcome in (("冉不符", "MISMATCH"), ("冉未核", ""), ("冉无应答", "UNAVAILABLE")):
        planter.person(name, outcome=outcome)
    planter.person("冉户名", account_name="冉户主")
    planter.person("冉无卡", account=None)
    planter.person("冉男五五", born=fifty_five, is_male=True)
    planter.person("冉女五五", born=fifty_five)
    ward = planter.person("冉孩", born=date(2015, 1, 1), account="of the father")
    planter.guardian(ward, planter.person("冉父", account="of the father"))
    plain = ("钱大娘", "冉外", "冉残", "冉干部", "冉故", "冉新故", "冉特困", "冉低保", "冉已领")
    return {name: planter.person(name) for name in (*plain, "冉失败")}


def _rosters(planter: Planter) -> None:
    planter.roster("deceased", "冉故", since=date(2026, 8, 31))
    planter.roster("disabled", "冉残")
    planter.roster("village_cadre", "冉干部")
    planter.roster("imprisoned", "冉干部", as_of=date(2020, 1, 31))
    planter.roster("extreme_poverty", "冉特困", "冉孩")


def _paid(planter: Planter, people: dict[str, int]) -> None:
    """Another town's batches are with the bank; one payment has failed and is drafted again."""
    for number, code, name, values in (
        ("OTHER-1", "P01", "冉已领", {}),
        ("OTHER-2", "P01", "冉已领", {"object_key": "地9"}),
        ("OTHER-3", "P08", "冉低保", {}),
    ):
        programme = _programme_id(planter, code)
        batch = planter.batch(number, programme, unit_no=OTHER_TOWN)
        line = planter.line(batch, code, name, unit_no=OTHER_TOWN, **values)
        planter.payment(batch, line, people[name], code, unit_no=OTHER_TOWN, **values)
    programme = _programme_id(planter, "P03")
    first = planter.batch("FIRST", programme)
    for number, key, fen in (("AGAIN-1", "一", 10_001), ("AGAIN-2", "二", 10_000)):
        facts = {"object_key": key, "quantity": Decimal(3)}
        failed = planter.line(first, "P03", "冉失败", **facts)
        share = planter.put(BankShare, batch=first, bank_no=fen, batch_no=number)
        planter.payment(
            first, failed, people["冉失败"], "P03", object_key=key, share=share, state="FAILED"
        )
        again = planter.batch(number, programme, origin=first)
        facts |= {"account_index": index_of("card 从前的"), "row_no": 2, "amount_fen": fen}
        planter.line(again, "P03", "冉失败", origin=failed, **facts)


def _programme_id(planter: Planter, code: str) -> int:
    query = "SELECT id FROM catalogue_programme WHERE code = %s"
    found = planter.connection.execute(query, [code]).fetchone()
    assert found is not None
    return int(found[0])


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


def judged(rows: tuple[Row, ...], programme: str, law: Law, bands: Bands = EVERYONE) -> Judged:
    """The sheet under every rule; `lines` are those that this law names, here and on DuckDB."""
    with acting(machine(HERE)) as actor:
        found = programme_by_code(programme, scope=actor.scope)
        period = Period.parse(PERIOD)
        report = check_rows(rows, programme=found, period=period, bands=bands, actor=actor)
        return Judged(report, *_found(law))


def _found(law: Law) -> tuple[frozenset[str], tuple[int, ...], tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rule, line_id FROM found ORDER BY line_id")
        rows = cursor.fetchall()
    here = tuple(line for code, line in rows if code == law.code)
    return frozenset(code for code, _ in rows), here, on_duckdb(law)


def law_of(code: str) -> Law:
    (found,) = (law for law in laws() if law.code == code)
    return found


@pytest.mark.parametrize("one", CASES, ids=lambda one: f"{one.code}-{one.programme}")
def test_the_law_hits_and_its_neighbour_passes(one: Case) -> None:
    law = law_of(one.code)
    hit = judged(one.hit, one.programme, law)
    assert hit.codes == {one.code} | one.beside
    assert set(hit.lines) == {staged[0] for staged in one.hit}, "every row of the sheet"
    assert hit.duck_lines == hit.lines
    neighbour = judged(one.neighbour, one.neighbour_programme or one.programme, law)
    assert neighbour.codes == set()
    assert neighbour.duck_lines == ()
    assert (neighbour.report.passed, neighbour.report.blocked) == (len(one.neighbour), 0)


def test_a_reissue_may_not_exceed_what_failed() -> None:
    """AM-3 looks at the line's origin, which only a stored batch has. The account typed at the
    first try is no matter any more (AC-0b): the money goes to the one registered since.
    """
    assert _codes_of_batch("AGAIN-1") == {"AM-3": (1, 1)}
    assert _codes_of_batch("AGAIN-2") == {}


def _codes_of_batch(number: str) -> dict[str, tuple[int, int]]:
    with acting(machine(HERE)) as actor:
        batch = Batch.objects.select_related("programme").get(county=HERE, number=number)
        bulk.take_batch(batch.pk)
        period = Period.parse(PERIOD)
        bulk.join_world(world_facts(batch.programme, period, batch_id=batch.pk, actor=actor))
        bulk.run_rules(EVERYONE)
        found: dict[str, tuple[int, int]] = {}
        for law in laws():
            _, here, there = _found(law)
            assert here == there
            if here:
                found[law.code] = (len(here), len(there))
    return found


def test_every_rule_file_has_its_rows() -> None:
    """Drop a rule, or add one without its truth table, and this fails."""
    assert {one.code for one in CASES} | {"AM-3"} == {law.code for law in laws()}


@pytest.mark.parametrize("law", laws(), ids=lambda law: law.code)
@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_every_law_is_read_by_other_engines(law: Law, dialect: str) -> None:
    (translated,) = sqlglot.transpile(
        law.sql, read="postgres", write=dialect, unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    again = sqlglot.parse_one(translated, read=dialect)
    assert tuple(again.named_selects) == law.columns


# -- who is told what ---------------------------------------------------------------------------


def sentence(bands: Bands) -> str:
    told = judged(_sheet(row("冉已领")), "P01", law_of("DU-2"), bands).report.findings
    return next(finding.message for finding in told if finding.rule == "DU-2")


def test_a_clerk_is_not_told_another_units_batch() -> None:
    assert "OTHER-1" not in sentence(Bands(TOWN, TOWN + 999))
    assert "保家镇" not in sentence(Bands(TOWN, TOWN + 999))
    assert "其他单位" in sentence(Bands(TOWN, TOWN + 999))


def test_the_unit_that_paid_is_told_its_own_batch() -> None:
    assert "OTHER-1" in sentence(Bands(OTHER_TOWN, OTHER_TOWN + 999))
    assert "保家镇" in sentence(Bands(OTHER_TOWN, OTHER_TOWN + 999))


def test_a_row_counts_by_its_worst_finding() -> None:
    sheet = _sheet([row("冉不符"), row("冉干部"), row("钱大娘")])
    report = judged(sheet, "P06", law_of("RO-3")).report
    assert (report.rows, report.blocked, report.to_confirm, report.passed) == (3, 1, 1, 1)
    assert report.amount_fen == 30_000


def test_what_could_not_be_compared_is_said_and_never_a_pass() -> None:
    report = judged(_sheet([row("钱大娘"), row("冉残")]), "P08", law_of("SY-1")).report
    assert (report.passed, report.to_confirm) == (0, 2)
    (told,) = report.findings
    assert (told.row, told.verdict) == (0, "未比对")
    assert "孤儿" in told.message
    assert "2 行" in told.message


def test_an_account_without_an_answer_is_told_once_and_holds_nothing_back() -> None:
    """`check` asks no bank: 未比对, one sentence for the file (README, AC-1)."""
    report = judged(_sheet([row("冉未核"), row("冉无应答")]), "P01", law_of("AC-1u")).report
    assert (report.passed, report.to_confirm) == (2, 0)
    (told,) = report.findings
    assert (told.row, told.severity, told.verdict) == (0, "info", "未比对")


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
