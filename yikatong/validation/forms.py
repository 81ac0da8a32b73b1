"""What a clerk fills in to import a list, and to answer for what the rules could not decide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django import forms

from yikatong.kernel.errors import Refused
from yikatong.kernel.period import Period

ENDINGS: Final = (".xlsx", ".xls", ".csv")
MOST_BYTES: Final = 20 * 1024 * 1024
LONGEST_REASON: Final = 300


class UploadForm(forms.Form):
    programme = forms.ChoiceField(label="补贴项目", error_messages={"required": "请选择补贴项目。"})
    period = forms.CharField(
        label="期次",
        max_length=7,
        help_text="按年发放的项目填写发放当月，写法如 2026-11。",
        widget=forms.TextInput(attrs={"type": "month", "pattern": "20[0-9]{2}-(0[1-9]|1[0-2])"}),
        error_messages={"required": "请填写期次，例如 2026-11。"},
    )
    file = forms.FileField(
        label="名单文件",
        error_messages={"required": "请选择名单文件。", "empty": "文件是空的，请重新选择。"},
    )

    def __init__(self, programmes: Iterable[Any], *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        self.by_code = {programme.code: programme for programme in programmes}
        options = [(code, f"{code} {one.name}") for code, one in self.by_code.items()]
        self.fields["programme"].choices = [("", "请选择"), *options]  # type: ignore[attr-defined]

    def clean_programme(self) -> Any:
        return self.by_code[self.cleaned_data["programme"]]

    def clean_period(self) -> Period:
        try:
            return Period.parse(self.cleaned_data["period"])
        except Refused as error:
            raise forms.ValidationError(str(error)) from None

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        name = file.name.lower()
        if name.endswith(".et"):
            raise forms.ValidationError("WPS 的 .et 文件请先另存为 .xlsx 再上传。")
        if not name.endswith(ENDINGS):
            raise forms.ValidationError(
                f"“{file.name}”不是可用的格式，请选择 .xlsx、.xls、.csv 文件。"
            )
        if file.size > MOST_BYTES:
            raise forms.ValidationError("文件超过 20 MB，请拆分后再上传。")
        return file


class AnswerForm(forms.Form):
    rule = forms.CharField(max_length=10)
    kind = forms.CharField(max_length=40, required=False)
    reason = forms.CharField(label="理由", max_length=LONGEST_REASON, required=False)
