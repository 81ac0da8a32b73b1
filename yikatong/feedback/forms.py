"""对账差异: what was found out; 月报: which month."""

from __future__ import annotations

from typing import Final

from django import forms

LONGEST_REASON: Final = 300


class WordForm(forms.Form):
    reason = forms.CharField(
        label="查清的情况和处理结果",
        max_length=LONGEST_REASON,
        help_text="写明原因、与谁核对、怎么处理。答复和销号由两个人办理，都不能撤回。",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "请写明查清的情况和处理结果。"},
    )


class MonthForm(forms.Form):
    month = forms.RegexField(
        r"^20\d\d-(0[1-9]|1[0-2])$",
        label="月份",
        help_text="写法如 2026-11。",
        error_messages={"required": "请填写月份。", "invalid": "月份写法如 2026-11。"},
    )
