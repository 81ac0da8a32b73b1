"""What an official fills in to take a step."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from django import forms

from yikatong.kernel.steps import NOTHING, Inputs

PASS: Final = "pass"  # noqa: S105 - a choice on a form, not a password
RETURN: Final = "return"
LONGEST_REASON: Final = 300


class StepForm(forms.Form):
    """Has just the questions that a step's inputs name: a decision, a reason, or none."""

    decision = forms.ChoiceField(
        label="意见",
        choices=[(PASS, "通过"), (RETURN, "退回")],
        widget=forms.RadioSelect,
        error_messages={"required": "请选择通过或退回。"},
    )
    reason = forms.CharField(
        label="原因",
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "请写明原因。"},
    )

    def __init__(self, wanted: type[Inputs], *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        self.wanted = wanted
        names = {field.name for field in fields(wanted)}
        if "passed" not in names:
            del self.fields["decision"]
        if "reason" not in names:
            del self.fields["reason"]
        if "decision" in self.fields:
            self.fields["reason"].required = False
            self.fields["reason"].label = "意见或退回原因"
            self.fields["reason"].help_text = "退回时必填：说明哪里有问题、请对方怎么改。"

    def clean(self) -> dict[str, Any]:
        facts: dict[str, Any] = super().clean() or {}
        if facts.get("decision") == RETURN and not facts.get("reason", "").strip():
            self.add_error("reason", "退回请写明原因，编制单位要据此修改。")
        return facts

    def inputs(self) -> Inputs:
        """The frozen inputs of the step's own kind."""
        facts = self.cleaned_data
        named: dict[str, Any] = {}
        if "decision" in facts:
            named["passed"] = facts["decision"] == PASS
        if "reason" in facts:
            named["reason"] = facts["reason"].strip()
        return self.wanted(**named) if named else NOTHING
