"""与上期比较: told with every run over a batch, so that approval can be by difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.validation.cast import HERE, OTHER_TOWN, PERIOD, TOWN, index_of
from tests.validation.rows import row
from tests.validation.world import Planter
from yikatong.catalogue.queries import programme_by_code
from yikatong.catalogue.specs import STOPPING
from yikatong.kernel.actor import ALL_UNITS
from yikatong.kernel.period import Period
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch
from yikatong.validation import bulk
from yikatong.validation.actions import check_rows, examine
from yikatong.validation.models import LineVerdict
from yikatong.validation.queries import (
    change_counts,
    changes_from_last_period,
    last_run,
    rule_outcomes_of,
)
from yikatong.validation.rules import Bands, ChangeKind, Differences, Outcome

LAST_MONTH, SPRING = "2026-08", "2026-03"
DIFFERENT = {
    ("AMOUNT", "冉变", 3, 9_000, 10_000, None),
    ("ACCOUNT", "冉换", 4, None, None, None),
    ("GONE", "冉走", None, 10_000, None, None),
    ("SHARED_ACCOUNT", "冉共一", 6, None, None, 2),
    ("SHARED_ACCOUNT", "冉共二", 7, None, None, 2),
    ("SHARED_PHONE", "冉话一", 8, None, None, 4),
    ("SHARED_PHONE", "冉话二", 9, None, None, 4),
    *(("NEW", name, place, None, 10_000, None) for place, name in enumerate(
        ("冉新", "冉共一", "冉共二", "冉话一", "冉话二", "冉少话"), start=5)),
}  # fmt: skip
NOW = ("冉同", "冉变", "冉换", "冉新", "冉共一", "冉共二", "冉话一", "冉话二", "冉少话")


def plant(planter: Planter) -> None:
    with planter.county(HERE):
        planter.offices()
        programme = planter.programme("P20", frequency="monthly")
        for kind in STOPPING:
            planter.roster(kind)
        people = {name: planter.person(name) for name in ("冉同", "冉变", "冉换", "冉走", "冉新")}
        people["冉别镇"] = planter.person("冉别镇")
        people["冉早"] = planter.person("冉早")
        for name in ("冉共一", "冉共二"):
            people[name] = planter.person(name, account="two strangers")
        for name in ("冉话一", "冉话二", "冉话三", "冉话四"):
            people[name] = planter.person(name, phone="13900000000")
        for name in ("冉少话", "冉少话二", "冉少话三"):
            people[name] = planter.person(name, phone="13800000000")
        people["冉另批"] = planter.person("冉另批")
        last = {"冉同": 10_000, "冉变": 9_000, "冉换": 10_000, "冉走": 10_000, "冉另批": 10_000}
        _paid(planter, programme, LAST_MONTH, people, last, unit_no=TOWN)
        _paid(planter, programme, LAST_MONTH, people, {"冉别镇": 10_000}, unit_no=OTHER_TOWN)
        _paid(planter, programme, SPRING, people, {"冉早": 10_000}, unit_no=TOWN)
        planter.changed_card(people["冉换"], "冉换", at=datetime(2026, 1, 1, tzinfo=UTC))
        beside = planter.batch("BESIDE", programme)
        passed = planter.line(beside, "P20", "冉另批")
        planter.put(
            LineVerdict,
            unit_no=TOWN,
            batch=beside,
            line=passed,
            obligee_id=people["冉另批"],
            passed=True,
        )
        # the journey alone moves a batch
        planter.connection.execute("RESET ROLE; SET session_replication_role = replica")
        planter.connection.execute(
            "UPDATE submission_batch SET status = 'VALIDATED' WHERE id = %s", [beside]
        )
        planter.connection.execute("SET session_replication_role = origin; SET ROLE ykt_owner")
        whole = planter.batch("NOW", programme)
        for row_no, name in enumerate(NOW, start=2):
            planter.line(whole, "P20", name, row_no=row_no, digest=index_of(name))
        again = planter.batch("CORRECTION", programme, origin=whole)
        planter.line(again, "P20", "冉同", row_no=2, digest=index_of("again"))


def _paid(
    planter: Planter,
    programme: int,
    period: str,
    people: dict[str, int],
    amounts: dict[str, int],
    **values: Any,
) -> None:
    batch = planter.batch(f"B-{period}-{values['unit_no']}", programme, period=period, **values)
    share = None
    for name, fen in amounts.items():
        line = planter.line(batch, "P20", name, period=period, amount_fen=fen, **values)
        planter.payment(
            batch, line, people[name], "P20", period=period, amount_fen=fen, share=share, **values
        )
        share = planter._value("SELECT id FROM payout_bankshare WHERE batch_id = %s", batch)


@pytest.fixture(scope="module", autouse=True)
def the_world(committing: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    from tests import database  # noqa: PLC0415 - beside the fixtures' own use of it

    with database.connect("ykt_admin", committing) as admin:
        plant(Planter(admin))
    with django_db_blocker.unblock(), database.pointed_at(committing, role="ykt_worker"):
        yield


def told(number: str) -> set[tuple[Any, ...]]:
    with acting(machine(HERE)) as actor:
        batch = Batch.objects.select_related("programme").get(county=HERE, number=number)
        examine(batch, bands=Bands(*ALL_UNITS), actor=actor)
        return {
            (one.kind, one.name, one.row_no, one.before_fen, one.now_fen, one.shared_by)
            for one in changes_from_last_period(batch, scope=actor.scope)
        }


def test_what_differs_from_last_month_is_told_and_nothing_else() -> None:
    """Nor is 冉另批 gone, who has passed in another batch of this month."""
    assert told("NOW") == DIFFERENT


def checked(names: Sequence[str], unit_no: int) -> Differences:
    rows = tuple((number, *row(name)[1:]) for number, name in enumerate(names, start=2))
    with acting(machine(HERE)) as actor:
        programme = programme_by_code("P20", scope=actor.scope)
        report = check_rows(
            rows, programme=programme, period=Period.parse(PERIOD), bands=Bands(*ALL_UNITS),
            actor=actor, unit_no=unit_no,
        )  # fmt: skip
    assert report.differences is not None
    return report.differences


def test_a_file_is_compared_before_it_is_a_draft() -> None:
    found = checked(NOW, TOWN)
    told = {
        (
            one["kind"],
            one["name"],
            one["row_no"],
            one["before_fen"],
            one["now_fen"],
            one["shared_by"],
        )
        for one in found.rows
    }
    assert told == DIFFERENT
    assert found.counts == Counter(kind for kind, *_ in DIFFERENT)
    assert found.has_last
    # another unit's people are not gone from this one's list
    assert {one["name"] for one in checked(NOW, OTHER_TOWN).rows if one["kind"] == "GONE"} == {
        "冉别镇"
    }


def test_of_many_differences_the_first_are_shown_and_all_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "DIFFERENCES_SHOWN", 1)
    found = checked(NOW, TOWN)
    assert found.counts["NEW"] == 6
    assert [one["name"] for one in found.rows if one["kind"] == "NEW"] == ["冉新"]


def test_a_correction_holds_some_lines_and_calls_nobody_gone() -> None:
    assert not {kind for kind, *_ in told("CORRECTION")}


def test_each_run_is_kept_and_the_newest_is_read() -> None:
    told("NOW")
    with acting(machine(HERE)) as actor:
        batch = Batch.objects.get(county=HERE, number="NOW")
        before = last_run(batch, scope=actor.scope)
    told("NOW")
    with acting(machine(HERE)) as actor:
        assert last_run(batch, scope=actor.scope) == before + 1
        counts = change_counts(batch, scope=actor.scope)
        assert counts[ChangeKind.NEW] == 6
        assert counts[ChangeKind.GONE] == 1
        only = changes_from_last_period(batch, scope=actor.scope, kind=ChangeKind.ACCOUNT)
        (one,) = only
        assert (one.before_last4, one.now_last4, one.last_period) == ("8888", "9999", LAST_MONTH)
        assert one.get_kind_display() == "账户变化"


def test_every_rule_says_its_verdict_of_the_run() -> None:
    told("NOW")
    with acting(machine(HERE)) as actor:
        batch = Batch.objects.get(county=HERE, number="NOW")
        outcomes = rule_outcomes_of(batch, scope=actor.scope)
    assert outcomes["AC-2"] == Outcome("阻断", 2)
    assert outcomes["AC-1"] == Outcome("通过", 0)
    assert outcomes["RO-2"] == Outcome("通过", 0)
    assert {"ID-1", "MX-3", "SY-1"} <= set(outcomes)


def test_a_page_that_walks_by_id_shows_each_kind_in_the_order_of_the_sheet() -> None:
    told("NOW")
    with acting(machine(HERE)) as actor:
        batch = Batch.objects.get(county=HERE, number="NOW")
        found = changes_from_last_period(batch, scope=actor.scope).order_by("id")
        rows = [(one.kind, one.row_no or 0) for one in found]
    assert len(rows) > len(ChangeKind)
    assert rows == sorted(rows)
