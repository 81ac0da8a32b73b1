"""People that a template brought along: their ids are masked in the sheet, and are recalled from
the line that the row names. A number that was retyped counts as typed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from yikatong.catalogue.models import Programme
from yikatong.kernel.actor import Scope
from yikatong.submission.list_template import KEY_START
from yikatong.submission.queries import people_of_lines
from yikatong.submission.sheets_forms import ROW_KEY
from yikatong.validation import row_rules

PARTIES: Final = ("beneficiary", "payee", "head")
_MASKED: Final = r"\*{6,}"
_KEY: Final = rf"^{KEY_START}([0-9]{{1,18}})$"


@dataclass(frozen=True, slots=True)
class Recalled:
    """`typed` is the sheet's frame with the recalled numbers null; `known` has, for each of its
    rows, `<party>_index` (hexadecimal) where that party was recalled, and `masked`.
    """

    typed: pl.DataFrame
    known: pl.DataFrame

    def part(self, first: int, rows: int) -> Recalled:
        """So many rows from this place (from 0) on."""
        return Recalled(self.typed.slice(first, rows), self.known.slice(first, rows))

    def examined(
        self, *, on: date, required: Sequence[str], words: Mapping[str, str]
    ) -> pl.DataFrame:
        """The row rules, under which a recalled number is there although it is not shown."""
        found = row_rules.examine(self.typed, on=on, required=required, words=words)
        filled = [
            self.known.filter(pl.col(f"{party}_index").is_not_null()).select(
                "row", field=pl.lit(f"{party}_id"), rule=pl.lit("RQ-1")
            )
            for party in PARTIES
        ]
        return found.join(pl.concat(filled), on=["row", "field", "rule"], how="anti").sort(
            "row", "rule", "field", maintain_order=True
        )

    def completed(self, own: Sequence[pl.Series]) -> list[pl.Series]:
        """The indexes of typed numbers, and those of the recalled people."""
        return [
            pl.select(pl.coalesce(self.known[column.name], column)).to_series().alias(column.name)
            if column.name in self.known.columns
            else column
            for column in own
        ]

    def masks(self, own: pl.Series) -> pl.Series:
        """The masked id of each 享受人: as recalled, else as typed."""
        is_known = self.known["beneficiary_index"].is_not_null()
        return pl.select(pl.when(is_known).then(self.known["masked"]).otherwise(own)).to_series()


def recalled(frame: pl.DataFrame, programme: Programme) -> Recalled | None:
    """None where no row names a line. A key that names no line of this item recalls nothing: its
    masked id is then refused like any other number that is none (ID-1).
    """
    keys = frame.select(
        "row", line_id=pl.col(ROW_KEY).str.extract(_KEY).cast(pl.Int64, strict=False)
    )
    wanted = keys["line_id"].drop_nulls().unique().to_list()
    if not wanted:
        return None
    people = pl.DataFrame(
        [
            (line_id, *(None if index is None else bytes(index).hex() for index in indexes), masked)
            for line_id, *indexes, masked in people_of_lines(
                wanted, programme.code, scope=Scope(programme.county)
            )
        ],
        schema={"line_id": pl.Int64}
        | {f"{party}_index": pl.String for party in PARTIES}
        | {"masked": pl.String},
        orient="row",
    )
    told = keys.join(people, on="line_id", how="left", maintain_order="left")
    is_hidden = frame.select(
        pl.col(f"{party}_id").str.contains(_MASKED).fill_null(value=False).alias(party)
        for party in PARTIES
    )
    known = told.select(
        "row",
        "masked",
        *(
            pl.when(is_hidden[party]).then(pl.col(f"{party}_index")).alias(f"{party}_index")
            for party in PARTIES
        ),
    )
    typed = frame.with_columns(
        pl.when(known[f"{party}_index"].is_null()).then(pl.col(f"{party}_id")).alias(f"{party}_id")
        for party in PARTIES
    )
    return Recalled(typed, known)
