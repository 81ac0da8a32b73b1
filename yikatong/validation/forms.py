"""What a clerk fills in to import a list, and to answer for what the rules could not decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.utils import timezone

from yikatong.kernel.errors import Refused
from yikatong.kernel.period import Period
from yikatong.submission.sheets_forms import DISBURSEMENT, EARLIER, ROW_KEY
from yikatong.submission.sheets_header import GUESSED, KNOWN, TOLD

ENDINGS: Final = (".xlsx", ".xls", ".csv")
MOST_BYTES: Final = 20 * 1024 * 1024
LONGEST_REASON: Final = 300
LONGEST_ROW_NO: Final = 9
MONTHS_OFFERED: Final = 26


class SheetForm(forms.Form):
    """A period and a file, looked at before anything is read."""

    period = forms.CharField(
        label="期次",
        max_length=7,
        help_text="按月发放的选补贴所属月份，按年发放的选发放当月。",
        widget=forms.Select,
        error_messages={"required": "请选择期次。"},
    )
    file = forms.FileField(
        label="名单文件",
        error_messages={"required": "请选择名单文件。", "empty": "文件是空的，请重新选择。"},
    )

    def __init__(self, *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        self.fields["period"].widget.choices = list(_months_back())

    def clean_period(self) -> Period:
        try:
            return Period.parse(self.cleaned_data["period"]).not_far_ahead(timezone.localdate())
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


class TrialForm(SheetForm):
    """样表试查."""


class UploadForm(SheetForm):
    programme = forms.ChoiceField(
        label="补贴项目",
        help_text="只列出由本单位编制名单的项目。",
        error_messages={
            "required": "请选择补贴项目。",
            "invalid_choice": "这个项目不由本单位编制，请从列表中选择。",
        },
    )
    field_order = ("programme", "period", "file")

    def __init__(self, programmes: Iterable[Any], *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        self.by_code = {programme.code: programme for programme in programmes}
        options = [(code, f"{code} {one.name}") for code, one in self.by_code.items()]
        self.fields["programme"].choices = [("", "请选择"), *options]  # type: ignore[attr-defined]

    def clean_programme(self) -> Any:
        return self.by_code[self.cleaned_data["programme"]]


def _months_back() -> Iterator[tuple[str, str]]:
    """Next month and the two years before it; a browser's own month field speaks its own tongue."""
    today = timezone.localdate()
    newest = today.year * 12 + today.month
    for month in range(newest, newest - MONTHS_OFFERED, -1):
        year, place = divmod(month, 12)
        yield f"{year}-{place + 1:02d}", f"{year} 年 {place + 1} 月"


class TakeOutForm(forms.Form):
    """剔除: which rows of a draft, and why."""

    rows = forms.TypedMultipleChoiceField(
        coerce=int, error_messages={"required": "请先勾选要剔除的行。"}
    )
    reason = forms.CharField(
        max_length=LONGEST_REASON,
        error_messages={"required": "请写明剔除的原因，例如“本人已迁出”。"},
    )

    def __init__(self, rows: Iterable[str], *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        self.fields["rows"].choices = [  # type: ignore[attr-defined]
            (row, row) for row in rows if row.isdecimal() and len(row) <= LONGEST_ROW_NO
        ]


class ColumnsForm(forms.Form):
    """列的对应: for each column of a sheet that was not sure, the field that it means.

    Args:
        columns: as `intake.columns_told` gives them.
    """

    def __init__(self, columns: Sequence[Mapping[str, str]], *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        self.columns = columns
        own = {EARLIER, ROW_KEY}
        options = [
            (field.name, field.word) for field in DISBURSEMENT.fields if field.name not in own
        ]
        for n, column in enumerate(columns):
            is_taken = column["how"] in {KNOWN, TOLD, GUESSED}
            self.fields[f"column_{n}"] = forms.ChoiceField(
                label=column["label"],
                required=False,
                choices=[("", "不用这一列"), *options],
                initial=column["field"] if is_taken else "",
                error_messages={"invalid_choice": "请从列出的字段里选。"},
            )

    def clean(self) -> dict[str, Any]:
        facts = super().clean() or {}
        words = {field.name: field.word for field in DISBURSEMENT.fields}
        seen: dict[str, str] = {}
        for name, field in list(facts.items()):  # add_error takes the name out
            if not field:
                continue
            label = str(self.fields[name].label)
            if field in seen:
                first = seen[field]
                self.add_error(name, f"“{first}”一列已选为{words[field]}，两列不能对应同一个字段。")
            seen.setdefault(field, label)
        return facts

    def chosen(self) -> dict[str, str]:
        """The sheet's own header → field, '' for of no use."""
        return {
            column["label"]: self.cleaned_data[f"column_{n}"]
            for n, column in enumerate(self.columns)
        }


class AnswerForm(forms.Form):
    rule = forms.CharField(max_length=10)
    kind = forms.CharField(max_length=40, required=False)
    reason = forms.CharField(label="理由", max_length=LONGEST_REASON, required=False)
