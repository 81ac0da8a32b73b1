"""Normalising a column of text, vectorised: what people type → one written form, or left as it is.

Nothing is guessed: a text that is not understood stays, for a rule to name it. Only blanks, width,
quotes and units are dropped (domain.md §13).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import polars as pl

from yikatong.kernel.names import BLANKS, DOTS, MIDDLE_DOT
from yikatong.submission.sheets_forms import Kind

# an id or account that Excel kept as a number: 15 digits are true, the rest is gone
LOST_DIGITS: Final = r"^\s*'?[0-9](?:\.[0-9]+)?[eE]\+[0-9]+\s*$"
_INVISIBLE: Final = list(BLANKS)
_ZERO_WIDTH: Final = [c for c in BLANKS if not c.isspace()]
_QUOTES: Final = list("'’‘`")
_DASHES: Final = list("-－—–")
_SERIAL: Final = r"^[2-6][0-9]{4}(?:\.[0-9]+)?$"
_THOUSANDS: Final = r"^-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?$"
_UNITS: Final = r"(?:元|圆|亩|人|月|个月|台|户|次|间|岁|周岁)(?:/[\p{Han}·]+)?(?:整)?$"
# a short code before a number is none: 1-3组, 7-10级; 500243103205-3组 has one
_CODE_AND_WORD: Final = r"^[0-9A-Za-z]{1,12}\s*[-－—–_、.:：]\s*(\p{Han}.*|[^0-9\s].*\p{Han}.*)$"
_LONG_CODE: Final = r"^[0-9A-Za-z]{4,12}\s*[-－—–_、.:：]\s*(.*\p{Han}.*)$"
_NUMBERED_WORD: Final = r"^[0-9]{2}(\p{Han}.*)$"
# 01本人 is a code and a word; 10组, 05社, 80岁以上 are what they say
_COUNTED: Final = (
    r"^(?:0[0-9](?:[组社队村号级类档岁期]|(?:[村居]民)?小组)$"
    r"|[1-9][0-9](?:[组社队村号级类档岁期周年月日个户人世]|(?:[村居]民)?小组))"
)
_WIDE: Final = [chr(code) for code in range(0xFF01, 0xFF5F) if chr(code) not in DOTS]
_NARROW: Final = [chr(ord(wide) - 0xFEE0) for wide in _WIDE]
_PLAIN_AMOUNT: Final = r"^[0-9]{1,13}(?:\.[0-9]{1,2})?$"
_CONTROLS: Final = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\\u{fffe}\\u{ffff}]"
# ="500243…": how other systems' CSV keeps Excel from making a number of it
_AS_TEXT: Final = r'^\s*="([^"]*)"\s*$'
_TEN_THOUSANDS: Final = r"^(-?[0-9]+(?:\.[0-9]+)?)万$"
_SHIFT: Final = 10_000
# a stroke is how people fill a cell that has nothing to say; a name or a remark may be just that
_NONE: Final = r"^(?:[/\\|—–－-]+|无|[Nn]/?[Aa])$"
_MAY_BE_NONE: Final = frozenset(
    {Kind.ID, Kind.ACCOUNT, Kind.PHONE, Kind.MONEY, Kind.NUMBER, Kind.DAY, Kind.KEY}
)
# a text of this shape is its own written form: nothing has to be looked at twice
_CLEAN: Final = {
    Kind.ID: r"^[0-9A-Z]+$",
    Kind.ACCOUNT: r"^[0-9]+$",
    Kind.PHONE: r"^[0-9]+$",
    Kind.NAME: "^[\u4e00-\u9fff\u00b7]+$",
    Kind.MONEY: r"^[0-9]+(?:\.[0-9]+)?$",
    Kind.NUMBER: r"^[0-9]+(?:\.[0-9]+)?$",
    Kind.DAY: r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    Kind.CODED: "^[\u4e00-\u9fff]+$",
    Kind.KEY: "^[!#-&(-*,-_{-~\u4e00-\u9fff]*[0-9][!#-&(-*,-_{-~\u4e00-\u9fff]*$",
    Kind.TEXT: "^[!-&(-~\u4e00-\u9fff]+$",
}


@dataclass(frozen=True, slots=True)
class PutRight:
    """A column in its written form, and where it is not what was typed.

    `fixed` are the places (from 0) of cells in which more than blanks at the ends was changed;
    `lost` those whose digits Excel destroyed: they are null in `values` only if the caller wills.
    """

    values: pl.Series
    fixed: pl.Series
    lost: pl.Series


def put_right(typed: pl.Series, kind: Kind) -> PutRight:
    """As `normalised`, over a whole column: only the cells that need it are rewritten."""
    odd = (~typed.str.contains(_CLEAN[kind])).fill_null(value=False).arg_true()
    if not len(odd):
        return PutRight(typed, odd, odd)
    told = typed.gather(odd).alias("typed").to_frame()
    text = pl.col("typed")
    seen = told.select(
        "typed",
        written=normalised(text, kind),
        lost=is_lost(text),
    ).with_columns(
        fixed=(pl.col("written") != text.str.strip_chars()).fill_null(value=False),
    )
    return PutRight(
        typed.clone().scatter(odd, seen["written"]),
        odd.filter(seen["fixed"]),
        odd.filter(seen["lost"]),
    )


def normalised(column: pl.Expr, kind: Kind) -> pl.Expr:
    """The column in its one written form; empty becomes null."""
    column = column.str.replace_all(_CONTROLS, "").str.replace(_AS_TEXT, "$1")
    found = _written(column, kind)
    is_filled = found.str.len_bytes() > 0
    if kind in _MAY_BE_NONE:
        is_filled &= ~_bare(column, _QUOTES).str.contains(_NONE)
    return pl.when(is_filled).then(found)


def _written(column: pl.Expr, kind: Kind) -> pl.Expr:
    match kind:
        case Kind.ID:
            found = _bare(column, _QUOTES).str.to_uppercase().str.replace(r"^(\d+)\.0$", "$1")
        case Kind.ACCOUNT:
            found = _bare(column, _QUOTES + _DASHES).str.replace(r"^(\d+)\.0$", "$1")
        case Kind.PHONE:
            found = _bare(column, _QUOTES + _DASHES).str.replace(r"^(\d+)\.0$", "$1")
        case Kind.NAME:
            found = name(column)
        case Kind.MONEY | Kind.NUMBER:
            found = number(column)
        case Kind.DAY:
            found = day(column)
        case Kind.CODED:
            found = coded(column)
        case Kind.KEY:  # one machine is one, in small letters or in full width
            bare = _bare(column, _QUOTES).str.to_uppercase()
            found = bare.str.replace_many(_DASHES, ["-"] * len(_DASHES))
        case Kind.TEXT:
            found = _trimmed(column)
    return found


def name(column: pl.Expr) -> pl.Expr:
    """As kernel.names.normalised_name: NFC, half width, dots as U+00B7, no blanks."""
    return (
        column.str.normalize("NFC")
        .str.replace_many(_WIDE, _NARROW)
        .str.replace_many([*DOTS], [MIDDLE_DOT] * len(DOTS))
        .str.replace_many([*_INVISIBLE, *_QUOTES], [""])
        .str.to_uppercase()
    )


def number(column: pl.Expr) -> pl.Expr:
    """￥1,200.00元 → 1200.00, (1,200) → -1200, 1.2万元 → 12000; a wrong thousands mark is left for
    a rule.
    """
    bare = (
        _bare(column, _QUOTES)
        .str.replace(r"^(?:￥|¥|RMB|人民币)", "")
        .str.replace(_UNITS, "")
        .str.replace(r"^\(([0-9.,]+)\)$", "-$1")
        .str.replace(r"^\+", "")
    )
    plain = pl.when(bare.str.contains(_THOUSANDS)).then(bare.str.replace_all(",", ""))
    bare = _times_ten_thousand(plain.otherwise(bare))
    return bare.str.replace(r"^(-?)\.(\d)", "${1}0.$2").str.replace(r"\.$", "")


def in_yuan(column: pl.Expr) -> pl.Expr:
    """A column whose header says 万元: 1.2, 1.2万, 1.2万元 → 12000; others as they are."""
    plain = number(column).str.replace(r"^(-?[0-9]+(?:\.[0-9]+)?)$", "${1}万")
    return pl.when(column.str.contains("万")).then(number(column)).otherwise(
        _times_ten_thousand(plain)
    )  # fmt: skip


def _times_ten_thousand(column: pl.Expr) -> pl.Expr:
    """1.2万 → 12000, by its digits."""
    found = column.str.extract(_TEN_THOUSANDS)
    return pl.coalesce(found.map_elements(_shifted, return_dtype=pl.String), column)


def _shifted(text: str) -> str:
    shifted = format(Decimal(text) * _SHIFT, "f")
    return shifted.rstrip("0").rstrip(".") if "." in shifted else shifted


def day(column: pl.Expr) -> pl.Expr:
    """2022.3.5, 2022-03-05, 2022/3/5, 20220305, 2022年3月5日, 2022年3月, 44625 → 2022-03-05.

    A month alone means its first day. What is no day of the calendar stays as it was typed.
    """
    bare = (
        _bare(column, _QUOTES)
        .str.replace(r"[T ]?[0-9]{1,2}:[0-9]{2}(?::[0-9.]+)?$", "")
        .str.replace(r"\.0$", "")
    )
    marked = bare.str.replace_all(r"[./年月－—]", "-").str.replace_all(r"[日号]", "")
    # without marks only two digits each have one meaning: 2022111 may be 1-11 and 11-1
    parts = marked.str.strip_chars("-").str.extract_groups(
        r"^((?:19|20)[0-9]{2})-([0-9]{1,2})(?:-([0-9]{1,2}))?$"
    )
    compact = bare.str.extract_groups(r"^((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})?$")
    text = pl.concat_str(
        _part(compact, parts, "1", "0"),
        _part(compact, parts, "2", "0").str.pad_start(2, "0"),
        _part(compact, parts, "3", "01").str.pad_start(2, "0"),
        separator="-",
    )
    typed = text.str.to_date("%Y-%m-%d", strict=False)
    serial = pl.when(bare.str.contains(_SERIAL)).then(
        pl.lit("1899-12-30").str.to_date()
        + pl.duration(days=bare.str.extract(r"^([0-9]{5})").cast(pl.Int64, strict=False))
    )
    return pl.coalesce(typed, serial).dt.strftime("%Y-%m-%d").fill_null(bare)


def coded(column: pl.Expr) -> pl.Expr:
    """1-正常 → 正常, 01本人 → 本人, 500243001001-鼓楼社区 → 鼓楼社区; other texts as they are."""
    text = _trimmed(column)
    numbered = pl.when(~text.str.contains(_COUNTED)).then(text.str.extract(_NUMBERED_WORD))
    return pl.coalesce(
        text.str.extract(_CODE_AND_WORD), text.str.extract(_LONG_CODE), numbered, text
    )


def fen(column: pl.Expr) -> pl.Expr:
    """Yuan as text → fen as Int64, by their digits and never through a float; else null."""
    sound = pl.when(column.str.contains(_PLAIN_AMOUNT)).then(column)
    return (sound.cast(pl.Decimal(18, 2), strict=False) * 100).cast(pl.Int64)


def is_lost(column: pl.Expr) -> pl.Expr:
    """Did the digits of an id or account get destroyed (1.10101E+17)."""
    return column.str.contains(LOST_DIGITS).fill_null(value=False)


def _part(compact: pl.Expr, parts: pl.Expr, number: str, default: str) -> pl.Expr:
    found = pl.coalesce(compact.struct.field(number), parts.struct.field(number))
    if default == "01":
        # without a year there is no day either: a lone default would make a date of nothing
        year = pl.coalesce(compact.struct.field("1"), parts.struct.field("1"))
        return pl.when(year.is_not_null()).then(found.fill_null(default))
    return found


def _bare(column: pl.Expr, also: list[str]) -> pl.Expr:
    return column.str.normalize("NFKC").str.replace_many([*_INVISIBLE, *also], [""])


def _trimmed(column: pl.Expr) -> pl.Expr:
    wide = column.str.replace_many(["\u00a0", "\u3000", "\t", "\r", "\n"], [" "])
    return wide.str.replace_many(_ZERO_WIDTH, [""]).str.strip_chars(" '")
