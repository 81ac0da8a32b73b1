"""Disbursement lists for made-up people, most lines right and a few wrong on purpose.

Each planted fault is told: the row in the sheet, the rule that must find it, its severity.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from yikatong.catalogue.specs import ProgrammeSpec
from yikatong.cli.sample.people import SamplePerson, SamplePopulation, stranger
from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money
from yikatong.kernel.period import Period

FIRST_LINE_ROW: Final = 4
WRONG_BY: Final = Money(100)
AREA_STEP: Final = Decimal("0.01")
LEAST_AREA: Final = 40
MOST_AREA: Final = 1200
TWO_PLOTS: Final = 0.15
GROWS: Final = 0.4


class Fault(StrEnum):
    """What can be planted; the value is the rule that must find it."""

    LOST_DIGITS = "DG-1"
    BAD_CHECK_DIGIT = "ID-1"
    UNREGISTERED = "RG-1"
    WRONG_AMOUNT = "AM-1"
    DEAD = "RO-2"
    DUPLICATE = "DU-1"


ALL_FAULTS: Final = tuple(Fault)


@dataclass(frozen=True, slots=True)
class SampleLine:
    """One line. `id_is_number`: the id cell is written as a number, its digits destroyed."""

    beneficiary: SamplePerson
    payee: SamplePerson
    quantity: Decimal | None
    months: int
    standard: Decimal | None
    grade: str
    object_key: str
    amount: Money
    id_number: str
    id_is_number: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """A planted fault: `row` in the user's sheet (a duplicate: the later of the two)."""

    row: int
    fault: Fault
    severity: str

    @property
    def rule(self) -> str:
        return self.fault.value


@dataclass(frozen=True, slots=True)
class SampleList:
    """A list as it will be written: its lines start at row 4, 合计 follows the last."""

    population: SamplePopulation
    programme: ProgrammeSpec
    period: Period
    town_name: str
    lines: tuple[SampleLine, ...]
    expected: tuple[Expected, ...]

    @property
    def total(self) -> Money:
        return Money.total(line.amount for line in self.lines)

    @property
    def sound_lines(self) -> int:
        """Lines without a planted fault."""
        return len(self.lines) - len({found.row for found in self.expected})


def disbursement_list(
    population: SamplePopulation,
    programme_code: str,
    *,
    period: Period,
    seed: int,
    town_code: str | None = None,
    faults: Sequence[Fault] = ALL_FAULTS,
    most_lines: int | None = None,
) -> SampleList:
    """P01, P04, P10, P11, P14 or P15 for a town, or for the whole county.

    Raises:
        Refused: no recipe for that programme, or nobody here is entitled to it.
    """
    programme = population.pack.programme(programme_code)
    recipe = RECIPES.get(programme_code)
    if recipe is None:
        raise Refused(f"样例数据没有 {programme_code} 的清册，可用 {'、'.join(RECIPES)}。")
    chance = random.Random(f"{seed}:{programme_code}:{period}")  # noqa: S311  repeatable, no secret
    lines = [
        line
        for line in recipe(_Context(population, programme, period, chance))
        if town_code in {None, line.beneficiary.town_code}
    ]
    dead = {row.id_number: row.since for row in population.rosters["deceased"]}
    living, gone = [], []
    for line in lines:
        who = line.beneficiary.id_number
        if who not in dead and line.payee.id_number not in dead:
            living.append(line)
        elif who in dead and dead[who] < period.first_day:
            gone.append(line)
    living = living[:most_lines]
    if not living:
        raise Refused(f"样例人口中没有人符合 {programme.name}。")
    planted, expected = _plant(living, gone, faults, chance, population)
    names = {line.beneficiary.town_name for line in planted} if town_code else set()
    return SampleList(
        population, programme, period, "".join(names), tuple(planted), tuple(expected)
    )


@dataclass(frozen=True, slots=True)
class _Context:
    population: SamplePopulation
    programme: ProgrammeSpec
    period: Period
    chance: random.Random

    def rate(self, grade: str = "") -> Decimal:
        standard = self.programme.standard_on(self.period.last_day, grade)
        if standard is None:
            raise Refused(f"{self.programme.name} 在 {self.period} 没有标准。")
        return standard.amount_yuan

    def on(self, *kinds: str) -> frozenset[str]:
        """Everybody on any of these rosters, whenever."""
        return frozenset().union(*(self.population.on_roster(kind) for kind in kinds))

    def grades(self, kind: str) -> dict[str, str]:
        """Those on a roster since before the period, with their grades."""
        return {
            row.id_number: row.grade
            for row in self.population.rosters[kind]
            if row.since <= self.period.first_day
        }

    @property
    def asked_about(self) -> frozenset[str]:
        """Those whom a confirm roster of the programme names: their lines would wait."""
        return self.on(*self.programme.confirm_rosters)

    def line(
        self,
        beneficiary: SamplePerson,
        payee: SamplePerson | None = None,
        *,
        quantity: Decimal | None = None,
        months: int = 0,
        grade: str = "",
        object_key: str = "",
        amount: Money | None = None,
    ) -> SampleLine:
        rate = self.rate(grade)
        rated = Money.of_rate(rate, quantity or 1, months or 1)
        return SampleLine(
            beneficiary=beneficiary,
            payee=payee or beneficiary,
            quantity=quantity,
            months=months,
            standard=rate,
            grade=grade,
            object_key=object_key,
            amount=amount or rated,
            id_number=beneficiary.id_number,
        )


def _land(context: _Context) -> list[SampleLine]:
    """耕地地力: per household, one plot, now and then two."""
    lines = []
    for household in context.population.households():
        for plot in range(1 + (context.chance.random() < TWO_PLOTS)):
            area = context.chance.randint(LEAST_AREA, MOST_AREA) * AREA_STEP
            key = f"{household[0].household_no[6:]}-{plot + 1}"
            lines.append(context.line(household[0], quantity=area, object_key=key))
    return lines


def _growers(context: _Context) -> list[SampleLine]:
    """实际种粮: two in five households grow, a person each."""
    heads = (household[0] for household in context.population.households())
    return [
        context.line(
            head,
            quantity=context.chance.randint(LEAST_AREA, MOST_AREA) * AREA_STEP,
            object_key=f"{head.household_no[6:]}-1",
        )
        for head in heads
        if context.chance.random() < GROWS
    ]


def _minimum_living(context: _Context) -> list[SampleLine]:
    """低保: the difference for the household, at most standard × persons × months."""
    grades = context.grades("minimum_living")
    asked = context.asked_about
    lines = []
    for household in context.population.households():
        covered = [person for person in household if person.id_number in grades]
        if len(covered) != len(household) or any(p.id_number in asked for p in household):
            continue
        grade = grades[household[0].id_number]
        ceiling = Money.of_rate(context.rate(grade), len(covered))
        share = context.chance.randint(30, 95)
        amount = Money(ceiling.fen * share // 10_000 * 100)
        persons = Decimal(len(covered))
        lines.append(
            context.line(household[0], quantity=persons, months=1, grade=grade, amount=amount)
        )
    return lines


def _monthly(
    context: _Context, entitled: frozenset[str], grades: dict[str, str]
) -> list[SampleLine]:
    """A month's aid per person; a child's goes to the guardian's card."""
    by_id = {person.id_number: person for person in context.population.people}
    asked = context.asked_about
    return [
        context.line(
            person,
            by_id[person.guardian_id] if person.guardian_id else None,
            months=1,
            grade=grades.get(person.id_number, ""),
        )
        for person in context.population.people
        if person.id_number in entitled and person.id_number not in asked
    ]


def _extreme_poverty(context: _Context) -> list[SampleLine]:
    return _monthly(context, frozenset(context.grades("extreme_poverty")), {})


def _heavy_care(context: _Context) -> list[SampleLine]:
    """重度护理: first and second grade, and no 特困."""
    grades = {
        number: grade
        for number, grade in context.grades("disabled").items()
        if grade in context.programme.grades
    }
    return _monthly(context, frozenset(grades) - context.on("extreme_poverty"), grades)


def _poor_disabled(context: _Context) -> list[SampleLine]:
    """困难残疾人生活: disabled and 低保, neither 特困 nor 孤儿."""
    entitled = context.grades("disabled").keys() & context.grades("minimum_living").keys()
    return _monthly(context, frozenset(entitled) - context.on("extreme_poverty", "orphan"), {})


RECIPES: Final[dict[str, Callable[[_Context], list[SampleLine]]]] = {
    "P01": _land,
    "P04": _growers,
    "P10": _minimum_living,
    "P11": _extreme_poverty,
    "P14": _heavy_care,
    "P15": _poor_disabled,
}


def _plant(
    living: Sequence[SampleLine],
    gone: Sequence[SampleLine],
    faults: Sequence[Fault],
    chance: random.Random,
    population: SamplePopulation,
) -> tuple[list[SampleLine], list[Expected]]:
    """Each fault once, on a line of its own; lists too short for all carry the first few.

    A dead person stands at the end, a duplicate after that.
    """
    lines = list(living)
    places = chance.sample(range(len(lines)), min(len(lines), len(faults) + 1))
    expected = []
    for fault in faults:
        if fault is Fault.DEAD:
            if gone:
                lines.append(gone[0])
                expected.append(Expected(FIRST_LINE_ROW + len(lines) - 1, fault, "block"))
            continue
        if not places:
            break
        at = places.pop()
        if fault is Fault.DUPLICATE:
            lines.append(lines[at])
            expected.append(Expected(FIRST_LINE_ROW + len(lines) - 1, fault, "block"))
            continue
        lines[at] = _spoilt(lines[at], fault, population)
        expected.append(Expected(FIRST_LINE_ROW + at, fault, "block"))
    return lines, sorted(expected, key=lambda found: found.row)


def _spoilt(line: SampleLine, fault: Fault, population: SamplePopulation) -> SampleLine:
    match fault:
        case Fault.LOST_DIGITS:
            return replace(line, id_is_number=True)
        case Fault.BAD_CHECK_DIGIT:
            wrong = "1" if line.id_number[-1] != "1" else "2"
            return replace(line, id_number=line.id_number[:-1] + wrong)
        case Fault.UNREGISTERED:
            who = stranger(population, seed=len(line.id_number) + line.amount.fen)
            return replace(line, beneficiary=who, payee=who, id_number=who.id_number)
        case Fault.WRONG_AMOUNT:
            over = Money(line.amount.fen + WRONG_BY.fen) if line.standard else line.amount
            return replace(line, amount=_above(line, over))
        case _:
            return line


def _above(line: SampleLine, amount: Money) -> Money:
    """More than the formula gives; a difference must pass its ceiling to be wrong."""
    if line.standard is None:
        return amount
    ceiling = Money.of_rate(line.standard, line.quantity or 1, line.months or 1)
    return max(amount, ceiling + WRONG_BY)
