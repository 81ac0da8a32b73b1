"""Both journeys, exhaustively: the tables are small. step × status × duty, without a database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import product
from types import SimpleNamespace
from typing import Final

import pytest

from yikatong.catalogue.pack import load_packs
from yikatong.journey.steps import CHECKING, JOURNEYS, edges, inputs_of
from yikatong.kernel.actor import Actor, Duty, Scope
from yikatong.kernel.calendar import WorkCalendar
from yikatong.kernel.errors import IllegalStep
from yikatong.kernel.home import CHECKOUT
from yikatong.kernel.steps import (
    MACHINE_SEATS,
    PUBLIC_WORD,
    SEAT_WORD,
    STATUS_WORD,
    Inputs,
    Passed,
    Returned,
    Seat,
    Status,
    Stays,
    Step,
)
from yikatong.organisation.rules import (
    MACHINE_OF_SEAT,
    department_unit,
    is_department_unit,
    sits_on,
    town_unit,
)

COUNTIES: Final = sorted(JOURNEYS)
PENGSHUI, DADUKOU = "500243", "500104"
FINAL: Final = {Status.CLOSED, Status.RETURNED, Status.DROPPED}
TOWN, OTHER_TOWN = town_unit(1), town_unit(2)
DEPARTMENT, OTHER_DEPARTMENT = 3, 4
CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
ALL_STEPS: Final = [(county, step) for county in COUNTIES for step in JOURNEYS[county].values()]
by_county = pytest.mark.parametrize("county", COUNTIES)
each_step = pytest.mark.parametrize(
    ("county", "step"), ALL_STEPS, ids=[f"{county}-{step.name}" for county, step in ALL_STEPS]
)


def reached(county: str, start: Status, *, without: frozenset[str] = frozenset()) -> set[Status]:
    """Every status that some path of this county leads to."""
    found: set[Status] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for name, at, to, _ in edges(county):
            if at == here and name not in without and Status(to) not in found:
                found.add(Status(to))
                waiting.append(Status(to))
    return found


def used(county: str) -> set[Status]:
    steps = JOURNEYS[county].values()
    starts = {status for step in steps for status in step.starts_at}
    return starts | {step.passes for step in steps} | {step.back for step in steps if step.back}


# -- the shape ----------------------------------------------------------------------------------


@by_county
def test_every_status_is_reached_from_a_draft(county: str) -> None:
    assert reached(county, Status.DRAFT) | {Status.DRAFT} == used(county)


@by_county
def test_every_status_but_the_final_ones_is_left(county: str) -> None:
    left = {status for step in JOURNEYS[county].values() for status in step.starts_at}
    assert used(county) - left == FINAL


@by_county
def test_from_everywhere_an_end_is_near(county: str) -> None:
    for status in used(county) - FINAL:
        assert reached(county, status) & FINAL, f"{status} runs in circles"


@by_county
def test_no_path_leads_from_submitted_back_to_a_draft(county: str) -> None:
    """提交后不再改: what fails becomes another batch, this one is never a draft again."""
    before = {Status.DRAFT, Status.COMPILED, Status.REPORTED, Status.APPROVED}
    assert reached(county, Status.SUBMITTED) & before == set()


@by_county
def test_once_the_bank_is_told_to_pay_nothing_leads_back(county: str) -> None:
    after = reached(county, Status.PAYING)
    assert after == {Status.SETTLED, Status.BOOKED, Status.PUBLISHED, Status.CLOSED}


@by_county
def test_no_money_moves_past_finance(county: str) -> None:
    """Without the one step of finance, no path reaches the payment."""
    assert Status.PAYING in reached(county, Status.DRAFT)
    assert Status.PAYING not in reached(county, Status.DRAFT, without=frozenset({"review"}))


@by_county
@pytest.mark.parametrize("name", ["conclude", "receive", "fund", "settle"])
def test_no_path_walks_round_the_gates(county: str, name: str) -> None:
    assert Status.CLOSED not in reached(county, Status.DRAFT, without=frozenset({name}))


def test_the_counties_differ_where_their_texts_do() -> None:
    pengshui, dadukou = JOURNEYS[PENGSHUI], JOURNEYS[DADUKOU]
    assert pengshui["submit"].seat == Seat.DEPT_CLERK
    assert dadukou["submit"].seat == Seat.UNIT_CHECK
    assert "approve" in pengshui
    assert "approve" not in dadukou
    assert pengshui["review"].starts == Status.REQUESTED  # 财政在拨款时审核
    assert dadukou["review"].starts == Status.IN_REVIEW  # 财政在申请之前复核
    assert pengshui["request"].seat == Seat.DEPT_CLERK
    assert dadukou["request"].seat == Seat.UNIT_CLERK


@by_county
def test_the_trigger_gets_exactly_the_table(county: str) -> None:
    wanted = {
        (step.name, start.value, end.value, step.seat in CHECKING)
        for step in JOURNEYS[county].values()
        for start in step.starts_at
        for end in (step.passes, step.back)
        if end is not None
    }
    found = edges(county)
    assert set(found) == wanted
    assert len(found) == len(wanted)


# -- each row -----------------------------------------------------------------------------------


@each_step
def test_apart_names_an_earlier_step_of_a_person(county: str, step: Step) -> None:
    if step.apart is None:
        return
    names = list(JOURNEYS[county])
    assert names.index(step.apart) < names.index(step.name)
    assert JOURNEYS[county][step.apart].seat not in MACHINE_SEATS
    assert step.seat not in MACHINE_SEATS


@each_step
def test_whoever_checks_a_unit_is_another_than_its_maker(county: str, step: Step) -> None:
    """双人: what a unit's checker passes on was compiled by another (I9)."""
    if step.seat == Seat.UNIT_CHECK and step.starts == Status.COMPILED:
        assert step.apart == "compile"


@each_step
def test_a_verdict_lands_where_the_row_says(county: str, step: Step) -> None:
    for start in step.starts_at:
        assert step.lands_on(Passed(), start=start) == step.passes
        assert step.lands_on(Stays("等待"), start=start) == start
        if step.back is None:
            with pytest.raises(ValueError, match="no way back"):
                step.lands_on(Returned("退回"), start=start)
        else:
            assert step.lands_on(Returned("退回"), start=start) == step.back


@each_step
def test_a_row_says_what_a_reader_needs(county: str, step: Step) -> None:
    assert step.title
    assert step.basis, "a clause, or house"
    assert step.seat in SEAT_WORD
    assert issubclass(inputs_of(step), Inputs)
    if step.time_limit.days is not None:
        assert step.time_limit.days >= 0


def test_every_status_has_its_two_words() -> None:
    assert set(STATUS_WORD) == set(PUBLIC_WORD) == set(Status)
    assert len(set(STATUS_WORD.values())) == len(Status)


@by_county
def test_a_pack_sets_limits_of_steps_that_exist(county: str) -> None:
    (pack,) = (p for p in load_packs(CHECKOUT / "packs").values() if p.code == county)
    assert set(pack.deadlines) <= set(JOURNEYS[county])


# -- who may sit where --------------------------------------------------------------------------

PARTIES: Final = {
    "this town": (Scope(PENGSHUI, (TOWN, TOWN + 999)), TOWN),
    "another town": (Scope(PENGSHUI, (OTHER_TOWN, OTHER_TOWN + 999)), OTHER_TOWN),
    "this department": (
        Scope(PENGSHUI, None, department_no=DEPARTMENT),
        department_unit(DEPARTMENT),
    ),
    "another department": (
        Scope(PENGSHUI, None, department_no=OTHER_DEPARTMENT),
        department_unit(OTHER_DEPARTMENT),
    ),
    "the county": (Scope(PENGSHUI), 1),
}
MACHINES: Final = frozenset(MACHINE_OF_SEAT.values())
# seat × who drafted the batch → the only duty and party that sits there
SITS: Final = {
    (Seat.UNIT_CLERK, "town"): (Duty.TOWN_CLERK, {"this town"}),
    (Seat.UNIT_CHECK, "town"): (Duty.TOWN_CHECK, {"this town"}),
    (Seat.UNIT_CLERK, "department"): (Duty.DEPT_CLERK, {"this department"}),
    (Seat.UNIT_CHECK, "department"): (Duty.DEPT_CHIEF, {"this department"}),
    (Seat.DEPT_CLERK, "town"): (Duty.DEPT_CLERK, {"this department"}),
    (Seat.DEPT_CLERK, "department"): (Duty.DEPT_CLERK, {"this department"}),
    (Seat.DEPT_CHIEF, "town"): (Duty.DEPT_CHIEF, {"this department"}),
    (Seat.DEPT_CHIEF, "department"): (Duty.DEPT_CHIEF, {"this department"}),
    (Seat.FINANCE, "town"): (Duty.FINANCE, set(PARTIES)),
    (Seat.FINANCE, "department"): (Duty.FINANCE, set(PARTIES)),
}


def actors() -> Iterator[tuple[str, Actor]]:
    for duty, (party, (scope, unit_no)) in product(Duty, PARTIES.items()):
        yield party, Actor(0 if duty in MACHINES else 7, "u", "某人", duty, scope, unit_no)


@pytest.mark.parametrize("seat", Seat)
@pytest.mark.parametrize("drafted_by", ["town", "department"])
def test_a_seat_is_taken_by_its_duty_in_its_party_and_by_nobody_else(
    seat: Seat, drafted_by: str
) -> None:
    unit_no = TOWN if drafted_by == "town" else department_unit(DEPARTMENT)
    assert is_department_unit(unit_no) is (drafted_by == "department")
    for party, actor in actors():
        if seat in MACHINE_OF_SEAT:
            wanted = actor.duty == MACHINE_OF_SEAT[seat]
        else:
            duty, parties = SITS[seat, drafted_by]
            wanted = actor.duty == duty and party in parties
        sits = sits_on(actor, seat, unit_no=unit_no, department_no=DEPARTMENT)
        assert sits is wanted, (party, actor.duty)


@each_step
def test_no_person_takes_a_machines_step_and_no_machine_a_persons(county: str, step: Step) -> None:
    for _, actor in actors():
        if sits_on(actor, step.seat, unit_no=TOWN, department_no=DEPARTMENT):
            assert (actor.duty in MACHINES) is (step.seat in MACHINE_SEATS)


# -- step × status × duty -----------------------------------------------------------------------


class Paper:
    """What `check` reads of a batch."""

    pk, number, unit_no, department_no = 1, "PE202609P0100001", TOWN, DEPARTMENT

    def __init__(self, county: str, status: Status) -> None:
        self.county, self.status = county, status.value


@each_step
def test_a_step_is_refused_but_at_its_starts_by_its_seat(
    county: str, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate itself, in words a clerk can read, for every status and everyone."""
    from yikatong.journey import steps as journey  # noqa: PLC0415

    monkeypatch.setattr(journey, "people_of_step", lambda *_: {"the maker"})
    own = inputs_of(step)()
    for status, (_, actor) in product(Status, actors()):
        batch = Paper(county, status)
        sits = sits_on(actor, step.seat, unit_no=TOWN, department_no=DEPARTMENT)
        said = refusal(journey.check, step, batch, actor, own)
        assert (said == "") is (status in step.starts_at and sits), (status, actor.duty)
        assert said == "" or CHINESE.search(said)
        if said == "" and type(own) is not Inputs:
            assert "不需要" in refusal(journey.check, step, batch, actor, Inputs())


def refusal(check: Callable[..., None], *facts: object) -> str:
    """The sentence with which the step is refused, '' where it may be taken."""
    try:
        check(*facts)
    except IllegalStep as said:
        return str(said)
    return ""


@each_step
def test_the_same_person_does_not_take_both_steps(
    county: str, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yikatong.journey import steps as journey  # noqa: PLC0415

    monkeypatch.setattr(journey, "people_of_step", lambda *_: {"u"})
    batch = Paper(county, step.starts_at[0])
    for _, actor in actors():
        if not sits_on(actor, step.seat, unit_no=TOWN, department_no=DEPARTMENT):
            continue
        if step.apart is None:
            journey.check(step, batch, actor, inputs_of(step)())  # type: ignore[arg-type]
        else:
            with pytest.raises(IllegalStep, match="另一人"):
                journey.check(step, batch, actor, inputs_of(step)())  # type: ignore[arg-type]


@pytest.mark.parametrize(("years", "known"), [((2026,), False), ((2026, 2027), True)])
def test_money_does_not_wait_for_a_calendar(
    years: tuple[int, ...], known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In December next year's holidays may not be loaded yet: no due day, and the batch goes on."""
    from yikatong.journey import steps as journey  # noqa: PLC0415

    calendar = WorkCalendar({date(year, 10, 1): False for year in years})
    monkeypatch.setattr(journey, "work_calendar", lambda **_: calendar)
    monkeypatch.setattr(journey, "county_settings", lambda **_: SimpleNamespace(settings={}))
    monkeypatch.setattr(journey.timezone, "localdate", lambda: date(2026, 12, 31))
    batch = SimpleNamespace(county=DADUKOU)
    assert journey.due_day(batch, Status.READY) == (date(2027, 1, 7) if known else None)
