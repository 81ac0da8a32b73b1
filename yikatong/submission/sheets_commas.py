"""A comma in a number that nobody quoted makes two cells of one: 1,200.00 in a .csv is 1 in its own
column, and the money would be that. No line of such a file is believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from yikatong.kernel.errors import Refused
from yikatong.submission.sheets_cells import RawSheet
from yikatong.submission.sheets_forms import MEASURED, Form, Kind

_FRONT: Final = r"^\s*[-+￥¥]?[0-9]{1,3}\s*$"
_BACK: Final = r"^\s*[0-9]{3}(?:\.[0-9]+)?元?\s*$"
# no remark and no account says this by itself
_FEN: Final = r"^\s*[0-9]{3}\.[0-9]{1,2}元?\s*$"


def beside(raw: RawSheet, columns: Mapping[str, int], form: Form, *, width: int) -> set[int]:
    """The places that `refuse_split` looks at: right of each number, and right of the header.

    Args:
        columns: field → its place.
        width: how many cells the header has.
    """
    if not raw.by_commas:
        return set()
    return {width, *(at + 1 for _, at in _numbers(columns, form))}


def refuse_split(
    raw: RawSheet, typed: pl.DataFrame, columns: Mapping[str, int], form: Form, *, width: int
) -> None:
    """Refuse a text in which a number has fallen apart.

    Args:
        typed: the rows below the header, as `sheets_cells.columns_of` has them.

    Raises:
        Refused: a row has more filled cells than the header; or, longer by empty ones, or with
            1 and 200.00 side by side, it looks like one.
    """
    if not raw.by_commas:
        return
    beyond = typed[str(width)]
    if raw.widths is None:
        is_longer = beyond.is_not_null()
    else:
        is_longer = (raw.widths.tail(typed.height) > width).fill_null(value=False)
    is_split = (beyond.str.strip_chars().str.len_bytes() > 0).fill_null(value=False)
    by_place = {at: form.field(name).kind for name, at in columns.items()}
    for _, at in _numbers(columns, form):
        parts = pl.DataFrame({"front": typed[str(at)], "back": typed[str(at + 1)],
                              "is_longer": is_longer})  # fmt: skip
        is_back = pl.col("is_longer") & pl.col("back").str.contains(_BACK)
        if by_place[at] is Kind.MONEY and by_place.get(at + 1) not in MEASURED:
            is_back |= pl.col("back").str.contains(_FEN)
        whole = parts.select(
            (pl.col("front").str.contains(_FRONT) & is_back).fill_null(value=False)
        )
        is_split |= whole.to_series()
    rows = typed["row"].filter(is_split)
    if len(rows):
        raise Refused(
            f"第 {rows[0]} 行的格数与表头不符，多半是金额里的逗号（如 1,200.00）把一格拆成了两格。"
            "请去掉数字里的逗号，或另存为 .xlsx 后重新上传；多出的一格若有用，请给它写上表头。"
        )


def _numbers(columns: Mapping[str, int], form: Form) -> Iterator[tuple[str, int]]:
    return ((name, at) for name, at in columns.items() if form.field(name).kind in MEASURED)
