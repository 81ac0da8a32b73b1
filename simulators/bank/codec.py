"""The bank's own reading and writing of protocol files, from the interface page (§2.5).

Rows are plain dictionaries; a field whose name ends in `_fen` is an integer of fen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from simulators.bank.crypto import Crypto, Unopenable, sm3_hex

Row = dict[str, Any]

FIELDS: Final[dict[str, list[str]]] = {
    "VRQ": [
        "verify_id",
        "seq",
        "payee_name",
        "id_type",
        "id_no",
        "acct_no",
        "acct_type",
        "bank_no12",
    ],
    "VRS": [
        "verify_id",
        "result",
        "reason_code",
        "reason_text",
        "acct_status",
        "acct_class",
        "name_registered",
        "checked_at",
    ],
    "PAY": [
        "detail_id",
        "seq",
        "ref_batch_no",
        "mof_div_code",
        "fiscal_year",
        "project_code",
        "project_short",
        "period",
        "payee_name",
        "id_type",
        "id_no",
        "acct_no",
        "acct_type",
        "bank_no12",
        "amount_fen",
        "currency",
        "summary",
        "sms_text",
        "ntf_text",
        "mobile",
        "orig_detail_id",
    ],
    "ACK": ["for_msg", "for_part", "status", "code", "reason", "count", "amount_fen"],
    "REL": ["application_no", "voucher_no", "count", "amount_fen"],
    "FND": [
        "application_no",
        "voucher_no",
        "payee_acct_no",
        "amount_fen",
        "bank_serial",
        "received_at",
    ],
    "RES": [
        "detail_id",
        "result",
        "reason_code",
        "bank_reason_code",
        "bank_reason_text",
        "paid_fen",
        "paid_at",
        "bank_serial",
        "actual_acct_no",
        "sms_status",
    ],
    "CAN": ["scope", "detail_id", "reason"],
    "RFD": [
        "refund_no",
        "application_no",
        "voucher_no",
        "detail_id",
        "amount_fen",
        "reason",
        "bank_serial",
        "refunded_at",
    ],
    "DZ": [
        "kind",
        "acct_no",
        "amount_fen",
        "at",
        "batch_no",
        "detail_id",
        "bank_serial",
        "voucher_no",
    ],
}
PARTED: Final = {"VRQ", "VRS", "PAY", "DZ"}
FROM_PLATFORM: Final = {"VRQ", "PAY", "REL", "CAN"}
NAME: Final = re.compile(
    r"YKT_([A-Z]{2,3})_([0-9]{6})_([0-9]{8})_(([0-9A-Z]{3})([0-9]{6})[0-9]{14})"
    r"_([0-9]{3})of([0-9]{3})\.txt"
)
MONEY: Final = re.compile(r"([0-9]{1,13})\.([0-9]{2})")
CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
MAX_ROWS: Final = 3000
END: Final = b"########"
LEAST_LINES: Final = 3
HEAD_FIELDS: Final = 9
TRAILER_FIELDS: Final = 4
MOST_DIGITS: Final = 9


class BadFile(Exception):
    """A file that is not taken: its code, a Chinese reason."""

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


@dataclass(frozen=True, slots=True)
class Part:
    """A part that was read: `count` and `amount_fen` are the whole message's."""

    name: Name
    count: int
    amount_fen: int
    sm3: str
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Sealed:
    name: str
    number: int
    sealed: bytes
    signature: bytes


def parse_name(text: str) -> Name:
    found = NAME.fullmatch(text)
    if found is None or found[1] not in FROM_PLATFORM or found[2] != found[6]:
        raise BadFile("E-NAME", "文件名不符合约定。")
    part, parts = int(found[7]), int(found[8])
    if not 1 <= part <= parts:
        raise BadFile("E-NAME", "分包序号不正确。")
    return Name(found[1], found[2], found[4], found[5], part, parts)


def decode(file_name: str, sealed: bytes, signature: bytes, crypto: Crypto, bank: str) -> Part:
    """The receiver's checks in order. Raises BadFile."""
    name = parse_name(file_name)
    if name.bank != bank:
        raise BadFile("E-NAME", "批次号不是本行的。")
    if not crypto.verify(sealed, signature):
        raise BadFile("E-SIGN", "签名不正确。")
    try:
        plain = crypto.open(sealed)
    except Unopenable:
        raise BadFile("E-DECRYPT", "无法解密。") from None
    return _read(name, plain)


def _read(name: Name, plain: bytes) -> Part:
    """Trailer, digest, text, counts, sums, rows of an opened part."""
    lines = plain.removesuffix(b"\n").split(b"\n")
    if len(lines) < LEAST_LINES or lines[-1] != END or not lines[-2].startswith(b"T|"):
        raise BadFile("E-TRAILER", "没有结束行。")
    head, trailer = lines[0].split(b"|"), lines[-2].split(b"|")
    if len(head) != HEAD_FIELDS or head[:2] != [b"H", b"1"] or len(trailer) != TRAILER_FIELDS:
        raise BadFile("E-TRAILER", "首行或尾行不正确。")
    body = b"".join(line + b"\n" for line in lines[1:-2])
    digest = sm3_hex(body)
    if trailer[3].decode("latin-1") != digest:
        raise BadFile("E-SM3", "明细摘要不一致。")
    try:
        written = [line.decode("gb18030").split("|") for line in lines[1:-2]]
        named = [part.decode("ascii") for part in head]
    except UnicodeDecodeError:
        raise BadFile("E-ENCODING", "内容不是有效的 GB18030 文字。") from None
    if named[2:6] != [name.msg, name.batch_no, str(name.part), str(name.parts)]:
        raise BadFile("E-NAME", "文件名与首行不一致。")
    rows = [_row(name.msg, values, place) for place, values in enumerate(written, start=1)]
    count, amount = _counted(trailer[1].decode("latin-1")), fen(trailer[2].decode("latin-1"))
    of_all, amount_of_all = _counted(named[6]), fen(named[7])
    is_all = name.parts == 1 or name.msg not in PARTED
    if not rows or count != len(rows) or (is_all and of_all != count):
        raise BadFile("E-COUNT", "笔数不一致。")
    if amount != total(name.msg, rows) or (is_all and amount_of_all != amount):
        raise BadFile("E-SUM", "金额合计不一致。")
    return Part(name, of_all, amount_of_all, digest, rows)


def encode(
    msg: str, batch_no: str, rows: Sequence[Row], number: int, created: datetime, crypto: Crypto
) -> list[Sealed]:
    """Sealed files of one message of the bank. Unparted messages: the n-th is part n of n."""
    chunks = [rows[at : at + MAX_ROWS] for at in range(0, len(rows), MAX_ROWS)]
    made = []
    for place, chunk in enumerate(chunks, start=1):
        part = place if msg in PARTED else number + place - 1
        parts = len(chunks) if msg in PARTED else part
        counted = rows if msg in PARTED else chunk
        body = "".join(_line(msg, row) for row in chunk).encode("gb18030")
        head = (
            f"H|1|{msg}|{batch_no}|{part}|{parts}|{len(counted)}|{yuan(total(msg, counted))}"
            f"|{created.isoformat(timespec='seconds')}\n"
        )
        trailer = f"T|{len(chunk)}|{yuan(total(msg, chunk))}|{sm3_hex(body)}\n"
        plain = head.encode() + body + trailer.encode() + END + b"\n"
        sealed = crypto.seal(plain)
        name = (
            f"{batch_no[:3]}_{msg}_{batch_no[3:9]}_{created:%Y%m%d}_{batch_no}"
            f"_{part:03}of{parts:03}.txt"
        )
        made.append(Sealed(name, part, sealed, crypto.sign(sealed)))
    return made


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


def _line(msg: str, row: Row) -> str:
    values = [
        yuan(row[name]) if name.endswith("_fen") else CONTROLS.sub("", str(row.get(name) or ""))
        for name in FIELDS[msg]
    ]
    if "seq" in row:
        values[FIELDS[msg].index("seq")] = str(row["seq"])
    for name in ("count", "for_part"):
        if name in row:
            values[FIELDS[msg].index(name)] = str(row[name])
    return "D|" + "|".join(value.replace("|", "") for value in values) + "\n"


def _row(msg: str, values: list[str], place: int) -> Row:
    names = FIELDS[msg]
    if len(values) != len(names) + 1 or values[0] != "D":
        raise BadFile("E-ROW", f"第{place}行字段数不正确。")
    if any(CONTROLS.search(value) for value in values):
        raise BadFile("E-ROW", f"第{place}行含有控制字符。")
    row: Row = dict(zip(names, values[1:], strict=True))
    for name in names:
        if name.endswith("_fen"):
            row[name] = fen(row[name])
        elif name in {"seq", "count"}:
            row[name] = _counted(row[name])
    return row


def _counted(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > MOST_DIGITS:
        raise BadFile("E-ROW", "笔数或序号写法不正确。")
    return int(text)
