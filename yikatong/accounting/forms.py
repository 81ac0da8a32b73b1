"""追回与上缴: how much, when and why."""

from __future__ import annotations

from typing import Final

from django import forms

from yikatong.accounting.models import Recovery
from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money

LONGEST_REASON: Final = 300


class RecoveryForm(forms.Form):
    kind = forms.ChoiceField(label="事项", choices=Recovery.Kind.choices)
    amount = forms.CharField(
        label="金额（元）",
        max_length=20,
        help_text="最多两位小数，例如 637.50。",
        error_messages={"required": "请填写金额。"},
    )
    happened_on = forms.DateField(
        label="日期",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": "请填写日期。", "invalid": "日期写法如 2026-11-22。"},
    )
    reason = forms.CharField(
        label="说明",
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "请写明追回或上缴的说明。"},
    )

    def clean_amount(self) -> int:
        """In fen."""
        try:
            return Money.from_yuan(self.cleaned_data["amount"].strip()).fen
        except (Refused, ValueError, ArithmeticError):
            raise forms.ValidationError("金额应为数字，最多两位小数。") from None
