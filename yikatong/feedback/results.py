"""A bank's result file as a frame: what each of its rows does is decided once per kind of row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final

import polars as pl

from yikatong.connectors.bank.codes import reason_of, translated
from yikatong.connectors.bank.frames import Framed
from yikatong.connectors.bank.messages import ResultRow
from yikatong.feedback.rules import BANK_DOWN, Judgement, effect_of
from yikatong.payout.models import Payment
from yikatong.payout.rules import PaymentState

TEXTS: Final = (
    "detail_id", "result", "reason_code", "bank_reason_code", "bank_reason_text", "bank_serial",
    "sms_status",
)  # fmt: skip
SUCCESS, FAILED, PENDING, RETURNED = "SUCCESS", "FAILED", "PENDING", "RETURNED"
INSTANT: Final = pl.Datetime("us", "UTC")
# any amount will do: a row's is right or wrong
OWED: Final = 1


def frame_of(rows: Sequence[ResultRow], *, bank: str, now: datetime) -> pl.DataFrame:
    """Rows in file order: row_no, detail_id, result, code, is_final (whether the payment has ended
    by this row's reason), bank_code, bank_text, paid_fen, bank_serial, sms_status, at.

    Args:
        bank: the bank's letters, for its own codes.
        now: when a payment was made whose row does not say.
    """
    frame = rows.frame if isinstance(rows, Framed) else _framed(rows)
    missing = [pl.lit("").alias(name) for name in TEXTS if name not in frame.columns]
    if "paid_at" not in frame.columns:
        missing.append(pl.lit(None, INSTANT).alias("paid_at"))
    frame = frame.with_columns(missing)
    return frame.join(
        _reasons(frame, bank),
        on=["result", "reason_code", "bank_reason_code"],
        how="left",
        maintain_order="left",
    ).select(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("row_no"),
        "detail_id", "result", "code", "is_final",
        pl.when(pl.col("bank_reason_code") != "").then("bank_reason_code")
        .otherwise("reason_code").alias("bank_code"),
        pl.col("bank_reason_text").alias("bank_text"),
        "paid_fen",
        # null where the bank gave none: only real serials are unique
        pl.when(pl.col("bank_serial") != "").then("bank_serial").alias("bank_serial"),
        "sms_status",
        pl.col("paid_at").fill_null(now).alias("at"),
    )  # fmt: skip


def not_booked(
    payments: Sequence[tuple[int, Payment]], *, day: date, now: datetime
) -> pl.DataFrame:
    """As `frame_of`, of what a bank's closed days do not show: failed, by the bank's own fault.

    Args:
        payments: each with its place, from 1; it stands below zero, for no row of the day's file
            speaks of it.
    """
    details = [payment.detail_id for _, payment in payments]
    return pl.DataFrame(
        {
            "row_no": pl.Series([-place for place, _ in payments], dtype=pl.Int32),
            "detail_id": pl.Series(details, dtype=pl.String),
        }
    ).with_columns(
        result=pl.lit(FAILED),
        code=pl.lit(BANK_DOWN),
        is_final=pl.lit(value=True),
        bank_code=pl.lit("DZ"),
        bank_text=pl.lit(f"截至 {day} 的日终账没有这一笔，银行未支付"),
        paid_fen=pl.lit(0, pl.Int64),
        bank_serial=pl.lit(None, pl.String),
        sms_status=pl.lit(""),
        at=pl.lit(now, INSTANT),
    )


def _framed(rows: Sequence[ResultRow]) -> pl.DataFrame:
    texts = {
        name: pl.Series([getattr(row, name) for row in rows], dtype=pl.String) for name in TEXTS
    }
    return pl.DataFrame(
        {
            **texts,
            "paid_fen": pl.Series([row.paid_fen for row in rows], dtype=pl.Int64),
            "paid_at": pl.Series([row.paid_at for row in rows], dtype=INSTANT),
        }
    )


def _reasons(frame: pl.DataFrame, bank: str) -> pl.DataFrame:
    """The F class of each kind of row, and whether it ends the payment; a success has none."""
    kinds = frame.select("result", "reason_code", "bank_reason_code").unique()
    told = []
    for result, ours, banks in kinds.iter_rows():
        reason = reason_of(ours) if ours else translated(bank, banks)
        told.append(
            (
                result, ours, banks,
                reason.failure if result != SUCCESS else "",
                result != FAILED or reason.is_final,
            )
        )  # fmt: skip
    return pl.DataFrame(
        told,
        schema={
            "result": pl.String, "reason_code": pl.String, "bank_reason_code": pl.String,
            "code": pl.String, "is_final": pl.Boolean,
        },
        orient="row",
    )  # fmt: skip


def waves(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows in turns, each payment at most once a turn: a file may speak of one twice."""
    if not frame["detail_id"].is_duplicated().any():
        yield from [frame] if frame.height else []
        return
    turn = pl.int_range(pl.len()).over("detail_id")
    yield from (
        frame.with_columns(turn=turn)
        .sort("turn", "row_no")
        .partition_by("turn", maintain_order=True, include_key=False)
    )


def judgements(frame: pl.DataFrame) -> list[Judgement]:
    """`effect_of` for every kind of row there is, told once for all rows of the kind."""
    found = []
    for result, code, is_final in frame.select("result", "code", "is_final").unique().iter_rows():
        right = 0 if result == FAILED else OWED
        for state in PaymentState:
            for is_right in (True, False):
                what, to = effect_of(
                    result, state,
                    paid_fen=right if is_right else right + 1, amount_fen=OWED, is_final=is_final,
                )  # fmt: skip
                found.append(Judgement(result, code, state, is_right, what, to))
    return found
