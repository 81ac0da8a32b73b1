"""The bank's own habits, read from its folder: what a bank publishes about its interface."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from simulators.loopback import Fault


@dataclass(frozen=True, slots=True)
class Profile:
    """The page's standard where a folder says nothing."""

    encoding: str = "gb18030"
    max_rows: int = 3000
    style: str = "all_or_nothing"
    returns_by: str = "push"
    verify_per_day: int = 1_000_000
    distid: str = "1234567812345678"
    bindings: Mapping[str, str] = field(default_factory=dict)
    layouts: Mapping[str, str] = field(default_factory=dict)
    own_codes: Mapping[str, str] = field(default_factory=dict)

    def binding(self, msg: str) -> str:
        return (
            "http" if msg == "STA" else self.bindings.get(msg, self.bindings.get("default", "file"))
        )

    def layout(self, msg: str) -> str:
        return self.layouts.get(msg, {"file": "bcp", "http": "json"}[self.binding(msg)])

    @property
    def takes_parts(self) -> bool:
        return self.style == "row_wise"

    @property
    def has_api(self) -> bool:
        return "http" in self.bindings.values()

    def code(self, common: str) -> str:
        """The bank's own word for a common reason code."""
        return self.own_codes.get(common, common)


STANDARD: Final = Profile()


def read_profiles(folder: Path | None) -> dict[str, Profile]:
    """By the folder's name. Raises Fault where one cannot be read."""
    if folder is None:
        return {}
    found = {}
    for path in sorted(folder.glob("*/profile.toml")):
        try:
            found[path.parent.name] = _profile(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise Fault(422, "E-PROFILE", f"接口说明 {path} 读不出来：{error}") from None
    return found


def _profile(said: Mapping[str, Any]) -> Profile:
    own: dict[str, str] = {}
    for theirs, common in said.get("reasons", {}).items():
        own.setdefault(common, theirs)
    return Profile(
        encoding=said.get("encoding", "gb18030"),
        max_rows=said.get("max_rows", 3000),
        style=said.get("style", "all_or_nothing"),
        returns_by=said.get("returns_by", "push"),
        verify_per_day=said.get("verify_per_day", 1_000_000),
        distid=said.get("distid", "1234567812345678"),
        bindings=said.get("bindings", {}),
        layouts=said.get("layouts", {}),
        own_codes=own,
    )
