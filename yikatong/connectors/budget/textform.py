"""The file form of the budget system's messages: GB18030 text, whole or not received.

`H|version|message|number|count|amount|created`, `C|` their column names, `D|` one row each,
`T|count|amount|sm3 of the D lines`, last `########`. No quoting: `|` and controls are stripped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from yikatong.connectors.budget.fieldmap import FieldMap
from yikatong.kernel.digest import sm3
from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money

VERSION: Final = "1"
END: Final = "########"
ENCODING: Final = "gb18030"
UNSAFE: Final = re.compile(r"[|\x00-\x1f\x7f\u2028\u2029]")
NAME: Final = re.compile(
    r"(?P<sender>YKT|BGT)_(?P<msg>B\d\d|B02W|VCH)_(?P<county>\d{6})_(?P<day>\d{8})"
    r"_(?P<number>[0-9A-Za-z-]{1,60})_(?P<part>\d{3})of(?P<parts>\d{3})\.txt"
)
TOTALS: Final = {
    "B02": "pay_app_amt_fen", "B03": "pay_amt_fen", "B13": "xpay_amt_fen", "B14": "amount_fen",
    "B15": "xpay_amt_fen", "VCH": "debit_fen",
}  # fmt: skip
MOST_BYTES: Final = 256 * 1024 * 1024


class FileRefused(Refused):
    """A file that is not what its protocol says: set aside whole, nothing of it is used."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """One message: its rows in our names. `amount_fen` is their sum where the message has one."""

    message: str
    number: str
    rows: tuple[dict[str, Any], ...]
    amount_fen: int = 0


def file_name(
    message: str,
    county: str,
    day: date,
    number: str,
    *,
    sender: str = "YKT",
    place: tuple[int, int] = (1, 1),
) -> str:
    """§2.5: the name is the key; the same message has the same name for ever."""
    name = f"{sender}_{message}_{county}_{day:%Y%m%d}_{number}_{place[0]:03}of{place[1]:03}.txt"
    if NAME.fullmatch(name) is None:
        raise FileRefused(f"不能作为文件名：{number}")
    return name


def write(
    message: str,
    number: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    field_map: FieldMap,
    created: datetime,
) -> bytes:
    """The whole file. The same rows and instant give the same bytes."""
    columns = list(field_map.fields(message).values())
    total_of = TOTALS.get(message, "")
    lines: list[str] = []
    total = 0
    for row in rows:
        theirs = field_map.to_theirs(message, row)
        total += int(row.get(total_of) or 0)
        lines.append("D|" + "|".join(_safe(theirs[column]) for column in columns))
    amount = f"{Money(total).yuan:.2f}"
    body = "".join(f"{line}\n" for line in lines)
    head = f"H|{VERSION}|{message}|{number}|{len(lines)}|{amount}|{created.isoformat()}"
    text = "\n".join((head, "C|" + "|".join(columns), body)) + (
        f"T|{len(lines)}|{amount}|{sm3(body.encode(ENCODING)).hex()}\n{END}\n"
    )
    return text.encode(ENCODING)


def read(content: bytes, *, field_map: FieldMap) -> TextFile:
    """A file's rows in our names, after every check of its frame.

    Raises:
        FileRefused: cut off, not GB18030, a wrong count, sum or digest, or other columns.
    """
    if len(content) > MOST_BYTES:
        raise FileRefused("文件过大，未接收。")
    try:
        lines = content.decode(ENCODING).split("\n")
    except UnicodeDecodeError:
        raise FileRefused("文件不是 GB18030 编码，或被截断。") from None
    if lines[-2:] != [END, ""]:
        raise FileRefused("文件没有结束标记，可能尚未传完。")
    head, columns, trailer = lines[0].split("|"), lines[1].split("|"), lines[-3].split("|")
    if len(head) != 7 or head[:2] != ["H", VERSION] or columns[0] != "C" or len(trailer) != 4:  # noqa: PLR2004 - the frame's own widths
        raise FileRefused("文件首行、列名行或末行不符合约定。")
    body = lines[2:-3]
    if trailer[1:3] != head[4:6] or str(len(body)) != head[4]:
        raise FileRefused(f"文件行数 {len(body)} 与首末行所写的不一致。")
    if sm3("".join(f"{line}\n" for line in body).encode(ENCODING)).hex() != trailer[3]:
        raise FileRefused("文件内容与末行摘要不一致。")
    rows = []
    for at, line in enumerate(body, start=1):
        cells = line.split("|")
        if cells[0] != "D" or len(cells) != len(columns):
            raise FileRefused(f"第 {at} 行的列数不对。")
        rows.append(field_map.to_ours(head[2], dict(zip(columns[1:], cells[1:], strict=True))))
    total_of = TOTALS.get(head[2], "")
    total = sum(row[total_of] for row in rows) if total_of else 0
    if f"{Money(total).yuan:.2f}" != head[5]:
        raise FileRefused("文件金额合计与首行所写的不一致。")
    return TextFile(head[2], head[3], tuple(rows), total)


def _safe(text: str) -> str:
    return UNSAFE.sub("", text)
