"""A bank's profile is checked when it is read, and every fault of it is told at once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from yikatong.connectors.bank.messages import Msg
from yikatong.connectors.bank.profiles import (
    HTTP,
    LAYOUTS,
    ROW_WISE,
    BankProfile,
    load_profiles,
    missing,
    read_profile,
)
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT

BANKS = CHECKOUT / "packs" / "banks"


@pytest.fixture(scope="module")
def profiles() -> dict[str, BankProfile]:
    return load_profiles(BANKS)


def changed(tmp_path: Path, old: str, new: str, bank: str = "ABC") -> Path:
    folder = tmp_path / bank
    shutil.copytree(BANKS / bank, folder)
    file = folder / "profile.toml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    return file


def test_the_pack_has_eight_banks_of_every_kind(profiles: dict[str, BankProfile]) -> None:
    assert len(profiles) == 8
    assert all("假设" in one.note for one in profiles.values())
    assert {one.layout(Msg.PAY) for one in profiles.values()} == set(LAYOUTS)
    assert {one.style for one in profiles.values()} == {"all_or_nothing", ROW_WISE}
    assert {one.returns_by for one in profiles.values()} == {"push", "query"}
    assert {one.encoding for one in profiles.values()} >= {"gb18030", "gbk", "gb2312"}
    assert profiles["ICB"].max_rows < 500
    assert profiles["TGB"].speaks(HTTP)
    assert profiles["TGB"].binding(Msg.PAY) != HTTP
    assert all(one.fee_fen == 0 for one in profiles.values())


def test_a_bank_s_code_is_ours_or_unknown(profiles: dict[str, BankProfile]) -> None:
    bank = profiles["CQB"]
    assert bank.reason("BB60002") == "A02"
    assert bank.reason("A07") == "A07"
    assert bank.reason("X9999") == "S99"
    assert bank.reason("") == ""
    assert profiles["CCB"].reason("0130Z0100005") == "A04"


@pytest.mark.parametrize(
    ("bank", "old", "new", "said"),
    [
        ("ABC", '"ABC"', '"XYZ"', "与目录名 ABC 相同"),
        ("ABC", '"gb18030"', '"latin1"', "encoding 应为"),
        ("ABC", "max_rows = 3000", "max_rows = 0", "max_rows 应为 1 至"),
        ("ABC", "max_rows = 3000", "fee_fen = 1", "fee_fen 应为 0"),
        ("ABC", '"16:30"', '"4点半"', 'cut_off 应写作 "16:30"'),
        ("ABC", 'default = "file"', 'default = "fax"', "bindings 应为"),
        ("ABC", 'default = "file"', 'PAYS = "file"', "没有报文 PAYS"),
        ("ABC", "summary = 20", "colour = 20", "lengths.colour"),
        ("ABC", "verify_per_day = 4", "verify_perday = 4", "verify_perday 不是接口说明的内容"),
        ("ABC", '"push"', '"query"', "returns_by = query 只能用于"),
        ("ICB", "max_rows = 499", "max_rows = 500", "max_rows 不能超过 499"),
        ("ICB", '"1001" = "A01"', '"1001" = "Q01"', "1001 对应的 Q01"),
        ("CRC", 'PAY = "txt"', 'DZ = "txt"', "txt 没有 DZ 的格式"),
        ("CRC", 'PAY = "txt"', 'PAY = "cmb"', "PAY 走 file，不能用 cmb"),
        ("CRC", "[layouts]", "[layouts", "读不出来"),
    ],
)
def test_a_fault_is_told_in_words(tmp_path: Path, bank: str, old: str, new: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        read_profile(changed(tmp_path, old, new, bank))
    assert said in str(refused.value)
    assert f"{bank}/profile.toml" in str(refused.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    file = changed(tmp_path, 'style = "all_or_nothing"', 'style = "so"\nmore = 1')
    with pytest.raises(Refused) as refused:
        read_profile(file)
    assert "style 应为" in str(refused.value)
    assert "more 不是" in str(refused.value)


def test_a_county_s_bank_without_a_profile_is_named(profiles: dict[str, BankProfile]) -> None:
    missing({"ABC": "农业银行"}, profiles)
    with pytest.raises(Refused, match=r"新银行（NEW）.*packs/banks"):
        missing({"ABC": "农业银行", "NEW": "新银行"}, profiles)
