"""From a sheet to lines in the shape that submission stages: indexed, digested, with the faults
that the row rules found at the door. No identifier leaves this room in clear.

Everything here is done by whole columns: a list of a million lines is read as one of ten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl

from yikatong.catalogue.models import Programme
from yikatong.kernel.errors import Refused
from yikatong.kernel.masks import masked_id
from yikatong.kernel.names import has_private_use, rare_characters
from yikatong.kernel.period import Period
from yikatong.kernel.resident_id import LENGTH, OLD_LENGTH, upgrade_proposal
from yikatong.submission.line_columns import Lines, decimals, digests, rewritten
from yikatong.submission.list_template import mark_of_template
from yikatong.submission.sheets import Sheet, read_sheet
from yikatong.submission.sheets_door import WEB, Limits
from yikatong.submission.sheets_forms import DISBURSEMENT
from yikatong.submission.sheets_header import KNOWN, NO_MAPPING, TOLD, Mapped
from yikatong.submission.sheets_text import fen
from yikatong.validation import row_rules
from yikatong.validation.recalled import Recalled, recalled
from yikatong.validation.rules import FoundRow
from yikatong.validation.world import own_words
from yikatong.vault.access import the_vault

TEXT_LIMIT: Final = 60
GRADE_LIMIT: Final = 40
VILLAGE_LIMIT: Final = 80
REMARK_LIMIT: Final = 300
WHOLE_DIGITS: Final = 10
STANDARD_SCALE: Final = 7
QUANTITY_SCALE: Final = 3
OLD_NUMBER: Final = rf"^[0-9]{{{OLD_LENGTH}}}$"
FIRST_HAN: Final = "\u3400"
SHOWN_CHARACTERS: Final = 20
# few enough that a list of a township's size already comes in several parts
PART_ROWS: Final = 10_000
PARTIES: Final = ("head", "payee", "beneficiary")


@dataclass(frozen=True, slots=True)
class Intake:
    """A sheet ready to be checked or stored: `rows` as `submission.line_columns` describes them;
    `notices` are about the file, not about a line; `sheet` is what was read, for those who mark it.
    """

    rows: Lines
    notices: tuple[FoundRow, ...]
    sheet: Sheet


def read_list(
    source: Path | bytes,
    name: str,
    programme: Programme,
    period: Period,
    *,
    today: date,
    limits: Limits = WEB,
    mapping: Mapping[str, str] = NO_MAPPING,
) -> Intake:
    """Read a 发放清册 for one programme and period.

    Args:
        source: the file, or its bytes. A file may be read more than once (`sheets_door.unchanged`).
        mapping: the user's own header → field, where a person has said so.

    Raises:
        Refused: unreadable, unsafe or empty; MissingColumns where a required column is missing.
    """
    form = DISBURSEMENT.of_item(programme.columns).requiring(*programme.required_columns)
    sheet = read_sheet(source, form, name=name, limits=limits, mapping=mapping)
    lines = lines_of(sheet.frame, programme, period, today)
    notices = (*_notices(sheet), *_of_template(source, programme, period))
    return Intake(lines, notices, sheet)


def columns_told(columns: Sequence[Mapped], missing: Sequence[str] = ()) -> dict[str, Any]:
    """What a person is asked about the columns of a sheet; empty where all of it is sure.

    Each header once, as it stands in the sheet, with what it was taken for and how.
    """
    if not missing and all(column.is_sure for column in columns):
        return {}
    told = {column.label: column for column in reversed(columns)}
    return {
        "columns": [
            {"label": column.label, "field": column.field or "", "how": column.how}
            for column in columns
            if told[column.label] is column
        ],
        "missing": list(missing),
    }


def used_as(column: Mapping[str, str]) -> str:
    """The field that a column of `columns_told` was read as; '' where it was put aside."""
    return column["field"] if column["how"] in {KNOWN, TOLD} else ""


def _of_template(source: Path | bytes, programme: Programme, period: Period) -> Iterator[FoundRow]:
    """Told where the file began as the template of another item or period."""
    mark = mark_of_template(source)
    if mark is not None and mark.programme_code != programme.code:
        used = mark.programme_code
        sentence = f"这个文件用的是项目 {used} 的模板，现在按 {programme.code} 导入，请核对。"
        yield FoundRow(0, "", "TP-1", "info", sentence, "提示")
    elif mark is not None and mark.period != str(period):
        sentence = f"这个文件用的是 {mark.period} 期的模板，现在按 {period} 期导入，请核对。"
        yield FoundRow(0, "", "TP-1", "info", sentence, "提示")


def _notices(sheet: Sheet) -> Iterator[FoundRow]:
    for notice in sheet.notices:
        yield FoundRow(
            notice.row or 0, notice.field, notice.rule, notice.severity, notice.message, "提示"
        )
    rare = _rare_characters(sheet.frame)
    if rare:
        yield FoundRow(
            0, "beneficiary_name", "NC-2", "info",
            f"姓名里有 {len(rare)} 个生僻字（{'、'.join(rare[:SHOWN_CHARACTERS])}），"
            "银行系统可能写不出，请核对开户姓名的写法。", "提示",
        )  # fmt: skip


def _rare_characters(frame: pl.DataFrame) -> list[str]:
    """Those of all names that GB2312 lacks, each once; unreadable ones are NC-1's business."""
    names = pl.concat([frame[f"{party}_name"] for party in PARTIES]).unique().drop_nulls()
    characters = sorted(set("".join(names)))
    return [
        character
        for character in rare_characters("".join(characters))
        if character >= FIRST_HAN and not has_private_use(character)
    ]


def lines_of(frame: pl.DataFrame, programme: Programme, period: Period, today: date) -> Lines:
    """The lines of a sheet's frame, ready for `submission.bulk`: what looks at all rows is done
    here, what each row needs by itself when its part is asked for.
    """
    required = (*row_rules.ALWAYS_FILLED, *programme.required_columns)
    words = own_words(programme)
    known = recalled(frame, programme)
    if known is None:
        found = row_rules.examine(frame, on=today, required=required, words=words)
    else:
        frame, found = known.typed, known.examined(on=today, required=required, words=words)
    faults = _faults(found)

    def parts() -> Iterator[pl.DataFrame]:
        for first in range(0, frame.height, PART_ROWS):
            part = None if known is None else known.part(first, PART_ROWS)
            rows = frame.slice(first, PART_ROWS)
            yield _part(rows, part, faults, programme, str(period))

    return Lines(frame.height, parts)


def _part(
    frame: pl.DataFrame,
    known: Recalled | None,
    faults: pl.DataFrame,
    programme: Programme,
    period: str,
) -> pl.DataFrame:
    is_household = programme.payee_kind == Programme.PayeeKind.HOUSEHOLD
    columns = _indexes(frame, programme.county, is_household=is_household)
    masks = _masked(frame["beneficiary_id"])
    if known is not None:
        columns, masks = known.completed(columns), known.masks(masks)
    facts = frame.select(
        pl.col("row").cast(pl.Int32).alias("row_no"),
        *(_cut(f"{party}_name", TEXT_LIMIT) for party in PARTIES),
        _last_four(pl.col("account_no")).alias("account_last4"),
        _cut("object_key", TEXT_LIMIT),
        _cut("grade", GRADE_LIMIT),
        _months(pl.col("months")).alias("months"),
        pl.when(pl.col("amount_fen") >= 0).then("amount_fen").alias("amount_fen"),
        fen(pl.col("supplement")).alias("supplement_fen"),
        pl.concat_str(_cut("town", TEXT_LIMIT), _cut("village", TEXT_LIMIT))
        .str.head(VILLAGE_LIMIT)
        .alias("village"),
        _cut("group", GRADE_LIMIT).alias("village_group"),
        pl.col("remark").fill_null("").str.head(REMARK_LIMIT),
    )
    lines = facts.with_columns(
        *columns,
        masks.alias("id_masked"),
        decimals(frame["standard"], digits=WHOLE_DIGITS, scale=STANDARD_SCALE).alias("standard"),
        decimals(frame["quantity"], digits=WHOLE_DIGITS, scale=QUANTITY_SCALE).alias("quantity"),
    )
    lines = lines.with_columns(digests(lines, programme_code=programme.code, period=period)).join(
        faults, on="row_no", how="left", maintain_order="left"
    )
    return lines.with_columns(pl.col("faults").fill_null("[]"))


def _indexes(frame: pl.DataFrame, county: str, *, is_household: bool) -> list[pl.Series]:
    """The blind indexes, each distinct number once. The sheet has folded the numbers already, as
    `resident_id.normalised_id` and `card.normalised_account` do.
    """
    numbers = pl.DataFrame({party: _of_today(frame[f"{party}_id"]) for party in PARTIES})
    if is_household:  # where no 户主 is named the one who is paid stands for the household
        numbers = numbers.with_columns(pl.coalesce("head", "payee").alias("head"))
    distinct = pl.concat([numbers[party] for party in PARTIES]).unique().drop_nulls()
    ids = _hexadecimal(distinct, county, kind="id")
    accounts = frame["account_no"]
    cards = _hexadecimal(accounts.unique().drop_nulls(), county, kind="card")
    named = [_looked_up(numbers[party], ids).alias(f"{party}_index") for party in PARTIES]
    return [*named, _looked_up(accounts, cards).alias("account_index")]


def _of_today(numbers: pl.Series) -> pl.Series:
    """An old number of 15 digits as the 18 that it became: the person is looked up under those, and
    somebody has to say that it is the same (ID-3).
    """
    return rewritten(numbers, numbers.str.contains(OLD_NUMBER), _upgraded)


def _upgraded(old: str) -> str:
    try:
        return upgrade_proposal(old)
    except Refused:  # no such birthday, which ID-2a tells
        return old


def _hexadecimal(distinct: pl.Series, county: str, *, kind: str) -> pl.DataFrame:
    indexes = the_vault().blind_indexes(county, distinct.to_list(), kind=kind)
    return pl.DataFrame(
        {"number": distinct, "index": pl.Series([i.hex() for i in indexes], dtype=pl.String)}
    )


def _looked_up(numbers: pl.Series, indexes: pl.DataFrame) -> pl.Series:
    asked = numbers.alias("number").to_frame()
    return asked.join(indexes, on="number", how="left", maintain_order="left")["index"]


def _faults(found: pl.DataFrame) -> pl.DataFrame:
    """For each row that has any, its faults as the text of a JSON list."""
    fault = pl.struct("rule", "severity", "field", "message").struct.json_encode()
    listed = found.select(pl.col("row").cast(pl.Int32).alias("row_no"), fault.alias("fault"))
    return listed.group_by("row_no", maintain_order=True).agg(
        pl.concat_str(pl.lit("["), pl.col("fault").str.join(","), pl.lit("]")).alias("faults")
    )


def _cut(name: str, most: int) -> pl.Expr:
    return pl.col(name).fill_null("").str.strip_chars().str.head(most)


def _last_four(number: pl.Expr) -> pl.Expr:
    return number.fill_null("").str.tail(4)


def _masked(numbers: pl.Series) -> pl.Series:
    """As `kernel.masks.masked_id`; '' where there is none."""
    hidden = pl.concat_str(
        pl.col("number").str.head(6), pl.lit("********"), pl.col("number").str.tail(4)
    )
    masked = numbers.alias("number").to_frame().select(hidden).to_series()
    places = (numbers.str.len_chars() != LENGTH).fill_null(value=False)
    short = rewritten(numbers, places, masked_id)
    shown = pl.select(pl.when(places).then(short).otherwise(masked)).to_series()
    return shown.fill_null("")


def _months(text: pl.Expr) -> pl.Expr:
    whole = text.str.extract(r"^([0-9]{1,3})(?:\.0+)?$").cast(pl.Int32)
    return pl.when(whole <= row_rules.MOST_MONTHS).then(whole)
