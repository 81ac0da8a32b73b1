"""停发: why."""

from __future__ import annotations

from django import forms


class StopForm(forms.Form):
    reason = forms.CharField(
        label="停发原因",
        max_length=300,
        help_text="说明为何这一笔不再发放，例如“本人已于 11 月 10 日去世”。",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "请写明停发的原因。"},
    )
