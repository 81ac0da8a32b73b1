"""Reads a clerk's spreadsheet into one frame of text columns, and says what it understood.

What cannot be read at all, or lacks a required column, is Refused in one sentence. Everything else
comes back: the rows, columns set aside, totals that differ, cells whose digits are lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final

import polars as pl

from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money
from yikatong.submission.sheets_door import WEB, Cell, Limits, RawSheet, open_sheets
from yikatong.submission.sheets_forms import PERSON_ID, PERSON_NAME, Form, Kind
from yikatong.submission.sheets_header import Header, find_header, missing_columns
from yikatong.submission.sheets_text import fen, is_lost, normalised

HEAD_ROWS: Final = 12
LEADS: Final = 4
CHUNK_ROWS: Final = 10_000
LOSABLE: Final = frozenset({Kind.ID, Kind.ACCOUNT})
TAIL_WORDS: Final = (
    r"^(?:本页)?(?:合计|总计|小计|共计|累计|制表|填表人|审核人|复核人|负责人|经办人|单位负责|填报人|"
    r"填报单位|分管领导|主管领导|注[:：]|说明[:：]|备注[:：])"
)
TOTAL_WORDS: Final = r"^(?:合计|总计|共计)"
MOST_EXACT: Final = 10**15


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the person should know about the file. `row` is None where it is about all of it.

    `rule`: COL-1 a column set aside, TOT-1 a total that differs. `severity` is always info.
    """

    row: int | None
    field: str
    rule: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class Totals:
    """The 合计 row: what it states and what the rows above it sum to, in fen."""

    row: int
    stated_fen: int | None
    sum_fen: int

    @property
    def differs(self) -> bool:
        return self.stated_fen is not None and self.stated_fen != self.sum_fen


@dataclass(frozen=True, slots=True)
class Sheet:
    """A spreadsheet, understood.

    `frame` has `row` (Int64, the row number in the user's own sheet), one String column for every
    field of the form (null where blank or absent; bare 姓名/身份证号 stand in `beneficiary_*`, for
    a disbursement in `payee_*` too), `lost_fields` (List[String]: fields whose digits Excel
    destroyed; the cell itself is null), and `amount_fen` (Int64, null where the amount is no sound
    amount; only where the form has an amount). `labels` gives the user's own header of each field
    found. `fixed` counts, by field, the cells whose blanks, width or units were put right.
    """

    frame: pl.DataFrame
    notices: tuple[Notice, ...]
    totals: Totals | None
    form: Form
    name: str
    header_row: int
    labels: Mapping[str, str]
    fixed: Mapping[str, int]


def read_sheet(
    source: Path | bytes, form: Form, *, name: str | None = None, limits: Limits = WEB
) -> Sheet:
    """Read the first visible sheet that has this form's header.

    Args:
        source: the file, or its bytes.
        name: the file's name as the user gave it; needed with bytes.

    Raises:
        Refused: unreadable, unsafe or empty file; no header; a required column is missing.
    """
    file_name = name or (source.name if isinstance(source, Path) else "")
    best: str | None = None
    for raw in open_sheets(source, name=file_name, limits=limits):
        head = list(islice(raw.rows, HEAD_ROWS))
        header = find_header(head, form)
        if header is None:
            continue
        missing = missing_columns(header, form)
        if not missing:
            return _understood(raw, head, header, form)
        best = best or f"工作表“{raw.name}”缺少必需的列：{'、'.join(missing)}。请补上后重新上传。"
    raise Refused(
        best or f"前 {HEAD_ROWS - 2} 行里没有找到《{form.title}》的表头，请核对是不是这张表。"
    )


def _understood(raw: RawSheet, head: list[Sequence[Cell]], header: Header, form: Form) -> Sheet:
    body = chain(head[header.last + 1 :], raw.rows)
    typed = _typed(body, header, form)
    lead = pl.coalesce(pl.col(f"lead{n}") for n in range(LEADS))
    typed = typed.with_columns(is_tail=lead.str.contains(TAIL_WORDS).fill_null(value=False))
    found = [field for field in form.fields if field.name in header.columns]
    frame = typed.select(
        "row",
        "is_tail",
        *(normalised(pl.col(field.name), field.kind).alias(field.name) for field in found),
        *(is_lost(pl.col(f.name)).alias(f"lost:{f.name}") for f in found if f.kind in LOSABLE),
        *(_is_fixed(f.name, f.kind).alias(f"fixed:{f.name}") for f in found),
        is_total=lead.str.contains(TOTAL_WORDS).fill_null(value=False),
    )
    totals = _totals(frame) if "amount" in header.columns else None
    content = [pl.col(field.name) for field in found if field.name != "seq"]
    lines = frame.filter(
        pl.col("is_tail").not_() & pl.any_horizontal(column.is_not_null() for column in content)
    )
    if lines.is_empty():
        raise Refused(f"工作表“{raw.name}”的表头下面没有数据。")
    return Sheet(
        frame=_with_every_field(lines, header, form),
        notices=tuple(_notices(header, totals)),
        totals=totals,
        form=form,
        name=raw.name,
        header_row=header.last + 1,
        labels=_labels(header, form),
        fixed=_fixed(lines, [field.name for field in found]),
    )


def _typed(body: Iterable[Sequence[Cell]], header: Header, form: Form) -> pl.DataFrame:
    """The mapped columns as text, with row numbers; the first cells of each row to know tails."""
    wanted = {field.name: header.columns[field.name] for field in form.fields
              if field.name in header.columns}  # fmt: skip
    chunks = []
    number = header.last + 2
    rows = iter(body)
    while chunk := list(islice(rows, CHUNK_ROWS)):
        width = max(map(len, chunk))
        columns = list(zip(*(_padded(row, width) for row in chunk), strict=True))
        data = {"row": pl.int_range(number, number + len(chunk), eager=True, dtype=pl.Int64)}
        data |= {f"lead{n}": _column(columns, n, len(chunk)) for n in range(LEADS)}
        data |= {name: _column(columns, at, len(chunk)) for name, at in wanted.items()}
        frame = pl.DataFrame(data)
        chunks.append(
            frame.with_columns(
                pl.when(pl.col(f"lead{n}").str.strip_chars().str.len_bytes() > 0)
                .then(pl.col(f"lead{n}").str.replace_all(r"[\s　]", ""))
                .alias(f"lead{n}")
                for n in range(LEADS)
            )
        )
        number += len(chunk)
    if not chunks:
        raise Refused("表头下面没有数据。")
    return pl.concat(chunks, rechunk=True)


def _padded(row: Sequence[Cell], width: int) -> Sequence[Cell]:
    return row if len(row) == width else [*row, *[None] * (width - len(row))]


def _column(columns: list[tuple[Cell, ...]], at: int, rows: int) -> pl.Series:
    if at >= len(columns):
        return pl.Series(values=[None] * rows, dtype=pl.String)
    cells = columns[at]
    if not set(map(type, cells)) <= {str, type(None)}:
        return pl.Series(values=[_text(cell) for cell in cells], dtype=pl.String)
    return pl.Series(values=cells, dtype=pl.String)


def _text(cell: Cell) -> str | None:
    """A typed cell as text."""
    match cell:
        case None | str():
            return cell
        case bool():
            return "是" if cell else "否"
        case int() | float():
            return _digits(cell)
        case datetime():
            return cell.date().isoformat()
        case _:
            return str(cell)


def _digits(number: float) -> str:
    """Excel shows 15 digits of a number and so do we: 941.3000000000001 is 941.3, and what has
    more digits than that is written with an exponent, as lost.
    """
    if abs(number) < MOST_EXACT and number == int(number):
        return str(int(number))
    shown = format(number, ".15g")
    return format(number, ".15f").rstrip("0") if "e-" in shown else shown.replace("e+", "E+")


def _is_fixed(name: str, kind: Kind) -> pl.Expr:
    """Was something other than blanks at the ends changed."""
    typed = pl.col(name).str.strip_chars()
    return (normalised(pl.col(name), kind) != typed).fill_null(value=False)


def _totals(frame: pl.DataFrame) -> Totals | None:
    """The first 合计 row against the rows above it. Sums of fen, never of rounded floats."""
    stated = frame.filter(pl.col("is_total"))
    if stated.is_empty():
        return None
    at = int(stated["row"][0])
    above = frame.filter(pl.col("is_tail").not_() & (pl.col("row") < at))
    whole = above.select(fen(pl.col("amount")).sum()).item()
    said = stated.head(1).select(fen(pl.col("amount"))).item()
    return Totals(at, None if said is None else int(said), int(whole))


def _with_every_field(lines: pl.DataFrame, header: Header, form: Form) -> pl.DataFrame:
    lost_names = [c.removeprefix("lost:") for c in lines.columns if c.startswith("lost:")]
    sources = _party_sources(header, form)
    columns: list[pl.Expr] = [pl.col("row")]
    named = [f.name for f in form.fields if f.name not in {PERSON_NAME, PERSON_ID}]
    for name in dict.fromkeys(named + list(sources)):
        source = sources.get(name, name if name in header.columns else None)
        columns.append(_value(source, lost_names).alias(name))
    lost_by_field = [
        pl.when(pl.col(f"lost:{source}")).then(pl.lit(name))
        for name in dict.fromkeys(named + list(sources))
        if (source := sources.get(name, name)) in lost_names
    ]
    lost = pl.concat_list(lost_by_field).list.drop_nulls() if lost_by_field else pl.lit([])
    frame = lines.select(*columns, lost.cast(pl.List(pl.String)).alias("lost_fields"))
    if "amount" in frame.columns:
        frame = frame.with_columns(amount_fen=fen(pl.col("amount")))
    return frame


def _value(source: str | None, lost_names: list[str]) -> pl.Expr:
    if source is None:
        return pl.lit(None, dtype=pl.String)
    if source in lost_names:
        return pl.when(pl.col(f"lost:{source}").not_()).then(pl.col(source))
    return pl.col(source)


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


def _fixed(lines: pl.DataFrame, names: list[str]) -> dict[str, int]:
    counts = lines.select(pl.col(f"fixed:{name}").sum() for name in names).row(0, named=True)
    return {key.removeprefix("fixed:"): int(count) for key, count in counts.items() if count}


def _notices(header: Header, totals: Totals | None) -> Iterator[Notice]:
    for label in header.unknown:
        yield Notice(
            None, label, "COL-1", "info", f"“{label}”一列系统不认识，已放在一边，不影响办理。"
        )
    for label in header.repeated:
        yield Notice(
            None, label, "COL-1", "info", f"“{label}”一列与前面的列意思相同，只用了前面的一列。"
        )
    if totals is not None and totals.differs and totals.stated_fen is not None:
        yield Notice(
            totals.row,
            "amount",
            "TOT-1",
            "info",
            f"第 {totals.row} 行合计为 {Money(totals.stated_fen)} 元，逐行相加为 "
            f"{Money(totals.sum_fen)} 元，相差 {Money(totals.stated_fen - totals.sum_fen)} 元。"
            "请核对有没有漏行或改动。",
        )
