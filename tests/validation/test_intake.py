"""What is done by whole columns at the door equals what the kernel's values do one by one."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yikatong.catalogue.models import Programme
from yikatong.kernel.card import normalised_account
from yikatong.kernel.masks import masked_id
from yikatong.kernel.period import Period
from yikatong.kernel.resident_id import normalised_id, upgrade_proposal
from yikatong.submission.line_columns import INDEXES, decimals, digests
from yikatong.submission.rules import line_digest
from yikatong.submission.sheets import read_sheet
from yikatong.submission.sheets_forms import DISBURSEMENT, Kind
from yikatong.submission.sheets_text import normalised, put_right
from yikatong.validation import intake
from yikatong.vault.cipher import Vault
from yikatong.vault.keys import KeyRing

HERE, CODE, PERIOD = "500243", "01", "2026-11"
TODAY = date(2026, 11, 22)
ID, OTHER = "11010519491231002X", "440524188001010014"
TEXT = st.text(st.sampled_from('\0\x07冉"\\谭·\n a１，。0-:.元,\u3000\u200b\ue000𠮷E+'), max_size=8)


@pytest.fixture(autouse=True)
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    KeyRing.create(tmp_path / "keys", [HERE])
    opened = Vault.open(tmp_path / "keys")
    monkeypatch.setattr(intake, "the_vault", lambda: opened)
    return opened


def lines_of(text: str, **facts: Any) -> pl.DataFrame:
    programme = Programme(county=HERE, code=CODE, **facts)
    sheet = read_sheet(text.encode(), DISBURSEMENT, name="a.csv")
    return intake.lines_of(sheet.frame, programme, Period.parse(PERIOD), TODAY).whole()


def test_a_line_holds_what_the_kernel_makes_of_it(vault: Vault) -> None:
    (line,) = lines_of(
        "姓名,身份证号,账号,面积,标准,金额,乡镇,村,组,等级,备注,户主姓名\n"
        f" 冉光荣 ,'{ID.lower()},6228 4804 0256,03.2500,73.60,239.2,"
        "汉葭街道,鼓楼,3组,1-一级,x,谭明\n"
    ).iter_rows(named=True)
    assert line["beneficiary_index"] == vault.blind_index(HERE, ID).hex()
    assert line["payee_index"] == line["beneficiary_index"]
    assert line["account_index"] == vault.blind_index(HERE, "622848040256", kind="card").hex()
    assert (line["id_masked"], line["account_last4"]) == (masked_id(ID), "0256")
    assert (line["quantity"], line["standard"], line["amount_fen"]) == ("3.25", "73.6", 23920)
    assert (line["village"], line["village_group"], line["grade"]) == (
        "汉葭街道鼓楼",
        "3组",
        "一级",
    )
    assert (line["row_no"], line["head_index"], line["months"]) == (2, None, None)
    assert line["digest"] == _digest(line)


def test_an_old_number_is_looked_up_as_the_one_it_became(vault: Vault) -> None:
    old, no_such_day = "500243550512001", "500243550532001"
    first, second = lines_of(
        f"姓名,身份证号,金额\n冉光荣,{old},1\n谭明,{no_such_day},1\n"
    ).iter_rows(named=True)
    assert first["beneficiary_index"] == vault.blind_index(HERE, upgrade_proposal(old)).hex()
    assert first["id_masked"] == masked_id(old)  # as typed: somebody says that it is the same
    assert [one["rule"] for one in json.loads(first["faults"])] == ["ID-3"]
    assert second["beneficiary_index"] == vault.blind_index(HERE, no_such_day).hex()
    assert "ID-2a" in {one["rule"] for one in json.loads(second["faults"])}


def _digest(line: dict[str, Any]) -> str:
    facts = {key: bytes.fromhex(v) if key in INDEXES and v else v for key, v in line.items()}
    for key in ("standard", "quantity"):
        facts[key] = None if line[key] is None else Decimal(line[key])
    return line_digest(facts | {"programme_code": CODE, "period": PERIOD}).hex()


def test_a_household_without_a_head_is_the_payee_s() -> None:
    text = f"姓名,身份证号,金额\n冉,{ID},1\n"
    (line,) = lines_of(text, payee_kind=Programme.PayeeKind.HOUSEHOLD).iter_rows(named=True)
    assert line["head_index"] == line["payee_index"]
    (line,) = lines_of(text, payee_kind=Programme.PayeeKind.PERSON).iter_rows(named=True)
    assert line["head_index"] is None


def test_faults_are_a_json_list_of_their_row_alone() -> None:
    lines = lines_of(f'姓名,身份证号,金额\n冉"光\\荣,5.00E+17,1\n谭,{OTHER},1\n,{ID},x\n')
    faults = [json.loads(text) for text in lines["faults"]]
    assert [[fault["rule"] for fault in row] for row in faults][1:] == [["ID-2a"], ["AM-2", "RQ-1"]]
    assert [set(fault) for fault in faults[0]] == [{"rule", "severity", "field", "message"}]
    assert '冉"光\\荣' in faults[0][0]["message"]


@settings(max_examples=60)
@given(st.lists(st.tuples(TEXT, TEXT, st.none() | st.integers(0, 10**12)), min_size=1))
def test_digests_by_columns_are_the_digests_of_lines(rows: list[tuple[str, str, Any]]) -> None:
    lines = pl.DataFrame(
        [
            {
                **dict.fromkeys(INDEXES, None if len(name) % 2 else "ab" * 32),
                "payee_name": name,
                "beneficiary_name": other,
                "object_key": other,
                "grade": name,
                "standard": None if len(other) % 2 else "136.74",
                "quantity": "0",
                "months": len(name) or None,
                "amount_fen": fen,
            }
            for name, other, fen in rows
        ],
        schema_overrides=dict.fromkeys((*INDEXES, "standard"), pl.String)
        | {"amount_fen": pl.Int64, "months": pl.Int64},
    )
    found = digests(lines, programme_code=CODE, period=PERIOD).to_list()
    assert found == [_digest(line) for line in lines.iter_rows(named=True)]


@settings(max_examples=100)
@given(
    st.lists(
        st.decimals(0, 10**9, allow_nan=False, places=9).map(lambda d: format(d, "f")), min_size=1
    )
)
def test_decimals_are_plain_rounded_and_short(texts: list[str]) -> None:
    found = decimals(pl.Series(texts, dtype=pl.String), digits=10, scale=3).to_list()
    for text, short in zip(texts, found, strict=True):
        assert abs(Decimal(short) - Decimal(text)) <= Decimal("0.0005")
        assert short == format(Decimal(short).normalize(), "f")


@pytest.mark.parametrize("text", ["", "1e5", "-1", "12345678901", "x", ".", "1.", "NaN"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert decimals(pl.Series([text]), digits=10, scale=3).to_list() == [None]


@settings(max_examples=150)
@given(st.lists(TEXT, min_size=1), st.sampled_from(Kind))
def test_only_what_needs_it_is_rewritten_and_nothing_else_differs(
    texts: list[str], kind: Kind
) -> None:
    column = pl.Series("c", texts, dtype=pl.String)
    every = column.to_frame().select(normalised(pl.col("c"), kind)).to_series()
    assert put_right(column, kind).values.to_list() == every.to_list()


@settings(max_examples=150)
@given(TEXT)
def test_the_sheet_folds_numbers_as_the_kernel_does(text: str) -> None:
    """So the door may index them as they stand."""
    column = pl.Series("c", [text], dtype=pl.String)
    for kind, fold in ((Kind.ID, normalised_id), (Kind.ACCOUNT, normalised_account)):
        (folded,) = put_right(column, kind).values
        assert folded is None or fold(folded) == folded
