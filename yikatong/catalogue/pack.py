"""Reads a county's pack, and refuses in Chinese what is missing, unknown or out of range."""

from __future__ import annotations

import csv
import tomllib
from datetime import date
from pathlib import Path
from typing import Final

from yikatong.catalogue.pack_books import budget, chart, voucher
from yikatong.catalogue.pack_checks import check_pack
from yikatong.catalogue.pack_programmes import programme, relation
from yikatong.catalogue.pack_table import Table, finished
from yikatong.catalogue.specs import (
    BankSpec,
    CardPrefix,
    ChannelSpec,
    Clocks,
    CompatibleSpec,
    CountyPack,
    DepartmentSpec,
    TownSpec,
    VillageSpec,
)
from yikatong.kernel.calendar import WorkCalendar
from yikatong.kernel.errors import Refused
from yikatong.kernel.steps import Limit

UNIT_NATURAL: Final = {"工作日": False, "自然日": True}
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
        checks=finished(settings.table("checks"), _checks),
        hotline=settings.text("hotline"),
        deadlines=finished(settings.table("deadlines"), _deadlines),
        clocks=finished(settings.table("clocks"), _clocks),
        departments=settings.each("departments", _department),
        banks=settings.each("banks", _bank),
        channels=settings.each("channels", lambda t: ChannelSpec(t.text("code"), t.text("name"))),
        vouchers=settings.each("vouchers", voucher),
        charts=settings.each("charts", chart),
        budget=finished(settings.table("budget"), budget),
        catalogue_year=catalogue.number("year"),
        catalogue_source=catalogue.text("source"),
        programmes=catalogue.each("programmes", programme),
        relations=catalogue.each("relations", relation),
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


def _toml(path: Path) -> Table:
    where = f"packs/{path.parent.name}/{path.name}"
    try:
        return Table(tomllib.loads(path.read_text("utf-8")), where)
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


def _deadlines(table: Table) -> dict[str, Limit]:
    def limit(entry: Table) -> Limit:
        entry.text("source")
        is_natural = UNIT_NATURAL[entry.one_of("unit", UNIT_NATURAL)]
        return Limit(entry.number("days"), is_natural=is_natural)

    return {step: finished(table.table(step), limit) for step in table.names()}


def _checks(table: Table) -> dict[str, int]:
    """Thresholds of the rules, each with its source note; every one of CHECKS must be there."""

    def value(entry: Table) -> int:
        entry.text("source")
        return entry.number("value")

    return {name: finished(table.table(name), value) for name in CHECKS}


def _clocks(table: Table) -> Clocks:
    return Clocks(
        table.number("correct_working_days"),
        table.number("correct_alert_working_days"),
        table.number("credit_working_days"),
        table.numbers("ageing_natural_days"),
    )


def _department(table: Table) -> DepartmentSpec:
    return DepartmentSpec(table.number("no"), table.text("name"), table.text("note", ""))


def _bank(table: Table) -> BankSpec:
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
