"""真值表: for each rule file rows that break it, and neighbours that do not. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from tests.validation.cast import TOWN, index_of
from tests.validation.rows import row
from yikatong.kernel.actor import ALL_UNITS
from yikatong.validation.rules import BLOCK, CONFIRM, INFO, Bands

Row = tuple[Any, ...]
EVERYONE: Final = Bands(*ALL_UNITS)
SANGZHE: Final = Bands(TOWN, TOWN + 999)
GRADED: Final = {"grades": ["一级", "二级"]}
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
    severity: str = BLOCK
    beside: frozenset[str] = field(default=frozenset())
    neighbour_programme: str = ""
    first_only: bool = False  # of the first sheet only its first row is at fault
    facts: Mapping[str, Any] = field(default_factory=dict)  # settings other than the county's
    bands: Bands = EVERYONE  # whose list it is


def sheet(rows: Row | list[Row]) -> tuple[Row, ...]:
    listed = rows if isinstance(rows, list) else [rows]
    return tuple((number, *one[1:]) for number, one in enumerate(listed, start=2))


def case(
    code: str, programme: str, hit: Row | list[Row], neighbour: Row | list[Row], **values: Any
) -> Case:
    return Case(code, programme, sheet(hit), sheet(neighbour), **values)


def ask(code: str, programme: str, hit: Any, neighbour: Any, **values: Any) -> Case:
    return case(code, programme, hit, neighbour, severity=CONFIRM, **values)


def area(name: str, quantity: int, **values: Any) -> Row:
    """A row of so many 亩 at 100 元."""
    return row(name, quantity=Decimal(quantity), **{"amount_fen": quantity * 10_000, **values})


PEOPLE: Final = (
    case("RG-1", "P01", row("未登记"), row("钱大娘")),
    case("RG-1", "P01", row("冉孩", payee="未登记"), row("冉孩", payee="冉父")),
    case("RG-1", "P02", row("钱大娘", **LAND), row("钱大爷", **LAND)),  # no household on record
    case(  # nor is one lent to them by the head that the sheet names
        "RG-1",
        "P02",
        row("钱大娘", payee="钱大爷", head_index=index_of("钱大爷"), **LAND),
        row("钱大爷", **LAND),
    ),
    case("RG-2", "P01", row("冉外镇"), row("钱大娘"), severity=INFO, bands=SANGZHE),
    case("NM-1", "P01", row("钱大娘", name_typed="钱大妈"), row("钱大娘", name_typed="钱　大 娘")),
    case("NM-1", "P01", row("冉孩", payee="冉父", payee_name="冉爸"), row("冉孩", payee="冉父")),
    # the bank has not said yet whose account it is
    case("NM-1", "P01", row("冉户名"), row("钱大娘"), beside=frozenset({"AC-1"})),
    ask("NM-1", "P01", row("冉生僻"), row("钱大娘")),  # it has: only its writing differs
    case("AC-0", "P01", row("冉无卡"), row("钱大娘")),
    case(
        "AC-0",
        "P01",
        row("钱大娘", account_index=index_of("card 别人"), account_last4="1111"),
        row("钱大娘", account_index=index_of("card 钱大娘"), account_last4="8888"),
    ),
    case("AC-1", "P01", row("冉不符"), row("钱大娘")),
    ask("AC-1", "P01", row("冉未核"), row("钱大娘")),
    ask("AC-1", "P01", row("冉无应答"), row("钱大娘")),
    case("AC-2", "P01", row("冉共一"), row("冉同一")),
    case("AC-2", "P01", row("冉共二"), row("冉孩")),  # the ward's card is the guardian's
    case("AC-3", "P01", row("冉孩", payee="冉外"), row("冉孩", payee="冉父")),
    case(
        "AC-3",
        "P02",
        row("钱大爷", payee="钱小妹", **LAND),
        row("钱小妹", payee="钱大爷", **LAND),  # 到户: the head receives
    ),
    # the head of another household, called 户主 by the sheet, or by the door where it names none
    case(
        "AC-3",
        "P02",
        row("钱户二", payee="钱大爷", head_index=index_of("钱大爷"), **LAND),
        row("钱户二", payee="钱户一", head_index=index_of("钱大爷"), **LAND),
    ),
    # a member is paid only with a reason, and so is one of a household without a head on record
    ask("AC-3", "P02", row("钱小妹", **LAND), row("钱大爷", **LAND)),
    ask("AC-3", "P02", row("冉同一", **LAND), row("钱大爷", **LAND)),
    ask("AC-4", "P01", row("冉换卡"), row("冉旧换")),
    case("AG-1", "P04", row("冉男五五"), row("冉女五五")),
    case("AG-1", "P13", row("冉男五五"), row("冉孩")),
)

AMOUNTS: Final = (
    case("AM-1", "P01", row("钱大娘", amount_fen=10_001), row("钱大娘", amount_fen=10_000)),
    case("AM-1", "P02", row("钱大爷", **{**LAND, "amount_fen": 29_871}), row("钱大爷", **LAND)),
    case("AM-1", "P02", row("钱大爷", amount_fen=29_870), row("钱大爷", **LAND)),
    case("AM-1", "P33", row("冉残", grade="三级"), row("冉残", grade="2级")),
    case("AM-1", "P34", area("钱大娘", 2, amount_fen=20_001), area("钱大娘", 2)),
    case("AM-1", "P34", area("钱大娘", 4, amount_fen=29_999), area("钱大娘", 4, amount_fen=30_000)),
    case("AM-1", "P11", row("钱大娘", standard=Decimal(100)), row("钱大娘"),
         severity=INFO, neighbour_programme="P01"),
    case("AM-1", "P11", row("钱大娘", standard=Decimal(100)), row("钱大娘", amount_fen=12_345),
         severity=INFO, neighbour_programme="P12"),
    ask(  # a fen on each of two lines: each is within its own tolerance, the total is not
        "AM-6",
        "P01",
        [row("钱大娘", amount_fen=10_001), row("冉残", amount_fen=10_001)],
        [row("钱大娘"), row("冉残")],
        facts={"tolerance_fen": 1, "total_tolerance_per_line": 5},
    ),
    case("AM-2", "P03", area("钱大娘", 3, amount_fen=30_001), area("钱大娘", 3)),
    case("AM-2", "P34", area("钱大娘", 4), area("钱大娘", 3), beside=frozenset({"AM-1"})),
    # a grade that the item does not know: what follows from it is not told beside it …
    case("AM-1", "P03", area("钱大娘", 3, amount_fen=30_001, grade="九级"), area("钱大娘", 3),
         facts=GRADED),
    case("AM-1", "P21", row("冉低保", amount_fen=20_000, grade="九级"),
         row("冉低保", amount_fen=11_000), facts=GRADED),
    case("AM-1", "P21", row("冉低保", amount_fen=20_000, grade="九级"),
         row("冉低保", amount_fen=11_000), facts=GRADED | {"formula": "difference"}),
    case("AM-1", "P23", row("冉低保", amount_fen=150_000, grade="九级"),
         row("冉低保", amount_fen=141_000), facts=GRADED),
    case("AM-1", "P23", row("冉低保", amount_fen=150_000, grade="九级"),
         row("冉低保", amount_fen=141_000), facts=GRADED | {"formula": "difference"}),
    # … and what does not is
    case("AM-2", "P34", area("钱大娘", 4, grade="九级"), area("钱大娘", 3), facts=GRADED,
         beside=frozenset({"AM-1"})),
    ask("MX-2", "P21", row("冉有地二", amount_fen=20_000, grade="九级"),
        row("钱大娘", amount_fen=20_000), facts=GRADED, beside=frozenset({"AM-1"})),
    ask("AM-4", "P20", area("冉上期", 2), area("冉上期", 1)),
    ask("AM-4", "P20", area("冉上期", 2), area("钱大娘", 2)),  # nothing to compare with
    ask(
        "AM-4",
        "P20",
        [area("冉邻1", 40), *(area(f"冉邻{n}", 1) for n in (2, 3, 4))],
        [area("冉邻1", 4), *(area(f"冉邻{n}", 1) for n in (2, 3, 4))],
        first_only=True,
    ),
    ask(  # too few lines in the village to compare
        "AM-4",
        "P20",
        [area("冉邻1", 40), *(area(f"冉邻{n}", 1) for n in (2, 3, 4))],
        [area("冉邻1", 40), *(area(f"冉邻{n}", 1) for n in (2, 3))],
        first_only=True,
    ),
)  # fmt: skip

TWICE: Final = (
    case(
        "DU-1",
        "P01",
        [row("钱大娘"), row("钱大娘")],
        [row("钱大娘", object_key="机1"), row("钱大娘", object_key="机2")],
    ),
    case("DU-2", "P01", row("冉已领"), row("冉已领", object_key="机2")),
    case("DU-2", "P01", row("冉已领"), row("钱大娘")),
    case("DU-2", "P28", row("冉机", object_key="机1"), row("冉机", object_key="机2")),
    case(
        "DU-2",
        "P29",
        row("冉旧领", object_key="班1", grade="第一期"),
        row("冉旧领", object_key="班1", grade="第二期"),
    ),
    ask("DU-2", "P30", row("冉旧领"), row("冉上期")),  # this year; last year is no matter
    # another case of the same person, in this year
    ask("DU-2", "P58", row("冉旧领", object_key="案2"), row("冉上期", object_key="案2")),
    ask("DU-2", "P58", row("冉旧领", object_key="案1"), row("冉机", object_key="案3")),
    case("DU-2", "P30", row("冉旧领"), row("冉上期"), severity=INFO,
         facts={"yearly_repeat_asks": 0}),
    case(
        "DU-3",
        "P01",
        [row("钱大娘", object_key="地1"), row("冉残", object_key="地1")],
        [row("钱大娘", object_key="地1"), row("冉残", object_key="地2")],
    ),
    case("DU-3", "P01", row("钱大娘", object_key="地9"), row("钱大娘", object_key="地8")),
    case("DU-3", "P28", row("钱大娘", object_key="机1"), row("钱大娘", object_key="机2")),
    case("DU-3", "P27", row("钱大娘", object_key="班2"), row("钱大娘", object_key="班3")),
)  # fmt: skip

RELATIONS: Final = (
    case("MX-1", "P07", row("冉特困"), row("钱大娘")),
    case("MX-1", "P07", row("冉低保"), row("冉已领")),
    case("MX-1", "P07", row("冉低保"), row("冉旧领")),  # the other one was last month's
    case("MX-1", "P10", row("冉孩"), row("冉特困")),  # under 16 only
    case("MX-1", "P37", row("钱户二", amount_fen=5_000), row("钱大娘", amount_fen=5_000)),
    case("MX-1", "P07", row("冉低保"), row("冉低保"), neighbour_programme="P38"),  # compatible
    case("MX-1", "P07", row("冉低保"), row("冉低保"), neighbour_programme="P39"),  # not in force
    ask("MX-1", "P40", row("冉特困", grade="甲类"), row("冉特困", grade="乙类")),
    case(  # 110 元 of 200 are due where 90 were taken
        "MX-2",
        "P21",
        row("冉低保", amount_fen=20_000),
        row("冉低保", amount_fen=11_000),
    ),
    case("MX-2", "P21", row("冉机", amount_fen=20_000), row("钱大娘", amount_fen=20_000)),
    case("MX-2", "P21", row("冉低保", amount_fen=10_999), row("冉低保", amount_fen=11_000)),
    ask("MX-2", "P21", row("冉有地二", amount_fen=20_000), row("钱大娘", amount_fen=20_000)),
    case("MX-3", "P23", row("冉低保", amount_fen=150_000), row("冉低保", amount_fen=141_000)),
    ask("MX-3", "P23", row("冉有地二", amount_fen=100_000), row("钱大娘", amount_fen=150_000)),
    case("MX-4", "P25", row("钱大爷", object_key="班1"), row("钱大爷", object_key="班3")),
    ask("MX-4", "P25", row("钱大爷", object_key="班2"), row("钱大爷", object_key="班9")),
)  # fmt: skip

ROSTERS: Final = (
    case("RO-1", "P05", row("钱大娘"), row("冉残")),
    case("RO-1", "P31", area("冉有地", 4, object_key="地1"), area("冉有地", 3, object_key="地1")),
    case("RO-1", "P31", area("冉有地", 1, object_key="地3"), area("冉有地", 5, object_key="地2")),
    case(
        "RO-1",
        "P31",
        [area("冉有地二", 3, object_key="甲"), area("冉有地二", 2, object_key="乙")],
        [area("冉有地二", 2, object_key="甲"), area("冉有地二", 2, object_key="乙")],
    ),
    ask("RO-1", "P33", row("冉残", grade="一级"), row("冉残", grade="二级")),
    ask("RO-1", "P33", row("冉名册", grade="1级"), row("冉名册", grade="二级")),
    case("RO-2", "P01", row("冉故"), row("冉新故")),
    case("RO-2", "P01", row("冉失踪"), row("钱大娘")),
    case("RO-2", "P01", row("冉孤", payee="冉亡父"), row("冉孩", payee="冉父")),
    ask("RO-3", "P06", row("冉干部"), row("钱大娘")),
    ask("RO-3", "P06", row("钱家属"), row("钱小妹")),  # kin of a cadre
    ask("RO-4", "P32", row("冉服刑"), row("钱大娘")),
    ask("RO-4", "P32", row("冉外省"), row("钱大娘")),
    ask("SY-1", "P08", row("钱大娘"), row("冉残"), neighbour_programme="P05"),
    ask("SY-1", "P09", row("钱大娘"), row("钱大娘"), neighbour_programme="P06"),
    case("SY-1", "P36", row("钱大娘"), row("钱大娘"), severity=INFO, neighbour_programme="P07"),
)

CASES: Final = (*PEOPLE, *AMOUNTS, *TWICE, *RELATIONS, *ROSTERS)
