"""What the rows of a clerk's spreadsheet mean: one frame of text columns, and what was understood.

What lacks a required column is Refused in one sentence. Everything else comes back: the rows,
columns set aside, totals that differ, cells whose digits are lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money
from yikatong.submission.sheets_cells import RawSheet, called, columns_of
from yikatong.submission.sheets_commas import beside, refuse_split
from yikatong.submission.sheets_door import HEAD_ROWS
from yikatong.submission.sheets_forms import MEASURED, PERSON_ID, PERSON_NAME, Form, Kind
from yikatong.submission.sheets_header import (
    GUESSED,
    NO_MAPPING,
    REPEATED,
    UNKNOWN,
    Header,
    Mapped,
    MissingColumns,
    find_header,
    missing_columns,
    stand_ins,
)
from yikatong.submission.sheets_tails import Totals, tails, totals_of
from yikatong.submission.sheets_text import fen, in_yuan, put_right
from yikatong.submission.sheets_twice import refuse_doubt, twice

LEADS: Final = 4
LOSABLE: Final = frozenset({Kind.ID, Kind.ACCOUNT, Kind.KEY})
SHOWN_ROWS: Final = 5


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the person should know about the file. `row` is None where it is about all of it.

    `rule`: COL-1 a column set aside, TOT-1 a total that differs, UN-1 units that were taken off,
    SH-1 a list in another sheet, HR-1 hidden rows, ER-1 unread cells. `severity` is always info.
    """

    row: int | None
    field: str
    rule: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A spreadsheet, understood.

    `frame` has `row` (Int64, the row number in the user's own sheet), one String column for every
    field of the form (null where blank or absent; bare 姓名/身份证号 stand in `beneficiary_*`, for
    a disbursement in `payee_*` too), `lost_fields` (List[String]: fields whose digits Excel
    destroyed; the cell itself is null), and `amount_fen` (Int64, null where the amount is no sound
    amount; only where the form has an amount). `labels` gives the user's own header of each field
    found. `fixed` counts, by field, the cells whose blanks, width or units were put right. `mapped`
    tells of every column of the sheet what it was taken for, and how sure that is.
    """

    frame: pl.DataFrame
    notices: tuple[Notice, ...]
    totals: Totals | None
    form: Form
    name: str
    header_row: int
    labels: Mapping[str, str]
    fixed: Mapping[str, int]
    mapped: tuple[Mapped, ...] = ()

    def place_of(self, field: str) -> int | None:
        """The column (from 0) of the user's own sheet that a field was read from."""
        label = self.labels.get(field)
        used = {column.label: column.place for column in reversed(self.mapped) if column.is_used}
        return None if label is None else used.get(label)


def understood(
    sheets: Iterable[RawSheet], form: Form, *, mapping: Mapping[str, str] = NO_MAPPING
) -> Sheet:
    """The first of the sheets that has this form's header, read.

    Args:
        mapping: the user's own header → field, where a person has said so; it goes before the
            words that the form knows.

    Raises:
        Refused: no header, no data; MissingColumns where a required column is missing.
    """
    refusal: MissingColumns | None = None
    others: list[str] = []
    for raw in sheets:
        header = _header_of(raw, form, mapping)
        if header is None:
            continue
        missing = missing_columns(header, form)
        if missing:
            refusal = refusal or _missing(raw.name, header, missing, form)
            continue
        sheet = _understood(raw, header, form)
        others = [other.name for other in sheets if _has_lines(other, form, mapping)]
        return _telling_of_others(sheet, others)
    raise refusal or Refused(
        f"前 {HEAD_ROWS - 2} 行里没有找到《{form.title}》的表头，请核对是不是这张表。"
    )


def _header_of(raw: RawSheet, form: Form, mapping: Mapping[str, str]) -> Header | None:
    """`columns` are places in the rows read; `mapped` is told to people, and says theirs."""
    header = find_header(raw.head, form, mapping)
    if header is None or not raw.left:
        return header
    mapped = (replace(column, place=column.place + raw.left) for column in header.mapped)
    return replace(header, mapped=tuple(mapped))


def _missing(name: str, header: Header, missing: list[str], form: Form) -> MissingColumns:
    words = "、".join(form.field(field).word for field in missing)
    meant = {stand_in for field in missing for stand_in in stand_ins(field, form)}
    guesses = "".join(
        f"“{column.label}”一列像是{form.field(column.field).word}，如果是，请指定列的对应。"
        for column in header.mapped
        if column.how == GUESSED and column.field is not None and column.field in meant
    )
    sentence = f"{called(name)}缺少必需的列：{words}。{guesses or '请补上后重新上传。'}"
    return MissingColumns(sentence, header.mapped, tuple(missing))


def _has_lines(raw: RawSheet, form: Form, mapping: Mapping[str, str]) -> bool:
    header = _header_of(raw, form, mapping)
    if header is None or missing_columns(header, form):
        return False
    wanted = [at for name, at in header.columns.items() if name != "seq"]
    body = columns_of(raw, after=header.last + 1, places=wanted)
    filled = [pl.col(str(at)).str.strip_chars().str.len_bytes() > 0 for at in wanted]
    return not body.filter(pl.any_horizontal(filled)).is_empty()


def _telling_of_others(sheet: Sheet, others: list[str]) -> Sheet:
    """Lists in further sheets are not read, and that is never kept quiet."""
    notices = [
        Notice(
            None, "", "SH-1", "info",
            f"工作表“{other}”也是名单，这次只读取了“{sheet.name}”。请把它另存为一个文件再导入。",
        )
        for other in others
    ]  # fmt: skip
    return replace(sheet, notices=(*sheet.notices, *notices))


def _understood(raw: RawSheet, header: Header, form: Form) -> Sheet:
    found = [field for field in form.fields if field.name in header.columns]
    places = {field.name: header.columns[field.name] for field in found}
    width = max(map(len, raw.head[: header.last + 1]))
    wanted = {*places.values(), *range(LEADS), *twice(header, form, raw.left)}
    aside = beside(raw, places, form, width=width) - wanted
    typed = columns_of(raw, after=header.last + 1, places=[*sorted(wanted), *sorted(aside)])
    refuse_split(raw, typed, places, form, width=width)
    typed = typed.drop(map(str, aside))
    ids = [places[field.name] for field in found if field.kind is Kind.ID]
    ends = tails(typed.drop("row"), ids)
    columns: dict[str, pl.Series] = {"row": typed["row"]}
    lost: dict[str, pl.Series] = {}
    fixed: dict[str, pl.Series] = {}
    for field in found:
        cells = typed[str(places[field.name])]
        if field.name in header.ten_thousands:
            cells = cells.to_frame().select(in_yuan(pl.first())).to_series()
        right = put_right(cells, field.kind)
        columns[field.name] = right.values
        fixed[field.name] = right.fixed
        if field.kind in LOSABLE and len(right.lost):
            lost[field.name] = right.lost
    frame = pl.DataFrame(columns)
    content = [pl.col(field.name).is_not_null() for field in found if field.name != "seq"]
    is_line = frame.select(pl.any_horizontal(content)).to_series()
    is_line = is_line.clone().scatter(ends.places, False)  # noqa: FBT003 - a value of the column
    if not is_line.any():
        raise Refused(f"{called(raw.name)}的表头下面没有数据。")
    refuse_doubt(raw, typed, frame.filter(is_line), header, form)
    totals: list[Totals] = []
    if "amount" in header.columns:
        amounts = frame.select(fen(pl.col("amount"))).to_series()
        totals += totals_of(amounts, frame["row"], ends)
    rows = {name: frame["row"].gather(at.filter(is_line.gather(at))) for name, at in fixed.items()}
    stripped = [
        _stripped(field.name, form.field(field.name).word, rows[field.name])
        for field in found
        if field.kind in MEASURED and len(rows[field.name])
    ]
    del typed, columns, cells, right  # a frame each, which the next would stand beside
    return Sheet(
        frame=_with_every_field(frame, is_line, lost, header, form),
        notices=(*_notices(header, totals, form), *stripped),
        totals=next((one for one in totals if one.differs), totals[0] if totals else None),
        form=form,
        name=raw.name,
        header_row=header.last + 1,
        labels=_labels(header, form),
        fixed={name: len(places) for name, places in rows.items() if len(places)},
        mapped=header.mapped,
    )


def _with_every_field(
    frame: pl.DataFrame,
    is_line: pl.Series,
    lost: Mapping[str, pl.Series],
    header: Header,
    form: Form,
) -> pl.DataFrame:
    """Every field of the form as a column, of the rows that are lines; the parties filled,
    destroyed cells null and named.
    """
    sources = _party_sources(header, form)
    named = [f.name for f in form.fields if f.name not in {PERSON_NAME, PERSON_ID}]
    names = list(dict.fromkeys(named + list(sources)))
    of = {name: sources.get(name, name if name in header.columns else None) for name in names}
    # each column once, and one for all those that are absent: a null takes as much as a short text
    absent = pl.Series(values=[None], dtype=pl.String).new_from_index(0, int(is_line.sum()))
    every = is_line.all()
    lines = {}
    for name in {"row", *filter(None, of.values())}:
        column = frame[name]
        if name in lost:
            column = column.clone().scatter(lost[name], None)
        lines[name] = column if every else column.filter(is_line)
    columns = [lines["row"]]
    columns += [(lines[source] if source else absent).alias(name) for name, source in of.items()]
    told = pl.DataFrame(columns).with_columns(_lost_fields(lost, of, frame.height).filter(is_line))
    if "amount" in told.columns:
        told = told.with_columns(amount_fen=fen(pl.col("amount")))
    return told


def _lost_fields(
    lost: Mapping[str, pl.Series], of: Mapping[str, str | None], height: int
) -> pl.Series:
    """For each row the fields whose digits are gone: mostly an empty list."""
    by_place: dict[int, list[str]] = {}
    for name, source in of.items():
        for place in lost.get(source or "", ()):
            by_place.setdefault(place, []).append(name)
    none = pl.Series(values=[[]], dtype=pl.List(pl.String)).new_from_index(0, height)
    if not by_place:
        return none.alias("lost_fields")
    found = pl.Series(values=list(by_place.values()), dtype=pl.List(pl.String))
    places = pl.Series(values=list(by_place), dtype=pl.UInt32)
    at = pl.DataFrame({"at": places, "lost_fields": found})
    every = pl.DataFrame({"at": pl.int_range(height, eager=True, dtype=pl.UInt32)})
    joined = every.join(at, on="at", how="left", maintain_order="left")
    return joined["lost_fields"].fill_null(pl.lit([], dtype=pl.List(pl.String)))


def _party_sources(header: Header, form: Form) -> dict[str, str]:
    """Which column each party's name and id come from, where its own is absent.

    One person named stands for all: the bare 姓名 first, then 享受人, 收款人, 户主.
    """
    found: dict[str, str] = {}
    for tail, bare in (("name", PERSON_NAME), ("id", PERSON_ID)):
        first, *others = form.person
        own = [bare, f"{first}_{tail}"] if bare in header.columns else [f"{first}_{tail}"]
        order = [*own, *(f"{other}_{tail}" for other in others), f"head_{tail}"]
        person = next((column for column in order if column in header.columns), None)
        if f"{first}_{tail}" not in header.columns and person is not None:
            found[f"{first}_{tail}"] = person
        for other in others:
            if f"{other}_{tail}" not in header.columns:
                source = found.get(f"{first}_{tail}", f"{first}_{tail}")
                found[f"{other}_{tail}"] = source
    return found


def _labels(header: Header, form: Form) -> dict[str, str]:
    sources = _party_sources(header, form)
    labels = {name: header.labels[name] for name in header.columns}
    labels |= {name: header.labels[source] for name, source in sources.items()}
    return {name: label for name, label in labels.items() if name not in {PERSON_NAME, PERSON_ID}}


def _stripped(field: str, word: str, rows: pl.Series) -> Notice:
    """Units and signs are taken off a number, but never silently."""
    shown = "、".join(str(row) for row in rows.head(SHOWN_ROWS))
    more = " 行等" if len(rows) > SHOWN_ROWS else " 行"
    return Notice(
        None, field, "UN-1", "info",
        f"“{word}”有 {len(rows)} 处带单位、符号或全角数字（第 {shown}{more}），"
        "已只按数字读取，请核对。",
    )  # fmt: skip


def _notices(header: Header, totals: Iterable[Totals], form: Form) -> Iterator[Notice]:
    for name in sorted(header.ten_thousands):
        yield Notice(
            None, name, "UN-1", "info",
            f"“{header.labels[name]}”一列按万元填写，{form.field(name).word}已折算为元，请核对。",
        )  # fmt: skip
    for column in header.mapped:
        if column.how == GUESSED and column.field is not None:
            yield Notice(
                None, column.label, "COL-1", "info",
                f"“{column.label}”一列像是{form.field(column.field).word}，系统没有把握，这次没有"
                "采用。如果是，请指定列的对应；不是的不用管。",
            )  # fmt: skip
    for label in header.called(UNKNOWN):
        yield Notice(
            None, label, "COL-1", "info", f"“{label}”一列系统不认识，已放在一边，不影响办理。"
        )
    for label in header.called(REPEATED):
        yield Notice(
            None, label, "COL-1", "info", f"“{label}”一列与前面的列意思相同，只用了前面的一列。"
        )
    for one in totals:
        if one.differs and one.stated_fen is not None:
            yield Notice(
                one.row, "amount", "TOT-1", "info",
                f"第 {one.row} 行合计为 {Money(one.stated_fen)} 元，逐行相加为 "
                f"{Money(one.sum_fen)} 元，相差 {Money(one.stated_fen - one.sum_fen)} 元。"
                "请核对有没有漏行或改动。",
            )  # fmt: skip
