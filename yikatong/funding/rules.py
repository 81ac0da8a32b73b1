"""Which indicator pays which line, and what is wrong with money that does not fit. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money

LAST_SEQ: Final = 2_147_483_647
PAID: Final = frozenset({"PAID"})
PAID_OR_VOUCHERED: Final = PAID | {"VOUCHERED"}
"""In which states of its application money may be released (interfaces §2.3): paid, or with the
voucher alone at a bank that `pays_before_funds`."""


@dataclass(frozen=True, slots=True)
class Usable:
    """An indicator and what may still be applied for from it, in fen; `read_at` is how fresh."""

    bgt_id: str
    available_fen: int
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """One application: these places of one bank's share, from one indicator."""

    bank_no: int
    indicator: str
    seq_from: int
    seq_to: int
    lines: int
    amount_fen: int


def cut_by_indicator(
    dues: Mapping[int, int],
    indicators: Sequence[Usable],
    *,
    lines_of: Callable[[int], Sequence[tuple[int, int]]],
    lines_in_all: Mapping[int, int],
) -> list[Cut]:
    """Cut each bank's share over the indicators, in their order, by whole lines in theirs.

    `dues` are fen by bank; `lines_of` gives a share's (place, fen) in order and is asked only
    where one indicator does not reach.

    Raises:
        Refused: no indicator was read, or they do not reach (AM-5).
    """
    if not indicators:
        raise Refused(
            "尚未从预算系统读到本项目本年度的指标，不能申请拨款。请稍后重试；仍无指标的，请与财政核对。"
        )
    left = {one.bgt_id: max(one.available_fen, 0) for one in indicators}
    cuts: list[Cut] = []
    for bank_no, due_fen in dues.items():
        whole = next((one for one, fen in left.items() if fen >= due_fen), None)
        if whole is not None and whole == _first_open(left):
            left[whole] -= due_fen
            cuts.append(Cut(bank_no, whole, 0, LAST_SEQ, lines_in_all[bank_no], due_fen))
        else:
            cuts.extend(_split(bank_no, lines_of(bank_no), left, due=dues, all_of=indicators))
    return cuts


@dataclass(frozen=True, slots=True)
class KeptCut:
    """The first places of a share that residue pays: up to `seq_to`, so many, so much, from
    this indicator ('' for more than one).
    """

    seq_to: int
    lines: int
    amount_fen: int
    indicator: str


def kept_cut(lines: Sequence[tuple[int, int]], kept: Mapping[int, str]) -> KeptCut | None:
    """What of a share, (place, fen) in order, is paid from residue: its unbroken beginning, so
    that every request covers one range of places. `kept` are usable places and their indicators.
    """
    taken: list[tuple[int, int]] = []
    for seq, fen in lines:
        if seq not in kept:
            break
        taken.append((seq, fen))
    if not taken:
        return None
    indicators = {kept[seq] for seq, _ in taken}
    return KeptCut(
        seq_to=taken[-1][0] if len(taken) < len(lines) else LAST_SEQ,
        lines=len(taken),
        amount_fen=sum(fen for _, fen in taken),
        indicator=indicators.pop() if len(indicators) == 1 else "",
    )


def _first_open(left: Mapping[str, int]) -> str | None:
    return next((one for one, fen in left.items() if fen > 0), None)


def _split(
    bank_no: int,
    lines: Sequence[tuple[int, int]],
    left: dict[str, int],
    *,
    due: Mapping[int, int],
    all_of: Sequence[Usable],
) -> list[Cut]:
    cuts: list[Cut] = []
    place, seq_from = 0, 0
    for indicator, has_fen in left.items():
        count = fen = 0
        while place < len(lines) and fen + lines[place][1] <= has_fen:
            fen += lines[place][1]
            count += 1
            place += 1
        if count:
            left[indicator] = has_fen - fen
            seq_to = LAST_SEQ if place == len(lines) else lines[place][0] - 1
            cuts.append(Cut(bank_no, indicator, seq_from, seq_to, count, fen))
            seq_from = seq_to + 1
        if place == len(lines):
            return cuts
    have = "，".join(f"{one.bgt_id} 可用 {Money(max(one.available_fen, 0))} 元" for one in all_of)
    raise Refused(
        f"指标可用额度不足（AM-5）：本批需要 {Money(sum(due.values()))} 元；{have}。"
        "请与财政核对指标，或分批申请。"
    )


def shortcoming(*, received_fen: int, asked_fen: int, came_fen: int, is_ours: bool) -> str:
    """What a person is told of money that is not what was asked for."""
    if not is_ours:
        return "错户到账"
    if received_fen < asked_fen:
        return "到账不足"
    return "重复到账" if came_fen == asked_fen else "到账超额"


def difference(
    *,
    asked: tuple[int, int],
    paid: tuple[int, int],
    refunded: tuple[int, int],
    vouchers: tuple[str, str],
) -> str:
    """What the budget system (first) and we (second) do not agree on, in words; '' where all is
    equal. A voucher that we have not been told of yet is no difference.
    """
    found = [
        f"{name}财政 {Money(theirs)} 元、我方 {Money(ours)} 元"
        for name, (theirs, ours) in (("申请", asked), ("支付", paid), ("退款", refunded))
        if theirs != ours
    ]
    if vouchers[1] and vouchers[0] != vouchers[1]:
        found.append(f"凭证号财政 {vouchers[0]}、我方 {vouchers[1]}")
    return "；".join(found)
