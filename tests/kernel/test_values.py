"""Values are parsed at the door, true inside, masked wherever they are shown."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.kernel.calendar import WorkCalendar, add_natural_days, natural_days_until
from yikatong.kernel.card import CardKind, CardNumber, is_luhn, luhn_digit
from yikatong.kernel.errors import Refused
from yikatong.kernel.masks import masked_card, masked_id, masked_name, masked_phone
from yikatong.kernel.names import (
    has_lost_character,
    has_private_use,
    has_rare_character,
    normalised_name,
    rare_characters,
    same_name,
)
from yikatong.kernel.period import Period
from yikatong.kernel.resident_id import ResidentId, check_character, upgrade_proposal

# the example of GB 11643-1999, appendix; and a woman's, with X
STANDARD = "11010519491231002X"
MAN = "440524188001010014"
TODAY = date(2026, 11, 22)


def made_id(region: str, born: date, sequence: int) -> str:
    body = f"{region}{born:%Y%m%d}{sequence:03d}"
    return body + check_character(body)


def test_the_standards_own_examples_are_true() -> None:
    number = ResidentId.parse(STANDARD)
    assert number.birth_on == date(1949, 12, 31)
    assert not number.is_male
    assert ResidentId.parse(MAN).is_male
    assert number.region == "110105"


@pytest.mark.parametrize(
    "typed",
    ["11010519491231002x", " 110105 19491231 002X ", "'11010519491231002X", "11010519491231002X",
     "\ufeff11010519491231002X\u200b", "110105\u00a019491231002X"],
)  # fmt: skip
def test_what_people_type_is_understood(typed: str) -> None:
    assert ResidentId.parse(typed).reveal() == STANDARD


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("110105194912310021", "校验码不符"),
        ("11010519491331002X", "出生日期不存在"),
        ("110105490101001", "15 位旧号"),
        ("1101051949123100", "18 位"),
        ("", "18 位"),
        ("11010519491231O02X", "应为数字"),
        ("²10105194912310021", "校验码不符"),
    ],
)
def test_what_is_wrong_is_said_without_the_number(wrong: str, says: str) -> None:
    with pytest.raises(Refused, match=says) as refusal:
        ResidentId.parse(wrong)
    assert "1949" not in str(refusal.value)


def test_a_birth_in_the_future_or_120_years_ago_is_refused_only_when_a_day_is_given() -> None:
    unborn = made_id("500243", date(2026, 11, 23), 11)
    born_today = made_id("500243", TODAY, 11)
    ResidentId.parse(unborn)
    ResidentId.parse(born_today, on=TODAY)
    with pytest.raises(Refused, match="晚于当天"):
        ResidentId.parse(unborn, on=TODAY)
    ResidentId.parse(made_id("500243", date(1906, 11, 22), 11), on=TODAY)
    with pytest.raises(Refused, match="120"):
        ResidentId.parse(made_id("500243", date(1905, 11, 22), 11), on=TODAY)


def test_old_region_codes_are_true_numbers() -> None:
    """四川省黔江地区 513522 and 522229: residents of before 1997 carry them still."""
    assert ResidentId.parse(made_id("513522", date(1960, 2, 29), 12)).region == "513522"


def test_age_counts_full_years() -> None:
    number = ResidentId.parse(made_id("500243", date(1966, 3, 1), 12))
    assert number.age_on(date(2026, 2, 28)) == 59
    assert number.age_on(date(2026, 3, 1)) == 60


def test_masks_hide_and_repr_hides_all() -> None:
    number = ResidentId.parse(STANDARD)
    assert str(number) == "110105********002X"
    assert "1" not in repr(number)
    assert number == ResidentId.parse(STANDARD)
    assert len({number, ResidentId.parse(STANDARD)}) == 1


def test_an_old_number_is_only_a_proposal() -> None:
    assert upgrade_proposal("110105491231002") == STANDARD
    with pytest.raises(Refused):
        upgrade_proposal("11010549123100")
    with pytest.raises(Refused, match="不存在"):
        upgrade_proposal("110105491331002")


@given(
    st.dates(date(1907, 1, 1), TODAY), st.integers(0, 999), st.integers(0, 17), st.integers(1, 9)
)
def test_one_wrong_digit_is_always_seen(born: date, sequence: int, at: int, by: int) -> None:
    true = made_id("500243", born, sequence)
    assert ResidentId.parse(true).birth_on == born
    digit = true[at]
    if digit == "X":
        return
    false = true[:at] + str((int(digit) + by) % 10) + true[at + 1 :]
    with pytest.raises(Refused):
        ResidentId.parse(false)


def test_cards() -> None:
    body = "621225310000000001"[:18]
    card = CardNumber.parse(f"{body[:4]} {body[4:8]} {body[8:]}{luhn_digit(body)}")
    assert is_luhn(card.reveal())
    assert not card.is_luhn_doubtful
    assert str(card) == "*" * 15 + card.reveal()[-4:]
    assert "6" not in repr(card)
    wrong = CardNumber.parse(body + str((int(luhn_digit(body)) + 1) % 10))
    assert wrong.is_luhn_doubtful
    assert not CardNumber.parse(wrong.reveal(), CardKind.PASSBOOK).is_luhn_doubtful
    for text in ("1234567", "1" * 33, "62122531000000000A", ""):
        with pytest.raises(Refused):
            CardNumber.parse(text)
    assert CardNumber.parse("12345678", CardKind.CORP).reveal() == "12345678"


def test_masks() -> None:
    assert [masked_name(n) for n in ("张", "张三", "张小三", "阿依·古丽")] == [
        "张", "张*", "张*三", "阿***丽"]  # fmt: skip
    assert masked_id(STANDARD) == "110105********002X"
    assert masked_id("123456789") == "*******89"
    assert masked_card("12345678") == "****5678"
    assert masked_phone("13800001234") == "138****1234"
    assert masked_phone("123") == "*23"
    assert masked_card("") == ""


@pytest.mark.parametrize("dot", list("·•‧・．."))
def test_every_dot_is_the_same_dot(dot: str) -> None:
    assert normalised_name(f"阿依{dot} 古丽\u200b") == "阿依\u00b7古丽"


def test_names_keep_rare_characters_and_tell_them() -> None:
    assert normalised_name(" 冉　光荣 ") == "冉光荣"
    assert normalised_name("ＡＢc") == "ABC"
    # NFKC would turn this compatibility character into another one
    assert normalised_name("﨑山") == "﨑山"
    assert not same_name("冉光荣", "冉光容")
    assert rare_characters("向𠮷䶮") == ("𠮷", "䶮")
    assert has_rare_character("㛃")
    assert not has_rare_character("阿依·古丽")
    assert has_private_use("\ue863子")
    assert not has_private_use("冉")
    assert has_lost_character("冉?荣")
    assert not has_lost_character("冉光荣")


HOLIDAYS = WorkCalendar(
    {date(2026, 10, 1): False, date(2026, 10, 2): False, date(2026, 10, 10): True}
)


def test_working_days_skip_holidays_and_count_shifted_weekends() -> None:
    # Wed 30 Sep → Thu, Fri are holidays, then a weekend, Mon 5 is the first
    assert HOLIDAYS.add_working_days(date(2026, 9, 30), 1) == date(2026, 10, 5)
    assert HOLIDAYS.add_working_days(date(2026, 10, 9), 1) == date(2026, 10, 10)
    assert HOLIDAYS.add_working_days(date(2026, 10, 3), 0) == date(2026, 10, 3)
    assert HOLIDAYS.working_days_until(date(2026, 9, 30), date(2026, 10, 5)) == 1
    assert HOLIDAYS.working_days_until(date(2026, 10, 5), date(2026, 9, 30)) == -1
    assert HOLIDAYS.working_days_until(date(2026, 10, 5), date(2026, 10, 5)) == 0


def test_a_missing_year_is_refused_in_words() -> None:
    with pytest.raises(Refused, match="节假日表未更新"):
        HOLIDAYS.add_working_days(date(2026, 12, 31), 1)
    with pytest.raises(Refused, match="0 至"):
        HOLIDAYS.add_working_days(date(2026, 9, 30), -1)


def test_natural_days_are_just_days() -> None:
    assert add_natural_days(date(2026, 12, 28), 7) == date(2027, 1, 4)
    assert natural_days_until(date(2026, 12, 28), date(2026, 12, 27)) == -1


@given(st.integers(0, 20))
def test_counting_back_what_was_added(days: int) -> None:
    start = date(2026, 9, 28)
    due = HOLIDAYS.add_working_days(start, days)
    assert HOLIDAYS.working_days_until(start, due) == days


def test_a_period_is_at_most_a_year_ahead() -> None:
    assert Period.parse("2027-11").not_far_ahead(TODAY) == Period(2027, 11)
    assert Period.parse("2003-01").not_far_ahead(TODAY) == Period(2003, 1)
    with pytest.raises(Refused, match="期次 2027-12 比本月晚 13 个月，最多提前 12 个月"):
        Period.parse("2027-12").not_far_ahead(TODAY)
