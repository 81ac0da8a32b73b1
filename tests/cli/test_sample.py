"""Made-up people are whole and repeatable; their sheets read back with just the planted faults."""

from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from yikatong.catalogue.pack import load_card_prefixes, load_pack, load_towns
from yikatong.cli.sample.books import (
    write_account_collection,
    write_disbursement,
    write_entitled,
    write_roster,
)
from yikatong.cli.sample.lists import RECIPES, Fault, SampleList, disbursement_list
from yikatong.cli.sample.people import SamplePopulation, generate, stranger
from yikatong.kernel.card import CardKind, is_luhn
from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money
from yikatong.kernel.names import has_rare_character
from yikatong.kernel.period import Period
from yikatong.kernel.resident_id import ResidentId
from yikatong.submission.sheets import Sheet, read_sheet
from yikatong.submission.sheets_forms import ACCOUNT_COLLECTION, DISBURSEMENT, ROSTER
from yikatong.validation.row_rules import examine

PACKS = Path(__file__).parents[2] / "packs"
TODAY = date(2026, 11, 22)
PERIOD = Period(2026, 11)


def made(slug: str, *, people: int = 3000, seed: int = 7) -> SamplePopulation:
    pack = load_pack(PACKS / slug)
    towns = load_towns(PACKS, pack.code)
    prefixes = load_card_prefixes(PACKS)
    return generate(pack, towns, people=people, seed=seed, today=TODAY, prefixes=prefixes)


@pytest.fixture(scope="module", params=["pengshui", "dadukou"])
def population(request: pytest.FixtureRequest) -> SamplePopulation:
    return made(str(request.param))


def test_the_same_seed_makes_the_same_people(population: SamplePopulation) -> None:
    again = made(population.pack.slug)
    assert again.people == population.people
    assert again.rosters == population.rosters
    assert made(population.pack.slug, seed=8).people[:9] != population.people[:9]


def test_every_id_is_sound_unique_and_from_the_reserved_numbers(
    population: SamplePopulation,
) -> None:
    assert len(population.people) == 3000
    assert len({person.id_number for person in population.people}) == 3000
    for person in population.people:
        number = ResidentId.parse(person.id_number, on=TODAY)
        assert number.reveal()[14] == "9"
        assert number.birth_on == person.born_on
        assert number.age_on(TODAY) == person.age
        assert number.is_male == person.is_male
        assert 0 <= person.age <= 96
        assert person.phone.startswith("154")


def test_households_have_one_head_and_children_a_guardian(population: SamplePopulation) -> None:
    known = {person.id_number for person in population.people}
    for household in population.households():
        assert [p.relation for p in household].count("本人") == 1
        assert {p.head_id for p in household} == {household[0].id_number}
        assert len({p.household_no for p in household}) == 1
        for person in household:
            assert (person.account is None) == (person.age < 18)
            assert (person.guardian_id in known) == (person.age < 18)


def test_accounts_are_unique_and_cards_pass_luhn(population: SamplePopulation) -> None:
    accounts = [person.account for person in population.people if person.account]
    assert len({account.number for account in accounts}) == len(accounts)
    assert {account.bank_no for account in accounts} == set(range(1, 9))
    for account in accounts:
        assert account.kind is CardKind.PASSBOOK or is_luhn(account.number)


def test_two_counties_share_nobody_and_no_account() -> None:
    ours, theirs = made("pengshui"), made("dadukou")
    for key in ("id_number", "account"):
        first, second = (
            {getattr(p, key) for p in county.people} - {None} for county in (ours, theirs)
        )
        assert not first & second


def test_names_hold_dots_and_rare_characters() -> None:
    names = [person.name for person in made("pengshui").people]
    assert any("·" in name for name in names)
    assert any(has_rare_character(name) for name in names)


def test_rosters_keep_the_law(population: SamplePopulation) -> None:
    assert all(population.rosters[k] for k in ("deceased", "disabled", "minimum_living"))
    poor = population.on_roster("minimum_living")
    assert not poor & population.on_roster("extreme_poverty")
    assert not poor & population.on_roster("fiscal_payroll")
    for rows in population.rosters.values():
        assert all(row.since < TODAY for row in rows)


def test_the_account_form_reads_back_whole(population: SamplePopulation, tmp_path: Path) -> None:
    path = tmp_path / "收集表.xlsx"
    assert write_account_collection(path, population) == 3000
    sheet = read_sheet(path, ACCOUNT_COLLECTION)
    assert sheet.frame["beneficiary_id"].to_list() == [p.id_number for p in population.people]
    assert sheet.frame["account_no"].to_list() == [
        p.account.number if p.account else None for p in population.people
    ]
    assert not sheet.notices
    findings = examine(sheet.frame, on=TODAY, required=("beneficiary_name", "beneficiary_id"))
    assert findings.is_empty()


def test_rosters_read_back_whole(population: SamplePopulation, tmp_path: Path) -> None:
    for kind, rows in population.rosters.items():
        if not rows:
            continue
        path = tmp_path / f"{kind}.xlsx"
        assert write_roster(path, population, kind) == len(rows)
        frame = read_sheet(path, ROSTER).frame
        assert frame["beneficiary_id"].to_list() == [row.id_number for row in rows]
        assert frame["since"].to_list() == [row.since.isoformat() for row in rows]
    with pytest.raises(Refused, match="没有名册"):
        write_roster(tmp_path / "x.xlsx", population, "rich")


def read_back(found: SampleList, path: Path) -> Sheet:
    write_disbursement(path, found, filled_on=TODAY)
    return read_sheet(path, DISBURSEMENT)


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
@pytest.mark.parametrize("code", ["P01", "P10", "P15"])
def test_lists_read_back_with_exactly_the_planted_faults(
    population: SamplePopulation, tmp_path: Path, code: str, suffix: str
) -> None:
    found = disbursement_list(population, code, period=PERIOD, seed=3)
    sheet = read_back(found, tmp_path / f"清册{suffix}")
    assert sheet.frame["row"].to_list() == list(range(4, 4 + len(found.lines)))
    assert sheet.frame["amount_fen"].sum() == found.total.fen
    assert sheet.totals is not None
    assert not sheet.totals.differs
    assert not sheet.notices

    planted = {(e.row, e.rule) for e in found.expected if e.rule in {"DG-1", "ID-1"}}
    reported = examine(sheet.frame, on=TODAY).filter(severity="block")
    assert set(reported.select("row", "rule").rows()) == planted
    assert (
        "样例数据" in (tmp_path / f"清册{suffix}").read_bytes().decode("gb18030", "ignore")
        or suffix == ".xlsx"
    )


@pytest.mark.parametrize("code", list(RECIPES))
def test_planted_faults_are_what_they_say(population: SamplePopulation, code: str) -> None:
    found = disbursement_list(population, code, period=PERIOD, seed=3)
    assert len({e.row for e in found.expected}) == len(found.expected)
    assert found.sound_lines == len(found.lines) - len(found.expected)
    planted = {e.fault: found.lines[e.row - 4] for e in found.expected}
    known = {person.id_number for person in population.people}
    dead = population.on_roster("deceased")
    assert planted[Fault.UNREGISTERED].id_number not in known
    ResidentId.parse(planted[Fault.UNREGISTERED].id_number)
    assert planted[Fault.BAD_CHECK_DIGIT].id_number not in known
    assert found.lines.count(planted[Fault.DUPLICATE]) == 2
    assert Fault.DEAD not in planted or planted[Fault.DEAD].beneficiary.id_number in dead
    wrong = planted[Fault.WRONG_AMOUNT]
    assert wrong.standard is not None
    assert wrong.amount > Money.of_rate(wrong.standard, wrong.quantity or 1, wrong.months or 1)


@pytest.mark.parametrize("code", list(RECIPES))
def test_sound_lines_are_lawful(population: SamplePopulation, code: str) -> None:
    found = disbursement_list(population, code, period=PERIOD, seed=3, faults=())
    assert not found.expected
    programme = found.programme
    needed = [population.on_roster(kind) for kind in programme.required_rosters]
    bad = population.on_roster("deceased").union(
        *(population.on_roster(kind) for kind in programme.confirm_rosters)
    )
    keys = Counter((line.beneficiary.id_number, line.object_key) for line in found.lines)
    assert set(keys.values()) == {1}
    for line in found.lines:
        assert all(line.beneficiary.id_number in roster for roster in needed)
        assert line.beneficiary.id_number not in bad
        assert line.payee.account is not None
        standard = programme.standard_on(PERIOD.last_day, line.grade)
        assert standard is not None
        assert standard.amount_yuan == line.standard
        most = Money.of_rate(standard.amount_yuan, line.quantity or Decimal(1), line.months or 1)
        assert line.amount == most or (programme.formula == "difference" and line.amount < most)
        assert line.amount.fen > 0


def test_a_list_may_be_one_towns_and_short(population: SamplePopulation) -> None:
    town = population.people[0].town_code
    found = disbursement_list(
        population, "P01", period=PERIOD, seed=3, town_code=town, most_lines=20, faults=()
    )
    assert 0 < len(found.lines) <= 20
    assert {line.beneficiary.town_code for line in found.lines} == {town}
    assert found.town_name
    with pytest.raises(Refused, match="P02"):
        disbursement_list(population, "P02", period=PERIOD, seed=3)


def test_an_entitled_roster_carries_quantity_and_object(
    population: SamplePopulation, tmp_path: Path
) -> None:
    found = disbursement_list(population, "P01", period=PERIOD, seed=3, faults=())
    write_entitled(tmp_path / "e.xlsx", found)
    frame = read_sheet(tmp_path / "e.xlsx", ROSTER).frame
    assert frame["quantity"].to_list() == [str(line.quantity) for line in found.lines]
    assert frame["object_key"].to_list() == [line.object_key for line in found.lines]


def test_a_stranger_is_nobody_here(population: SamplePopulation) -> None:
    who = stranger(population, seed=1)
    assert who.id_number not in {person.id_number for person in population.people}
