"""Our fields in the budget system's names and codes: versioned data, `packs/budget/*.toml`.

A map is `(province, spec_version, message) → {our_field: their_field}` with its code sets. No
official field list was obtained, so nothing of it is written in code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT
from yikatong.kernel.money import Money

FOLDER: Final = CHECKOUT / "packs" / "budget"


class UnknownCode(Refused):
    """A value that the map's code set does not hold: never passed on as it is."""


@dataclass(frozen=True, slots=True)
class FieldMap:
    """One version of a province's names and codes."""

    name: str
    province: str
    spec_version: str
    valid_from: date
    valid_to: date | None
    messages: Mapping[str, Mapping[str, str]]
    code_of: Mapping[str, str]
    codes: Mapping[str, Mapping[str, str]]

    def fields(self, message: str) -> Mapping[str, str]:
        """Our name → theirs. Raises Refused for a message that this version does not know."""
        found = self.messages.get(message)
        if found is None:
            raise Refused(f"字段对照 {self.name} 没有报文 {message}，请补全 packs/budget。")
        return found

    def to_theirs(self, message: str, facts: Mapping[str, Any]) -> dict[str, str]:
        """Their names and texts, in the map's order; what the map does not name is left out.

        Money is written in yuan with two decimals, codes in theirs, a missing value as ''.
        """
        return {
            theirs: self._written(ours, facts.get(ours))
            for ours, theirs in self.fields(message).items()
        }

    def to_ours(self, message: str, theirs: Mapping[str, str]) -> dict[str, Any]:
        """Our names; money as integer fen, flags as booleans. The way back of `to_theirs`.

        Raises:
            Refused: a field is missing, an amount cannot be read, a code is unknown.
        """
        found: dict[str, Any] = {}
        for ours, name in self.fields(message).items():
            if name not in theirs:
                raise Refused(f"预算系统报文 {message} 缺少字段 {name}。")
            found[ours] = self._read(ours, theirs[name])
        return found

    def _written(self, name: str, value: Any) -> str:
        if value is None:
            return ""
        if name in self.code_of and value != "":
            word = str(value).lower() if isinstance(value, bool) else str(value)
            return self._code(name, word, self.codes[self.code_of[name]])
        if name.endswith("_fen"):
            return f"{Money(value).yuan:.2f}"
        return str(value)

    def _read(self, name: str, text: str) -> Any:
        if name in self.code_of and text != "":
            back = {theirs: ours for ours, theirs in self.codes[self.code_of[name]].items()}
            word = self._code(name, text, back)
            return word == "true" if word in {"true", "false"} else word
        if name.endswith("_fen"):
            return Money.from_yuan(text).fen if text else 0
        return text

    def _code(self, name: str, word: str, known: Mapping[str, str]) -> str:
        if word not in known:
            raise UnknownCode(f"字段对照 {self.name} 的 {name} 没有代码“{word}”，请补全代码集。")
        return known[word]


@cache
def field_map(name: str, folder: Path = FOLDER) -> FieldMap:
    """The map of this name. Raises Refused where there is none, or it is not whole."""
    try:
        facts = tomllib.loads((folder / f"{Path(name).name}.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        raise Refused(f"没有可用的字段对照“{name}”，请核对区县设置 field_map。") from None
    unknown = set(facts["code_of"].values()) - set(facts["codes"])
    if unknown:
        raise Refused(f"字段对照 {name} 缺少代码集 {'、'.join(sorted(unknown))}。")
    return FieldMap(
        facts["name"],
        facts["province"],
        facts["spec_version"],
        facts["valid_from"],
        facts.get("valid_to"),
        facts["messages"],
        facts["code_of"],
        facts["codes"],
    )


def in_force(on: date, *, province: str, folder: Path = FOLDER) -> FieldMap:
    """The newest map of a province that is valid on a day."""
    known = [
        one
        for one in (field_map(path.stem, folder) for path in sorted(folder.glob("??-*.toml")))
        if one.province == province
        and one.valid_from <= on
        and (one.valid_to is None or on <= one.valid_to)
    ]
    if not known:
        raise Refused(f"没有 {province} {on} 有效的字段对照，请补全 packs/budget。")
    return max(known, key=lambda one: one.valid_from)
