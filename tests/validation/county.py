"""The small county that the truth tables are about: items, people, rosters, earlier payments.

Codes from P20 on carry one trait each; a person is named after the one thing that is theirs.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg.types.range import Range

from tests.validation.cast import HERE, LONG_AGO, OTHER_TOWN, PERIOD, index_of
from tests.validation.world import Planter
from yikatong.catalogue.models import BenefitStandard
from yikatong.payout.models import BankShare

LAST_MONTH, SPRING, LAST_YEAR = "2026-08", "2026-03", "2025-09"


def plant(planter: Planter) -> None:
    with planter.county(HERE):
        planter.offices()
        _programmes(planter)
        _traits(planter)
        _relations(planter)
        people = _people(planter)
        _rosters(planter)
        _paid(planter, people)
        _reissued(planter, people)


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
    planter.requires("P05", "disabled", "block")
    planter.requires("P06", "village_cadre", "confirm")
    planter.requires("P08", "orphan", "block")  # never loaded
    planter.requires("P09", "fiscal_payroll", "confirm", days=30)  # loaded long ago


def _traits(planter: Planter) -> None:
    area = {"required_columns": ["quantity"]}
    planter.programme("P20", frequency="monthly", **area)
    planter.programme("P21", standard="200")
    planter.programme("P22", standard="100", benefit_roster="minimum_living")
    planter.programme("P23", standard="1500")
    planter.programme("P24", formula="difference", benefit_roster="registered_poor", **area)
    planter.programme("P25", frequency="yearly", object_kind="plot", payee_kind="household")
    planter.programme("P26", frequency="yearly", object_kind="plot", payee_kind="household")
    planter.programme("P27", frequency="yearly", object_kind="plot")
    planter.programme("P28", frequency="on_application", object_kind="machine")
    planter.programme(
        "P29",
        standard=None,
        frequency="instalment",
        object_kind="plot",
        grades=["第一期", "第二期"],
    )
    for grade in ("第一期", "第二期"):
        planter.put(
            BenefitStandard,
            programme_code="P29",
            grade=grade,
            rate=Decimal(100),
            valid=Range(LONG_AGO, None, "[)"),
        )
    planter.programme("P30", frequency="yearly")
    planter.programme("P31", object_kind="plot", **area)
    planter.requires("P31", "entitled:P31", "block")
    planter.programme("P32")
    planter.requires("P32", "imprisoned", "confirm")
    planter.requires("P32", "claimed_elsewhere", "optional")
    planter.programme("P59")
    planter.requires("P59", "moved_away", "optional")  # never loaded
    planter.programme("P33", grades=["一级", "二级"])
    planter.requires("P33", "disabled", "block")
    planter.programme("P34", cap_fen=30_000, formula_text="补贴金额=补贴标准×数量", **area)
    planter.programme("P57", formula_text="补贴金额＝（补贴标准＋增发金额）×数量", **area)
    planter.programme("P58", standard=None, formula="case", object_kind="case")
    planter.programme("P35", benefit_roster="retired")  # never loaded
    planter.programme("P36")
    planter.programme("P37", standard="50")
    planter.programme("P38")
    planter.programme("P39")
    planter.programme("P40")


def _relations(planter: Planter) -> None:
    planter.relation("P07", "P08")
    planter.relation("P08", "P10", under_age=16)
    planter.relation("P21", "P22", kind="HIGHER", legal_basis="国发〔2015〕52号")
    planter.relation("P21", "P24", kind="HIGHER", legal_basis="国发〔2015〕52号")
    for other in ("P22", "P24"):
        planter.relation("P23", other, kind="TOPUP", legal_basis="民发〔2019〕62号")
    planter.relation("P25", "P26", kind="SAME_ASSET", scope="plot")
    planter.relation("P25", "P27", kind="SAME_ASSET", scope="plot", severity="confirm")
    planter.relation("P36", "P35")
    planter.relation("P40", "P08", severity="confirm", grade_a="甲类")
    planter.relation("P37", "P36", scope="household")
    planter.relation("P38", "P22", kind="DENY")
    planter.relation("P38", "P22", kind="COMPATIBLE", severity="")  # a pair said to fit is silent
    planter.relation("P39", "P08", since=date(2026, 10, 1))  # not yet in force
    planter.relation("P39", "P22", until=date(2026, 8, 31))  # no more
    planter.relation("P39", "P10", keep="P39")  # the other one gives way


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
    planter.person("冉户名", account_name="冉户主", outcome="")
    planter.person("冉生僻", account_name="冉(生僻)")
    planter.person("冉无卡", account=None)
    planter.person("冉男五五", born=fifty_five, is_male=True)
    planter.person("冉女五五", born=fifty_five)
    ward = planter.person("冉孩", born=date(2015, 1, 1), account="of the father")
    # registered today, as those of the collection form are, for a period that may be over
    father = planter.person("冉父", account="of the father")
    planter.guardian(ward, father, since=datetime.now(tz=UTC).date())
    plain = ("钱大娘", "冉外", "冉残", "冉干部", "冉故", "冉新故", "冉特困", "冉低保", "冉已领")
    traits = (
        "冉服刑",
        "冉外省",
        "冉失踪",
        "冉上期",
        "冉有地",
        "冉有地二",
        "冉旧领",
        "冉机",
        "冉名册",
        "冉双项",
        "冉两领",
        "冉择高",
        "冉已高",
    )
    people = {name: planter.person(name) for name in (*plain, *traits, "冉失败")}
    people["冉换卡"] = planter.person("冉换卡")
    planter.changed_card(people["冉换卡"], "冉换卡", at=datetime.now(tz=UTC) - timedelta(days=3))
    planter.changed_card(
        planter.person("冉旧换"), "冉旧换", at=datetime.now(tz=UTC) - timedelta(days=30)
    )
    _, people["钱户一"], people["钱户二"] = planter.household("H3", "钱户一", "钱户二")
    planter.household("H4", "钱干部", "钱家属")
    ward = planter.person("冉孤", born=date(2015, 1, 1), account="of a dead man")
    planter.guardian(ward, planter.person("冉亡父", account="of a dead man"))
    planter.person("冉外镇", unit_no=OTHER_TOWN + 1)
    for number in range(1, 6):
        planter.person(f"冉邻{number}", unit_no=1002)
    return people


def _rosters(planter: Planter) -> None:
    planter.roster("deceased", "冉故", "冉亡父", since=date(2026, 8, 31))
    planter.roster("deregistered")
    planter.roster("missing", "冉失踪", since=date(2026, 1, 1))
    disabled = planter.roster("disabled", "冉残", grade="二级")
    planter.listed(disabled, "disabled", "冉名册", grade="残疾2级")
    planter.roster("village_cadre", "冉干部", "钱干部")
    planter.roster("imprisoned", "冉服刑")
    planter.roster("claimed_elsewhere", "冉外省")
    planter.roster("fiscal_payroll", "冉干部", as_of=date(2020, 1, 31))
    planter.roster("extreme_poverty", "冉特困", "冉孩")
    planter.roster("minimum_living", "冉名册")
    planter.roster("registered_poor", "冉名册", "冉有地二", "冉双项")
    plots = planter.roster("entitled:P31", "冉有地", object_key="地1", quantity=Decimal(3))
    planter.listed(plots, "entitled:P31", "冉有地", object_key="地2", quantity=Decimal(5))
    planter.listed(plots, "entitled:P31", "冉有地二", quantity=Decimal(4))


def _paid(planter: Planter, people: dict[str, int]) -> None:
    """Another town's batches are with the bank, of this period and of earlier ones."""
    facts: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("P01", "冉已领", {}),
        ("P01", "冉已领", {"object_key": "地9"}),
        ("P08", "冉低保", {}),
        ("P08", "冉旧领", {"period": LAST_MONTH}),  # monthly: another month is another right
        ("P20", "冉上期", {"period": LAST_MONTH, "quantity": Decimal(1)}),
        ("P20", "冉上期", {"period": SPRING, "quantity": Decimal(9), "amount_fen": 90_000}),
        ("P22", "冉低保", {"amount_fen": 9_000}),
        ("P22", "冉机", {"amount_fen": 30_000}),
        ("P21", "冉择高", {"amount_fen": 10_000}),  # what 200 元 left when 100 were on their way
        ("P21", "冉已高", {"amount_fen": 20_000}),
        ("P22", "冉双项", {"amount_fen": 9_000}),
        ("P22", "冉两领", {"amount_fen": 9_000}),
        ("P24", "冉两领", {"amount_fen": 8_000}),
        ("P26", "冉旧领", {"period": SPRING, "object_key": "班1"}),
        ("P27", "冉旧领", {"period": SPRING, "object_key": "班2"}),
        ("P26", "冉旧领", {"period": LAST_YEAR, "object_key": "班3"}),
        ("P28", "冉机", {"period": LAST_YEAR, "object_key": "机1"}),
        ("P29", "冉旧领", {"period": LAST_YEAR, "object_key": "班1", "grade": "第1期"}),
        ("P30", "冉旧领", {"period": SPRING}),
        ("P30", "冉上期", {"period": LAST_YEAR}),
        ("P58", "冉旧领", {"period": SPRING, "object_key": "案1"}),
        ("P58", "冉上期", {"period": LAST_YEAR, "object_key": "案9"}),
        ("P36", "钱户一", {}),
        ("P38", "冉低保", {"period": LAST_MONTH}),
    )
    for number, (code, name, values) in enumerate(facts, start=1):
        programme = _programme_id(planter, code)
        when = {"period": values.get("period", PERIOD)}
        batch = planter.batch(f"OTHER-{number}", programme, unit_no=OTHER_TOWN, **when)
        line = planter.line(batch, code, name, unit_no=OTHER_TOWN, **values)
        kept = {key: values[key] for key in ("object_key", "amount_fen") if key in values}
        planter.payment(batch, line, people[name], code, unit_no=OTHER_TOWN, **when, **kept)


def _reissued(planter: Planter, people: dict[str, int]) -> None:
    """Payments that failed, each drafted again: too much, just right, to a card put right since."""
    drafts = (
        ("AGAIN-1", "冉失败", "一", 10_001),
        ("AGAIN-2", "冉失败", "二", 10_000),
        ("AGAIN-3", "冉换卡", "三", 10_000),
    )
    programme = _programme_id(planter, "P03")
    first = planter.batch("FIRST", programme)
    for bank, (number, name, key, fen) in enumerate(drafts, start=11):
        facts: dict[str, Any] = {"object_key": key, "quantity": Decimal(3)}
        failed = planter.line(first, "P03", name, **facts)
        share = planter.put(BankShare, batch=first, bank_no=bank, batch_no=number)
        planter.payment(
            first, failed, people[name], "P03", object_key=key, share=share, bank_no=bank,
            state="FAILED",
        )  # fmt: skip
        again = planter.batch(number, programme, origin=first)
        facts |= {"account_index": index_of("card 从前的"), "row_no": 2, "amount_fen": fen}
        # too much is refused by the database; the rule looks at it all the same
        planter.connection.execute("RESET ROLE; SET session_replication_role = replica")
        drafted = planter.line(again, "P03", name, origin=failed, **facts)
        planter.connection.execute("SET session_replication_role = origin; SET ROLE ykt_owner")
    # the last of them did not pass and was drafted once more
    later = planter.batch("AGAIN-4", programme, origin=again)
    planter.line(later, "P03", name, origin=drafted, **facts)
    # the lower of two benefits failed after it was taken off the higher one, or before
    lower = _programme_id(planter, "P22")
    first = planter.batch("LOWER", lower)
    for bank, (number, name) in enumerate((("AGAIN-5", "冉择高"), ("AGAIN-6", "冉已高")), start=21):
        failed = planter.line(first, "P22", name)
        share = planter.put(BankShare, batch=first, bank_no=bank, batch_no=number)
        planter.payment(
            first, failed, people[name], "P22", share=share, bank_no=bank, state="FAILED"
        )
        again = planter.batch(number, lower, origin=first)
        planter.line(again, "P22", name, origin=failed)


def _programme_id(planter: Planter, code: str) -> int:
    query = "SELECT id FROM catalogue_programme WHERE code = %s"
    found = planter.connection.execute(query, [code]).fetchone()
    assert found is not None
    return int(found[0])
