"""银行接口说明: how one bank wants its messages, as data (`packs/banks/<bank3>/profile.toml`).

A new bank is a folder that one copies; what a profile cannot say is a layout, a module of
`codecs`. Everything is checked when it is read, and all faults of a file are told at once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from yikatong.connectors.bank.codes import BANK_CODES, REASONS
from yikatong.connectors.bank.messages import MAX_ROWS, Msg
from yikatong.kernel.errors import Refused

FILE, HTTP = "file", "http"
ALL_OR_NOTHING, ROW_WISE = "all_or_nothing", "row_wise"
PUSH, QUERY = "push", "query"
DISTID: Final = "1234567812345678"
ENCODINGS: Final = frozenset({"gb18030", "gbk", "gb2312", "utf-8"})
LAYOUTS: Final[Mapping[str, tuple[str, frozenset[Msg]]]] = MappingProxyType(
    {
        "bcp": (FILE, frozenset(Msg) - {Msg.STA}),
        "json": (HTTP, frozenset(Msg)),
        "txt": (FILE, frozenset({Msg.PAY, Msg.ACK, Msg.RES})),
        "cmb": (HTTP, frozenset({Msg.PAY, Msg.RES, Msg.RET})),
        "voucher8207": (FILE, frozenset({Msg.PAY, Msg.RES, Msg.RET})),
        "iso20022": (FILE, frozenset({Msg.PAY, Msg.ACK, Msg.RES})),
    }
)
"""Which binding a layout belongs to, and which messages it has a form for."""
PLAIN: Final[Mapping[str, str]] = MappingProxyType({FILE: "bcp", HTTP: "json"})
MOST_ROWS: Final[Mapping[str, int]] = MappingProxyType({"voucher8207": 499})
LENGTHS: Final = frozenset({"payee_name", "summary", "sms_text", "ntf_text"})
ONLY_HTTP: Final = frozenset({Msg.STA})
OPENS: Final = time(8, 30)
BANK: Final = re.compile(r"[0-9A-Z]{3}")
PROFILE: Final = "profile.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankProfile:
    """One bank's habits. `reasons`: the bank's own code → A/T/M/S code (F follows, codes.py).

    `lengths`: characters of a field at this bank; 0: it has no such field. `style`: whether a
    share is taken whole or part by part. `returns_by`: 退票 are told, or must be asked for.
    After `cut_off` payout data waits for the next working day, from `opens` on.
    """

    bank_no3: str = ""
    name: str = ""
    note: str = "假设"
    encoding: str = "gb18030"
    max_rows: int = MAX_ROWS
    style: str = ALL_OR_NOTHING
    cut_off: time | None = None
    opens: time = OPENS
    returns_by: str = PUSH
    verify_per_day: int = 4
    pays_before_funds: bool = False
    residue: str = "refund"
    fee_fen: int = 0
    distid: str = DISTID
    bindings: Mapping[Msg, str] = field(default_factory=dict)
    layouts: Mapping[Msg, str] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    def binding(self, msg: Msg) -> str:
        return HTTP if msg in ONLY_HTTP else self.bindings.get(msg, FILE)

    def layout(self, msg: Msg) -> str:
        return self.layouts.get(msg, PLAIN[self.binding(msg)])

    def speaks(self, binding: str) -> bool:
        """Whether any message goes this way."""
        return any(self.binding(msg) == binding for msg in Msg if msg not in ONLY_HTTP)

    @property
    def takes_parts(self) -> bool:
        """Each part of a share is accepted or refused by itself."""
        return self.style == ROW_WISE

    def reason(self, bank_code: str) -> str:
        """Our code behind the bank's own; '' for none, S99 for one that nobody knows."""
        if not bank_code:
            return ""
        known = self.reasons.get(bank_code) or BANK_CODES.get(self.bank_no3, {}).get(bank_code)
        return known or (bank_code if bank_code in REASONS else "S99")


STANDARD: Final = BankProfile()
"""The protocol as it stands on the page: files, GB 18030, our own text."""


def load_profiles(folder: Path) -> dict[str, BankProfile]:
    """All profiles below `folder`, by `bank_no3`.

    Raises:
        Refused: naming every fault of the first file that has any.
    """
    return {path.parent.name: read_profile(path) for path in sorted(folder.glob(f"*/{PROFILE}"))}


def read_profile(path: Path) -> BankProfile:
    """One profile, named after its folder. Raises Refused with all that is wrong."""
    named = f"代发银行接口说明 {path.parent.name}/{path.name}"
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused(f"{named} 读不出来（{type(error).__name__}），请核对文字和格式。") from None
    troubles: list[str] = []
    profile = _Reader(said, troubles).profile()
    if profile.bank_no3 != path.parent.name:
        troubles.append(f"bank_no3 应与目录名 {path.parent.name} 相同")
    if troubles:
        raise Refused(f"{named}：{'；'.join(troubles)}。")
    return profile


def missing(banks: Mapping[str, str], profiles: Mapping[str, BankProfile]) -> None:
    """Raises Refused where a bank of a county (`bank_no3` → name) has no profile."""
    without = [f"{name}（{code}）" for code, name in banks.items() if code not in profiles]
    if without:
        raise Refused(
            f"代发银行没有接口说明：{'、'.join(without)}。"
            f"请在 packs/banks/ 下复制一家银行的目录，改名并改写其中的 {PROFILE}。"
        )


class _Reader:
    """Takes a file's values one by one and notes what is wrong with each."""

    def __init__(self, said: Mapping[str, Any], troubles: list[str]) -> None:
        self.said, self.troubles = dict(said), troubles

    def profile(self) -> BankProfile:
        bindings = self._by_message("bindings", frozenset({FILE, HTTP}))
        made = BankProfile(
            bank_no3=self._text("bank_no3", BANK),
            name=self._text("name"),
            note=self._text("note"),
            encoding=self._one_of("encoding", ENCODINGS, "gb18030"),
            max_rows=self._whole("max_rows", MAX_ROWS, least=1, most=100_000),
            style=self._one_of("style", frozenset({ALL_OR_NOTHING, ROW_WISE}), ALL_OR_NOTHING),
            cut_off=self._time("cut_off"),
            opens=self._time("opens") or OPENS,
            returns_by=self._one_of("returns_by", frozenset({PUSH, QUERY}), PUSH),
            verify_per_day=self._whole("verify_per_day", 4, least=1, most=1000),
            pays_before_funds=self._flag("pays_before_funds"),
            residue=self._one_of("residue", frozenset({"refund", "keep"}), "refund"),
            fee_fen=self._whole("fee_fen", 0, least=0, most=0),
            distid=self._text("distid", default=DISTID),
            bindings=bindings,
            layouts=self._by_message("layouts", frozenset(LAYOUTS)),
            lengths=self._numbers("lengths"),
            reasons=self._reasons(),
        )
        for left in self.said:
            self.troubles.append(f"{left} 不是接口说明的内容")
        self._check(made)
        return made

    def _check(self, made: BankProfile) -> None:
        for msg, layout in made.layouts.items():
            binding, forms = LAYOUTS[layout]
            if msg not in forms:
                self.troubles.append(f"layouts：{layout} 没有 {msg} 的格式")
            elif binding != made.binding(msg):
                self.troubles.append(f"layouts：{msg} 走 {made.binding(msg)}，不能用 {layout}")
        most = MOST_ROWS.get(made.layout(Msg.PAY))
        if most is not None and made.max_rows > most:
            self.troubles.append(f"max_rows 不能超过 {most}（{made.layout(Msg.PAY)} 格式）")
        if made.cut_off is not None and made.cut_off <= made.opens:
            self.troubles.append("cut_off 应晚于 opens")
        if made.returns_by == QUERY and made.binding(Msg.RET) != HTTP:
            self.troubles.append("returns_by = query 只能用于 RET 走 http 的银行")

    def _text(self, name: str, form: re.Pattern[str] | None = None, default: str = "") -> str:
        value = self.said.pop(name, default)
        if not isinstance(value, str) or not value or (form and not form.fullmatch(value)):
            self.troubles.append(f"{name} 没有写，或写法不对")
            return default
        return value

    def _one_of(self, name: str, allowed: frozenset[str], default: str) -> str:
        value = self.said.pop(name, default)
        if value not in allowed:
            self.troubles.append(f"{name} 应为 {'、'.join(sorted(allowed))} 之一")
            return default
        return str(value)

    def _whole(self, name: str, default: int, *, least: int, most: int) -> int:
        value = self.said.pop(name, default)
        if type(value) is not int or not least <= value <= most:
            limits = str(least) if least == most else f"{least} 至 {most}"
            self.troubles.append(f"{name} 应为 {limits}")
            return default
        return value

    def _flag(self, name: str) -> bool:
        value = self.said.pop(name, False)
        if not isinstance(value, bool):
            self.troubles.append(f"{name} 应为 true 或 false")
        return value is True

    def _time(self, name: str) -> time | None:
        value = self.said.pop(name, None)
        try:
            return None if value is None else time.fromisoformat(value)
        except (ValueError, TypeError):
            self.troubles.append(f'{name} 应写作 "16:30"')
            return None

    def _table(self, name: str) -> dict[str, Any]:
        value = self.said.pop(name, {})
        if not isinstance(value, dict):
            self.troubles.append(f"{name} 应为一节")
            return {}
        return value

    def _by_message(self, name: str, allowed: frozenset[str]) -> Mapping[Msg, str]:
        table = self._table(name)
        usual = table.pop("default", None)
        found = {} if usual is None else dict.fromkeys(set(Msg) - ONLY_HTTP, usual)
        for msg, value in table.items():
            if msg not in {one.value for one in Msg}:
                self.troubles.append(f"{name}：没有报文 {msg}")
            else:
                found[Msg(msg)] = value
        if not allowed.issuperset(found.values()):
            self.troubles.append(f"{name} 应为 {'、'.join(sorted(allowed))} 之一")
            return MappingProxyType({})
        return MappingProxyType(found)

    def _numbers(self, name: str) -> Mapping[str, int]:
        table = self._table(name)
        for key, value in table.items():
            if key not in LENGTHS or type(value) is not int or value < 0:
                self.troubles.append(f"{name}.{key} 应为 {'、'.join(sorted(LENGTHS))} 的字数")
        return MappingProxyType(table)

    def _reasons(self) -> Mapping[str, str]:
        table = self._table("reasons")
        for code, ours in table.items():
            if ours not in REASONS:
                self.troubles.append(f"reasons：{code} 对应的 {ours} 不是约定的原因代码")
        return MappingProxyType(table)
