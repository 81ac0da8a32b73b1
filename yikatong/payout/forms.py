"""停发: why."""

from __future__ import annotations

from typing import Final

from django import forms

LONGEST_REASON: Final = 300


class StopForm(forms.Form):
    reason = forms.CharField(
        label="停发原因",
        max_length=LONGEST_REASON,
        help_text="说明为何这一笔不再发放，例如“本人已于 11 月 10 日去世”。",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "请写明停发的原因。"},
    )


class CloseForm(forms.Form):
    reason = forms.CharField(
        label="查清的情况和处理结果",
        max_length=LONGEST_REASON,
        help_text="写明原因、与谁核对、怎么处理。销账后不能撤回，说明留给审计。",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "请写明查清的情况和处理结果。"},
    )
