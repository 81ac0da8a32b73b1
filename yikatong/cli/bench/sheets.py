"""The list of a benchmark: fourteen columns, two in a hundred lines with a planted fault."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl
import xlsxwriter

from yikatong.cli.bench.world import RATE_FEN, everyone

HEADER: Final = (
    "户主姓名*", "户主身份证号*", "收款人姓名*", "收款人身份证号*", "银行账号*", "开户银行*",
    "村(居)委会*", "村(居)民小组*", "享受人*", "享受人身份证号*", "标的编号", "数量", "补贴标准",
    "补贴金额*",
)  # fmt: skip
# a sound number that nobody in the world has
STRANGER: Final = "500243200512319994"
EVERY: Final = 400
# which of every EVERY lines is wrong, and how
CHECK, TOO_MUCH, NAME, UNKNOWN, ACCOUNT, TWICE, TOO_LITTLE, NO_PAYEE = range(1, 9)


def lines(rows: int) -> pl.DataFrame:
    """The household heads of the world as a list of `rows` lines, all cells text, by HEADER."""
    heads = everyone(rows * 3).filter(pl.col("n") % 3 == 0)
    h = pl.col("n") // 3
    fault = h % EVERY
    fen = (pl.col("mu") * RATE_FEN).round(0).cast(pl.Int64)
    fen = fen + pl.when(fault == TOO_MUCH).then(100).when(fault == TOO_LITTLE).then(-1).otherwise(0)
    last = pl.col("id_number").str.slice(17)
    wrong_check = pl.when(last == "1").then(pl.lit("2")).otherwise(pl.lit("1"))
    number = (
        pl.when(fault == CHECK)
        .then(pl.col("id_number").str.slice(0, 17) + wrong_check)
        .when(fault == UNKNOWN)
        .then(pl.lit(STRANGER))
        .otherwise(pl.col("id_number"))
    )
    name = pl.when(fault == NAME).then(pl.col("name") + "甲").otherwise(pl.col("name"))
    payee_id = pl.when(fault == NO_PAYEE).then(pl.lit(None, dtype=pl.String)).otherwise(number)
    account = (
        pl.when(fault == ACCOUNT).then(pl.lit("62179999999999993")).otherwise(pl.col("account_no"))
    )
    made = heads.select(
        name.alias("a"), number.alias("b"), name.alias("c"), payee_id.alias("d"),
        account.alias("e"), pl.lit("样例银行").alias("f"), pl.lit("样例村").alias("g"),
        pl.lit("1组").alias("h"), name.alias("i"), number.alias("j"),
        pl.concat_str(pl.lit("D"), h.cast(pl.String)).alias("k"),
        pl.col("mu").cast(pl.String).alias("l"), pl.lit("73.6").alias("m"), _yuan(fen).alias("n"),
        is_twice=fault == TWICE,
    )  # fmt: skip
    # DU-1: the line before once more, in place of this one
    cells = [
        pl.when(pl.col("is_twice")).then(pl.col(c).shift(1)).otherwise(pl.col(c))
        for c in "abcdefghijklmn"
    ]
    return made.select(*(cell.alias(title) for cell, title in zip(cells, HEADER, strict=True)))


def _yuan(fen: pl.Expr) -> pl.Expr:
    cents = (fen % 100).cast(pl.String).str.pad_start(2, "0")
    return pl.concat_str((fen // 100).cast(pl.String), pl.lit("."), cents)


def write_csv(path: Path, rows: int) -> None:
    lines(rows).write_csv(path, include_bom=True)


def write_xlsx(path: Path, rows: int) -> None:
    """Text cells for the numbers of people and cards, number cells for the rest, as clerks do."""
    numbers = {HEADER.index(title) for title in ("数量", "补贴标准", "补贴金额*")}
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_numbers": False})
    sheet = book.add_worksheet("清册")
    sheet.write_row(0, 0, HEADER)
    for place, line in enumerate(lines(rows).iter_rows(), start=1):
        for column, cell in enumerate(line):
            if cell is None:
                continue
            if column in numbers:
                sheet.write_number(place, column, Decimal(cell))
            else:
                sheet.write_string(place, column, cell)
    book.close()
