"""计算公式: `补贴金额=补贴标准×面积×月数`, parsed into a tree, never evaluated as a program.

Full-width × ÷ （） ＋ － ＝ are what officials type; all are accepted. Pure: no database, no clock.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    """A column by its word; `at` is where it stands in the formula, counted from 1."""

    word: str
    at: int = field(default=0, compare=False)


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

    @property
    def is_product(self) -> bool:
        """Whether it only multiplies its words, so that these and the result tell all of it."""
        return _is_product(self.tree)

    def value(self, facts: Mapping[str, Decimal | int]) -> Decimal:
        """Exact, not rounded. Raises Refused: a word without a value, or a division by zero."""
        return _value(self.tree, facts)

    def sql(self, columns: Mapping[str, str]) -> str:
        """As a numeric SQL expression; `columns` gives our own column for each word.

        Only numbers, signs and those columns can stand in it. Division by zero gives NULL.
        """
        return _sql(self.tree, columns)


@dataclass(frozen=True, slots=True)
class Token:
    """A number, a word or a sign, and the place of its first character as typed, from 1."""

    what: Number | Name | str
    at: int
    text: str


@lru_cache(maxsize=256)
def parse(text: str) -> Formula:
    """Read a formula. Raises Refused: a sentence that says what cannot be read, and where."""
    flat, places = _flattened(text)
    if len(flat) > LONGEST:
        raise Refused(f"计算公式太长（{len(flat)} 字），最多 {LONGEST} 字。")
    target, has_target, body = flat.partition("=")
    start = len(target) + 1 if has_target else 0
    reader = _Reader(_tokens(body if has_target else flat, places[start:]))
    tree = reader.sum(0)
    reader.finish()
    return Formula(text, target.strip() if has_target else "", tree)


def _flattened(text: str) -> tuple[str, list[int]]:
    """In half width with our own signs; and for each character its place in what was typed."""
    flat, places = "", []
    for place, character in enumerate(text, start=1):
        plain = unicodedata.normalize("NFKC", character).translate(SIGNS)
        flat += plain
        places += [place] * len(plain)
    return flat, places


def _tokens(body: str, places: list[int]) -> list[Token]:
    found = []
    for match in TOKEN.finditer(body):
        number, percent, word, sign = match.groups()
        group = next(n for n in (1, 3, 4) if match[n])
        at = places[match.start(group)]
        if number:
            value = Number(Decimal(number) / (100 if percent else 1))
            found.append(Token(value, at, number + percent))
        elif word:
            found.append(Token(Name(word, at), at, word))
        elif sign in "+-*/()":
            found.append(Token(sign, at, sign))
        elif not sign.isspace():
            raise Refused(f"计算公式第 {at} 个字“{sign}”看不懂，只能用 ＋ － × ÷ 和括号。")
    return found


class _Reader:
    """Recursive descent: sum, product, then one operand."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def finish(self) -> None:
        if (extra := self._token()) is None:
            return
        if extra.what == ")":
            raise Refused(f"计算公式第 {extra.at} 个字“）”前面没有对应的“（”，请核对括号。")
        raise Refused(
            f"计算公式第 {extra.at} 个字“{_shown(extra)}”前面缺少 ＋ － × ÷，没有写完整。"
        )

    def sum(self, depth: int) -> Node:
        return self._chain("+-", self._product, depth)

    def _product(self, depth: int) -> Node:
        return self._chain("*/", self._operand, depth)

    def _chain(self, signs: str, part: Callable[[int], Node], depth: int) -> Node:
        found = part(depth)
        while (token := self._token()) and isinstance(token.what, str) and token.what in signs:
            self._at += 1
            found = Operation(token.what, found, part(depth))
        return found

    def _operand(self, depth: int) -> Node:
        token = self._token()
        if token is None:
            raise Refused(f"计算公式没有写完整：{self._after()}应有列名、数字或括号。")
        self._at += 1
        if isinstance(token.what, Number | Name):
            return token.what
        if token.what != "(":
            raise Refused(
                f"计算公式第 {token.at} 个字“{_shown(token)}”这里应为列名、数字或“（”，请核对。"
            )
        if depth >= DEEPEST:
            raise Refused(f"计算公式第 {token.at} 个字“（”套了 {DEEPEST} 层以上的括号，请简化。")
        found = self.sum(depth + 1)
        closing = self._token()
        if closing is None or closing.what != ")":
            raise Refused(f"计算公式第 {token.at} 个字“（”没有对应的“）”，请核对括号。")
        self._at += 1
        return found

    def _token(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _after(self) -> str:
        if not self._tokens:
            return "“=”后面"
        last = self._tokens[-1]
        return f"第 {last.at} 个字“{_shown(last)}”后面"


def _shown(token: Token) -> str:
    """As officials type it."""
    return {"*": "×", "/": "÷", "(": "（", ")": "）"}.get(token.text, token.text)


def _names(node: Node) -> list[str]:
    match node:
        case Name(word):
            return [word]
        case Operation(_, left, right):
            return [*_names(left), *_names(right)]
        case _:
            return []


def _is_product(node: Node) -> bool:
    match node:
        case Operation("*", left, right):
            return _is_product(left) and _is_product(right)
        case Name():
            return True
        case _:
            return False


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
        case Name(word, at):
            if word not in columns:
                raise Refused(
                    f"计算公式第 {at} 个字起的“{word}”不是本项的列，可用：{'、'.join(columns)}。"
                )
            return columns[word]
        case Operation("/", left, right):
            return f"({_sql(left, columns)}::numeric / nullif({_sql(right, columns)}, 0))"
        case Operation(sign, left, right):
            return f"({_sql(left, columns)} {sign} {_sql(right, columns)})"
