"""What both of the bank's codecs share: names of fields, money as text, and why a file is no good.

Rows are plain dictionaries; a field whose name ends in `_fen` is an integer of fen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

Row = dict[str, Any]

FIELDS: Final[dict[str, list[str]]] = {
    msg: fields.split()
    for msg, fields in {
        "VRQ": "verify_id seq payee_name id_type id_no acct_no acct_type bank_no12",
        "VRS": "verify_id result reason_code reason_text acct_status acct_class name_registered"
        " checked_at",
        "PAY": "detail_id seq ref_batch_no mof_div_code fiscal_year project_code project_short"
        " period payee_name id_type id_no acct_no acct_type bank_no12 amount_fen currency summary"
        " sms_text ntf_text mobile orig_detail_id",
        "ACK": "for_msg for_part status code reason count amount_fen",
        "REL": "application_no voucher_no count amount_fen",
        "FND": "application_no voucher_no payee_acct_no amount_fen bank_serial received_at",
        "RES": "detail_id result reason_code bank_reason_code bank_reason_text paid_fen paid_at"
        " bank_serial actual_acct_no sms_status",
        "CAN": "scope detail_id reason",
        "RFD": "refund_no application_no voucher_no detail_id amount_fen reason bank_serial"
        " refunded_at",
        "DZ": "kind acct_no amount_fen at batch_no detail_id bank_serial voucher_no",
        "RET": "detail_id amount_fen reason_code bank_reason_code bank_reason_text bank_serial"
        " returned_at",
        "DZR": "bank_serial detail_id kind verdict reason",
        "SMS": "detail_id status reported_at",
        "STA": "state count amount_fen paid_count paid_fen",
    }.items()
}
PARTED: Final = {"VRQ", "VRS", "PAY", "DZ", "DZR"}
FROM_PLATFORM: Final = {"VRQ", "PAY", "REL", "CAN", "DZR"}
NAME: Final = re.compile(
    r"YKT_([A-Z]{2,3})_([0-9]{6})_([0-9]{8})_(([0-9A-Z]{3})([0-9]{6})[0-9]{14})"
    r"_([0-9]{3})of([0-9]{3})\.(txt|xml|json)"
)
MONEY: Final = re.compile(r"([0-9]{1,13})\.([0-9]{2})")
CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
MOST_DIGITS: Final = 9
COUNTS: Final = {"seq", "count", "for_part", "paid_count"}


class BadFile(Exception):
    """A message that is not taken: its code, a Chinese reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass(frozen=True, slots=True)
class Name:
    msg: str
    county: str
    batch_no: str
    bank: str
    part: int
    parts: int

    @property
    def key(self) -> str:
        return f"{self.msg}:{self.batch_no}:{self.part}"


def parse_name(text: str) -> Name:
    found = NAME.fullmatch(text)
    if found is None or found[1] not in FROM_PLATFORM or found[2] != found[6]:
        raise BadFile("E-NAME", "文件名不符合约定。")
    part, parts = int(found[7]), int(found[8])
    if not 1 <= part <= parts:
        raise BadFile("E-NAME", "分包序号不正确。")
    return Name(found[1], found[2], found[4], found[5], part, parts)


def total(msg: str, rows: Sequence[Row]) -> int:
    """The control sum in fen."""
    money = [name for name in FIELDS[msg] if name.endswith("_fen")]
    return sum(row[money[0]] for row in rows) if money else 0


def yuan(amount_fen: int) -> str:
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"


def fen(text: str) -> int:
    found = MONEY.fullmatch(text)
    if found is None:
        raise BadFile("E-ROW", "金额写法不正确。")
    return int(found[1] + found[2])


def counted(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > MOST_DIGITS:
        raise BadFile("E-ROW", "笔数或序号写法不正确。")
    return int(text)


def to_bytes(text: str, encoding: str) -> bytes:
    """GB 2312 has the middle dot at A1A4; the codec calls that place by another sign's name."""
    if encoding == "gb2312":
        text = text.replace("·", "\u30fb").replace("—", "\u2015")
    return text.encode(encoding, "replace")


def to_text(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise BadFile("E-ENCODING", f"内容不是有效的 {encoding.upper()} 文字。") from None
    return text.replace("\u30fb", "·").replace("\u2015", "—") if encoding == "gb2312" else text
