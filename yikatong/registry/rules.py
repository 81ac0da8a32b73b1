"""What a bank's word on an account means to people. 无法验证 and silence are never a pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MATCH, MISMATCH, UNAVAILABLE = "MATCH", "MISMATCH", "UNAVAILABLE"
QUOTA: Final = "QUOTA"
"""Our own reason: this card was asked about as often today as the bank allows."""
UNWRITABLE: Final = "A12"
"""The bank's characters or fields cannot hold the name (F12)."""
TOMORROW: Final = "本卡今日核验次数已满，次日自动再核。"

WHY: Final = {
    QUOTA: TOMORROW,
    UNWRITABLE: "户名有该行字符集写不出的字，银行无法核验，请与银行核对登记的写法。",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A word with its tone, and the sentence under it."""

    word: str
    tone: str
    sentence: str


def told(outcome: str, code: str) -> Told:
    """How an outcome (interfaces §3, '' for none yet) is shown to whoever decides on it."""
    if outcome == MATCH:
        return Told("一致", "ok", "户名、证件号、账号与银行登记一致，账户状态正常。")
    if outcome == MISMATCH:
        why = f"（{code}）" if code else ""
        return Told("不一致", "error", f"银行登记与所填不一致，或账户状态不正常{why}，请先核实。")
    if outcome == UNAVAILABLE:
        why = WHY.get(code, "银行无法验证这个账户。")
        return Told("未比对", "warn", f"{why}未比对不等于一致。")
    return Told("未比对", "info", "已向银行核验，尚未答复；稍后刷新本页查看。")
