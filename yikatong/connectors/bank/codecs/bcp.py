"""Our own text (BCP v1, interfaces §2.5): ``H|…``, ``D|…``, ``T|…``, ``########``.

`H` counts the whole message, `T` this part; the SM3 in `T` is that of the D lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from yikatong.connectors.bank import refusals
from yikatong.connectors.bank.codecs.base import Page
from yikatong.connectors.bank.frames import Framed, body_of
from yikatong.connectors.bank.framing import quick_read
from yikatong.connectors.bank.lines import BAR, decoded, fen, moment, read, whole, yuan
from yikatong.connectors.bank.messages import PARTED, ROW_OF, Row, money_column
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.ports import Envelope
from yikatong.connectors.bank.profiles import BankProfile
from yikatong.connectors.bank.totals import sum_of
from yikatong.kernel.digest import sm3

VERSION: Final = "1"
END: Final = "########"
HEADER_FIELDS: Final = 9
TRAILER_FIELDS: Final = 4


@dataclass(frozen=True, slots=True)
class _Header:
    count: int
    amount_fen: int
    created: datetime


class BcpText:
    """The standard layout, for every message."""

    ending = "txt"

    def write(self, page: Page, profile: BankProfile, envelope: Envelope) -> tuple[bytes, str]:
        body = body_of(page.rows, profile.encoding, profile.lengths)
        return framed(page, body)

    def read(self, plain: bytes, name: PartName, profile: BankProfile, envelope: Envelope) -> Page:
        head, body, trailer = _opened(plain, str(name))
        digest = sm3(body).hex()
        if trailer[3] != digest:
            raise refusals.BadDigest(str(name), "明细摘要不一致，内容被改动。")
        row_type = ROW_OF[name.msg]
        rows: Sequence[Row]
        framed_rows = quick_read(row_type, body, profile.encoding)
        if framed_rows is not None:
            rows, total = framed_rows, framed_rows.amount_fen
            header = _header_of(head, name)
            _check_totals(trailer, header, name, len(rows), lambda: total)
        else:
            lines = _text_of(body, str(name), profile.encoding)
            header = _header_of(head, name)
            _check_totals(trailer, header, name, len(lines), lambda: sum(_amounts(row_type, lines)))
            rows = read(row_type, lines, name=str(name), encoding=profile.encoding)
        return Page(name, header.count, header.amount_fen, header.created, rows, digest)


def framed(page: Page, body: bytes) -> tuple[bytes, str]:
    """Head and trailer around finished D lines."""
    name, digest = page.name, sm3(body).hex()
    head = BAR.join((
        "H", VERSION, name.msg, name.batch_no, str(name.part), str(name.parts),
        str(page.count), yuan(page.amount_fen), page.created.isoformat(timespec="seconds"),
    ))  # fmt: skip
    rows = page.rows
    amount = rows.amount_fen if isinstance(rows, Framed) else sum_of(ROW_OF[name.msg], rows)
    trailer = BAR.join(("T", str(len(rows)), yuan(amount), digest))
    return b"".join((f"{head}\n".encode(), body, f"{trailer}\n{END}\n".encode())), digest


def _opened(plain: bytes, name: str) -> tuple[list[str], bytes, list[str]]:
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
        text = decoded(body, encoding)
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
    trailer: list[str], header: _Header, name: PartName, lines: int, sum_up: Callable[[], int]
) -> None:
    """Counts, then sums: of this part, and of the message where the part is all of it."""
    try:
        count, amount = whole(trailer[1]), fen(trailer[2])
        added = sum_up()
    except (ValueError, IndexError):
        raise refusals.BadRow(str(name), "明细的字段数或金额写法不正确。") from None
    is_all = name.msg not in PARTED or name.parts == 1
    if not lines or count != lines or (is_all and header.count != count):
        raise refusals.BadCount(str(name), f"尾行笔数{count}，首行{header.count}，明细{lines}。")
    if amount != added or (is_all and header.amount_fen != amount):
        raise refusals.BadSum(str(name), "首行、尾行的金额与明细合计不一致。")


def _amounts(row_type: type[Row], lines: list[str]) -> Iterator[int]:
    place = money_column(row_type)
    if place is None:
        return
    for line in lines:
        yield fen(line.split(BAR)[place + 1])
