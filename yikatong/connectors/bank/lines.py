"""D lines: rows to text and back, a column at a time, so that a clean column costs one look.

Text stands between bars without quoting. Bars, line breaks and controls are stripped from values
when written, and refused when read. Yuan have two decimals and are made from fen as strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from yikatong.connectors.bank.messages import Column, Form, Row, columns
from yikatong.connectors.bank.refusals import BadRow, Problem, Unwritable

BAR: Final = "|"
# Line and paragraph separators and direction marks too: an invisible character in a name is
# never what the person at the counter wrote.
CONTROLS: Final = re.compile(
    "[|\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
# Private use characters reach a bank as another sign or none; U+FFFD says a sign is lost already.
UNKNOWN: Final = re.compile("[\ud800-\udfff\ue000-\uf8ff\ufffd\U000f0000-\U0010ffff]")
YUAN: Final = re.compile(r"([0-9]{1,13})\.([0-9]{2})")
FEN_LIMIT: Final = 10**15
WHOLE: Final = re.compile(r"[0-9]{1,9}")
BYTES_PER_CHARACTER: Final = 4
GB2312_SIGNS: Final = {0xB7: "\u30fb", 0x2014: "\u2015", 0x30FB: "\ufffd", 0x2015: "\ufffd"}
GB2312_BACK: Final = {0x30FB: "·", 0x2015: "—"}
NO_LENGTHS: Final[Mapping[str, int]] = MappingProxyType({})


def yuan(fen: int) -> str:
    """637500 → `6375.00`. Raises ValueError below zero and past thirteen digits of yuan."""
    if not 0 <= fen < FEN_LIMIT:
        raise ValueError("an amount on the wire has one to thirteen digits of yuan, no sign")
    return f"{fen // 100}.{fen % 100:02d}"


def fen(text: str) -> int:
    """`6375.00` → 637500. Raises ValueError for any other way of writing."""
    match = YUAN.fullmatch(text)
    if match is None:
        raise ValueError("not yuan with two decimals")
    return int(match[1] + match[2])


def positive_fen(text: str) -> int:
    found = fen(text)
    if found == 0:
        raise ValueError("an amount is above zero")
    return found


def whole(text: str) -> int:
    if WHOLE.fullmatch(text) is None:
        raise ValueError("not a whole number")
    return int(text)


def moment(text: str) -> datetime | None:
    """Second-exact ISO 8601 with its offset; empty is None. Raises ValueError otherwise."""
    if text == "":
        return None
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("an instant says its offset")
    return found


def positive_yuan(amount: int) -> str:
    if amount <= 0:
        raise ValueError("an amount to pay is above zero")
    return yuan(amount)


def instant_text(value: datetime | None) -> str:
    if value is None:
        return ""
    if value.tzinfo is None:
        raise ValueError("an instant says its offset")
    return value.isoformat(timespec="seconds")


WRITE: Final[dict[Form, Callable[[Any], str]]] = {
    Form.TEXT: str,
    Form.INT: str,
    Form.AMOUNT: positive_yuan,
    Form.MONEY: yuan,
    Form.INSTANT: instant_text,
}
READ: Final[dict[Form, Callable[[str], Any]]] = {
    Form.INT: whole,
    Form.AMOUNT: positive_fen,
    Form.MONEY: fen,
    Form.INSTANT: moment,
}


def encoded(text: str, encoding: str) -> bytes:
    """Strict: raises UnicodeEncodeError, never replaces.

    GB 2312 has its middle dot and its dash at A1A4 and A1AA; the codec knows them by the names of
    other signs, so a name with a dot would be refused for nothing.
    """
    if encoding == "gb2312":
        text = text.translate(GB2312_SIGNS)
    return text.encode(encoding)


def decoded(content: bytes, encoding: str) -> str:
    """The reverse of `encoded`. Raises UnicodeDecodeError."""
    text = content.decode(encoding)
    return text.translate(GB2312_BACK) if encoding == "gb2312" else text


def values_of(
    rows: Sequence[Row], encoding: str, lengths: Mapping[str, int] = NO_LENGTHS
) -> dict[str, Sequence[str]]:
    """Wire text by column name, checked: what every layout writes. All rows of one class.

    Args:
        lengths: characters that the bank's own field holds, by column; 0: it has no such field,
            and the value stays behind.

    Raises:
        Unwritable: every value that does not fit its field or the encoding, listed; none is
            replaced.
    """
    table: dict[str, Sequence[str]] = {}
    problems: list[Problem] = []
    for column in fitted(type(rows[0]), lengths):
        if lengths.get(column.name) == 0:
            table[column.name] = [""] * len(rows)
            continue
        values = list(map(WRITE[column.form], map(attrgetter(column.name), rows)))
        if column.form is Form.TEXT and CONTROLS.search("".join(values)):
            values = [CONTROLS.sub("", value) for value in values]
        problems.extend(troubles(column, values, encoding))
        table[column.name] = values
    if problems:
        raise Unwritable(tuple(problems))
    return table


def fitted(row_type: type[Row], lengths: Mapping[str, int]) -> tuple[Column, ...]:
    """The columns with a bank's own lengths on them."""
    if not lengths:
        return columns(row_type)
    return tuple(replace(one, most_signs=lengths.get(one.name, 0)) for one in columns(row_type))


def written(
    rows: Sequence[Row], encoding: str, lengths: Mapping[str, int] = NO_LENGTHS
) -> list[str]:
    """D lines without their line breaks. Raises Unwritable as `values_of` does."""
    table = values_of(rows, encoding, lengths)
    return ["D|" + BAR.join(values) for values in zip(*table.values(), strict=True)]


def troubles(column: Column, values: Sequence[str], encoding: str) -> Iterator[Problem]:
    """What is wrong with the values of one column, by row."""
    if _is_clean(column, values, encoding):
        return
    for place, value in enumerate(values, start=1):
        reason = trouble(column, value, encoding)
        if reason:
            yield Problem(place, column.title, reason)


def trouble(column: Column, value: str, encoding: str) -> str:
    """Why this value cannot stand in that column, in Chinese; empty where it can."""
    if value == "":
        return "不能为空" if column.is_required else ""
    if column.choices and value not in column.choices:
        return "不是约定的代码"
    unknown = UNKNOWN.search(value)
    if unknown is not None:
        return f"含有银行无法识别的字符 U+{ord(unknown[0]):04X}"
    try:
        written_as = encoded(value, encoding)
    except UnicodeEncodeError as error:
        return f"含有银行无法识别的字符“{value[error.start]}”(U+{ord(value[error.start]):04X})"
    if column.most_signs and len(value) > column.most_signs:
        return f"长度{len(value)}字，超过该银行的{column.most_signs}字"
    # a sign has one to four bytes in UTF-8 too, but a field's length is told in those of GB 18030
    length = len(encoded(value, "gb18030") if encoding == "utf-8" else written_as)
    return f"长度{length}字节，超过{column.most}字节" if length > column.most else ""


def _is_clean(column: Column, values: Sequence[str], encoding: str) -> bool:
    if column.is_required and "" in values:
        return False
    if column.choices and not column.choices.union({""}).issuperset(values):
        return False
    longest = max(map(len, values))
    if column.most_signs and longest > column.most_signs:
        return False
    if longest * BYTES_PER_CHARACTER > column.most and any(
        len(value.encode("gb18030", "replace")) > column.most for value in values
    ):
        return False
    return _can_be_written("".join(values), encoding)


def _can_be_written(text: str, encoding: str) -> bool:
    if text.isascii():
        return True
    try:
        encoded(text, encoding)
    except UnicodeEncodeError:
        return False
    return UNKNOWN.search(text) is None


def read(row_type: type[Row], lines: Sequence[str], *, name: str, encoding: str) -> tuple[Row, ...]:
    """Rows from D lines, every value checked against its column.

    Raises:
        BadRow: naming a row and field that break the form; never the value.
    """
    if not lines:
        return ()
    shape = columns(row_type)
    split = [line.split(BAR) for line in lines]
    for place, values in enumerate(split, start=1):
        if len(values) != len(shape) + 1 or values[0] != "D":
            raise BadRow(name, f"第{place}行应有{len(shape)}个字段，请核对格式。")
    table = [
        _parsed(column, values, name, encoding)
        for column, values in zip(shape, list(zip(*split, strict=True))[1:], strict=True)
    ]
    names = [column.name for column in shape]
    return tuple(row_type(**dict(zip(names, row, strict=True))) for row in zip(*table, strict=True))


def _parsed(column: Column, values: Sequence[str], name: str, encoding: str) -> Sequence[Any]:
    if CONTROLS.search("".join(values)):
        place = next(i for i, value in enumerate(values, start=1) if CONTROLS.search(value))
        raise BadRow(name, f"第{place}行 {column.title} 含有控制字符。")
    if column.form is Form.TEXT:
        for problem in troubles(column, values, encoding):
            raise BadRow(name, f"第{problem.row}行 {column.title} {problem.reason}。")
        return values
    parse = READ[column.form]
    parsed = []
    for place, value in enumerate(values, start=1):
        try:
            parsed.append(parse(value))
        except ValueError:
            raise BadRow(name, f"第{place}行 {column.title} 的写法不正确。") from None
    if column.is_required and None in parsed:
        raise BadRow(name, f"第{parsed.index(None) + 1}行 {column.title} 不能为空。")
    return parsed
