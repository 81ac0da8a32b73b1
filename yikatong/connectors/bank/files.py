"""Messages to parts and back, whatever their layout: cut, written, sealed and signed; and strictly
checked when they come in.

A file is encrypted as one block, with a detached signature over the encrypted bytes. A body of the
API (`.json`) travels in clear inside TLS with its personal fields sealed, and is signed when sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from yikatong.connectors.bank import refusals
from yikatong.connectors.bank.calls import SignedCall
from yikatong.connectors.bank.codecs.base import Codec, Page
from yikatong.connectors.bank.frames import Framed
from yikatong.connectors.bank.layouts import codec_of
from yikatong.connectors.bank.messages import (
    BATCH_NO,
    FROM_BANK,
    PARTED,
    ROW_OF,
    Message,
    Msg,
    PayRow,
    ResultRow,
    ReturnRow,
    Row,
    VerifyRow,
)
from yikatong.connectors.bank.names import US, PartName
from yikatong.connectors.bank.ports import Envelope
from yikatong.connectors.bank.profiles import STANDARD, BankProfile
from yikatong.connectors.bank.totals import sum_of
from yikatong.kernel.digest import sm3
from yikatong.kernel.errors import Refused

MOST_PARTS: Final = 999


@dataclass(frozen=True, slots=True)
class SealedPart:
    """A part as it travels. Store these bytes before the first try, and send them again as is.

    `sm3` is that of the content, in hexadecimal: what stands under the key. `first` and `last` are
    the `seq` of a payout's rows, so that a part that is refused by itself names its payments.
    """

    name: str
    sealed: bytes
    signature: bytes
    key: str
    sm3: str
    count: int
    amount_fen: int
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class InboundFile:
    """A complete message of the bank as fetched; `folder` is where it lay (`ack`, `out`, or the
    number of an API message)."""

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
    rows: Sequence[Row]
    sm3: str
    file_sm3: str
    is_repeat: bool = False


def encode(
    message: Message,
    *,
    created: datetime,
    envelope: Envelope,
    profile: BankProfile = STANDARD,
    sender: str = US,
    max_rows: int | None = None,
    encoding: str = "",
) -> tuple[SealedPart, ...]:
    """Cut, write, seal and sign a message; `created` dates the names and headers.

    Args:
        max_rows, encoding: instead of the profile's.

    Raises:
        Unwritable: values that do not fit or cannot be encoded, all listed.
        ValueError: a row of another message, a malformed batch number, an amount below zero.
    """
    numbered = BATCH_NO.fullmatch(message.batch_no)
    if numbered is None or not message.rows or created.tzinfo is None:
        raise ValueError("a message has a batch number, rows, and an aware instant")
    if encoding:
        profile = replace(profile, encoding=encoding)
    rows, most = message.rows, max_rows or profile.max_rows
    row_type = _only_type(message)
    chunks: list[Sequence[Row]] = [rows[at : at + most] for at in range(0, len(rows), most)]
    if message.msg not in PARTED and len(chunks) > 1:
        raise ValueError(f"{message.msg} of more than {most} rows: number it as several")
    if len(chunks) > MOST_PARTS:
        raise ValueError(f"more than {MOST_PARTS} parts")
    codec = codec_of(message.msg, profile)
    total = sum_of(row_type, rows)
    pages = []
    for place, chunk in enumerate(chunks, start=1):
        part, parts = _numbers(message, place, len(chunks))
        name = PartName(
            sender, message.msg, numbered[2], created.date(), message.batch_no, part, parts,
            codec.ending,
        )  # fmt: skip
        pages.append(Page(name, len(rows), total, created, chunk))
    return tuple(_sealed(pages, codec, profile, envelope))


def _only_type(message: Message) -> type[Row]:
    row_type, rows = ROW_OF[message.msg], message.rows
    is_own = (
        rows.row_type is row_type
        if isinstance(rows, Framed)
        else all(type(row) is row_type for row in rows)
    )
    if not is_own:
        raise ValueError(f"{message.msg} holds {row_type.__name__} rows only")
    return row_type


def _sealed(
    pages: Sequence[Page], codec: Codec, profile: BankProfile, envelope: Envelope
) -> list[SealedPart]:
    """All parts or none: problems of all of them are listed, by the row of the message."""
    problems: list[refusals.Problem] = []
    made: list[SealedPart] = []
    before = 0
    for page in pages:
        try:
            plain, digest = codec.write(page, profile, envelope)
        except refusals.Unwritable as error:
            problems.extend(replace(p, row=p.row + before) for p in error.problems)
        else:
            if not problems:
                made.append(_part(page, plain, digest, envelope))
        before += len(page.rows)
    if problems:
        raise refusals.Unwritable(tuple(problems))
    return made


def _part(page: Page, plain: bytes, digest: str, envelope: Envelope) -> SealedPart:
    sealed = envelope.seal(plain) if page.name.is_file else plain
    signature = envelope.sign(sealed) if page.name.is_file else b""
    first, last = page.rows[0], page.rows[-1]
    return SealedPart(
        str(page.name), sealed, signature, page.name.key, digest, len(page.rows),
        sum_of(ROW_OF[page.name.msg], page.rows),
        first.seq if isinstance(first, PayRow | VerifyRow) else None,
        last.seq if isinstance(last, PayRow | VerifyRow) else None,
    )  # fmt: skip


def decode(
    file: InboundFile,
    envelope: Envelope,
    *,
    profile: BankProfile = STANDARD,
    seen: Callable[[str], str | None] | None = None,
    encoding: str = "",
) -> Received:
    """Check one file in the receiver's order: name, signature, decryption, trailer, SM3, text,
    counts, sums, duplicate, rows. (Flag and stable size are checked while fetching.)

    Args:
        seen: gives the SM3 of the content stored under a key (`PAY:<batch_no>:1`), or None.
        encoding: instead of the profile's.

    Raises:
        FileRefused: a subclass per check, with its `code` and a Chinese reason.
    """
    name = PartName.parse(file.name)
    if encoding:
        profile = replace(profile, encoding=encoding)
    plain = _opened(file, name, envelope)
    page = _layout(name, profile).read(plain, name, profile, envelope)
    before = seen(name.key) if seen is not None else None
    if before is not None and before != page.digest:
        raise refusals.ContentChanged(file.name, "同一批次同一分包此前收到过不同的内容，不予采用。")
    return Received(
        name, page.created, page.count, page.amount_fen, _our_codes(page.rows, profile),
        page.digest, sm3(file.sealed).hex(), is_repeat=before is not None,
    )  # fmt: skip


def _layout(name: PartName, profile: BankProfile) -> Codec:
    codec = codec_of(name.msg, profile)
    if codec.ending != name.ending:
        raise refusals.BadName(str(name), "不是与这家银行约定的格式。")
    return codec


def _opened(file: InboundFile, name: PartName, envelope: Envelope) -> bytes:
    if not name.is_file:
        if not SignedCall.parse(file.signature, file.name).is_signed(file.sealed, envelope):
            raise refusals.BadSignature(file.name, "签名不正确，不能使用。")
        return file.sealed
    if not envelope.verify(file.sealed, file.signature):
        raise refusals.BadSignature(file.name, "签名不正确，不能使用。")
    try:
        return envelope.open(file.sealed)
    except Refused as error:
        raise refusals.CannotOpen(file.name, str(error)) from None


def _our_codes(rows: Sequence[Row], profile: BankProfile) -> Sequence[Row]:
    """A bank's own reason codes as ours; the bank's stay beside them."""
    if isinstance(rows, Framed):
        return rows.translated("bank_reason_code", "reason_code", profile.reason)
    return tuple(
        replace(row, reason_code=profile.reason(row.bank_reason_code))
        if isinstance(row, ResultRow | ReturnRow) and not row.reason_code
        else row
        for row in rows
    )


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


def _numbers(message: Message, place: int, chunks: int) -> tuple[int, int]:
    if message.msg in PARTED:
        return place, chunks
    return message.number, message.number


def accepts(msg: Msg) -> bool:
    """Whether this message comes from a bank to us."""
    return msg in FROM_BANK
