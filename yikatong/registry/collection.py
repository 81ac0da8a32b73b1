"""Reads the two books that fill the registry: 个人一卡通账户收集表 and comparison rosters.

What a row lacks is said with its row number; sound rows are registered, the others are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import polars as pl

from yikatong.kernel.card import CardKind, CardNumber
from yikatong.kernel.errors import Refused
from yikatong.kernel.masks import masked_phone
from yikatong.kernel.names import normalised_name
from yikatong.kernel.resident_id import ResidentId
from yikatong.organisation.models import PayingBank, Unit
from yikatong.registry.messages import ID_FIELD, NUMBER_FIELD
from yikatong.vault.access import the_vault

# what a card or a decision without an end says where its end would stand
WITHOUT_END: Final = frozenset({"长期", "长期有效", "永久", "永久有效"})
PHONE_FIELD: Final = "person.phone"
PHONE_LENGTH: Final = 11
CARD_WORDS: Final = {
    "存折": CardKind.PASSBOOK,
    "折": CardKind.PASSBOOK,
    "社保卡": CardKind.SSC,
    "社会保障卡": CardKind.SSC,
    "对公": CardKind.CORP,
    "对公账户": CardKind.CORP,
}
STATUS_IN_USE: Final = ("", "正常", "1", "1正常", "启用")
HEAD_RELATIONS: Final = ("本人", "户主")
MOST_ON_ONE_PHONE: Final = 3
SHOWN_ROWS: Final = 5
SUFFIXES: Final = ("村民委员会", "居民委员会", "村委会", "居委会")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a row was not registered: the user's row number and a sentence."""

    row: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Places:
    """The units of a county by what people write: (town, village) or a village named once.

    `home` is the range of units that the person who enters may enter for.
    """

    by_name: Mapping[tuple[str, str], int]
    once: Mapping[str, int]
    home: tuple[int, int]

    @classmethod
    def of(cls, units: list[Unit], *, home: tuple[int, int]) -> Places:
        towns = {unit.unit_no: unit.name for unit in units if unit.kind == Unit.Kind.TOWN}
        by_name: dict[tuple[str, str], int] = {}
        seen: dict[str, list[int]] = {}
        for unit in units:
            if unit.kind != Unit.Kind.VILLAGE:
                continue
            village = short_place(unit.name)
            town = towns.get(unit.unit_no - unit.unit_no % 1000, "")
            by_name[town, village] = unit.unit_no
            seen.setdefault(village, []).append(unit.unit_no)
        once = {name: numbers[0] for name, numbers in seen.items() if len(numbers) == 1}
        return cls(by_name, once, home)

    def find(self, town: str, village: str) -> int:
        """The unit; never by the village's name alone where it stands twice.

        Raises:
            Refused: no such place, one of two of that name, or another township's.
        """
        place = short_place(village)
        low, high = self.home
        if town:
            found = self.by_name.get((town, place))
        else:  # a sheet of one township leaves its name out
            own = [
                no for (_, name), no in self.by_name.items() if name == place and low <= no <= high
            ]
            found = own[0] if len(own) == 1 else self.once.get(place)
        if found is None and not town:
            named = [there for there, name in self.by_name if name == place]
            if len(named) > 1:
                raise Refused(f"“{village}”在{'、'.join(named)}都有，请写明乡镇街道。")
        if found is None:
            raise Refused(f"找不到“{town}{village}”，请按“镇街、村（社区）”填写全称。")
        if not low <= found <= high:
            raise Refused(f"“{town}{village}”不属于本镇街，请由所属镇街登记。")
        return found


def short_place(name: str) -> str:
    """村民委员会, 居民委员会 and their short forms mean the same place."""
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def people_rows(
    frame: pl.DataFrame,
    *,
    county: str,
    places: Places,
    banks: Mapping[int, PayingBank],
    today: date,
) -> tuple[list[tuple[Any, ...]], list[Trouble]]:
    """Rows of `bulk.PEOPLE`'s shape from an account-collection frame, and what was not sound."""
    rows: list[tuple[Any, ...]] = []
    troubles: list[Trouble] = []
    vault = the_vault()
    twice = _in_two_places(frame)
    for line in frame.iter_rows(named=True):
        try:
            if (line["status"] or "").strip() not in STATUS_IN_USE:
                continue
            _refuse_if_known(twice.get(line["row"]))
            rows.append(
                _person(line, county=county, places=places, banks=banks, today=today, vault=vault)
            )
        except Refused as error:
            name = line["beneficiary_name"] or ""
            troubles.append(Trouble(line["row"], f"第 {line['row']} 行 {name}：{error}"))
    return rows, troubles


def _refuse_if_known(why: str | None) -> None:
    if why is not None:
        raise Refused(why)


def _in_two_places(frame: pl.DataFrame) -> dict[int, str]:
    """Row → why: one id number of this book in two villages. The first row counts, no other."""
    place = pl.concat_str(pl.col("town").fill_null(""), pl.col("village").fill_null(""))
    told = frame.select("row", number="beneficiary_id", place=place).drop_nulls("number")
    first = told.group_by("number", maintain_order=True).agg(
        pl.col("row").first().alias("first"), pl.col("place").first().alias("there")
    )
    again = told.join(first, on="number").filter(pl.col("place") != pl.col("there"))
    return {
        row: f"身份证号与第 {at} 行相同，那一行登记在“{there}”。请核实其所属镇街后只留一行。"
        for row, at, there in again.select("row", "first", "there").iter_rows()
    }


def not_in_use(frame: pl.DataFrame) -> list[Trouble]:
    """A sentence per row that the form itself calls void or stopped: it is no registration."""
    if "status" not in frame.columns:
        return []
    return [
        Trouble(row, f"第 {row} 行 {name or ''}：状态为“{status.strip()}”，没有登记。")
        for row, name, status in frame.select("row", "beneficiary_name", "status").iter_rows()
        if (status or "").strip() not in STATUS_IN_USE
    ]


def shared_phones(frame: pl.DataFrame) -> list[Trouble]:
    """A sentence per phone that more than three people of a book share; nobody is held back."""
    if "phone" not in frame.columns:
        return []
    shared = (
        frame.drop_nulls("phone")
        .group_by("phone", maintain_order=True)
        .agg(pl.col("row"), pl.col("beneficiary_id").n_unique().alias("people"))
        .filter(pl.col("people") > MOST_ON_ONE_PHONE)
    )
    return [
        Trouble(
            rows[0],
            f"第 {'、'.join(map(str, rows[:SHOWN_ROWS]))} 行等 {people} 人共用电话"
            f" {masked_phone(phone)}，请核实是否本人或监护人的电话。",
        )
        for phone, rows, people in shared.iter_rows()
    ]


def _person(
    line: Mapping[str, Any],
    *,
    county: str,
    places: Places,
    banks: Mapping[int, PayingBank],
    today: date,
    vault: Any,
) -> tuple[Any, ...]:
    _refuse_lost(line)
    number = ResidentId.parse(line["beneficiary_id"] or "", on=today)
    head = ResidentId.parse(line["head_id"] or line["beneficiary_id"] or "", on=today)
    name = (line["beneficiary_name"] or "").strip()
    if not name:
        raise Refused("姓名为空。")
    unit_no = places.find(line["town"] or "", line["village"] or "")
    digits, phone = number.reveal(), line["phone"]
    account = _account(line, name, banks=banks, county=county, vault=vault)
    guardian = line["guardian_id"]
    return (
        line["row"],
        unit_no,
        line["household_no"] or f"H{vault.blind_index(county, head.reveal()).hex()[:16]}",
        head == number,
        vault.encrypt(digits.encode(), county=county, field=ID_FIELD),
        vault.blind_index(county, digits),
        str(number),
        name[:60],
        normalised_name(name)[:60],
        number.is_male,
        number.birth_on,
        (line["relation"] or "")[:20],
        (line["group"] or "")[:40],
        vault.encrypt(phone.encode(), county=county, field=PHONE_FIELD) if phone else None,
        vault.blind_index(county, _phone_digits(phone), kind="phone") if phone else None,
        masked_phone(phone) if phone else "",
        *account,
        vault.blind_index(county, ResidentId.parse(guardian, on=today).reveal())
        if guardian
        else None,
    )


def _phone_digits(phone: str) -> str:
    """For comparison: one phone written with blanks, dashes or +86 is one phone."""
    digits = "".join(character for character in phone if character.isdigit())
    return digits.removeprefix("86") if len(digits) > PHONE_LENGTH else digits


def _account(
    line: Mapping[str, Any], name: str, *, banks: Mapping[int, PayingBank], county: str, vault: Any
) -> tuple[Any, ...]:
    """The eight columns of an account; all empty where the row has none (children)."""
    if not line["account_no"]:
        return (None, None, "", "", None, "", "", "")
    kind = CARD_WORDS.get((line["account_kind"] or "").strip(), CardKind.CARD)
    number = CardNumber.parse(line["account_no"], kind)
    bank_name = (line["bank_name"] or "").strip()
    bank_no = bank_of(bank_name, banks)
    holder = (line["account_name"] or name).strip()
    digits = number.reveal()
    return (
        vault.encrypt(digits.encode(), county=county, field=NUMBER_FIELD),
        vault.blind_index(county, digits, kind="card"),
        digits[-4:],
        kind.value,
        bank_no,
        bank_name[:80],
        holder[:60],
        normalised_name(holder)[:60],
    )


def bank_of(written: str, banks: Mapping[int, PayingBank]) -> int:
    """The paying bank that people mean by its full or usual name.

    Raises:
        Refused: not one of the county's paying banks.
    """
    named = [no for no, bank in banks.items() if bank.name in written or bank.short_name in written]
    # a part of a name means a bank only where it is in no other's
    found = named or [no for no, bank in banks.items() if written and written in bank.name]
    if len(found) == 1:
        return found[0]
    known = "、".join(bank.name for bank in banks.values())
    raise Refused(f"开户银行“{written}”不是本区县的代发银行（{known}）。")


def roster_rows(
    frame: pl.DataFrame, *, county: str, today: date
) -> tuple[list[tuple[Any, ...]], list[Trouble]]:
    """Rows of `bulk.ROSTER`'s shape, and what was not sound."""
    rows: list[tuple[Any, ...]] = []
    troubles: list[Trouble] = []
    vault = the_vault()
    for line in frame.iter_rows(named=True):
        try:
            _refuse_lost(line)
            number = ResidentId.parse(line["beneficiary_id"] or "", on=today)
            since = _day(line["since"], "起始日期")
            ends = line["until"] and line["until"] not in WITHOUT_END
            until = _day(line["until"], "截止日期") if ends else None
            _refuse_if_known(_ends_before_it_begins(since, until))
            rows.append(
                (
                    vault.blind_index(county, number.reveal()),
                    (line["beneficiary_name"] or "")[:60],
                    since,
                    until,
                    (line["grade"] or "")[:40],
                    Decimal(line["quantity"]) if line["quantity"] else None,
                    (line["object_key"] or "")[:60],
                )
            )
        except (Refused, ArithmeticError) as error:
            sentence = str(error) if isinstance(error, Refused) else "数量不是数字。"
            troubles.append(
                Trouble(
                    line["row"], f"第 {line['row']} 行 {line['beneficiary_name'] or ''}：{sentence}"
                )
            )
    return rows, troubles


def _ends_before_it_begins(since: date, until: date | None) -> str | None:
    if until is None or until >= since:
        return None
    return f"截止日期 {until} 早于起始日期 {since}，请核对。"


def _refuse_lost(line: Mapping[str, Any]) -> None:
    """DG-1: digits that Excel destroyed are never padded."""
    if line["lost_fields"]:
        raise Refused("身份证号、账号或标的编号是数字格式，末几位已丢失，请设为文本后重新录入。")


def _day(text: str | None, word: str) -> date:
    if not text:
        raise Refused(f"{word}没有填写，请补填。")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(f"{word}“{text}”不是日期，请写成 2026-01-31。") from None
