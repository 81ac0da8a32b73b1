"""预计可能失败, in words: why the bank would fail a line, and who puts it right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.utils import timezone

from yikatong.connectors.bank.codes import FAILURES, REASONS, failure_of
from yikatong.validation.models import LineOutlook

ENDED_BADLY: Final = ("FAILED", "RETURNED")
OF_THE_AMOUNT: Final = "F09"  # that an amount was refused says nothing of the account
THE_BANK: Final = "代发银行"


def forecast_reason(line: LineOutlook) -> tuple[str, str]:
    """(why it would fail, who puts it right), in Chinese; the first reason names who."""
    found = list(_reasons(line))
    return "；".join(why for why, _ in found), found[0][1] if found else ""


def _reasons(line: LineOutlook) -> Iterator[tuple[str, str]]:
    if line.outcome == "MISMATCH":
        code = line.reason_code or ""
        reason = f"（{REASONS[code].reason}）" if code in REASONS else ""
        fixes = failure_of(code).fixes if code in REASONS else FAILURES["F02"].fixes
        yield f"最近一次银行核验不一致{reason}", fixes
    if line.earlier_state in ENDED_BADLY and line.earlier_code != OF_THE_AMOUNT:
        failure = FAILURES.get(line.earlier_code or "", FAILURES["F99"])
        word = "发放失败" if line.earlier_state == "FAILED" else "被退汇"
        yield f"上次向这个账户{word}：{failure.reason}", failure.fixes
    if line.outcome is None:
        yield "还没有银行核验结果", THE_BANK
    elif line.outcome == "UNAVAILABLE":
        yield "最近一次银行核验没有结论", THE_BANK
    if line.valid_until is not None and line.valid_until < timezone.localdate():
        yield f"银行核验已于 {line.valid_until} 过期，须重新核验", THE_BANK
