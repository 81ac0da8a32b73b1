"""The bank's own reading and writing of messages, from the interface page (§2.5, §2.7).

The standard text stands here; what a bank's folder asks for instead is in `layouts`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import gmssl_pyx

from simulators.bank import layouts
from simulators.bank.crypto import Crypto, Unopenable, sm3_hex
from simulators.bank.rows import (
    CONTROLS,
    COUNTS,
    FIELDS,
    PARTED,
    BadFile,
    Name,
    Row,
    counted,
    fen,
    parse_name,
    to_bytes,
    to_text,
    total,
    yuan,
)

__all__ = ["FIELDS", "BadFile", "Name", "Part", "Row", "Sealed", "Spoil", "parse_name", "total"]

END: Final = b"########"
LEAST_LINES: Final = 3
HEAD_FIELDS: Final = 9
TRAILER_FIELDS: Final = 4
ENDING: Final = {"bcp": "txt", "txt": "txt", "voucher8207": "xml", "iso20022": "xml"}
TELLS_PART_ONLY: Final = {"txt", "voucher8207", "iso20022"}


@dataclass(frozen=True, slots=True)
class Part:
    """A part that was read: `count` and `amount_fen` are the whole message's, or this part's where
    the layout tells no more."""

    name: Name
    count: int
    amount_fen: int
    sm3: str
    rows: list[Row]
    tells_whole: bool = True


@dataclass(frozen=True, slots=True)
class Sealed:
    """One message ready to go; `signature` is empty for the API, which signs when it answers."""

    name: str
    number: int
    sealed: bytes
    signature: bytes
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Spoil:
    """How a fault tells a message wrongly: figures that are not those of the rows, or its end."""

    count: int = 0
    fen: int = 0
    cut: str = ""  # "trailer": without its end; "character": ends inside a character


def decode(file_name: str, sealed: bytes, signature: bytes, crypto: Crypto, bank: str) -> Part:
    """The receiver's checks of a file, in order. Raises BadFile."""
    name = parse_name(file_name)
    if name.bank != bank:
        raise BadFile("E-NAME", "批次号不是本行的。")
    if not crypto.verify(sealed, signature):
        raise BadFile("E-SIGN", "签名不正确。")
    try:
        plain = crypto.open(sealed)
    except Unopenable:
        raise BadFile("E-DECRYPT", "无法解密。") from None
    return read(name, plain, crypto)


def read(name: Name, plain: bytes, crypto: Crypto) -> Part:
    """A message in the layout that this bank's folder names for it. Raises BadFile."""
    layout = crypto.profile.layout(name.msg)
    if layout == "bcp":
        return _read(name, plain, crypto.profile.encoding)
    count, amount, rows = layouts.read_pay(layout, name, plain, crypto)
    part = Part(name, count, amount, sm3_hex(plain), rows, layout not in TELLS_PART_ONLY)
    is_all = not part.tells_whole or name.parts == 1 or name.msg not in PARTED
    if not rows or (is_all and count != len(rows)):
        raise BadFile("E-COUNT", "笔数不一致。")
    if is_all and amount != total(name.msg, rows):
        raise BadFile("E-SUM", "金额合计不一致。")
    return part


def _read(name: Name, plain: bytes, encoding: str) -> Part:
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
    written = [to_text(line, encoding).split("|") for line in lines[1:-2]]
    named = [part.decode("latin-1") for part in head]
    if named[2:6] != [name.msg, name.batch_no, str(name.part), str(name.parts)]:
        raise BadFile("E-NAME", "文件名与首行不一致。")
    rows = [_row(name.msg, values, place) for place, values in enumerate(written, start=1)]
    count, amount = counted(trailer[1].decode("latin-1")), fen(trailer[2].decode("latin-1"))
    of_all, amount_of_all = counted(named[6]), fen(named[7])
    is_all = name.parts == 1 or name.msg not in PARTED
    if not rows or count != len(rows) or (is_all and of_all != count):
        raise BadFile("E-COUNT", "笔数不一致。")
    if amount != total(name.msg, rows) or (is_all and amount_of_all != amount):
        raise BadFile("E-SUM", "金额合计不一致。")
    return Part(name, of_all, amount_of_all, digest, rows)


def encode(
    msg: str,
    batch_no: str,
    rows: Sequence[Row],
    number: int,
    created: datetime,
    crypto: Crypto,
    spoil: Spoil | None = None,
) -> list[Sealed]:
    """All parts of one message of the bank. Unparted messages: the n-th is part n of n."""
    wrong = spoil or Spoil()
    profile = crypto.profile
    is_api, layout = profile.binding(msg) == "http", profile.layout(msg)
    rows = [_own_codes(msg, row, crypto) for row in rows]
    most = profile.max_rows if msg in PARTED else max(len(rows), 1)
    chunks = [rows[at : at + most] for at in range(0, len(rows), most)]
    made = []
    for place, chunk in enumerate(chunks, start=1):
        part = place if msg in PARTED else number + place - 1
        parts = len(chunks) if msg in PARTED else part
        whole = rows if msg in PARTED else chunk
        count, amount = len(whole) + wrong.count, total(msg, whole) + wrong.fen
        if layout == "bcp":
            plain = _text(
                msg, batch_no, (part, parts), chunk, (count, amount), created, crypto, wrong
            )
        elif layout == "json":
            plain = _json(msg, batch_no, (part, parts), chunk, (count, amount), created, crypto)
        else:
            plain = layouts.WRITERS[layout](msg, batch_no, chunk, count, amount, crypto)
        plain = plain[: -len(END) - 1] if wrong.cut == "trailer" else plain
        if wrong.cut == "character" and layout != "bcp":
            plain = plain[: len(plain) // 2].rstrip(bytes(range(128))) or plain[:9]
        sealed = plain if is_api else crypto.seal(plain)
        name = (
            f"{batch_no[:3]}_{msg}_{batch_no[3:9]}_{created:%Y%m%d}_{batch_no}"
            f"_{part:03}of{parts:03}.{'json' if is_api else ENDING[layout]}"
        )
        made.append(Sealed(name, part, sealed, b"" if is_api else crypto.sign(sealed), parts))
    return made


def _own_codes(msg: str, row: Row, crypto: Crypto) -> Row:
    """A bank that has codes of its own speaks in those; the common ones are ours to find."""
    code = row.get("reason_code")
    if msg not in {"RES", "RET"} or not code or not crypto.profile.own_codes:
        return row
    return row | {"reason_code": "", "bank_reason_code": crypto.profile.code(code)}


def _text(
    msg: str, batch_no: str, numbers: tuple[int, int], chunk: Sequence[Row],
    told: tuple[int, int], created: datetime, crypto: Crypto, wrong: Spoil,
) -> bytes:  # fmt: skip
    body = to_bytes("".join(_line(msg, row) for row in chunk), crypto.profile.encoding)
    if wrong.cut == "character":
        body = body.rstrip(b"\n") + b"\x81\n"
    head = (
        f"H|1|{msg}|{batch_no}|{numbers[0]}|{numbers[1]}|{told[0]}|{yuan(told[1])}"
        f"|{created.isoformat(timespec='seconds')}\n"
    )
    count, amount = len(chunk) + wrong.count, total(msg, chunk) + wrong.fen
    trailer = f"T|{count}|{yuan(amount)}|{sm3_hex(body)}\n"
    return head.encode() + body + trailer.encode() + END + b"\n"


def _json(
    msg: str, batch_no: str, numbers: tuple[int, int], chunk: Sequence[Row],
    told: tuple[int, int], created: datetime, crypto: Crypto,
) -> bytes:  # fmt: skip
    empty: Row = {
        name: 0 if name.endswith("_fen") or name in COUNTS else "" for name in FIELDS[msg]
    }
    rows = [empty | {k: v for k, v in row.items() if k in empty and v is not None} for row in chunk]
    for row in rows:
        row |= {name: int(row[name]) for name in COUNTS if name in row}
    rows, key = layouts.hidden(rows, batch_no, crypto)
    body = {
        "ver": "1", "msg": msg, "batch_no": batch_no, "part": numbers[0], "parts": numbers[1],
        "count": told[0], "amount_fen": told[1], "created": created.isoformat(timespec="seconds"),
    }  # fmt: skip
    return json.dumps(body | key | {"rows": rows}, ensure_ascii=False).encode()


def _line(msg: str, row: Row) -> str:
    values = []
    for name in FIELDS[msg]:
        value = row.get(name)
        if name.endswith("_fen"):
            values.append(yuan(value if isinstance(value, int) else 0))
        elif name in COUNTS:
            values.append(str(value))
        else:
            values.append(CONTROLS.sub("", str(value or "")).replace("|", ""))
    return "D|" + "|".join(values) + "\n"


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
            row[name] = counted(row[name])
    return row


def stranger(crypto: Crypto) -> Crypto:
    """One who signs with the bank's name and another key."""
    public, private = gmssl_pyx.sm2_key_generate()
    return replace(crypto, public=public, private=private)
