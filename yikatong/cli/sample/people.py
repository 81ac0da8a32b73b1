"""Makes a county of people who do not exist: households, cards, and who is on which roster."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from yikatong.catalogue.specs import BankSpec, CardPrefix, CountyPack, TownSpec, VillageSpec
from yikatong.cli.sample.rosters import RosterRow, enrol
from yikatong.cli.sample.words import BOTH, DOTTED, FEMALE, MALE, RARE_GIVEN, SURNAMES
from yikatong.kernel.card import CardKind, luhn_digit
from yikatong.kernel.resident_id import check_character

FIRST_SEQUENCE: Final = 900
SEQUENCES_OF_A_SEX: Final = 50
PHONE_SEGMENT: Final = "154"
ADULT: Final = 18
OLDEST: Final = 95
CARD_LENGTHS: Final = (16, 19)
PREFIX_LENGTH: Final = 6
OLDEST_WITH_PARENT: Final = 62
PASSBOOK_LENGTH: Final = 17
DAYS_OF_A_YEAR: Final = 365.2425
# 5102xx were 重庆's own codes in 四川, abolished in 1997: their holders keep them
OLD_REGIONS: Final = "5102"
BORN_UNDER_OLD_REGION: Final = date(1984, 1, 1)
RATES: Final = {
    "head_is_male": 0.78,
    "married": 0.72,
    "boy": 0.52,
    "parent": 0.2,
    "father": 0.4,
    "dotted_name": 0.004,
    "rare_name": 0.005,
    "two_given": 0.78,
    "old_region": 0.3,
    "passbook": 0.05,
    "social_card": 0.3,
}
# 渝东南: most cards are those of the rural bank, then 农行 and 邮储
BANK_WEIGHTS: Final = {"CRC": 40, "ABC": 22, "PSB": 16, "ICB": 6, "CCB": 6, "BOC": 4, "CQB": 4,
                       "TGB": 2}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SampleAccount:
    """One card, passbook or 社保卡 in the person's own name."""

    bank_no: int
    bank_name: str
    number: str
    kind: CardKind


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """A made-up resident. `guardian_*` are '' for adults; `account` is None for children."""

    name: str
    id_number: str
    is_male: bool
    born_on: date
    age: int
    household_no: str
    relation: str
    head_name: str
    head_id: str
    town_code: str
    town_name: str
    village_code: str
    village_name: str
    group: int
    phone: str
    account: SampleAccount | None
    guardian_name: str = ""
    guardian_id: str = ""


@dataclass(frozen=True, slots=True)
class SamplePopulation:
    """People household by household, each head first; rosters by their kind."""

    pack: CountyPack
    today: date
    people: tuple[SamplePerson, ...]
    rosters: Mapping[str, tuple[RosterRow, ...]]

    def households(self) -> Iterator[tuple[SamplePerson, ...]]:
        """Each household, its head first."""
        members: list[SamplePerson] = []
        for person in self.people:
            if members and person.household_no != members[0].household_no:
                yield tuple(members)
                members = []
            members.append(person)
        if members:
            yield tuple(members)

    def on_roster(self, kind: str) -> frozenset[str]:
        """The id numbers on a roster."""
        return frozenset(row.id_number for row in self.rosters.get(kind, ()))


def generate(
    pack: CountyPack,
    towns: Sequence[TownSpec],
    *,
    people: int,
    seed: int,
    today: date,
    prefixes: Sequence[CardPrefix] = (),
) -> SamplePopulation:
    """The same seed and day give the same people.

    Args:
        towns: `catalogue.pack.load_towns`; people live in all of them, more in the first.
        people: how many; the last household is cut short if need be.
        prefixes: `catalogue.pack.load_card_prefixes`; without them only the pack's own are used.
    """
    chance = random.Random(f"{seed}:{pack.code}")  # noqa: S311  repeatable people, not a secret
    maker = _Maker(pack, towns, chance, today, _card_prefixes(pack, prefixes))
    made: list[SamplePerson] = []
    while len(made) < people:
        made.extend(maker.household()[: people - len(made)])
    return SamplePopulation(pack, today, tuple(made), enrol(made, chance=chance, today=today))


def stranger(population: SamplePopulation, *, seed: int) -> SamplePerson:
    """A person of this county's look, with a sound id, who is not registered in it."""
    chance = random.Random(f"stranger:{seed}")  # noqa: S311  repeatable people, not a secret
    near = population.people[0]
    village = VillageSpec(near.village_code, near.village_name)
    towns = (TownSpec(near.town_code, near.town_name, (village,)),)
    maker = _Maker(population.pack, towns, chance, population.today, {})
    known = {person.id_number for person in population.people}
    while True:
        person = maker.household()[0]
        if person.id_number not in known:
            return person


@dataclass(slots=True)
class _Maker:
    pack: CountyPack
    towns: Sequence[TownSpec]
    chance: random.Random
    today: date
    prefixes: Mapping[str, Sequence[tuple[str, int]]]
    _sequence: dict[tuple[str, date, bool], int] = field(default_factory=dict)
    _households: int = 0
    _accounts: int = 0
    _banks: list[BankSpec] = field(default_factory=list)
    _places: list[tuple[TownSpec, VillageSpec]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._places = [(town, village) for town in self.towns for village in town.villages]
        for bank in self.pack.banks:
            if self.prefixes.get(bank.bank_no3):
                self._banks += [bank] * BANK_WEIGHTS.get(bank.bank_no3, 1)

    def household(self) -> list[SamplePerson]:
        """1 to 6 people: a head, perhaps a spouse, children, a parent."""
        chance = self.chance
        self._households += 1
        town, village = chance.choice(self._places)
        head_age = min(OLDEST, max(22, int(chance.gauss(52, 15))))
        is_male = self._is("head_is_male")
        surname = chance.choice(SURNAMES)
        head = self._person("本人", head_age, is_male=is_male, surname=surname)
        members = [head]
        if self._is("married"):
            age = min(OLDEST, max(21, head_age + chance.randint(-5, 4)))
            word = "妻子" if is_male else "丈夫"
            members.append(self._person(word, age, is_male=not is_male, surname=""))
            for _ in range(chance.choices((0, 1, 2, 3), (18, 42, 32, 8))[0]):
                boy = self._is("boy")
                age = head_age - chance.randint(21, 36)
                if age >= 0:
                    word = "儿子" if boy else "女儿"
                    members.append(self._person(word, age, is_male=boy, surname=surname))
        if head_age < OLDEST_WITH_PARENT and self._is("parent"):
            word = "父亲" if self._is("father") else "母亲"
            age = min(OLDEST, head_age + chance.randint(20, 32))
            given = surname if word == "父亲" else ""
            members.append(self._person(word, age, is_male=word == "父亲", surname=given))
        group = chance.randint(1, 9)
        number = f"{village.code}{self._households:06d}"
        return [
            replace(
                person,
                household_no=number,
                head_name=head.name,
                head_id=head.id_number,
                town_code=town.code,
                town_name=town.name,
                village_code=village.code,
                village_name=village.name,
                group=group,
                guardian_name=head.name if person.age < ADULT else "",
                guardian_id=head.id_number if person.age < ADULT else "",
            )
            for person in members
        ]

    def _person(self, relation: str, age: int, *, is_male: bool, surname: str) -> SamplePerson:
        chance = self.chance
        born = self.today - timedelta(
            days=int((age + 0.02 + 0.96 * chance.random()) * DAYS_OF_A_YEAR)
        )
        number, born = self._id(born, is_male=is_male)
        years = (
            self.today.year
            - born.year
            - ((self.today.month, self.today.day) < (born.month, born.day))
        )
        return SamplePerson(
            name=self._name(surname or chance.choice(SURNAMES), is_male=is_male),
            id_number=number,
            is_male=is_male,
            born_on=born,
            age=years,
            household_no="",
            relation=relation,
            head_name="",
            head_id="",
            town_code="",
            town_name="",
            village_code="",
            village_name="",
            group=1,
            phone=f"{PHONE_SEGMENT}{chance.randrange(10**8):08d}",
            account=self._account() if years >= ADULT and self._banks else None,
        )

    def _name(self, surname: str, *, is_male: bool) -> str:
        chance = self.chance
        if self._is("dotted_name"):
            return chance.choice(DOTTED)
        last = chance.choice(MALE if is_male else FEMALE)
        if self._is("rare_name"):
            return surname + chance.choice(RARE_GIVEN)
        return surname + (chance.choice(BOTH) if self._is("two_given") else "") + last

    def _id(self, born: date, *, is_male: bool) -> tuple[str, date]:
        """The next free number of that day and sex; a full day passes on to the day before."""
        old = born < BORN_UNDER_OLD_REGION and self._is("old_region")
        region = OLD_REGIONS + self.pack.code[-2:] if old else self.pack.code
        while True:
            place = self._sequence.get((region, born, is_male), 0)
            if place < SEQUENCES_OF_A_SEX:
                break
            born -= timedelta(days=1)
        self._sequence[region, born, is_male] = place + 1
        sequence = FIRST_SEQUENCE + 2 * place + is_male
        body = f"{region}{born:%Y%m%d}{sequence}"
        return body + check_character(body), born

    def _account(self) -> SampleAccount:
        """Numbers count up within county and bank, so that no two counties share one."""
        bank = self.chance.choice(self._banks)
        self._accounts += 1
        district = self.pack.code[-3:]
        if self._is("passbook"):
            number = f"{district}{bank.no}{self._accounts:0{PASSBOOK_LENGTH - 4}d}"
            return SampleAccount(bank.no, bank.name, number, CardKind.PASSBOOK)
        prefix, length = self.chance.choice(self.prefixes[bank.bank_no3])
        head = prefix + district
        body = head + f"{self._accounts:0{length - 1 - len(head)}d}"
        kind = CardKind.SSC if self._is("social_card") else CardKind.CARD
        return SampleAccount(bank.no, bank.name, body + luhn_digit(body), kind)

    def _is(self, what: str) -> bool:
        return self.chance.random() < RATES[what]


def _card_prefixes(
    pack: CountyPack, known: Sequence[CardPrefix]
) -> dict[str, list[tuple[str, int]]]:
    """Six-digit debit prefixes with their card lengths, by the bank's three letters."""
    found = {}
    for bank in pack.banks:
        listed = [
            (prefix.prefix, prefix.length)
            for prefix in known
            if prefix.bank_code in bank.prefix_codes
            and prefix.kind == "DC"
            and prefix.length in CARD_LENGTHS
            and prefix.prefix.startswith("62")
            and len(prefix.prefix) == PREFIX_LENGTH
        ]
        own = [(prefix, max(CARD_LENGTHS)) for prefix in bank.extra_prefixes]
        found[bank.bank_no3] = [*own, *listed]
    return found
