"""计算公式: `补贴金额=补贴标准×面积×月数`, parsed into a tree, never evaluated as a program.

Full-width × ÷ （） ＋ － ＝ are what officials type; all are accepted. Pure: no database, no clock.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from yikatong.kernel.errors import Refused

LONGEST: Final = 200
DEEPEST: Final = 20
TOKEN: Final = re.compile(
    r"\s*(?:(\d+(?:\.\d+)?)(%?)|([A-Za-z_\u4e00-\u9fff][\w\u4e00-\u9fff]*)|(.))"
)
SIGNS: Final = str.maketrans(
    {"×": "*", "÷": "/", "∗": "*", "−": "-", "–": "-", "／": "/", "·": "*"}
)


@dataclass(frozen=True, slots=True)
class Number:
    value: Decimal


@dataclass(frozen=True, slots=True)
class Name:
    word: str


@dataclass(frozen=True, slots=True)
class Operation:
    sign: str
    left: Node
    right: Node


Node = Number | Name | Operation


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula: what it gives (`target`, '' if not written) and how."""

    text: str
    target: str
    tree: Node

    @property
    def names(self) -> frozenset[str]:
        """The words that it is computed from."""
        return frozenset(_names(self.tree))

    def value(self, facts: Mapping[str, Decimal | int]) -> Decimal:
        """Exact, not rounded. Raises Refused: a word without a value, or a division by zero."""
        return _value(self.tree, facts)

    def sql(self, columns: Mapping[str, str]) -> str:
        """As a numeric SQL expression; `columns` gives our own column for each word.

        Only numbers, signs and those columns can stand in it. Division by zero gives NULL.
        """
        return _sql(self.tree, columns)


@lru_cache(maxsize=256)
def parse(text: str) -> Formula:
    """Read a formula. Raises Refused: a sentence that says what cannot be read, and where."""
    flat = unicodedata.normalize("NFKC", text).translate(SIGNS).strip()
    if len(flat) > LONGEST:
        raise Refused(f"计算公式太长（{len(flat)} 字），最多 {LONGEST} 字。")
    target, has_target, body = flat.partition("=")
    if not has_target:
        target, body = "", flat
    reader = _Reader(text, _tokens(text, body))
    tree = reader.sum(0)
    reader.finish()
    return Formula(text, target.strip(), tree)


def _tokens(text: str, body: str) -> list[str | Number | Name]:
    found: list[str | Number | Name] = []
    for number, percent, word, sign in TOKEN.findall(body):
        if number:
            found.append(Number(Decimal(number) / (100 if percent else 1)))
        elif word:
            found.append(Name(word))
        elif sign in "+-*/()":
            found.append(sign)
        else:
            raise Refused(f"计算公式“{text}”里的“{sign}”看不懂，只能用 ＋ － × ÷ 和括号。")
    return found


class _Reader:
    """Recursive descent: sum, product, then one operand."""

    def __init__(self, text: str, tokens: list[str | Number | Name]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0

    def finish(self) -> None:
        if self._at < len(self._tokens):
            raise Refused(f"计算公式“{self._text}”没有写完整，请核对括号和运算符。")

    def sum(self, depth: int) -> Node:
        return self._chain("+-", self._product, depth)

    def _product(self, depth: int) -> Node:
        return self._chain("*/", self._operand, depth)

    def _chain(self, signs: str, part: Callable[[int], Node], depth: int) -> Node:
        found = part(depth)
        while (sign := self._peek()) and isinstance(sign, str) and sign in signs:
            self._at += 1
            found = Operation(sign, found, part(depth))
        return found

    def _operand(self, depth: int) -> Node:
        found_here = self._peek()
        self._at += 1
        if isinstance(found_here, Number | Name):
            return found_here
        if found_here == "(" and depth < DEEPEST:
            found = self.sum(depth + 1)
            if self._peek() == ")":
                self._at += 1
                return found
        raise Refused(f"计算公式“{self._text}”没有写完整，请核对括号和运算符。")

    def _peek(self) -> str | Number | Name | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None


def _names(node: Node) -> list[str]:
    match node:
        case Name(word):
            return [word]
        case Operation(_, left, right):
            return [*_names(left), *_names(right)]
        case _:
            return []


def _value(node: Node, facts: Mapping[str, Decimal | int]) -> Decimal:
    match node:
        case Number(value):
            return value
        case Name(word):
            if word not in facts:
                raise Refused(f"计算公式里的“{word}”没有数值。")
            return Decimal(facts[word])
        case Operation(sign, left, right):
            one, other = _value(left, facts), _value(right, facts)
            match sign:
                case "+":
                    return one + other
                case "-":
                    return one - other
                case "*":
                    return one * other
                case _ if other == 0:
                    raise Refused("计算公式里除数为 0。")
                case _:
                    return one / other


def _sql(node: Node, columns: Mapping[str, str]) -> str:
    match node:
        case Number(value):
            return f"{value:f}"
        case Name(word):
            if word not in columns:
                raise Refused(f"计算公式里的“{word}”不是本项的列，可用：{'、'.join(columns)}。")
            return columns[word]
        case Operation("/", left, right):
            return f"({_sql(left, columns)}::numeric / nullif({_sql(right, columns)}, 0))"
        case Operation(sign, left, right):
            return f"({_sql(left, columns)} {sign} {_sql(right, columns)})"
