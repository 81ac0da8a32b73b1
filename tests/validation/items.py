"""The 18 items of the list: for each a line that passes, and one neighbour per configured trait.

Data only; the same people stand in both counties, and each county judges by its own pack.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from tests.validation.cast import OTHER_TOWN, PERIOD
from tests.validation.rows import row
from tests.validation.world import Planter
from yikatong.catalogue.specs import ROSTER_KINDS

LAST_YEAR, SPRING = "2025-09", "2026-03"
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """`passes` goes through; each trait names the rule that must find the line beside it, “提示”
    where the county lets it pass with a word.
    """

    code: str
    passes: tuple[Row, ...]
    traits: tuple[tuple[str, str, Row], ...]


def line(name: str, yuan: str, quantity: str | None = None, **values: Any) -> Row:
    return row(
        name,
        amount_fen=int(Decimal(yuan) * 100),
        quantity=None if quantity is None else Decimal(quantity),
        **values,
    )


def child(yuan: str, name: str = "冉孤", **values: Any) -> Row:
    return line(name, yuan, payee="冉监护", standard=Decimal(1500), **values)


ITEMS: Final = (
    Item(
        "P01",
        (line("钱大爷", "920.00", "12.5", object_key="地1"), line("冉低保", "73.60", "1")),
        (
            ("标准×面积", "AM-1", line("钱大爷", "920.01", "12.5", object_key="地1")),
            ("到户", "RG-1", line("冉散户", "73.60", "1")),
            ("缺面积", "AM-1", line("钱大爷", "920.00", object_key="地1")),
            ("地块每年一次", "DU-2 提示", line("钱大爷", "73.60", "1", object_key="旧地")),
            ("退耕地块不重复", "MX-4", line("钱大爷", "73.60", "1", object_key="班5")),
        ),
    ),
    Item(
        "P02",
        (line("冉农", "3000", object_key="机2"),),
        (
            ("一机一补", "DU-2", line("冉农", "3000", object_key="机1")),
            ("一机两人", "DU-3", line("冉移民", "3000", object_key="机1")),
            ("公职人员", "RO-3", line("冉公职", "3000", object_key="机3")),
        ),
    ),
    Item(
        "P03",
        (line("冉移民", "600"),),
        (
            ("每人每年 600 元", "AM-1", line("冉移民", "601")),
            ("核定名册", "RO-1", line("冉农", "600")),
            ("迁出", "RO-4", line("冉迁出", "600")),
            ("每年一次", "DU-2 提示", line("冉移民旧", "600")),
        ),
    ),
    Item(
        "P04",
        (line("冉农", "130.70", "10", object_key="地1"),),
        (
            ("标准×面积", "AM-1", line("冉农", "130.00", "10", object_key="地1")),
            ("地块两人", "DU-3", line("冉农", "130.70", "10", object_key="种9")),
        ),
    ),
    Item(
        "P05",
        (line("钱大爷", "60", "3", object_key="班1"),),
        (
            ("标准×面积", "AM-1", line("钱大爷", "61", "3", object_key="班1")),
            ("核定面积", "RO-1", line("钱大爷", "80", "4", object_key="班1")),
            ("核定小班", "RO-1", line("钱大爷", "60", "3", object_key="班7")),
            ("不与耕地补贴重复", "MX-4", line("钱大爷", "20", "1", object_key="地5")),
        ),
    ),
    Item(
        "P06",
        (
            line("钱大爷", "1000", "2", object_key="班1", grade="第一期"),
            line("钱大爷", "600", "2", object_key="班2", grade="第2期"),
        ),
        (
            ("二期标准", "AM-1", line("钱大爷", "900", "2", object_key="班1", grade="第二期")),
            ("期次", "AM-1", line("钱大爷", "1000", "2", object_key="班1", grade="第九期")),
            ("缺期次", "AM-1", line("钱大爷", "1000", "2", object_key="班1")),
            ("一期一次", "DU-2", line("钱大爷", "1000", "2", object_key="班2", grade="第一期")),
            ("核定面积", "RO-1", line("钱大爷", "1500", "3", object_key="班1", grade="第一期")),
        ),
    ),
    Item(
        "P07",
        (line("钱大爷", "160", "10", object_key="林1"),),
        (
            ("标准×面积", "AM-1", line("钱大爷", "161", "10", object_key="林1")),
            ("退耕小班待核", "MX-4", line("钱大爷", "160", "10", object_key="班5")),
        ),
    ),
    Item(
        "P08",
        (line("冉六十", "960"),),
        (
            ("满 60 岁", "AG-1", line("冉五九", "960")),
            ("卫健名单", "RO-1", line("冉农", "960")),
            ("与特扶不重复", "MX-1", line("冉特扶", "960")),
            ("标准", "AM-1", line("冉六十", "961")),
        ),
    ),
    Item(
        "P09",
        (line("冉女四九", "5520", grade="伤残"), line("冉男四八", "590", grade="死亡", months=1)),
        (
            ("女满 49 岁", "AG-1", line("冉女四八", "5520", grade="伤残")),
            ("类别标准", "AM-1", line("冉女四九", "5520", grade="死亡")),
            ("卫健名单", "RO-1", line("冉农", "5520", grade="伤残")),
        ),
    ),
    Item(
        "P10",
        (
            line("冉低保", "900", "2", grade="农村"),
            line("冉低保", "1262.00", "2", grade="农村", supplement_fen=10_000),
        ),
        (
            ("不超过标准×人数", "AM-2", line("冉低保", "1162.01", "2", grade="农村")),
            (
                "不超过标准×人数＋分类增发",
                "AM-2",
                line("冉低保", "1262.01", "2", grade="农村", supplement_fen=10_000),
            ),
            ("民政名单", "RO-1", line("钱大爷", "900", "2", grade="农村")),
            ("类别相符", "RO-1", line("冉低保", "900", "2", grade="城市")),
            ("特困不享受", "MX-1", line("冉双保", "500", "1", grade="农村")),
            ("缺人数", "AM-1", line("冉低保", "900", grade="农村")),
        ),
    ),
    Item(
        "P11",
        (line("冉特困", "932"), line("冉特困", "1864", months=2)),
        (
            ("民政名单", "RO-1", line("冉农", "932")),
            ("低保不享受", "MX-1", line("冉双保", "932")),
            ("标准×月数", "AM-1", line("冉特困", "932", months=2)),
            ("未满 16 岁按孤儿", "MX-1", line("冉困童", "932", payee="冉监护")),
            ("服刑", "RO-4", line("冉特困服刑", "932")),
        ),
    ),
    Item(
        "P12",
        (line("冉农", "3000", object_key="案2"), line("冉移民", "3000", object_key="案3")),
        (
            ("同一事由", "DU-2 提示", line("冉农", "3000", object_key="案1")),
            ("同一年度另一个案", "DU-2 提示", line("冉农", "3000", object_key="案2")),
        ),
    ),
    Item(
        "P13",
        (line("冉六十", "200"), line("冉护理", "100")),
        (
            ("满 60 岁", "AG-1", line("冉五九", "200")),
            ("与护理补贴择高", "MX-2", line("冉护理", "200")),
            ("标准", "AM-1", line("冉六十", "210")),
        ),
    ),
    Item(
        "P14",
        (line("冉残四", "100", grade="1级"), line("冉残二", "180", grade="二级", months=2)),
        (
            ("一、二级", "AM-1", line("冉残三", "90", grade="三级")),
            ("残疾人证", "RO-1", line("冉农", "100", grade="一级")),
            ("等级相符", "RO-1", line("冉残二", "100", grade="一级")),
            ("特困不享受", "MX-1", line("冉残特困", "100", grade="一级")),
        ),
    ),
    Item(
        "P15",
        (
            line("冉残一", "90"),  # on 低保, and paid 护理补贴: compatible
            line("冉无养残", "90", payee="冉监护"),  # excluded is the other kind of child
        ),
        (
            ("低保", "RO-1", line("冉残二", "90")),
            ("残疾", "RO-1", line("冉低保", "90")),
            ("孤儿不享受", "MX-1", line("冉残孤", "90", payee="冉监护")),
            ("孤儿名册未写类别", "MX-1", line("冉残童", "90", payee="冉监护")),
            ("孤儿名册写法不同", "MX-1", line("冉残娃", "90", payee="冉监护")),
            ("标准", "AM-1", line("冉残一", "100")),
        ),
    ),
    Item(
        "P16",
        (child("1500", grade="散居孤儿"), child("1410", "冉无养", grade="事实无人抚养儿童")),
        (
            ("未满 18 岁", "AG-1", child("1500", "冉成年", grade="散居孤儿")),
            ("民政名单", "RO-1", child("1500", "冉非孤", grade="散居孤儿")),
            ("监护人代领", "AC-3", line("冉孤", "1500", payee="冉农", standard=Decimal(1500),
                                  grade="散居孤儿")),
            ("补差", "MX-3", child("1500", "冉无养", grade="事实无人抚养儿童")),
        ),
    ),
    Item(
        "P17",
        (
            line("钱大爷", "15000", "3", grade="重建", object_key="房1"),
            line("冉低保", "20000", "5", grade="重建", object_key="房2"),
            line("冉残户", "300", "15", grade="旱灾"),
        ),
        (
            ("每间 5000 元", "AM-1", line("钱大爷", "16000", "3", grade="重建", object_key="房1")),
            ("每户上限", "AM-2", line("钱大爷", "25000", "5", grade="重建", object_key="房1")),
            ("一房一次", "DU-2", line("钱大爷", "5000", "1", grade="重建", object_key="房8")),
            ("危房改造", "MX-4", line("钱大爷", "5000", "1", grade="重建", object_key="房9")),
        ),
    ),
    Item(
        "P18",
        (line("钱大爷", "30000", object_key="房1", grade="D级"),),
        (
            ("一房一次", "DU-2", line("钱大爷", "30000", object_key="房9", grade="D级")),
            ("鉴定等级", "AM-1", line("钱大爷", "30000", object_key="房1", grade="E级")),
            ("唯一住房", "RO-3", line("冉多房", "30000", object_key="房1", grade="D级")),
            ("不与灾害重建重复", "MX-4", line("钱大爷", "30000", object_key="房8", grade="D级")),
        ),
    ),
)  # fmt: skip


def plant_people(planter: Planter) -> None:
    """People and rosters of one county, and what was paid before; the list itself is its pack's."""
    people, homes = _people(planter)
    for kind in ROSTER_KINDS:
        if kind not in {"retired", "idle_land"}:
            planter.roster(kind, *_NAMED.get(kind, ()), **_GRADES.get(kind, {}))
    for kind, names, grade in _GRADED:
        planter.listed(_newest(planter, kind), kind, *names, grade=grade)
    for code, names in _ENTITLED.items():
        planter.roster(f"entitled:{code}", *names)
    for code, key, quantity in (
        ("P05", "班1", 3),
        ("P05", "地5", 3),
        ("P06", "班1", 2),
        ("P06", "班2", 2),
    ):
        kind = f"entitled:{code}"
        planter.listed(
            _newest(planter, kind), kind, "钱大爷", object_key=key, quantity=Decimal(quantity)
        )
    _paid(planter, people, homes)


_NAMED: Final = {
    "fiscal_payroll": ("冉公职",),
    "moved_away": ("冉迁出",),
    "several_homes": ("冉多房",),
    "imprisoned": ("冉特困服刑",),
    "extreme_poverty": ("冉特困", "冉双保", "冉困童", "冉残特困", "冉特困服刑"),
}
_GRADES: Final[dict[str, dict[str, Any]]] = {}
_DISABLED_CHILDREN: Final = ("冉残孤", "冉无养残", "冉残童", "冉残娃")
_GRADED: Final = (
    ("minimum_living", ("冉低保", "冉双保", "冉残一", *_DISABLED_CHILDREN), "农村"),
    ("disabled", ("冉残一", "冉残四", "冉残特困", *_DISABLED_CHILDREN), "一级"),
    ("disabled", ("冉残二",), "二级"),
    ("disabled", ("冉残三",), "三级"),
    ("orphan", ("冉孤", "冉困童", "冉残孤", "冉成年"), "散居孤儿"),
    ("orphan", ("冉无养", "冉无养残"), "事实无人抚养儿童"),
    ("orphan", ("冉残童",), ""),
    ("orphan", ("冉残娃",), "孤儿"),
)
_ENTITLED: Final = {
    "P03": ("冉移民", "冉迁出", "冉移民旧"),
    "P05": (),
    "P06": (),
    "P08": ("冉六十", "冉五九", "冉特扶"),
    "P09": ("冉女四九", "冉女四八", "冉男四八"),
}
_CHILDREN: Final = ("冉孤", "冉困童", "冉无养", "冉非孤", "冉成年", *_DISABLED_CHILDREN)


def _people(planter: Planter) -> tuple[dict[str, int], dict[str, int]]:
    homes: dict[str, int] = {}
    people: dict[str, int] = {}
    for number, head in enumerate(
        ("钱大爷", "冉低保", "冉双保", "冉残户", "冉外户", "冉多房"), start=1
    ):
        homes[head], people[head] = planter.household(f"H{number}", head)
    ages = {"冉六十": date(1966, 9, 30), "冉五九": date(1966, 10, 1), "冉特扶": date(1950, 1, 1)}
    women = {"冉女四九": date(1977, 9, 30), "冉女四八": date(1977, 10, 1)}
    for name, born in (ages | women).items():
        people[name] = planter.person(name, born=born)
    people["冉男四八"] = planter.person("冉男四八", born=date(1978, 1, 1), is_male=True)
    plain = (
        "冉散户",
        "冉农",
        "冉移民",
        "冉移民旧",
        "冉迁出",
        "冉公职",
        "冉特困",
        "冉特困服刑",
        "冉护理",
    )
    for name in (*plain, "冉残四", "冉残一", "冉残二", "冉残三", "冉残特困", "冉监护"):
        people[name] = planter.person(name)
    for name in _CHILDREN:
        born = date(2008, 9, 30) if name == "冉成年" else date(2015, 1, 1)
        people[name] = planter.person(name, born=born)
        planter.guardian(people[name], people["冉监护"])
    return people, homes


def _newest(planter: Planter, kind: str) -> int:
    query = "SELECT max(id) FROM registry_rosterload WHERE county = %s AND kind = %s"
    found = planter.connection.execute(query, [planter.here, kind]).fetchone()
    assert found is not None
    return int(found[0])


def _paid(planter: Planter, people: dict[str, int], homes: dict[str, int]) -> None:
    facts: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("P01", "钱大爷", SPRING, {"object_key": "旧地"}),
        ("P01", "钱大爷", SPRING, {"object_key": "地5"}),
        ("P02", "冉农", LAST_YEAR, {"object_key": "机1"}),
        ("P03", "冉移民旧", SPRING, {}),
        ("P04", "冉散户", SPRING, {"object_key": "种9"}),
        ("P05", "冉外户", SPRING, {"object_key": "班5"}),
        (
            "P06",
            "钱大爷",
            LAST_YEAR,
            {"object_key": "班2", "grade": "第一期", "amount_fen": 60_000},
        ),
        ("P09", "冉特扶", SPRING, {}),
        ("P12", "冉农", SPRING, {"object_key": "案1", "amount_fen": 300_000}),
        ("P14", "冉护理", PERIOD, {"grade": "一级", "amount_fen": 10_000}),
        ("P14", "冉残一", PERIOD, {"grade": "一级", "amount_fen": 10_000}),
        ("P15", "冉无养", PERIOD, {"amount_fen": 9_000}),
        ("P17", "钱大爷", LAST_YEAR, {"object_key": "房8", "amount_fen": 500_000}),
        ("P18", "钱大爷", LAST_YEAR, {"object_key": "房9", "amount_fen": 3_000_000}),
    )
    for code, name, period, values in facts:
        query = "SELECT id, payee_kind FROM catalogue_programme WHERE county = %s AND code = %s"
        found = planter.connection.execute(query, [planter.here, code]).fetchone()
        assert found is not None
        number = f"{planter.here}-{code}-{name}-{period}-{values.get('object_key', '')}"
        batch = planter.batch(number[:40], found[0], unit_no=OTHER_TOWN, period=period)
        typed = planter.line(batch, code, name, unit_no=OTHER_TOWN, period=period, **values)
        kept = {key: values[key] for key in ("object_key", "amount_fen") if key in values}
        if found[1] == "household":
            kept["obligee"] = homes[name]
        planter.payment(batch, typed, people[name], code, unit_no=OTHER_TOWN, period=period, **kept)
