"""账户收集表 and rosters: which village, which bank, whose account, and what is not sound."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from yikatong.cli import setup
from yikatong.kernel.card import CardKind, luhn_digit
from yikatong.kernel.errors import Refused
from yikatong.kernel.resident_id import check_character
from yikatong.registry import collection
from yikatong.registry.bulk import PEOPLE
from yikatong.registry.collection import (
    Places,
    bank_of,
    not_in_use,
    people_rows,
    roster_rows,
    short_place,
)
from yikatong.vault.access import Vault
from yikatong.vault.keys import KeyRing

HERE, TODAY = "500243", date(2026, 11, 22)
COLUMNS = [name for name, _ in PEOPLE]
BANKS: Any = {
    1: SimpleNamespace(name="中国农业银行", short_name="农业银行"),
    6: SimpleNamespace(name="重庆农村商业银行", short_name="重庆农商行"),
}
FIELDS = (
    "beneficiary_name", "beneficiary_id", "head_id", "town", "village", "group", "relation",
    "phone", "account_no", "account_kind", "account_name", "bank_name", "guardian_id",
    "household_no", "status",
)  # fmt: skip


def unit(unit_no: int, name: str, kind: str) -> Any:
    return SimpleNamespace(unit_no=unit_no, name=name, kind=kind)


UNITS = [
    unit(1000, "桑柘镇", "town"),
    unit(1001, "大青村村民委员会", "village"),
    unit(1002, "太阳村", "village"),
    unit(2000, "保家镇", "town"),
    unit(2001, "大青村", "village"),
    unit(2002, "三江社区居委会", "village"),
]
ALL = Places.of(UNITS, home=(0, 999_999))
SANGZHE = Places.of(UNITS, home=(1000, 1999))


def id_of(serial: int, born: str = "19720304") -> str:
    body = f"{HERE}{born}{serial:03d}"
    return body + check_character(body)


def card() -> str:
    body = "621700012345678"
    return body + luhn_digit(body)


@pytest.fixture(autouse=True)
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    found = Vault(KeyRing.create(tmp_path / "keys", [HERE]))
    monkeypatch.setattr(collection, "the_vault", lambda: found)
    return found


def collected(
    *rows: dict[str, Any], places: Places = ALL
) -> tuple[list[dict[str, Any]], list[str]]:
    plain: dict[str, Any] = dict.fromkeys(FIELDS) | {
        "beneficiary_name": "钱大娘", "beneficiary_id": id_of(901), "town": "桑柘镇",
        "village": "大青村", "lost_fields": [],
    }  # fmt: skip
    listed = [{"row": number, **plain, **row} for number, row in enumerate(rows, start=4)]
    frame = pl.DataFrame(listed, infer_schema_length=None)
    found, troubles = people_rows(frame, county=HERE, places=places, banks=BANKS, today=TODAY)
    return (
        [dict(zip(COLUMNS, one, strict=True)) for one in found],
        [trouble.sentence for trouble in troubles],
    )


# -- places ---------------------------------------------------------------------------------------


def test_two_villages_of_one_name_are_told_apart_by_their_town() -> None:
    assert ALL.find("桑柘镇", "大青村") == 1001
    assert ALL.find("保家镇", "大青村") == 2001


def test_a_name_that_stands_twice_is_never_guessed() -> None:
    with pytest.raises(Refused, match="“大青村”在桑柘镇、保家镇都有，请写明乡镇街道"):
        ALL.find("", "大青村")


def test_a_sheet_of_one_township_may_leave_its_name_out() -> None:
    assert SANGZHE.find("", "大青村") == 1001
    assert ALL.find("", "太阳村") == 1002


def test_another_townships_village_is_refused_though_it_exists() -> None:
    with pytest.raises(Refused, match="不属于本镇街"):
        SANGZHE.find("保家镇", "大青村")
    with pytest.raises(Refused):
        SANGZHE.find("", "三江社区")


@pytest.mark.parametrize("written", ["大青村村民委员会", "大青村村委会", "大青村"])
def test_the_committees_names_mean_the_village(written: str) -> None:
    assert ALL.find("桑柘镇", written) == 1001
    assert short_place("三江社区居民委员会") == short_place("三江社区居委会") == "三江社区"


# -- banks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("中国农业银行", 1),
        ("农业银行", 1),
        ("中国农业银行彭水支行", 1),
        ("重庆农商行桑柘分理处", 6),
    ],
)
def test_a_bank_by_its_full_or_usual_name(written: str, number: int) -> None:
    assert bank_of(written, BANKS) == number


@pytest.mark.parametrize("written", ["", "招商银行", "某某农合社", "银行", "农"])
def test_a_bank_that_does_not_pay_here_is_refused_with_those_that_do(written: str) -> None:
    with pytest.raises(Refused, match="中国农业银行、重庆农村商业银行"):
        bank_of(written, BANKS)


@pytest.mark.parametrize("slug", ["pengshui", "dadukou"])
def test_every_bank_of_a_county_is_known_by_each_of_its_names(slug: str) -> None:
    banks: Any = {bank.no: bank for bank in setup.pack_of(slug).banks}
    for number, bank in banks.items():
        for written in (bank.name, bank.short_name, f"{bank.name}彭水支行"):
            assert bank_of(written, banks) == number, written


# -- people ---------------------------------------------------------------------------------------


def test_a_person_with_a_card_and_a_guardian() -> None:
    (one,), troubles = collected(
        {
            "head_id": id_of(902), "guardian_id": id_of(902), "phone": "15412345678",
            "relation": "女儿",
            "account_no": card(), "bank_name": "农业银行", "group": "3组",
        }
    )  # fmt: skip
    assert troubles == []
    assert (one["row_no"], one["unit_no"], one["is_head"]) == (4, 1001, False)
    assert (one["bank_no"], one["last4"], one["card_kind"]) == (1, card()[-4:], CardKind.CARD.value)
    assert one["account_name"] == "钱大娘"
    assert one["phone_masked"] == "154****5678"
    assert one["guardian_index"] != one["id_index"]
    assert one["is_male"], "the seventeenth digit is odd"


def test_nothing_of_a_row_is_an_identifier_in_clear() -> None:
    (one,), _ = collected({"account_no": card(), "bank_name": "农业银行", "phone": "15412345678"})
    for value in one.values():
        shown = value if isinstance(value, bytes) else str(value).encode()
        for secret in (id_of(901), card(), "15412345678"):
            assert secret.encode() not in shown


def test_members_of_one_head_share_a_household_and_others_do_not() -> None:
    found, _ = collected(
        {"head_id": id_of(901)},
        {"beneficiary_id": id_of(903), "head_id": id_of(901)},
        {"beneficiary_id": id_of(905)},
    )
    assert [one["is_head"] for one in found] == [True, False, True]
    assert found[0]["household_no"] == found[1]["household_no"] != found[2]["household_no"]


def test_a_child_has_no_account_and_that_is_no_trouble() -> None:
    (one,), troubles = collected({"beneficiary_id": id_of(901, "20200101")})
    assert troubles == []
    assert (one["number_cipher"], one["bank_no"], one["last4"]) == (None, None, "")


def test_passbooks_and_social_cards_are_known_by_their_word() -> None:
    found, troubles = collected(
        {"account_no": "24310000000000001", "account_kind": "存折", "bank_name": "农业银行"},
        {"account_no": card(), "account_kind": "社保卡", "bank_name": "农业银行"},
    )
    assert troubles == []
    assert [one["card_kind"] for one in found] == [CardKind.PASSBOOK.value, CardKind.SSC.value]


def test_who_is_not_in_use_is_not_registered_and_told() -> None:
    assert collected({"status": "0作废"}, {"status": "停用"}) == ([], [])
    statuses = pl.DataFrame({"row": [4, 5, 6, 7], "beneficiary_name": ["甲", None, "丙", "丁"],
                             "status": ["0作废", "停用", "1正常", None]})  # fmt: skip
    told = [trouble.sentence for trouble in not_in_use(statuses)]
    assert told == ["第 4 行 甲：状态为“0作废”，没有登记。", "第 5 行 ：状态为“停用”，没有登记。"]
    used = ({"status": "正常"}, {"status": "1正常"}, {"status": None})
    assert len(collected(*used)[0]) == 3


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"beneficiary_id": id_of(901)[:-1] + "?"}, "身份证"),
        ({"beneficiary_id": None}, "身份证"),
        ({"beneficiary_name": "  "}, "姓名"),
        ({"village": "桃花源"}, "桃花源"),
        ({"account_no": card(), "bank_name": "招商银行"}, "招商银行"),
        ({"account_no": card()[:-1] + "x", "bank_name": "农业银行"}, ""),
        ({"guardian_id": "12345"}, "身份证"),
        ({"head_id": "12345"}, "身份证"),
        ({"lost_fields": ["beneficiary_id"]}, "末几位已丢失"),
    ],
)
def test_trouble_is_told_with_the_row_and_the_others_are_registered(
    wrong: dict[str, Any], says: str
) -> None:
    found, troubles = collected(wrong, {"beneficiary_id": id_of(903)})
    assert [one["row_no"] for one in found] == [5]
    (sentence,) = troubles
    assert sentence.startswith("第 4 行")
    assert says in sentence
    assert id_of(901) not in sentence


# -- rosters --------------------------------------------------------------------------------------


def roster(*rows: dict[str, Any]) -> tuple[list[tuple[Any, ...]], list[str]]:
    plain: dict[str, Any] = {
        "beneficiary_name": "钱大娘", "beneficiary_id": id_of(901), "since": "2026-01-01",
        "until": None, "grade": None, "quantity": None, "object_key": None, "lost_fields": [],
    }  # fmt: skip
    listed = [{"row": number, **plain, **row} for number, row in enumerate(rows, start=2)]
    found, troubles = roster_rows(
        pl.DataFrame(listed, infer_schema_length=None), county=HERE, today=TODAY
    )
    return found, [trouble.sentence for trouble in troubles]


def test_a_roster_row_joins_by_the_same_index_as_the_person() -> None:
    (entry,), troubles = roster({"grade": "一级", "until": "2026-12-31"})
    (person,), _ = collected({})
    assert troubles == []
    assert entry[0] == person["id_index"]
    assert entry[2:5] == (date(2026, 1, 1), date(2026, 12, 31), "一级")


@pytest.mark.parametrize("until", ["长期", "长期有效", "永久", ""])
def test_a_roster_row_without_an_end_says_so_in_words(until: str) -> None:
    (entry,), troubles = roster({"until": until})
    assert (entry[3], troubles) == (None, [])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"since": None}, "起始日期"), ({"since": "去年"}, "去年"), ({"until": "明年"}, "截止日期"),
        ({"since": None}, "没有填写"), ({"until": "2025-12-31"}, "早于起始日期"),
        ({"quantity": "两亩"}, "数量"), ({"beneficiary_id": "1"}, "身份证"),
        ({"lost_fields": ["beneficiary_id"]}, "末几位已丢失"),
    ],
)  # fmt: skip
def test_a_roster_row_that_is_not_sound_is_told(wrong: dict[str, Any], says: str) -> None:
    found, troubles = roster(wrong, {"beneficiary_id": id_of(903)})
    assert len(found) == 1
    assert troubles[0].startswith("第 2 行")
    assert says in troubles[0]


def test_one_id_in_two_towns_names_the_town_that_came_first() -> None:
    there = {"town": "保家镇", "village": "大青村"}
    found, troubles = collected({}, there, {"beneficiary_id": id_of(902), **there})
    assert len(found) == 2
    (sentence,) = troubles
    assert "与第 4 行相同" in sentence
    assert "桑柘镇大青村" in sentence


def test_a_phone_of_more_than_three_people_is_told_and_nobody_is_held_back() -> None:
    def book(people: int) -> pl.DataFrame:
        return pl.DataFrame(
            [{"row": 4 + n, "beneficiary_id": id_of(901 + n), "phone": "15412345678"}
             for n in range(people)]
        )  # fmt: skip

    assert collection.shared_phones(book(3)) == []
    (told,) = collection.shared_phones(book(4))
    assert "4 人共用电话 154****5678" in told.sentence
