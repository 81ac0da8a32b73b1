"""The FILE binding of BCP v1: a message becomes signed, sealed parts, and comes back strictly.

A part is the text ``H|…``, ``D|…``, ``T|…``, ``########`` in GB18030, encrypted as one block,
with a detached signature over the encrypted bytes. `H` counts the whole message, `T` this part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from yikatong.connectors.bank import refusals
from yikatong.connectors.bank.lines import BAR, fen, moment, read, whole, written, yuan
from yikatong.connectors.bank.messages import (
    BATCH_NO,
    MAX_ROWS,
    PARTED,
    ROW_OF,
    Column,
    Message,
    Msg,
    Row,
    columns,
    money_column,
)
from yikatong.connectors.bank.names import US, PartName
from yikatong.connectors.bank.ports import Envelope
from yikatong.kernel.digest import sm3
from yikatong.kernel.errors import Refused

VERSION: Final = "1"
END: Final = "########"
ENCODING: Final = "gb18030"
HEADER_FIELDS: Final = 9
TRAILER_FIELDS: Final = 4
MOST_PARTS: Final = 999


@dataclass(frozen=True, slots=True)
class SealedPart:
    """A part as it travels. Store these bytes before the first try, and send them again as is.

    `sm3` is that of the D lines, in hexadecimal: the content under the key.
    """

    name: str
    sealed: bytes
    signature: bytes
    key: str
    sm3: str
    count: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class InboundFile:
    """A complete file of the bank as fetched; `folder` is where it lay (`ack` or `out`)."""

    name: str
    sealed: bytes
    signature: bytes
    folder: str = "out"


@dataclass(frozen=True, slots=True)
class Received:
    """One part that passed the receiver's checks.

    `count` and `amount_fen` are the message's (all parts). `is_repeat`: the key and content were
    seen before, so applying it again must do nothing. `file_sm3` is that of the bytes sent.
    """

    name: PartName
    created: datetime
    count: int
    amount_fen: int
    rows: tuple[Row, ...]
    sm3: str
    file_sm3: str
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class _Header:
    count: int
    amount_fen: int
    created: datetime


def encode(
    message: Message,
    *,
    created: datetime,
    envelope: Envelope,
    sender: str = US,
    max_rows: int = MAX_ROWS,
    encoding: str = ENCODING,
) -> tuple[SealedPart, ...]:
    """Cut, write, seal and sign a message; `created` dates the names and headers.

    Raises:
        Unwritable: values that do not fit or cannot be encoded, all listed.
        ValueError: a row of another message, a malformed batch number, an amount below zero.
    """
    numbered = BATCH_NO.fullmatch(message.batch_no)
    if numbered is None or not message.rows or created.tzinfo is None:
        raise ValueError("a message has a batch number, rows, and an aware instant")
    row_type = ROW_OF[message.msg]
    if any(type(row) is not row_type for row in message.rows):
        raise ValueError(f"{message.msg} holds {row_type.__name__} rows only")
    rows = message.rows
    chunks = [rows[at : at + max_rows] for at in range(0, len(rows), max_rows)]
    if message.msg not in PARTED and len(chunks) > 1:
        raise ValueError(f"{message.msg} of more than {max_rows} rows: number it as several")
    if len(chunks) > MOST_PARTS:
        raise ValueError(f"more than {MOST_PARTS} parts")
    totals = _Header(len(rows), sum_of(row_type, rows), created)
    sealed = []
    for place, chunk in enumerate(chunks, start=1):
        part, parts = _numbers(message, place, len(chunks))
        name = PartName(
            sender, message.msg, numbered[2], created.date(), message.batch_no, part, parts
        )
        lines = _written(chunk, (place - 1) * max_rows, encoding)
        sealed.append(seal_lines(name, lines, sum_of(row_type, chunk), totals, envelope, encoding))
    return tuple(sealed)


def seal_lines(
    name: PartName,
    lines: Sequence[str],
    amount_fen: int,
    totals: _Header,
    envelope: Envelope,
    encoding: str = ENCODING,
) -> SealedPart:
    """One part from its finished D lines; a bulk writer that makes lines by frame ends here."""
    body = "".join(line + "\n" for line in lines).encode(encoding)
    digest = sm3(body).hex()
    head = BAR.join((
        "H", VERSION, name.msg, name.batch_no, str(name.part), str(name.parts),
        str(totals.count), yuan(totals.amount_fen), totals.created.isoformat(timespec="seconds"),
    ))  # fmt: skip
    trailer = BAR.join(("T", str(len(lines)), yuan(amount_fen), digest))
    plain = f"{head}\n".encode() + body + f"{trailer}\n{END}\n".encode()
    sealed = envelope.seal(plain)
    return SealedPart(
        str(name), sealed, envelope.sign(sealed), name.key, digest, len(lines), amount_fen
    )


def decode(
    file: InboundFile,
    envelope: Envelope,
    *,
    seen: Callable[[str], str | None] | None = None,
    encoding: str = ENCODING,
) -> Received:
    """Check one file in the receiver's order: name, signature, decryption, trailer, SM3, text,
    counts, sums, duplicate, rows. (Flag and stable size are checked while fetching.)

    Args:
        seen: gives the SM3 of the content stored under a key (`PAY:<batch_no>:1`), or None.

    Raises:
        FileRefused: a subclass per check, with its `code` and a Chinese reason.
    """
    name = PartName.parse(file.name)
    if not envelope.verify(file.sealed, file.signature):
        raise refusals.BadSignature(file.name, "签名不正确，不能使用。")
    try:
        plain = envelope.open(file.sealed)
    except Refused as error:
        raise refusals.CannotOpen(file.name, str(error)) from None
    head, body, trailer = _framed(plain, file.name)
    digest = sm3(body).hex()
    if trailer[3] != digest:
        raise refusals.BadDigest(file.name, "明细摘要不一致，内容被改动。")
    lines = _text_of(body, file.name, encoding)
    header = _header_of(head, name)
    row_type = ROW_OF[name.msg]
    _check_totals(row_type, lines, trailer, header, name)
    before = seen(name.key) if seen is not None else None
    if before is not None and before != digest:
        raise refusals.ContentChanged(file.name, "同一批次同一分包此前收到过不同的内容，不予采用。")
    rows = read(row_type, lines, name=file.name, encoding=encoding)
    return Received(
        name, header.created, header.count, header.amount_fen, rows, digest,
        sm3(file.sealed).hex(), is_repeat=before is not None,
    )  # fmt: skip


def join(parts: Sequence[Received]) -> Message:
    """All parts of one message as one, in order.

    Raises:
        NotComplete: a part is still missing.
        BadCount, BadSum: the parts do not add up to their header, or their headers differ.
    """
    ordered = sorted(parts, key=lambda part: part.name.part)
    first = ordered[0]
    name = str(first.name)
    if first.name.msg not in PARTED:
        return Message(first.name.msg, first.name.batch_no, first.rows, first.name.part)
    if [part.name.part for part in ordered] != list(range(1, first.name.parts + 1)):
        raise refusals.NotComplete(name, f"共{first.name.parts}个分包，尚未收齐。")
    if len({(part.count, part.amount_fen, part.name.parts) for part in ordered}) != 1:
        raise refusals.BadCount(name, "各分包的总笔数、总金额不一致。")
    rows = tuple(row for part in ordered for row in part.rows)
    if len(rows) != first.count:
        raise refusals.BadCount(name, f"总笔数{first.count}，各分包合计{len(rows)}。")
    if sum_of(ROW_OF[first.name.msg], rows) != first.amount_fen:
        raise refusals.BadSum(name, "总金额与各分包合计不一致。")
    return Message(first.name.msg, first.name.batch_no, rows)


def sum_of(row_type: type[Row], rows: Sequence[Row]) -> int:
    """The control sum in fen; 0 for messages without money."""
    place = money_column(row_type)
    if place is None:
        return 0
    column: Column = columns(row_type)[place]
    return sum(getattr(row, column.name) for row in rows)


def _numbers(message: Message, place: int, chunks: int) -> tuple[int, int]:
    if message.msg in PARTED:
        return place, chunks
    return message.number, message.number


def _written(chunk: Sequence[Row], before: int, encoding: str) -> list[str]:
    """D lines; problems name the row of the message, not of the part."""
    try:
        return written(chunk, encoding)
    except refusals.Unwritable as error:
        shifted = tuple(replace(p, row=p.row + before) for p in error.problems)
        raise refusals.Unwritable(shifted) from None


def _framed(plain: bytes, name: str) -> tuple[list[str], bytes, list[str]]:
    """Header fields, the bytes of the D lines, trailer fields."""
    text = plain.removesuffix(b"\n")
    first, _, rest = text.partition(b"\n")
    rest, _, end = rest.rpartition(b"\n")
    body, _, last = rest.rpartition(b"\n")
    if end != END.encode() or not last.startswith(b"T|") or not first.startswith(b"H|"):
        raise refusals.NoTrailer(name, "没有结束行，文件不完整。")
    try:
        head = first.decode("ascii").split(BAR)
        trailer = last.decode("ascii").split(BAR)
    except UnicodeDecodeError:
        raise refusals.NoTrailer(name, "首行或尾行不正确。") from None
    if len(head) != HEADER_FIELDS or len(trailer) != TRAILER_FIELDS:
        raise refusals.NoTrailer(name, "首行或尾行的字段数不正确。")
    return head, body + b"\n" if body else b"", trailer


def _text_of(body: bytes, name: str, encoding: str) -> list[str]:
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError:
        raise refusals.BadText(name, f"内容不是有效的{encoding.upper()}文字。") from None
    return text.split("\n")[:-1]


def _header_of(head: list[str], name: PartName) -> _Header:
    _, version, msg, batch_no, part, parts, count, amount, created = head
    if version != VERSION:
        raise refusals.BadName(str(name), f"协议版本{version[:5]}不支持。")
    named = (name.msg.value, name.batch_no, str(name.part), str(name.parts))
    if (msg, batch_no, part, parts) != named:
        raise refusals.BadName(str(name), "文件名与首行不一致。")
    try:
        instant = moment(created)
        counted, total = whole(count), fen(amount)
    except ValueError:
        raise refusals.BadRow(str(name), "首行的笔数、金额或时间写法不正确。") from None
    if instant is None:
        raise refusals.BadRow(str(name), "首行没有生成时间。")
    return _Header(counted, total, instant)


def _check_totals(
    row_type: type[Row], lines: list[str], trailer: list[str], header: _Header, name: PartName
) -> None:
    """Counts, then sums: of this part, and of the message where the part is all of it."""
    try:
        count, amount = whole(trailer[1]), fen(trailer[2])
        added = sum(_amounts(row_type, lines))
    except (ValueError, IndexError):
        raise refusals.BadRow(str(name), "明细的字段数或金额写法不正确。") from None
    is_all = name.msg not in PARTED or name.parts == 1
    if not lines or count != len(lines) or (is_all and header.count != count):
        raise refusals.BadCount(
            str(name), f"尾行笔数{count}，首行{header.count}，明细{len(lines)}。"
        )
    if amount != added or (is_all and header.amount_fen != amount):
        raise refusals.BadSum(str(name), "首行、尾行的金额与明细合计不一致。")


def _amounts(row_type: type[Row], lines: list[str]) -> Iterator[int]:
    place = money_column(row_type)
    if place is None:
        return
    for line in lines:
        yield fen(line.split(BAR)[place + 1])


def accepts(msg: Msg) -> bool:
    """Whether this message comes from a bank to us."""
    return msg in {Msg.VRS, Msg.ACK, Msg.FND, Msg.RES, Msg.RFD, Msg.DZ}
