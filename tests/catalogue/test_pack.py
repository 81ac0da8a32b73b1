"""The packs say what the counties' texts say, and a wrong pack does not load."""

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from yikatong.catalogue.pack import (
    CHECKS,
    load_calendar,
    load_card_prefixes,
    load_pack,
    load_packs,
    load_towns,
)
from yikatong.catalogue.pack_checks import is_cnaps
from yikatong.catalogue.specs import CountyPack, RelationKind
from yikatong.kernel.errors import Refused

PACKS = Path(__file__).parents[2] / "packs"
# 渡财发〔2022〕32号 附件1, as printed
NAMES = """耕地地力保护补贴资金
农机购置补贴资金
大中型水库移民后期扶持资金
实际种粮农民一次性补贴
新一轮退耕还林直补退耕农户资金
新一轮退耕还林直补退耕农户资金
集体和个人所有森林生态效益补偿资金
农村部分计划生育家庭奖励扶助资金
计划生育家庭特别扶助资金
困难群众救助补助——城乡居民最低生活保障金
困难群众救助补助——特困人员救助供养保障金
困难群众救助补助——临时救助金
经济困难高龄失能养老服务补贴资金
残疾人两项补贴——重度残疾人护理补贴资金
残疾人两项补贴——困难残疾人生活补贴资金
困难群众救助补助资金——散居孤儿、事实无人抚养儿童补助
自然灾害生活补助资金
农村危房改造补助资金"""


@pytest.fixture(scope="module", params=["pengshui", "dadukou"])
def pack(request: pytest.FixtureRequest) -> CountyPack:
    return load_pack(PACKS / str(request.param))


def test_both_counties_load() -> None:
    packs = load_packs(PACKS)
    assert {code: pack.name for code, pack in packs.items()} == {
        "500243": "彭水苗族土家族自治县",
        "500104": "大渡口区",
    }
    ours, theirs = packs.values()
    assert [p.code for p in ours.programmes] == [p.code for p in theirs.programmes]


def test_the_18_items_as_printed(pack: CountyPack) -> None:
    assert [p.name for p in pack.programmes] == NAMES.splitlines()
    departments = [pack.department(p.department).name for p in pack.programmes]
    suffixes = ["农业农村委"] * 4 + ["林业局"] * 3 + ["卫生健康委"] * 2 + ["民政局"] * 7
    for name, suffix in zip(departments, [*suffixes, "应急局", "住房城乡建委"], strict=True):
        assert name.endswith(suffix)


def test_items_5_and_6_wait_for_the_county(pack: CountyPack) -> None:
    fifth, sixth = pack.programme("P05"), pack.programme("P06")
    assert fifth.name == sixth.name
    assert "第6项" in fifth.confirm
    assert sixth.confirm == "与第5项名称相同，待区县确认"
    assert not any(p.confirm for p in pack.programmes if p.code not in {"P05", "P06"})


def test_departments_of_pengshui_are_marked() -> None:
    pengshui, dadukou = load_pack(PACKS / "pengshui"), load_pack(PACKS / "dadukou")
    assert all("待核" in d.note for d in pengshui.departments)
    assert all("待核" in p.note for p in pengshui.programmes)
    assert not any(d.note for d in dadukou.departments)
    assert {c.name for c in pengshui.channels} - {c.name for c in dadukou.channels} == {"渝快办"}


def test_no_message_is_longer_than_one_sms(pack: CountyPack) -> None:
    for programme in pack.programmes:
        text = pack.longest_sms(programme)
        assert len(text) <= 70
        assert text.startswith("【")
        assert programme.short_name in text


def test_eight_banks_that_clear(pack: CountyPack) -> None:
    assert [bank.no for bank in pack.banks] == list(range(1, 9))
    assert sum(is_cnaps(bank.cnaps) for bank in pack.banks) == 7
    assert len({bank.payout_account for bank in pack.banks}) == 8
    assert all(bank.note == "假设" for bank in pack.banks)
    assert not is_cnaps("103100000027")


@pytest.mark.parametrize(
    ("code", "grade", "yuan"),
    [("P01", "", "73.6"), ("P04", "", "13.07"), ("P08", "", "960"), ("P11", "", "932"),
     ("P13", "", "200"), ("P14", "一级", "100"), ("P14", "二级", "90"), ("P15", "", "90"),
     ("P10", "城市", "717"), ("P10", "农村", "581"), ("P03", "", "600"), ("P05", "", "20"),
     ("P06", "第一期", "500"), ("P06", "第三期", "400"), ("P07", "", "16"), ("P09", "死亡", "590"),
     ("P17", "重建", "5000"), ("P17", "旱灾", "20")],
)  # fmt: skip
def test_sample_standards(pack: CountyPack, code: str, grade: str, yuan: str) -> None:
    standard = pack.programme(code).standard_on(date(2026, 11, 30), grade)
    assert standard is not None
    assert standard.amount_yuan == Decimal(yuan)
    assert standard.is_sample
    assert "示例" in standard.note
    assert pack.programme(code).standard_on(date(2023, 12, 31), grade) is None


def test_items_without_a_published_amount_have_none(pack: CountyPack) -> None:
    without = {p.code for p in pack.programmes if not p.standards}
    assert without == {"P02", "P12", "P16", "P18"}  # by case, or a parameter that nobody published


def test_sensitive_items_disclose_totals_only(pack: CountyPack) -> None:
    totals = {p.no for p in pack.programmes if p.disclosure == "totals"}
    assert totals == set(range(8, 17))


def test_relations_of_the_law(pack: CountyPack) -> None:
    deny = {frozenset((r.a, r.b)) for r in pack.relations if r.kind is RelationKind.DENY}
    assert {frozenset(("P11", "P10")), frozenset(("P11", "P15")), frozenset(("P11", "P14"))} <= deny
    pairs = {frozenset((r.a, r.b)) for r in pack.relations}
    for compatible in pack.compatible:
        assert frozenset((compatible.a, compatible.b)) not in pairs


def test_ages() -> None:
    pack = load_pack(PACKS / "dadukou")
    aged, child = pack.programme("P08").age, pack.programme("P16").age
    assert aged is not None
    assert child is not None
    assert [aged.allows(years, is_male=True) for years in (59, 60)] == [False, True]
    assert [child.allows(years, is_male=True) for years in (17, 18)] == [True, False]


def test_every_threshold_has_its_source(pack: CountyPack) -> None:
    assert set(pack.checks) == set(CHECKS)
    assert pack.account_change_days == 30


def test_the_formula_of_an_item_is_told_in_its_own_words(pack: CountyPack) -> None:
    by_case = {p.code for p in pack.programmes if not p.formula_text}
    assert by_case == {"P02", "P12", "P18"}
    land = pack.programme("P01")
    assert land.formula_text == "补贴金额=补贴标准×补贴面积"
    assert land.words["quantity"] == "补贴面积（亩）"
    assert pack.programme("P17").cap_fen == 2_000_000


def test_divisions_prefixes_and_calendar() -> None:
    pengshui, dadukou = load_towns(PACKS, "500243"), load_towns(PACKS, "500104")
    assert sum(len(t.villages) for t in pengshui) == 296
    assert sum(len(t.villages) for t in dadukou) == 97
    assert all(t.villages for t in pengshui + dadukou)
    prefixes = load_card_prefixes(PACKS)
    assert len(prefixes) == 1807
    assert len(prefixes[0].prefix) >= len(prefixes[-1].prefix)
    calendar = load_calendar(PACKS)
    assert {2024, 2025, 2026, 2027} <= calendar.years
    assert calendar.add_working_days(date(2026, 9, 30), 1) == date(2026, 10, 8)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("pack.toml", 'verdict = "split"', 'verdict = "maybe"', "verdict 应为"),
        ("pack.toml", 'finance = ', 'finanz = ', "缺少 finance"),
        ("pack.toml", 'hotline = ', 'surplus = 1\nhotline = ', "不认识 surplus"),
        ("pack.toml", "103100000026", "103100000027", "行号"),
        ("pack.toml", "no = 2\n", "no = 1\n", "重复"),
        ("catalogue.toml", 'code = "P02"', 'code = "P01"', "项目编码重复"),
        ("catalogue.toml", "department = 6", "department = 9", "第 9 号主管部门"),
        ("catalogue.toml", '"minimum_living"]', '"rich"]', "名册“rich”"),
        ("catalogue.toml", 'amount_yuan = "73.6"', 'amount_yuan = "七"', "不是数字"),
        ("catalogue.toml", 'short_name = "耕地地力"', 'short_name = "耕地地力保护补贴"', "简称"),
        ("catalogue.toml", "咨询{phone}", "咨询{phone}谢谢您的支持", "70"),
        ("catalogue.toml", 'a = "P11"', 'a = "P99"', "P99"),
        ("catalogue.toml", "months = 0", "months = true", "类型不对"),
        ("catalogue.toml", "year = 2022", "year = ", "TOML"),
        ("catalogue.toml", "补贴金额=补贴标准×补贴面积", "补贴金额=补贴标准×亩产", "亩产"),
        ("catalogue.toml", "补贴金额=补贴标准×补贴面积", "补贴标准×补贴面积", "补贴金额="),
        ("catalogue.toml", "补贴金额=补贴标准×补贴面积", "补贴金额=补贴标准×", "没有写完整"),
        ("catalogue.toml", 'words = { quantity', 'words = { age', "columns 之外"),
        ("catalogue.toml", '["idle_land"]', '["idle"]', "名册“idle”"),
        ("pack.toml", "must_compare = []", 'must_compare = ["orphan"]', "must_compare"),
        ("pack.toml", "village_top = { value = 3, source", "village_top = { value = 3, sauce",
         "缺少 source"),
        ("pack.toml", "village_top = {", "village_tip = {", "缺少 village_top"),
    ],
)  # fmt: skip
def test_a_wrong_pack_is_refused_in_words(
    tmp_path: Path, file: str, old: str, new: str, says: str
) -> None:
    copy = tmp_path / "dadukou"
    shutil.copytree(PACKS / "dadukou", copy)
    text = (copy / file).read_text("utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new), "utf-8")
    with pytest.raises(Refused, match=says):
        load_pack(copy)
