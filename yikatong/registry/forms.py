"""账户变更: the new account, and the words of the second person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from yikatong.kernel.card import CARD_KIND_WORD, CardKind, CardNumber
from yikatong.kernel.errors import Refused

PERSONAL: Final = (CardKind.CARD, CardKind.SSC, CardKind.PASSBOOK)


class SearchForm(forms.Form):
    """By the beginning of a name, or by a whole id number, which no address ever holds."""

    name = forms.CharField(max_length=60, required=False, strip=True)
    id_number = forms.CharField(max_length=40, required=False, strip=True)


class AccountChangeForm(forms.Form):
    number = forms.CharField(
        label="新账号",
        max_length=60,
        help_text="照存折首页或卡面抄录，空格可以保留；提交后只显示末四位。",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": "请填写新账号。"},
    )
    kind = forms.ChoiceField(
        label="账户种类", choices=[(kind.value, CARD_KIND_WORD[kind]) for kind in PERSONAL]
    )
    bank_no = forms.TypedChoiceField(
        label="代发银行", coerce=int, error_messages={"required": "请选择代发银行。"}
    )
    bank_name = forms.CharField(
        label="开户网点",
        max_length=80,
        required=False,
        help_text="存折或卡上印的开户行，没有可不填。",
    )
    account_name = forms.CharField(
        label="户名",
        max_length=60,
        help_text="与银行登记的写法一致。",
        error_messages={"required": "请填写户名。"},
    )
    reason = forms.CharField(
        label="变更原因",
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "请写明变更的原因。"},
    )

    def __init__(self, banks: Mapping[int, str], *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        self.fields["bank_no"].choices = [("", "请选择"), *banks.items()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        facts: dict[str, Any] = super().clean() or {}
        if "number" in facts and "kind" in facts:
            try:
                facts["card"] = CardNumber.parse(facts["number"], CardKind(facts["kind"]))
            except Refused as error:
                self.add_error("number", str(error))
        return facts


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(choices=[("confirm", "同意变更"), ("return", "退回")])
    reason = forms.CharField(max_length=200, required=False)
