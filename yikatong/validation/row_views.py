"""The views that row rules see: one table per kind of cell, cut from a sheet's frame.

Which columns each view has is told in `row_rules`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from yikatong.kernel.resident_id import CHECK_CHARACTERS, LENGTH, OLD_LENGTH, WEIGHTS

WORDS: Final = {
    "beneficiary_name": "享受人姓名",
    "beneficiary_id": "身份证号",
    "payee_name": "收款人姓名",
    "payee_id": "收款人身份证号",
    "head_name": "户主姓名",
    "head_id": "户主身份证号",
    "guardian_name": "监护人姓名",
    "guardian_id": "监护人身份证号",
    "account_no": "银行账号",
    "amount": "补贴金额",
    "quantity": "数量",
    "months": "月数",
    "standard": "补贴标准",
    "supplement": "增发金额",
    "since": "起始日期",
    "until": "截止日期",
    "phone": "联系电话",
    "village": "村（居）委会",
    "grade": "等级",
    "object_key": "标的编号",
}
# private use areas, and what stands where another system could not write the true character
UNREADABLE: Final = "[\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd?？□�■]"
LUHN_DIGITS: Final = 19
PARTIES: Final = ("beneficiary", "payee", "head", "guardian")


def ids(frame: pl.DataFrame, on: date) -> pl.DataFrame:
    """Each number of a line once, under the first party that shows it."""
    views = []
    for place, party in enumerate(PARTIES):
        if f"{party}_id" not in frame.columns:
            continue
        number = pl.col(f"{party}_id")
        shown_before = [
            number.eq(pl.col(f"{earlier}_id")).fill_null(value=False)
            for earlier in PARTIES[:place]
            if f"{earlier}_id" in frame.columns
        ]
        is_first = number.is_not_null()
        if shown_before:
            is_first = is_first & pl.any_horizontal(shown_before).not_()
        has_sex = party == "beneficiary" and "sex" in frame.columns
        views.append(
            frame.filter(is_first).select(
                "row",
                field=pl.lit(f"{party}_id"),
                name=_name(frame, party),
                id_number=number,
                sex=pl.col("sex") if has_sex else pl.lit(None, dtype=pl.String),
            )
        )
    if not views:
        return _computed(_empty("id_number", "sex"), on)
    return _computed(pl.concat(views), on)


def _computed(ids: pl.DataFrame, on: date) -> pl.DataFrame:
    number = pl.col("id_number")
    shape = (
        pl.when(number.str.contains(r"^[0-9]{17}[0-9X]$"))
        .then(pl.lit(LENGTH))
        .when(number.str.contains(r"^[0-9]{15}$"))
        .then(pl.lit(OLD_LENGTH))
        .otherwise(pl.lit(0))
    )
    old = pl.concat_str(number.str.slice(0, 6), pl.lit("19"), number.str.slice(6, 9))
    body = (
        pl.when(shape == OLD_LENGTH).then(old).when(shape == LENGTH).then(number.str.slice(0, 17))
    )
    staged = ids.with_columns(shape=shape, body=body, on=pl.lit(on, dtype=pl.Date))
    digits = [pl.col("body").str.slice(n, 1).cast(pl.Int32, strict=False) for n in range(17)]
    products = [digit * weight for digit, weight in zip(digits, WEIGHTS, strict=True)]
    total = pl.sum_horizontal(products, ignore_nulls=False)
    return staged.with_columns(
        expected=(total % 11).replace_strict(
            dict(enumerate(CHECK_CHARACTERS)), default=None, return_dtype=pl.String
        ),
        born=pl.col("body").str.slice(6, 8).str.to_date("%Y%m%d", strict=False),
    )


def accounts(frame: pl.DataFrame) -> pl.DataFrame:
    """The account of each line that has one; `name` is the payee's. `luhn` is the remainder of the
    weighted sum of up to 19 digits, null for what is no such number.
    """
    if "account_no" not in frame.columns:
        return _empty("account_no", "account_kind").with_columns(luhn=pl.lit(None, dtype=pl.Int64))
    has_kind = "account_kind" in frame.columns
    return frame.filter(pl.col("account_no").is_not_null()).select(
        "row",
        "account_no",
        field=pl.lit("account_no"),
        name=_name(frame, "payee" if "payee_name" in frame.columns else "beneficiary"),
        account_kind=pl.col("account_kind") if has_kind else pl.lit(None, dtype=pl.String),
        luhn=_luhn(pl.col("account_no")),
    )


def _luhn(number: pl.Expr) -> pl.Expr:
    """By whole numbers: every second digit from the right counts twice, less 9 above 9."""
    whole = pl.when(number.str.len_bytes() <= LUHN_DIGITS).then(number).cast(
        pl.UInt64, strict=False
    )  # fmt: skip
    values = []
    for place in range(LUHN_DIGITS):
        digit = (whole // 10**place % 10).cast(pl.Int64)
        values.append(digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4).cast(pl.Int64))  # noqa: PLR2004 - 5 and more doubled has two digits
    return pl.sum_horizontal(values, ignore_nulls=False) % 10


def amounts(frame: pl.DataFrame, cap_fen: int | None) -> pl.DataFrame:
    """Each filled amount with the cap beside it."""
    cap = pl.lit(cap_fen, dtype=pl.Int64).alias("cap_fen")
    if "amount" not in frame.columns:
        return _empty("amount").with_columns(cap, pl.lit(0, dtype=pl.Int64).alias("amount_fen"))
    return frame.filter(pl.col("amount").is_not_null()).select(
        "row", "amount", "amount_fen", cap, field=pl.lit("amount"), name=_name(frame, "beneficiary")
    )


def texts(frame: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    """The filled cells of these fields."""
    return cells(frame, fields).filter(pl.col("text").is_not_null())


def cells(frame: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    """Every cell of these fields, filled or not; absent columns are passed over."""
    found = [
        frame.select(
            "row",
            field=pl.lit(field),
            name=_name(frame, "beneficiary"),
            text=pl.col(field),
            is_lost=pl.col("lost_fields").list.contains(field),
        )
        for field in dict.fromkeys(fields)
        if field in frame.columns and not _repeats(frame, field)
    ]
    if not found:
        return _empty("text").with_columns(is_lost=pl.lit(value=False))
    return pl.concat(found)


def lost(frame: pl.DataFrame) -> pl.DataFrame:
    """A row per destroyed cell; one cell that names two parties is told once."""
    exploded = frame.select(
        "row", name=_name(frame, "beneficiary"), field=pl.col("lost_fields")
    ).explode("field")
    found = exploded.filter(pl.col("field").is_not_null())
    return found.filter(~found["field"].is_in([f for f in WORDS if _repeats(frame, f)]))


def names(frame: pl.DataFrame) -> pl.DataFrame:
    """The names of each line, the same one once."""
    found = []
    for party in PARTIES:
        column = f"{party}_name"
        if column in frame.columns and not _repeats(frame, column):
            found.append(
                frame.filter(pl.col(column).is_not_null()).select(
                    "row", field=pl.lit(column), name=pl.col(column)
                )
            )
    return pl.concat(found).unique(["row", "name"], maintain_order=True) if found else _empty()


def phones(frame: pl.DataFrame) -> pl.DataFrame:
    """Each phone with how many different people (by id number, else name) of the list have it."""
    if "phone" not in frame.columns or frame["phone"].null_count() == frame.height:
        return _empty("phone").with_columns(people=pl.lit(0, dtype=pl.UInt32))
    who = [pl.col(c) for c in ("beneficiary_id", "beneficiary_name") if c in frame.columns]
    return frame.filter(pl.col("phone").is_not_null()).select(
        "row",
        "phone",
        field=pl.lit("phone"),
        name=_name(frame, "beneficiary"),
        people=pl.coalesce(*who).n_unique().over("phone"),
    )


def _repeats(frame: pl.DataFrame, field: str) -> bool:
    """Does a 收款人 column only repeat the 享受人's, because the sheet names one person."""
    first = field.replace("payee_", "beneficiary_")
    if first == field or not {first, field} <= set(frame.columns):
        return False
    return frame[first].equals(frame[field])


def _name(frame: pl.DataFrame, party: str) -> pl.Expr:
    column = f"{party}_name"
    return pl.col(column) if column in frame.columns else pl.lit(None, dtype=pl.String)


def _empty(*columns: str) -> pl.DataFrame:
    names = ("field", "name", *columns)
    return pl.DataFrame(schema={"row": pl.Int64} | dict.fromkeys(names, pl.String))
