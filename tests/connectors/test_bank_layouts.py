"""Layouts refuse what is not theirs; XML from a stranger is read without entities or network."""

from __future__ import annotations

from datetime import date

import pytest

from yikatong.connectors.bank.codecs.xml import parsed
from yikatong.connectors.bank.layouts import CODECS
from yikatong.connectors.bank.messages import Msg
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.profiles import BankProfile
from yikatong.connectors.bank.refusals import BadText, FileRefused
from yikatong.kernel.errors import Refused
from yikatong.vault.wire import WireKeys

KEYS = WireKeys.create()
ENVELOPE = KEYS.facing(KEYS.public_hex)
NAME = PartName("CCB", Msg.RES, "500104", date(2026, 1, 15), "CCB50010420260115000001", 1, 1)
BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
OUTSIDE = b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'
READ_A_FILE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'


@pytest.mark.parametrize("content", [BOMB, OUTSIDE, READ_A_FILE, b"", b"<a>", b"\x00", b"not"])
def test_hostile_xml_is_refused(content: bytes) -> None:
    with pytest.raises(BadText):
        parsed(content, "RES")


DEEP = b"<a>" * 300 + b"</a>" * 300


@pytest.mark.parametrize("layout", sorted(CODECS))
@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"null", b'{"response":1}', b'{"rows":[1],"msg":"RES"}', b"<a/>",
     b"<MOF><VoucherBody/></MOF>", DEEP, b"R|1|1\r\nx\r\n########\r\n", b"\xff\xfe", BOMB,
     b'{"a":' * 2000 + b"1" + b"}" * 2000],
)  # fmt: skip
def test_nonsense_is_refused_in_words(layout: str, content: bytes) -> None:
    with pytest.raises(FileRefused) as refused:
        CODECS[layout].read(content, NAME, BankProfile(), ENVELOPE)
    assert refused.value.code.startswith("E-")


def test_a_field_is_sealed_for_its_own_place() -> None:
    key = ENVELOPE.new_field_key()
    sealed = key.seal("6228480000000000011", b"B|D1|acct_no")
    again = ENVELOPE.field_key(key.wrapped)
    assert again.open(sealed, b"B|D1|acct_no") == "6228480000000000011"
    assert sealed != key.seal("6228480000000000011", b"B|D1|acct_no")
    for place in (b"B|D2|acct_no", b"B|D1|id_no"):
        with pytest.raises(Refused):
            again.open(sealed, place)
    with pytest.raises(Refused):
        ENVELOPE.field_key("AAAA")
