"""A frame is written to the very bytes that its rows are, or its faults are listed like theirs."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.connectors.test_bank_files import row
from yikatong.connectors.bank import frames
from yikatong.connectors.bank.frames import Framed, body_of
from yikatong.connectors.bank.messages import PayRow
from yikatong.connectors.bank.refusals import Unwritable

ENCODINGS = ("gb18030", "gbk", "gb2312", "utf-8")
TEXT = st.text(
    st.sampled_from("李阿·买提𠮷䶮㐂€éⅡ（）A1。—|\n\ue123\u200b\x85"), min_size=0, max_size=22
)


def framed(rows: list[PayRow]) -> Framed:
    schema = {"seq": pl.Int64, "amount_fen": pl.Int64}
    return Framed(PayRow, pl.DataFrame([asdict(one) for one in rows], schema_overrides=schema))


def written(rows: Any, encoding: str) -> Any:
    try:
        return body_of(rows, encoding)
    except Unwritable as refused:
        return [(p.row, p.field) for p in refused.problems]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(TEXT, TEXT, st.integers(1, 10**14)), min_size=1, max_size=5),
    st.sampled_from(ENCODINGS),
)
def test_a_frame_and_its_rows_are_one(facts: list[tuple[str, str, int]], encoding: str) -> None:
    rows = [
        row(seq, payee_name=name, ntf_text=note, amount_fen=fen)
        for seq, (name, note, fen) in enumerate(facts, start=1)
    ]
    assert written(framed(rows), encoding) == written(rows, encoding)


def test_clean_rows_take_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(1), row(2, payee_name="阿依·买提", ntf_text="耕地地力补贴6375.00元")]
    expected = body_of(rows, "gb18030")
    monkeypatch.setattr(frames, "written", lambda *_: pytest.fail("row by row"))
    assert body_of(framed(rows), "gb18030") == expected


def test_columns_that_are_left_out_are_empty() -> None:
    rows = [row(1), row(2)]
    whole = framed(rows).frame
    short = Framed(PayRow, whole.drop("mobile", "orig_detail_id", "bank_no12", "sms_text"))
    assert body_of(short, "gb18030") == body_of(rows, "gb18030")
    with pytest.raises(TypeError):
        body_of(Framed(PayRow, whole.drop("acct_no")), "gb18030")


def test_gbk_is_gb18030_byte_for_byte() -> None:
    """What the quick way relies on."""
    for code in (*range(0x80, 0xD800), *range(0xE000, 0x10000)):
        sign = chr(code)
        short = sign.encode("gbk", "ignore")
        assert short in (b"", sign.encode("gb18030")), hex(code)


def test_lengths_of_a_bank_count_characters() -> None:
    rows = [replace(row(1), summary="一二三四五六七八九十一")]
    for these in (rows, framed(rows)):
        with pytest.raises(Unwritable, match="11字，超过该银行的10字"):
            body_of(these, "gb2312", {"summary": 10})
        assert b"|||" in body_of(these, "gbk", {"summary": 0})
