"""What leaves as a file: text stays text, nothing is a formula, the names are data."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.accounting.queries import BalanceRow
from yikatong.accounting.sheets import Fen, ledger_book
from yikatong.connectors.budget import textform
from yikatong.connectors.budget.fieldmap import FOLDER, UnknownCode, field_map, in_force
from yikatong.connectors.budget.textform import FileRefused
from yikatong.kernel.errors import Refused

MAP = field_map("cq-2026")
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def test_an_amount_is_money_and_a_dangerous_text_is_only_text() -> None:
    balance = [BalanceRow("1001", '=HYPERLINK("http://x","y")', 123_456, 0)]
    book = openpyxl.load_workbook(io.BytesIO(ledger_book("试", balance, [], {})))
    code, name, debit, credit, *_ = book["试算平衡"][2]
    assert (code.value, code.data_type, code.number_format) == ("1001", "s", "@")
    assert (name.value, name.data_type) == ('=HYPERLINK("http://x","y")', "s")
    assert (debit.value, debit.number_format) == (1234.56, "#,##0.00")
    assert credit.value is None, "nothing moved is nothing, not nought"


@given(st.integers(-(10**15), 10**15))
def test_fen_are_whole(fen: int) -> None:
    assert int(Fen(fen)) == fen


# -- 字段对照 -----------------------------------------------------------------------------------

ENTRY = {
    "voucher_no": "V1-7", "kind": "V1", "date": "2026-11-22", "summary": "耕地地力|补贴\n第一批",
    "book": "BUDGETARY", "account": "行政支出", "debit_fen": 637_550, "credit_fen": 0,
    "mof_div_code": "500104000", "fiscal_year": "2026", "pro_code": "P01", "bgt_id": "ZB1",
    "cor_bgt_doc_no": "渡财〔2026〕1号", "exp_func_code": "2130122", "batch_no": "B1",
    "unit_no": "10001", "event": "funding|B1-1-1",
}  # fmt: skip

GOLDEN = (
    "H|1|VCH|N1|1|6375.50|2026-11-22T08:00:00+00:00\n"
    "C|VOU_NO|VOU_KIND|VOU_DATE|ABSTRACT|BOOK_TYPE|ACCT_NAME|DR_AMT|CR_AMT|MOF_DIV_CODE|"
    "FISCAL_YEAR|PRO_CODE|BGT_ID|COR_BGT_DOC_NO|EXP_FUNC_CODE|BATCH_NO|AGENCY_CODE|TRACKING_ID\n"
    "D|V1-7|V1|2026-11-22|耕地地力补贴第一批|2|行政支出|6375.50|0.00|500104000|2026|P01|ZB1|"
    "渡财〔2026〕1号|2130122|B1|10001|fundingB1-1-1\n"
)


def test_a_voucher_in_the_budget_systems_form_is_this_file() -> None:
    content = textform.write("VCH", "N1", [ENTRY], field_map=MAP, created=NOW).decode("gb18030")
    assert content.startswith(GOLDEN)
    assert content.endswith("\n########\n")
    assert content.split("\n")[-3].startswith("T|1|6375.50|")


def test_a_file_reads_back_as_it_was_written() -> None:
    content = textform.write("VCH", "N1", [ENTRY, ENTRY], field_map=MAP, created=NOW)
    told = textform.read(content, field_map=MAP)
    assert (told.message, told.number, told.amount_fen) == ("VCH", "N1", 2 * 637_550)
    assert told.rows[0] == ENTRY | {
        "summary": "耕地地力补贴第一批", "event": "fundingB1-1-1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda text: text.replace("########\n", ""), "结束标记"),
        (lambda text: text.replace("D|V1-7", "D|V1-8"), "摘要"),
        (lambda text: text.replace("H|1|VCH|N1|1", "H|1|VCH|N1|2"), "不一致"),
        (lambda text: text.replace("H|1|", "H|2|"), "不符合约定"),
    ],
)
def test_a_file_that_is_not_whole_is_not_received(spoil: Callable[[str], str], why: str) -> None:
    content = textform.write("VCH", "N1", [ENTRY], field_map=MAP, created=NOW).decode("gb18030")
    with pytest.raises(FileRefused, match=why):
        textform.read(spoil(content).encode("gb18030"), field_map=MAP)


def test_a_file_cut_inside_a_character_is_not_received() -> None:
    content = textform.write("VCH", "N1", [ENTRY], field_map=MAP, created=NOW)
    with pytest.raises(FileRefused):
        textform.read(content[:-40], field_map=MAP)


def test_a_code_that_the_set_does_not_hold_is_never_passed_on() -> None:
    with pytest.raises(UnknownCode, match="book"):
        MAP.to_theirs("VCH", ENTRY | {"book": "SECRET"})
    with pytest.raises(Refused, match="没有报文"):
        MAP.to_theirs("B99", {})


@given(st.integers(0, 10**13), st.booleans())
def test_money_and_flags_go_there_and_back(fen: int, flag: bool) -> None:
    facts = dict.fromkeys(MAP.fields("B01"), "x") | {
        "amount_fen": fen, "cur_amt_fen": fen, "pay_app_amt_fen": 0, "bgt_exe_flag": flag,
        "is_track": not flag,
    }  # fmt: skip
    assert MAP.to_ours("B01", MAP.to_theirs("B01", facts)) == facts


def test_a_later_version_is_in_force_from_its_day_on(tmp_path: Path) -> None:
    text = (FOLDER / "cq-2026.toml").read_text(encoding="utf-8")
    (tmp_path / "cq-2026.toml").write_text(text, encoding="utf-8")
    newer = text.replace('"cq-2026"', '"cq-2027"').replace("2026-01-01", "2027-01-01")
    (tmp_path / "cq-2027.toml").write_text(newer, encoding="utf-8")
    for day, name in ((date(2026, 12, 31), "cq-2026"), (date(2027, 1, 1), "cq-2027")):
        assert in_force(day, province="重庆", folder=tmp_path).name == name
    with pytest.raises(Refused, match="没有"):
        in_force(date(2025, 1, 1), province="重庆", folder=tmp_path)
