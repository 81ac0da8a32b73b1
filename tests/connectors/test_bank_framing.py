"""Result rows read as one frame are the rows read one by one, or are left to those."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yikatong.connectors.bank import framing
from yikatong.connectors.bank.frames import Framed
from yikatong.connectors.bank.framing import quick_read
from yikatong.connectors.bank.lines import decoded, encoded, read, written
from yikatong.connectors.bank.messages import PayRow, ResultRow
from yikatong.connectors.bank.refusals import FileRefused

PAID = datetime(2026, 11, 22, 9, 30, tzinfo=timezone(timedelta(hours=8)))
CLEAN = ResultRow(detail_id="D1", result="SUCCESS", paid_fen=637500, paid_at=PAID, bank_serial="S1")
FIELDS = st.fixed_dictionaries(
    {
        "detail_id": st.sampled_from(["D1", "D2", ""]),
        "result": st.sampled_from(["SUCCESS", "FAILED", "LOST"]),
        "bank_reason_text": st.text(st.sampled_from("户名不符·\\\"',\u200b𠮷é"), max_size=45),
        "paid_fen": st.integers(0, 10**14),
        "paid_at": st.sampled_from([None, PAID, PAID.astimezone(UTC)]),
        "bank_serial": st.sampled_from(["", "S1", "\\N"]),
    }
)


@pytest.fixture(autouse=True)
def _any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "FEWEST", 1)


def body_of(rows: list[ResultRow], encoding: str) -> bytes:
    """As a bank writes it that checks nothing."""
    lines = [
        "|".join(
            [
                "D", one.detail_id, one.result, one.reason_code, one.bank_reason_code,
                one.bank_reason_text, f"{one.paid_fen // 100}.{one.paid_fen % 100:02d}",
                one.paid_at.isoformat(timespec="seconds") if one.paid_at else "",
                one.bank_serial, one.actual_acct_no, one.sms_status,
            ]
        )
        for one in rows
    ]  # fmt: skip
    return encoded("\n".join([*lines, ""]), encoding)


@settings(max_examples=200, deadline=None)
@given(st.lists(FIELDS, min_size=1, max_size=5), st.sampled_from(["gb18030", "utf-8"]))
def test_a_frame_holds_the_rows_or_none(facts: list[dict[str, object]], encoding: str) -> None:
    rows = [ResultRow(**one) for one in facts]  # type: ignore[arg-type] - of the fields' own kinds
    body = body_of(rows, encoding)
    framed = quick_read(ResultRow, body, encoding)
    lines = decoded(body, encoding).split("\n")[:-1]
    try:
        expected = read(ResultRow, lines, name="f", encoding=encoding)
    except FileRefused:
        assert framed is None, "what is refused row by row is never taken at once"
        return
    if framed is not None:
        assert tuple(framed) == expected


def test_clean_rows_take_the_quick_way() -> None:
    body = body_of([CLEAN, CLEAN], "gb18030")
    assert body == encoded("\n".join([*written([CLEAN, CLEAN], "gb18030"), ""]), "gb18030")
    assert isinstance(quick_read(ResultRow, body, "gb18030"), Framed)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("|6375.00|", "|6375.0|"),
        ("|6375.00|", "|-6375.00|"),
        ("|6375.00|", "||"),
        ("2026-11-22", "2026-11-31"),
        ("+08:00", ""),
        ("D|D1", "X|D1"),
        ("|S1|", "|S1||"),
        ("|S1|", "|S1"),
        ("|S1|", "|S\x001|"),
        ("|S1|", f"|{'S' * 41}|"),
        ("SUCCESS", "success"),
    ],
)
def test_a_line_that_is_not_as_agreed_is_left_to_the_closer_look(before: str, after: str) -> None:
    text = body_of([CLEAN, CLEAN], "gb18030").decode()
    assert before in text
    broken = text.replace(before, after, 1).encode()
    assert quick_read(ResultRow, broken, "gb18030") is None
    with pytest.raises(FileRefused):
        read(ResultRow, broken.decode().split("\n")[:-1], name="f", encoding="gb18030")


def test_fields_that_have_moved_to_the_next_line_are_seen() -> None:
    """As many bars as there should be, but not where they should be."""
    short, long = "D|D1|SUCCESS||||1.00||S1|", "D|D1|SUCCESS||||1.00||S1||||"
    assert quick_read(ResultRow, f"{short}\n{long}\n".encode(), "gb18030") is None
    assert quick_read(ResultRow, f"{long}\n{short}\n".encode(), "gb18030") is None


def test_few_rows_and_other_messages_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    body = body_of([CLEAN] * 3, "gb18030")
    assert quick_read(PayRow, body, "gb18030") is None
    monkeypatch.setattr(framing, "FEWEST", 4)
    assert quick_read(ResultRow, body, "gb18030") is None


def test_a_banks_own_codes_are_translated_once_for_all_rows() -> None:
    other = ResultRow(detail_id="D2", result="FAILED", bank_reason_code="202", paid_fen=0)
    ours = ResultRow(
        detail_id="D3", result="FAILED", reason_code="A01", bank_reason_code="9", paid_fen=0
    )
    framed = quick_read(ResultRow, body_of([CLEAN, other, ours, other], "gb18030"), "gb18030")
    assert framed is not None
    asked: list[str] = []

    def meaning(code: str) -> str:
        asked.append(code)
        return {"202": "A02"}.get(code, "")

    told = framed.translated("bank_reason_code", "reason_code", meaning)
    assert [one.reason_code for one in told] == ["", "A02", "A01", "A02"]  # type: ignore[attr-defined] - result rows
    assert sorted(asked) == ["", "202", "9"]
