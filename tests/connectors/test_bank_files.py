"""The FILE form: what is written comes back, what is broken is refused by its own check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.bank import codec
from simulators.bank.crypto import Crypto
from yikatong.connectors.bank import messages as m
from yikatong.connectors.bank import refusals
from yikatong.connectors.bank.files import InboundFile, SealedPart, decode, encode, join
from yikatong.connectors.bank.lines import fen, moment, yuan
from yikatong.connectors.bank.messages import Message, Msg
from yikatong.connectors.bank.names import PartName
from yikatong.kernel.digest import sm3
from yikatong.vault.wire import WireKeys

OURS, BANK = WireKeys.create(), WireKeys.create()
MINE, THEIRS = OURS.facing(BANK.public_hex), BANK.facing(OURS.public_hex)
BATCH = "ABC50010420260115000001"
AT = datetime(2026, 1, 15, 9, 30, tzinfo=timezone(timedelta(hours=8)))


def row(seq: int = 1, **facts: Any) -> m.PayRow:
    usual: dict[str, Any] = {
        "detail_id": f"D{seq:05}", "seq": seq, "ref_batch_no": "PS2026-0001",
        "mof_div_code": "500104000", "fiscal_year": "2026", "project_code": "P1",
        "project_short": "耕地地力", "period": "2026-01", "payee_name": "李秀英", "id_type": "01",
        "id_no": "500104195001010021", "acct_no": "6228480000000000011", "acct_type": "CARD",
        "amount_fen": 637_500, "currency": "CNY", "summary": "耕地地力",
    }  # fmt: skip
    return m.PayRow(**(usual | facts))


def sealed(*rows: m.Row, msg: Msg = Msg.PAY, **how: Any) -> tuple[SealedPart, ...]:
    return encode(Message(msg, BATCH, rows), created=AT, envelope=MINE, **how)


def inbound(part: SealedPart) -> InboundFile:
    return InboundFile(part.name, part.sealed, part.signature)


def with_text(part: SealedPart, change: Callable[[bytes], bytes]) -> InboundFile:
    """The same part with another text, sealed and signed as the sender would."""
    changed = MINE.seal(change(THEIRS.open(part.sealed)))
    return InboundFile(part.name, changed, MINE.sign(changed))


def back(*parts: SealedPart) -> Message:
    return join([decode(inbound(part), THEIRS) for part in parts])


NAMES = st.text(
    st.sampled_from("李阿依古丽·买提𠮷䶮㐂𫠠ABCⅡ（）①€é-. ，"), min_size=1, max_size=14
).filter(str.strip)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(NAMES, st.integers(1, 10**14)), min_size=1, max_size=8),
    st.integers(1, 4),
)
def test_rows_come_back_as_they_were(people: list[tuple[str, int]], max_rows: int) -> None:
    rows = tuple(row(i, payee_name=n, amount_fen=a) for i, (n, a) in enumerate(people, start=1))
    parts = sealed(*rows, max_rows=max_rows)
    assert len(parts) == -(-len(rows) // max_rows)
    assert back(*reversed(parts)) == Message(Msg.PAY, BATCH, rows)


@pytest.mark.parametrize("name", ["𠮷永", "陈䶮", "阿依·买提", "A" * 60, "𠮷" * 15, "李" * 30])
def test_the_bank_simulator_reads_what_we_write(name: str) -> None:
    (part,) = sealed(row(payee_name=name))
    crypto = Crypto(BANK.public, BANK.private, OURS.public)
    read = codec.decode(part.name, part.sealed, part.signature, crypto, "ABC")
    assert read.rows[0]["payee_name"] == name
    assert (read.rows[0]["amount_fen"], read.sm3) == (637_500, part.sm3)


@pytest.mark.parametrize("msg", list(Msg))
def test_both_sides_name_the_same_fields_in_the_same_order(msg: Msg) -> None:
    ours = [column.name for column in m.columns(m.ROW_OF[msg])]
    assert ours == codec.FIELDS[msg]


def test_the_text_is_that_of_the_interface_page() -> None:
    (part,) = sealed(row(), row(2, payee_name="王|五\r\n", sms_text="【行】\t到账"))
    text = THEIRS.open(part.sealed).decode("gb18030").split("\n")
    assert text[0] == f"H|1|PAY|{BATCH}|1|1|2|12750.00|2026-01-15T09:30:00+08:00"
    assert text[1].startswith(
        "D|D00001|1|PS2026-0001|500104000|2026|P1|耕地地力|2026-01|李秀英|01|"
    )
    assert "|王五|" in text[2]
    assert "|【行】到账|" in text[2]
    assert text[3] == f"T|2|12750.00|{part.sm3}"
    assert text[4:] == ["########", ""]
    assert part.name == f"YKT_PAY_500104_20260115_{BATCH}_001of001.txt"
    assert part.key == f"PAY:{BATCH}:1"


def test_the_n_th_unparted_message_is_part_n_of_n() -> None:
    stop = m.CancelRow(scope="ROW", detail_id="D1", reason="停发")
    (part,) = encode(Message(Msg.CAN, BATCH, (stop,), number=3), created=AT, envelope=MINE)
    assert part.name.endswith("003of003.txt")
    assert back(part) == Message(Msg.CAN, BATCH, (stop,), number=3)


def test_a_cut_anywhere_is_never_read_as_a_shorter_file() -> None:
    (part,) = sealed(row(payee_name="陈䶮𠮷"))
    length = len(THEIRS.open(part.sealed))
    for keep in (0, 1, *range(20, length - 1, 11), length - 2):
        with pytest.raises(refusals.NoTrailer):
            decode(with_text(part, lambda text, keep=keep: text[:keep]), THEIRS)


def changed_row(text: bytes, old: bytes, new: bytes) -> bytes:
    """Alter D lines and give them their proper digest: only the row itself is wrong."""
    lines = text.replace(old, new).split(b"\n")
    trailer = lines[-3].split(b"|")
    body = b"".join(line + b"\n" for line in lines[1:-3])
    trailer[3] = sm3(body).hex().encode()
    return b"\n".join([*lines[:-3], b"|".join(trailer), *lines[-2:]])


@pytest.mark.parametrize(
    ("error", "change"),
    [
        (refusals.NoTrailer, lambda t: t.replace(b"########\n", b"")),
        (refusals.NoTrailer, lambda t: b"X" + t),
        (refusals.BadDigest, lambda t: t.replace(b"D00001", b"D00009")),
        (refusals.BadCount, lambda t: t.replace(b"T|2|", b"T|3|")),
        (refusals.BadCount, lambda t: t.replace(b"|1|1|2|", b"|1|1|3|")),
        (refusals.BadSum, lambda t: t.replace(b"T|2|12750.00", b"T|2|12750.01")),
        (refusals.BadSum, lambda t: t.replace(b"|2|12750.00|2026", b"|2|12750.01|2026")),
        (refusals.BadSum, lambda t: changed_row(t, b"|6375.00|", b"|6375.01|")),
        (refusals.BadName, lambda t: t.replace(b"H|1|PAY", b"H|1|RES")),
        (refusals.BadName, lambda t: t.replace(b"H|1|", b"H|2|")),
        (refusals.BadText, lambda t: changed_row(t, "李秀英".encode("gb18030"), b"\xff\xff")),
        (refusals.BadRow, lambda t: changed_row(t, b"|6375.00|", b"|6375.0|")),
        (refusals.BadRow, lambda t: changed_row(t, b"|6375.00|", b"|6,375.00|")),
        (refusals.BadRow, lambda t: changed_row(t, b"|CARD|", b"|CASH|")),
        (refusals.BadRow, lambda t: changed_row(t, b"|CARD|", b"|CARD||")),
        (refusals.BadRow, lambda t: changed_row(t, b"|CNY|", b"||")),
        (refusals.BadRow, lambda t: changed_row(t, b"D|D00001|1|", b"D|D00001|x|")),
        (refusals.BadRow, lambda t: changed_row(t, b"D|D00001", b"D|D0\t01")),
    ],
)
def test_each_check_refuses_with_its_own_error(
    error: type[refusals.FileRefused], change: Callable[[bytes], bytes]
) -> None:
    (part,) = sealed(row(), row(2))
    with pytest.raises(error) as refused:
        decode(with_text(part, change), THEIRS)
    assert refused.value.code in str(error.code)
    assert "500104195001010021" not in str(refused.value)


def test_signature_comes_before_decryption_and_both_before_the_text() -> None:
    (part,) = sealed(row())
    broken = replace(inbound(part), sealed=part.sealed[:-1] + bytes([part.sealed[-1] ^ 1]))
    with pytest.raises(refusals.BadSignature):
        decode(broken, THEIRS)
    with pytest.raises(refusals.CannotOpen):
        decode(replace(broken, signature=MINE.sign(broken.sealed)), THEIRS)
    other = replace(inbound(part), signature=sealed(row(2))[0].signature)
    with pytest.raises(refusals.BadSignature):
        decode(other, THEIRS)


def test_a_file_under_another_files_name_is_refused() -> None:
    (part,) = sealed(row())
    with pytest.raises(refusals.BadName):
        decode(replace(inbound(part), name=part.name.replace("000001_001", "000002_001")), THEIRS)


def test_the_same_content_is_a_repeat_and_other_content_a_refusal() -> None:
    (part,) = sealed(row())
    (later,) = encode(
        Message(Msg.PAY, BATCH, (row(),)), created=AT + timedelta(hours=1), envelope=MINE
    )
    stored = {part.key: part.sm3}
    assert not decode(inbound(part), THEIRS, seen={}.get).is_repeat
    assert decode(inbound(later), THEIRS, seen=stored.get).is_repeat
    (other,) = sealed(row(amount_fen=1))
    with pytest.raises(refusals.ContentChanged):
        decode(inbound(other), THEIRS, seen=stored.get)


def test_a_missing_or_foreign_part_is_not_joined() -> None:
    parts = [decode(inbound(p), THEIRS) for p in sealed(row(1), row(2), row(3), max_rows=1)]
    with pytest.raises(refusals.NotComplete):
        join(parts[:2])
    with pytest.raises(refusals.BadCount):
        join([*parts[:2], replace(parts[2], count=4)])
    with pytest.raises(refusals.BadSum):
        join([replace(part, amount_fen=part.amount_fen + 1) for part in parts])


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"payee_name": "李\ue123"}, "U+E123"),
        ({"payee_name": "李\ufffd"}, "U+FFFD"),
        ({"payee_name": "李" * 31}, "62字节"),
        ({"payee_name": "𠮷" * 16}, "64字节"),
        ({"payee_name": "\r\n"}, "不能为空"),
        ({"acct_type": "CASH"}, "不是约定的代码"),
    ],
)
def test_what_cannot_be_written_is_listed_before_sending(facts: Any, words: str) -> None:
    with pytest.raises(refusals.Unwritable) as refused:
        sealed(row(1), row(2, **facts), max_rows=1)
    (problem,) = refused.value.problems
    assert problem.row == 2
    assert words in problem.reason


def test_a_gbk_bank_lists_the_character_that_gb18030_would_hold() -> None:
    assert sealed(row(payee_name="周𠮷"))
    with pytest.raises(refusals.Unwritable, match="𠮷"):
        sealed(row(payee_name="周𠮷"), encoding="gbk")


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_and_less_than_nothing_are_not_paid(amount: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        sealed(row(amount_fen=amount))


def test_our_own_mistakes_are_bugs_not_refusals() -> None:
    with pytest.raises(ValueError, match="batch number"):
        encode(Message(Msg.PAY, "ABC1", (row(),)), created=AT, envelope=MINE)
    with pytest.raises(ValueError, match="PayRow"):
        sealed(row(), m.CancelRow(scope="ALL", reason="x"))
    with pytest.raises(ValueError, match="aware"):
        encode(Message(Msg.PAY, BATCH, (row(),)), created=AT.replace(tzinfo=None), envelope=MINE)


def test_a_total_that_the_form_cannot_hold_is_not_written() -> None:
    with pytest.raises(ValueError, match="thirteen"):
        sealed(row(amount_fen=10**15 - 1), row(2))


@given(st.integers(0, 10**15 - 1))
def test_yuan_and_fen_are_exact(amount: int) -> None:
    assert fen(yuan(amount)) == amount


@pytest.mark.parametrize("text", ["1", "1.0", "1.000", "-1.00", "1,000.00", "１.00", "", "1e2"])
def test_no_other_way_of_writing_money_is_read(text: str) -> None:
    with pytest.raises(ValueError, match="two decimals"):
        fen(text)


def test_instants_have_an_offset() -> None:
    assert moment("2026-01-15T01:30:00+00:00") == datetime(2026, 1, 15, 1, 30, tzinfo=UTC)
    with pytest.raises(ValueError, match="offset"):
        moment("2026-01-15T01:30:00")


@pytest.mark.parametrize(
    "name",
    [
        f"YKT_PAY_500243_20260115_{BATCH}_001of001.txt",
        f"YKT_PAY_500104_20261315_{BATCH}_001of001.txt",
        f"YKT_XXX_500104_20260115_{BATCH}_001of001.txt",
        f"YKT_PAY_500104_20260115_{BATCH}_002of001.txt",
        f"YKT_PAY_500104_20260115_{BATCH}_000of001.txt",
        f"../YKT_PAY_500104_20260115_{BATCH}_001of001.txt",
        f"YKT_PAY_500104_20260115_{BATCH}_００1of001.txt",
        "",
    ],
)
def test_only_our_own_form_of_name_is_read(name: str) -> None:
    with pytest.raises(refusals.BadName):
        PartName.parse(name)


def test_a_name_is_read_as_it_is_written() -> None:
    name = PartName("ABC", Msg.RES, "500104", date(2026, 1, 15), BATCH, 2, 2)
    assert PartName.parse(str(name)) == name
