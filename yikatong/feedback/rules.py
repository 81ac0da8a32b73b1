"""What a result row does to a payment. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Final

from yikatong.kernel.actor import Duty
from yikatong.kernel.steps import moved
from yikatong.payout.rules import IN_TRANSIT, PAYMENT_MOVES, PaymentState


class Effect(StrEnum):
    """What to do with one row of a result file."""

    APPLY = "apply"
    NOTHING = "nothing"
    SET_ASIDE = "set aside"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a row of this result and F class does to a payment in `state`, its amount right or not;
    `to` is the state that follows where it is applied.
    """

    result: str
    code: str
    state: str
    is_right: bool
    what: Effect
    to: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A payment that failed or came back, with the last word on why; `bank_text` may be ''."""

    pk: int
    line_id: int
    detail_id: str
    seq: int
    attempt: int
    amount_fen: int
    bank_no: int
    code: str
    bank_text: str


RESULT_EVENT = {"SUCCESS": "paid", "FAILED": "failed", "RETURNED": "returned"}
SAME = {
    "SUCCESS": (PaymentState.PAID, PaymentState.RETURNED),
    "FAILED": (PaymentState.FAILED,),
    "RETURNED": (PaymentState.RETURNED,),
}


def effect_of(
    result: str, state: str, *, paid_fen: int, amount_fen: int, is_final: bool
) -> tuple[Effect, str]:
    """What this row does to a payment in `state`, and the state that follows.

    A success is never overwritten; a wrong amount or a contradiction is set aside; a code that is
    not final (F10, F11) leaves the payment unknown: only asking helps (trust.md §3.4).
    """
    if result == "PENDING" or state in SAME[result]:
        return Effect.NOTHING, state
    if paid_fen != (0 if result == "FAILED" else amount_fen):
        return Effect.SET_ASIDE, state
    event = RESULT_EVENT[result] if is_final else "unknown"
    if event == "unknown" and state == PaymentState.UNKNOWN:
        return Effect.NOTHING, state
    try:
        return Effect.APPLY, moved(PAYMENT_MOVES, state, event)
    except LookupError:
        return Effect.SET_ASIDE, state


# what ends each cause: another account, the same one verified again, or either (domain.md §8)
BY_NEW_ACCOUNT: Final = frozenset({"F01", "F02", "F03", "F08", "F12"})
BY_EITHER: Final = frozenset({"F04", "F05", "F06", "F07"})


# the bank's own system: unknown until the day account says; then tried again by ourselves, so often
BANK_DOWN: Final = "F11"
MOST_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Day:
    """One day account of a payout account: opening and closing in fen."""

    day: date
    opening_fen: int
    closing_fen: int


def days_are_whole(days: Sequence[Day], *, since: date, until: date) -> bool:
    """Whether day accounts tell every movement from one day to another: they begin and end there,
    and where one is missing between, nothing moved, because the balances meet.
    """
    told = sorted((one for one in days if since <= one.day <= until), key=lambda one: one.day)
    if not told or told[0].day != since or told[-1].day != until:
        return False
    return all(one.closing_fen == following.opening_fen for one, following in pairwise(told))


# who drafts a correction batch presses for one of what is mended
GATHERING: Final = frozenset({Duty.TOWN_CLERK, Duty.DEPT_CLERK})


class CureState(StrEnum):
    """Where a failed payment stands; its value is what people read."""

    PAID = "已补发"
    ON_ITS_WAY = "补发在途"
    CURED = "已更正，可补发"
    BY_HAND = "待人工处理"
    OPEN = "待更正"


def cure_of(code: str, *, is_changed: bool, is_verified: bool, again_state: str) -> CureState:
    """What a failed payment waits for; `again_state` is the newest later attempt's, or ''."""
    if again_state == PaymentState.PAID:
        return CureState.PAID
    if again_state in IN_TRANSIT:
        return CureState.ON_ITS_WAY
    if code in BY_NEW_ACCOUNT and is_changed:
        return CureState.CURED
    if code in BY_EITHER and (is_changed or is_verified):
        return CureState.CURED
    if code == BANK_DOWN:  # the bank's day account has said that it was not paid: nothing to mend
        return CureState.CURED
    known = BY_NEW_ACCOUNT | BY_EITHER
    return CureState.OPEN if code in known else CureState.BY_HAND


def is_ready(state: CureState, *, draft_status: str | None, is_gathered: bool) -> bool:
    """Whether a failed line may be gathered for 补发: mended, and its successor, if it has one,
    still waits in an ordinary correction draft.
    """
    return state is CureState.CURED and (
        draft_status is None or (draft_status == "DRAFT" and not is_gathered)
    )


def attempts_word(attempts: Iterable[int]) -> str:
    """第N次 of what is about to be paid again, from the attempts that failed."""
    counted = Counter(attempt + 1 for attempt in attempts)
    return "，".join(f"第{n}次 {lines} 笔" for n, lines in sorted(counted.items()))


TEXT_MOST: Final = 70  # one message of UCS-2 characters, the signature with it
SIGNATURE: Final = "【一卡通】"


def officer_text(short_name: str, period: str, lines: int, days: int, what: str) -> str:
    """What a clerk is sent: item, month, how many. No person, number, amount or address.

    Raises:
        ValueError: longer than one message.
    """
    text = (
        f"{SIGNATURE}{short_name}{int(period[5:])}月有{lines}笔{what}，"
        f"请在{days}个工作日内登录平台“失败处理”办理更正补发。"
    )
    if len(text) > TEXT_MOST:
        raise ValueError(f"短信 {len(text)} 字，超过 {TEXT_MOST} 字")
    return text


AGES: Final = (10, 15, 30)


def age_band(days: int, limits: Sequence[int] = AGES) -> int:
    """The largest threshold reached, in natural days; 0 below the first."""
    return max((limit for limit in limits if days >= limit), default=0)
