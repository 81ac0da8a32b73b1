"""What a layout is: one part of a canonical message to bytes, and back. It knows no keys but those
of the fields that it must hide, no folder and no address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from yikatong.connectors.bank.lines import READ, fen, troubles, whole
from yikatong.connectors.bank.messages import Form, Row, columns
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.ports import Envelope
from yikatong.connectors.bank.profiles import BankProfile
from yikatong.connectors.bank.refusals import BadCount, BadRow, BadSum
from yikatong.kernel.digest import sm3

PERSONAL: Final = frozenset({"id_no", "acct_no", "mobile", "actual_acct_no"})


@dataclass(frozen=True, slots=True)
class Page:
    """One part before it is bytes: `count` and `amount_fen` are the whole message's.

    `digest` is the SM3 of its content in hexadecimal, as the layout defines content; it is what
    makes two pages under one key the same.
    """

    name: PartName
    count: int
    amount_fen: int
    created: datetime
    rows: Sequence[Row]
    digest: str = ""


class Codec(Protocol):
    """A layout. `ending` is that of its file names; `.json` is never a file."""

    ending: str

    def write(self, page: Page, profile: BankProfile, envelope: Envelope) -> tuple[bytes, str]:
        """The part's bytes and the SM3 of its content. Raises Unwritable, everything listed."""
        ...

    def read(self, plain: bytes, name: PartName, profile: BankProfile, envelope: Envelope) -> Page:
        """Strictly. Raises FileRefused, one type per check."""
        ...


def content_digest(plain: bytes) -> str:
    """Where a layout has no digest of its own, its content is all of it."""
    return sm3(plain).hex()


def rows_from(
    row_type: type[Row], found: Sequence[Mapping[str, Any]], name: str, encoding: str = "gb18030"
) -> tuple[Row, ...]:
    """Rows from wire text by column name, each value checked against its column.

    Raises:
        BadRow: naming row and field, never the value.
    """
    rows = []
    for place, values in enumerate(found, start=1):
        facts: dict[str, Any] = {}
        for column in columns(row_type):
            said = values.get(column.name, "")
            text = "" if said is None else str(said)
            if column.form is Form.TEXT:
                for problem in troubles(column, [text], encoding):
                    raise BadRow(name, f"第{place}行 {column.title} {problem.reason}。")
                facts[column.name] = text
                continue
            try:
                facts[column.name] = READ[column.form](text)
            except ValueError:
                raise BadRow(name, f"第{place}行 {column.title} 的写法不正确。") from None
            if column.is_required and facts[column.name] is None:
                raise BadRow(name, f"第{place}行 {column.title} 不能为空。")
        rows.append(row_type(**facts))
    return tuple(rows)


def added_up(name: str, count: str, amount: str, rows: Sequence[Row], total_fen: int) -> None:
    """Raises BadCount, BadSum where a page's own figures are not those of its rows."""
    try:
        counted, summed = whole(count), fen(amount)
    except ValueError:
        raise BadRow(name, "笔数或金额写法不正确。") from None
    if not rows or counted != len(rows):
        raise BadCount(name, f"写明{counted}笔，实有{len(rows)}笔。")
    if summed != total_fen:
        raise BadSum(name, "写明的金额与明细合计不一致。")
