"""Each of the 18 items of 渡财发〔2022〕32号 附件1, judged as both counties have configured it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connections
from psycopg.types.json import Jsonb
from pytest_django.plugin import DjangoDbBlocker

from tests.validation.cast import ELSEWHERE, HERE, PERIOD
from tests.validation.items import ITEMS, Item, Row, child, line, plant_people
from tests.validation.rows import STAGED
from tests.validation.world import Planter
from yikatong.catalogue.actions import load_catalogue
from yikatong.catalogue.pack import load_packs
from yikatong.catalogue.queries import programme_by_code
from yikatong.cli import session
from yikatong.cli.setup import _settings
from yikatong.kernel.actor import ALL_UNITS
from yikatong.kernel.period import Period
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting, acting_as_owner
from yikatong.validation.actions import check_rows
from yikatong.validation.rules import Bands, Report

PACKS = load_packs(Path(__file__).parents[2] / "packs")
COUNTIES = (HERE, ELSEWHERE)


@pytest.fixture(scope="module", autouse=True)
def the_world(committing: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Both counties with their own lists, and the same people in each."""
    from tests import database  # noqa: PLC0415 - beside the fixtures' own use of it

    with database.connect("ykt_admin", committing) as admin:
        planter = Planter(admin)
        for county in COUNTIES:
            with planter.county(county):
                planter.offices(_settings(PACKS[county]))
        with django_db_blocker.unblock():
            _load_lists(committing)
        for county in COUNTIES:
            with planter.county(county):
                plant_people(planter)
    with django_db_blocker.unblock(), database.pointed_at(committing, role="ykt_worker"):
        yield


def _load_lists(name: str) -> None:
    """As `init` does, by the owner; who may log in here as the administrator alone."""
    connection = connections["default"]
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(NAME=name, USER="ykt_admin")
    try:
        for county in COUNTIES:
            owner = session.owner_scope(county)
            with acting_as_owner(owner), connection.cursor() as cursor:
                cursor.execute("SET LOCAL ROLE ykt_owner")
                load_catalogue(PACKS[county], actor=owner)
    finally:
        connection.close()
        connection.settings_dict.update(before)


def judged(county: str, code: str, *rows: Row) -> Report:
    listed = [(number, *one[1:]) for number, one in enumerate(rows, start=2)]
    with acting(machine(county)) as actor:
        programme = programme_by_code(code, scope=actor.scope)
        return check_rows(
            listed,
            programme=programme,
            period=Period.parse(PERIOD),
            bands=Bands(*ALL_UNITS),
            actor=actor,
        )


def test_the_whole_list_is_told() -> None:
    codes = [item.code for item in ITEMS]
    for pack in PACKS.values():
        assert codes == [programme.code for programme in pack.programmes]


@pytest.mark.parametrize("county", COUNTIES)
@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.code)
def test_a_right_line_passes_and_each_trait_holds_its_neighbour(item: Item, county: str) -> None:
    for one in item.passes:
        report = judged(county, item.code, one)
        assert report.passed == 1, [finding.message for finding in report.findings]
    for trait, rule, one in item.traits:
        report = judged(county, item.code, one)
        code, is_told, _ = rule.partition(" 提示")
        held = {finding.rule for finding in report.findings if finding.severity != "info"}
        told = {finding.rule for finding in report.findings}
        assert code in (told - held if is_told else held), trait
        assert report.passed == bool(is_told), trait


def sentences(code: str, rule: str, *rows: Row) -> list[str]:
    return [found.message for found in judged(HERE, code, *rows).findings if found.rule == rule]


def test_a_sentence_uses_the_words_of_the_item_and_plain_numbers() -> None:
    more = line("钱大爷", "240", "12", object_key="班1")
    assert any(
        "验收面积 12 超过“P05 核定对象”名册核定的 3，" in one
        for one in sentences("P05", "RO-1", more)
    )
    other = line("钱大爷", "20", "1", object_key="班99")
    assert any("：小班号 班99 不在" in one for one in sentences("P05", "RO-1", other))
    twice = (line("冉农", "1", object_key="机77"), line("冉移民", "1", object_key="机77"))
    assert all("：出厂编号 机77 被多人申领" in one for one in sentences("P02", "DU-3", *twice))
    assert len(sentences("P02", "DU-3", *twice)) == len(twice)
    graded = sentences("P14", "AM-1", line("冉残", "100", grade="九级"))
    assert any("残疾等级“九级”不在本项的残疾等级之内" in one for one in graded)


@pytest.mark.parametrize("standard", [None, Decimal(100)])
@pytest.mark.parametrize(
    ("code", "one"),
    [
        ("P06", line("钱大爷", "1000", "2", object_key="班1", grade="第九期")),
        ("P10", line("冉低保", "900", "2", grade="全县")),
        ("P14", line("冉残二", "180", grade="九级", months=2)),
        ("P16", child("1410", "冉无养", grade="困境儿童")),
    ],
)
def test_a_grade_that_the_item_does_not_know_is_told_once(
    code: str, one: Row, standard: Decimal | None
) -> None:
    """In the cell of the grade; nothing is said of a standard, a ceiling or a roster besides."""
    told = dict(zip((name for name, _ in STAGED), one, strict=True)) | {"standard": standard}
    report = judged(HERE, code, tuple(told.values()))
    (found,) = (found for found in report.findings if found.rule != "AC-1")
    assert (found.rule, found.severity, found.field) == ("AM-1", "block", "grade")
    assert "之内，没有对应的标准" in found.message
    assert (report.passed, report.blocked) == (0, 1)


def test_more_than_an_amount_can_hold_ends_no_judgement() -> None:
    """The door lets nine digits through, and nine times nine are more than a BIGINT of fen."""
    most = Decimal(999_999_999)
    one = line("钱大爷", "100", grade="其他", object_key="房1", quantity=str(most), standard=most)
    assert judged(HERE, "P17", one).passed == 1


@pytest.mark.parametrize("field", ["quantity", "standard", "months"])
def test_a_number_that_the_door_refused_is_not_told_again(field: str) -> None:
    """Nor is it taken for one piece: its sentence says what to mend, and the line stays blocked."""
    fault = {"rule": "NU-1", "severity": "block", "field": field, "message": "应为数字"}
    one = line("钱大爷", "920.00", object_key="地1", faults=Jsonb([fault]))
    report = judged(HERE, "P01", one)
    assert {found.rule for found in report.findings if found.severity == "block"} == {"NU-1"}
    assert report.blocked == 1
    elsewhere = fault | {"field": "since"}
    beside = judged(HERE, "P01", line("钱大爷", "920.00", faults=Jsonb([elsewhere])))
    assert {"AM-1", "NU-1"} <= {found.rule for found in beside.findings}
