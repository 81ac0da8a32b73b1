"""Reads a county's pack, and refuses in Chinese what is missing, unknown or out of range."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, TypeVar

from yikatong.catalogue.pack_books import budget, chart, voucher
from yikatong.catalogue.pack_checks import check_pack
from yikatong.catalogue.specs import (
    FORMULA_WORD,
    FREQUENCY_WORD,
    OBJECT_WORD,
    AgeRule,
    BankSpec,
    CardPrefix,
    ChannelSpec,
    Clocks,
    CompatibleSpec,
    CountyPack,
    DepartmentSpec,
    ProgrammeSpec,
    RelationKind,
    RelationSpec,
    StandardSpec,
    TownSpec,
    VillageSpec,
)
from yikatong.kernel.calendar import WorkCalendar
from yikatong.kernel.errors import Refused
from yikatong.kernel.steps import Limit

T = TypeVar("T")
UNIT_NATURAL: Final = {"工作日": False, "自然日": True}
MOST_STANDARD_DECIMALS: Final = 7
SCOPES: Final = ("person", "household", "plot", "house", "machine")
# AM-4 and the comparison with last period read these; 0 switches one off
CHECKS: Final = (
    "amount_change_percent",
    "quantity_jump_percent",
    "village_top",
    "village_times",
    "village_least",
    "yearly_repeat_asks",
    "phone_shared_by",
    "total_tolerance_per_line",
)


class _Table:
    """One TOML table being read: every key is asked for once, what is left over is a mistake."""

    def __init__(self, facts: Any, where: str) -> None:
        if not isinstance(facts, dict):
            raise Refused(f"{where}：应为一组“键 = 值”。")
        self._left: dict[str, Any] = dict(facts)
        self.where = where

    def text(self, key: str, default: str | None = None) -> str:
        return self._take(key, str, default)

    def number(self, key: str, default: int | None = None) -> int:
        found = self._take(key, int, default)
        if found < 0:
            raise Refused(f"{self.where}：{key} 不能小于 0。")
        return found

    def number_or_none(self, key: str) -> int | None:
        return self.number(key) if key in self._left else None

    def day(self, key: str) -> date:
        return self._take(key, date, None)

    def day_or_none(self, key: str) -> date | None:
        return self.day(key) if key in self._left else None

    def flag(self, key: str) -> bool:
        return self._take(key, bool, None)

    def one_of(self, key: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
        found = self.text(key)
        if found not in known:
            raise Refused(f"{self.where}：{key} 应为 {'、'.join(known)} 之一，现在是“{found}”。")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        found = self._take(key, list, None)
        if not all(isinstance(item, str) for item in found):
            raise Refused(f"{self.where}：{key} 应为一列文字。")
        return tuple(found)

    def texts_or_none(self, key: str) -> tuple[str, ...]:
        return self.texts(key) if key in self._left else ()

    def numbers(self, key: str) -> tuple[int, ...]:
        found = self._take(key, list, None)
        if not all(type(item) is int and item >= 0 for item in found):
            raise Refused(f"{self.where}：{key} 应为一列整数。")
        return tuple(found)

    def table(self, key: str) -> _Table:
        return _Table(self._take(key, dict, None), f"{self.where} [{key}]")

    def table_or_none(self, key: str) -> _Table | None:
        return self.table(key) if key in self._left else None

    def each(self, key: str, read: Callable[[_Table], T]) -> tuple[T, ...]:
        found = self._take(key, list, [])
        tables = (_Table(f, f"{self.where} {key} 第 {n} 项") for n, f in enumerate(found, 1))
        return tuple(_finished(table, read) for table in tables)

    def names(self) -> tuple[str, ...]:
        return tuple(self._left)

    def finish(self) -> None:
        if self._left:
            raise Refused(f"{self.where}：不认识 {'、'.join(self._left)}，请核对写法。")

    def _take(self, key: str, kind: type[T], default: T | None) -> T:
        found = self._left.pop(key, default)
        if found is None:
            raise Refused(f"{self.where}：缺少 {key}。")
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise Refused(f"{self.where}：{key} 的类型不对。")
        return found


def load_pack(directory: Path) -> CountyPack:
    """Read `pack.toml` and `catalogue.toml` of a county's directory.

    Raises:
        Refused: a sentence naming the file, the entry and the key.
    """
    settings = _toml(directory / "pack.toml")
    catalogue = _toml(directory / "catalogue.toml")
    pack = CountyPack(
        code=settings.text("code"),
        slug=directory.name,
        name=settings.text("name"),
        short_name=settings.text("short_name"),
        journey=settings.text("journey"),
        finance=settings.text("finance"),
        source=settings.text("source"),
        verdict=settings.one_of("verdict", ("split", "hold")),
        residue=settings.one_of("residue", ("refund", "keep")),
        correction_by=settings.one_of("correction_by", ("department", "drafting_unit")),
        roster_max_age_days=settings.number("roster_max_age_days"),
        account_change_days=settings.number("account_change_days"),
        amount_tolerance_fen=settings.number("amount_tolerance_fen"),
        must_compare=settings.texts("must_compare"),
        checks=_finished(settings.table("checks"), _checks),
        hotline=settings.text("hotline"),
        deadlines=_finished(settings.table("deadlines"), _deadlines),
        clocks=_finished(settings.table("clocks"), _clocks),
        departments=settings.each("departments", _department),
        banks=settings.each("banks", _bank),
        channels=settings.each("channels", lambda t: ChannelSpec(t.text("code"), t.text("name"))),
        vouchers=settings.each("vouchers", voucher),
        charts=settings.each("charts", chart),
        budget=_finished(settings.table("budget"), budget),
        catalogue_year=catalogue.number("year"),
        catalogue_source=catalogue.text("source"),
        programmes=catalogue.each("programmes", _programme),
        relations=catalogue.each("relations", _relation),
        compatible=catalogue.each(
            "compatible", lambda t: CompatibleSpec(t.text("a"), t.text("b"), t.text("basis"))
        ),
    )
    settings.finish()
    catalogue.finish()
    check_pack(pack)
    return pack


def load_packs(root: Path) -> dict[str, CountyPack]:
    """Every county under `packs/`, by its six-digit code."""
    found = [load_pack(file.parent) for file in sorted(root.glob("*/pack.toml"))]
    if len({pack.code for pack in found}) != len(found):
        raise Refused("packs：有两个区县包用了同一个区划代码。")
    return {pack.code: pack for pack in found}


def load_towns(root: Path, county: str) -> tuple[TownSpec, ...]:
    """The towns and villages of one county, in code order, from `packs/*.csv`."""
    villages: dict[str, list[VillageSpec]] = {}
    for row in _csv(root / "villages.csv"):
        if row["district_code"] == county:
            spec = VillageSpec(row["code"], row["name"])
            villages.setdefault(row["town_code"], []).append(spec)
    return tuple(
        TownSpec(row["code"], row["name"], tuple(villages.get(row["code"], ())))
        for row in _csv(root / "divisions.csv")
        if row["level"] == "town" and row["parent_code"] == county
    )


def load_card_prefixes(root: Path) -> tuple[CardPrefix, ...]:
    """bank_prefixes.csv, the longest prefixes first: the first that fits is the best hint."""
    found = [
        CardPrefix(
            row["bin"], int(row["pan_len"]), row["bank_code"], row["bank_name"], row["card_type"]
        )
        for row in _csv(root / "bank_prefixes.csv")
    ]
    return tuple(sorted(found, key=lambda p: (-len(p.prefix), p.prefix, p.length)))


def load_calendar(root: Path) -> WorkCalendar:
    """holidays.csv as a working-day calendar."""
    return WorkCalendar(
        {
            date.fromisoformat(row["day"]): row["is_working"] == "1"
            for row in _csv(root / "holidays.csv")
        }
    )


def _finished(table: _Table, read: Callable[[_Table], T]) -> T:
    found = read(table)
    table.finish()
    return found


def _toml(path: Path) -> _Table:
    where = f"packs/{path.parent.name}/{path.name}"
    try:
        return _Table(tomllib.loads(path.read_text("utf-8")), where)
    except OSError:
        raise Refused(f"{where}：文件不存在或无法读取。") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{where}：不是正确的 TOML（{error}）。") from None


def _csv(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except OSError:
        raise Refused(f"packs/{path.name}：文件不存在或无法读取。") from None


def _deadlines(table: _Table) -> dict[str, Limit]:
    def limit(entry: _Table) -> Limit:
        entry.text("source")
        is_natural = UNIT_NATURAL[entry.one_of("unit", UNIT_NATURAL)]
        return Limit(entry.number("days"), is_natural=is_natural)

    return {step: _finished(table.table(step), limit) for step in table.names()}


def _checks(table: _Table) -> dict[str, int]:
    """Thresholds of the rules, each with its source note; every one of CHECKS must be there."""

    def value(entry: _Table) -> int:
        entry.text("source")
        return entry.number("value")

    return {name: _finished(table.table(name), value) for name in CHECKS}


def _clocks(table: _Table) -> Clocks:
    return Clocks(
        table.number("correct_working_days"),
        table.number("correct_alert_working_days"),
        table.number("credit_working_days"),
        table.numbers("ageing_natural_days"),
    )


def _department(table: _Table) -> DepartmentSpec:
    return DepartmentSpec(table.number("no"), table.text("name"), table.text("note", ""))


def _bank(table: _Table) -> BankSpec:
    return BankSpec(
        no=table.number("no"),
        bank_no3=table.text("bank_no3"),
        name=table.text("name"),
        short_name=table.text("short_name"),
        clearing_prefix=table.text("clearing_prefix"),
        cnaps=table.text("cnaps"),
        payout_account=table.text("payout_account"),
        prefix_codes=table.texts("prefix_codes"),
        extra_prefixes=table.texts("extra_prefixes"),
        note=table.text("note", ""),
    )


def _age(table: _Table) -> AgeRule:
    return AgeRule(
        table.number_or_none("min"),
        table.number_or_none("max"),
        table.number_or_none("min_female"),
        table.text("note", ""),
    )


def _standard(table: _Table) -> StandardSpec:
    text = table.text("amount_yuan")
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise Refused(f"{table.where}：amount_yuan“{text}”不是数字。") from None
    exponent = amount.as_tuple().exponent
    if not (isinstance(exponent, int) and -exponent <= MOST_STANDARD_DECIMALS and amount > 0):
        raise Refused(
            f"{table.where}：amount_yuan 应大于 0，最多 {MOST_STANDARD_DECIMALS} 位小数。"
        )
    return StandardSpec(
        grade=table.text("grade"),
        amount_yuan=amount,
        unit=table.text("unit"),
        valid_from=table.day("valid_from"),
        valid_to=table.day_or_none("valid_to"),
        is_sample=table.flag("sample"),
        note=table.text("note", ""),
    )


def _words(table: _Table | None) -> dict[str, str]:
    if table is None:
        return {}
    return _finished(table, lambda t: {field: t.text(field) for field in t.names()})


def _cap(table: _Table) -> int | None:
    yuan = table.number_or_none("cap_yuan")
    return None if yuan is None else yuan * 100


def _programme(table: _Table) -> ProgrammeSpec:
    age = table.table_or_none("age")
    return ProgrammeSpec(
        code=table.text("code"),
        no=table.number("no"),
        name=table.text("name"),
        short_name=table.text("short_name"),
        department=table.number("department"),
        note=table.text("note", ""),
        confirm=table.text("confirm", ""),
        target=table.text("target"),
        payee_kind=table.one_of("payee_kind", ("person", "household")),
        object_kind=table.one_of("object_kind", OBJECT_WORD),
        unit=table.text("unit"),
        frequency=table.one_of("frequency", FREQUENCY_WORD),
        paying_unit=table.one_of("paying_unit", ("department", "township")),
        formula=table.one_of("formula", FORMULA_WORD),
        rounding=table.one_of("rounding", ("half_up",)),
        months=table.number("months"),
        grades=table.texts("grades"),
        age=_finished(age, _age) if age is not None else None,
        required_rosters=table.texts("required_rosters"),
        confirm_rosters=table.texts("confirm_rosters"),
        optional_rosters=table.texts_or_none("optional_rosters"),
        benefit_roster=table.text("benefit_roster"),
        disclosure=table.one_of("disclosure", ("named", "totals")),
        sms=table.text("sms"),
        columns=table.texts("columns"),
        required_columns=table.texts("required_columns"),
        words=_words(table.table_or_none("words")),
        extra_columns=table.texts_or_none("extra_columns"),
        formula_text=table.text("formula_text", ""),
        cap_fen=_cap(table),
        function_code=table.text("function_code"),
        economic_code=table.text("economic_code"),
        government_code=table.text("government_code"),
        standards=table.each("standards", _standard),
    )


def _relation(table: _Table) -> RelationSpec:
    return RelationSpec(
        a=table.text("a"),
        b=table.text("b"),
        kind=RelationKind(table.one_of("kind", tuple(RelationKind))),
        scope=table.one_of("scope", SCOPES),
        since=table.day("since"),
        until=table.day_or_none("until"),
        legal_basis=table.text("legal_basis"),
        severity=table.text("severity", "block"),
        grade_a=table.text("grade_a", ""),
        under_age=table.number_or_none("under_age"),
        keep=table.text("keep", ""),
    )
