"""One TOML or JSON table being read key by key: what is missing, unknown or of the wrong kind is
refused in a sentence that names the place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from yikatong.kernel.errors import Refused

T = TypeVar("T")


class Table:
    """One TOML table being read: every key is asked for once, what is left over is a mistake."""

    def __init__(self, facts: Any, where: str) -> None:
        if not isinstance(facts, dict):
            raise Refused(f"{where}：应为一组“键 = 值”。")
        self._left: dict[str, Any] = dict(facts)
        self.where = where

    def text(self, key: str, default: str | None = None) -> str:
        return self._take(key, str, default)

    def number(self, key: str, default: int | None = None) -> int:
        found = self._take(key, int, default)
        if found < 0:
            raise Refused(f"{self.where}：{key} 不能小于 0。")
        return found

    def number_or_none(self, key: str) -> int | None:
        return self.number(key) if key in self._left else None

    def day(self, key: str) -> date:
        return self._take(key, date, None)

    def day_or_none(self, key: str) -> date | None:
        return self.day(key) if key in self._left else None

    def flag(self, key: str) -> bool:
        return self._take(key, bool, None)

    def one_of(self, key: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
        found = self.text(key)
        if found not in known:
            raise Refused(f"{self.where}：{key} 应为 {'、'.join(known)} 之一，现在是“{found}”。")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        found = self._take(key, list, None)
        if not all(isinstance(item, str) for item in found):
            raise Refused(f"{self.where}：{key} 应为一列文字。")
        return tuple(found)

    def texts_or_none(self, key: str) -> tuple[str, ...]:
        return self.texts(key) if key in self._left else ()

    def list_of(self, key: str) -> list[Any]:
        return self._take(key, list, [])

    def numbers(self, key: str) -> tuple[int, ...]:
        found = self._take(key, list, None)
        if not all(type(item) is int and item >= 0 for item in found):
            raise Refused(f"{self.where}：{key} 应为一列整数。")
        return tuple(found)

    def table(self, key: str) -> Table:
        return Table(self._take(key, dict, None), f"{self.where} [{key}]")

    def table_or_none(self, key: str) -> Table | None:
        return self.table(key) if key in self._left else None

    def each(self, key: str, read: Callable[[Table], T]) -> tuple[T, ...]:
        found = self._take(key, list, [])
        tables = (Table(f, f"{self.where} {key} 第 {n} 项") for n, f in enumerate(found, 1))
        return tuple(finished(table, read) for table in tables)

    def names(self) -> tuple[str, ...]:
        return tuple(self._left)

    def finish(self) -> None:
        if self._left:
            raise Refused(f"{self.where}：不认识 {'、'.join(self._left)}，请核对写法。")

    def _take(self, key: str, kind: type[T], default: T | None) -> T:
        found = self._left.pop(key, default)
        if found is None:
            raise Refused(f"{self.where}：缺少 {key}。")
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise Refused(f"{self.where}：{key} 的类型不对。")
        return found


def finished(table: Table, read: Callable[[Table], T]) -> T:
    found = read(table)
    table.finish()
    return found
