"""The grammar of a journey: steps, seats, verdicts, and the moves of the lesser machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class Status(StrEnum):
    """批次状态. The journey of a county says which lead where; `Batch.status` holds one."""

    DRAFT = "DRAFT"
    COMPILED = "COMPILED"
    REPORTED = "REPORTED"
    APPROVED = "APPROVED"
    SUBMITTED = "SUBMITTED"
    VALIDATING = "VALIDATING"
    VALIDATED = "VALIDATED"
    SENDING = "SENDING"
    IN_REVIEW = "IN_REVIEW"
    READY = "READY"
    REQUESTED = "REQUESTED"
    RELEASED = "RELEASED"
    FUNDED = "FUNDED"
    PAYING = "PAYING"
    SETTLED = "SETTLED"
    BOOKED = "BOOKED"
    PUBLISHED = "PUBLISHED"
    CLOSED = "CLOSED"
    RETURNING = "RETURNING"
    RECALLING = "RECALLING"
    RETURNED = "RETURNED"
    DROPPED = "DROPPED"


STATUS_WORD: Final = {
    Status.DRAFT: "草稿",
    Status.COMPILED: "已编制",
    Status.REPORTED: "已上报",
    Status.APPROVED: "已审批",
    Status.SUBMITTED: "已提交",
    Status.VALIDATING: "验证中",
    Status.VALIDATED: "验证通过",
    Status.SENDING: "推送银行中",
    Status.IN_REVIEW: "财政复核中",
    Status.READY: "待拨款申请",
    Status.REQUESTED: "已申请拨款",
    Status.RELEASED: "财政已同意",
    Status.FUNDED: "资金已到账",
    Status.PAYING: "银行代发中",
    Status.SETTLED: "已出结果",
    Status.BOOKED: "已核算",
    Status.PUBLISHED: "公示中",
    Status.CLOSED: "已办结",
    Status.RETURNING: "退回中",
    Status.RECALLING: "撤回数据中",
    Status.RETURNED: "已退回",
    Status.DROPPED: "已作废",
}

PUBLIC_WORD: Final = {
    **dict.fromkeys(
        (Status.DRAFT, Status.COMPILED, Status.REPORTED, Status.APPROVED), "正在申报审核"
    ),
    **dict.fromkeys((Status.SUBMITTED, Status.VALIDATING, Status.VALIDATED), "正在核对信息"),
    **dict.fromkeys((Status.SENDING, Status.IN_REVIEW, Status.READY), "正在财政复核"),
    **dict.fromkeys((Status.REQUESTED, Status.RELEASED, Status.FUNDED), "正在拨付资金"),
    Status.PAYING: "银行正在发放",
    **dict.fromkeys((Status.SETTLED, Status.BOOKED, Status.PUBLISHED, Status.CLOSED), "已发放"),
    **dict.fromkeys((Status.RETURNING, Status.RECALLING, Status.RETURNED), "已退回更正"),
    Status.DROPPED: "已作废",
}


class Seat(StrEnum):
    """A duty in a party *of this batch*: its drafting unit, its department, the county."""

    UNIT_CLERK = "UNIT_CLERK"
    UNIT_CHECK = "UNIT_CHECK"
    DEPT_CLERK = "DEPT_CLERK"
    DEPT_CHIEF = "DEPT_CHIEF"
    FINANCE = "FINANCE"
    SYSTEM = "SYSTEM"
    BANK = "BANK"
    TREASURY = "TREASURY"
    CLOCK = "CLOCK"


SEAT_WORD: Final = {
    Seat.UNIT_CLERK: "编制单位经办",
    Seat.UNIT_CHECK: "编制单位审核",
    Seat.DEPT_CLERK: "部门经办",
    Seat.DEPT_CHIEF: "部门审批",
    Seat.FINANCE: "财政",
    Seat.SYSTEM: "系统自动",
    Seat.BANK: "代发银行",
    Seat.TREASURY: "国库",
    Seat.CLOCK: "到期自动",
}

MACHINE_SEATS: Final = frozenset({Seat.SYSTEM, Seat.BANK, Seat.TREASURY, Seat.CLOCK})


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a person fills in to take a step; each step's work names its own frozen subclass."""


NOTHING: Final = Inputs()


@dataclass(frozen=True, slots=True)
class Reason(Inputs):
    """A sentence that says why; needed where something is given back, stopped or dropped."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Passed:
    """The work is done. `touched` is the SM3 over the lines it concerned, for the audit event."""

    touched: bytes = b""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Returned:
    """The batch goes back the way it came (原渠道退回), with the reason."""

    reason: str
    touched: bytes = b""


@dataclass(frozen=True, slots=True)
class Stays:
    """The work is recorded, the status is kept: another person, or more money, is awaited."""

    note: str
    touched: bytes = b""


Verdict = Passed | Returned | Stays


@dataclass(frozen=True, slots=True)
class Limit:
    """时限: a number of days in its own unit. None where the text sets none."""

    days: int | None
    is_natural: bool = False


def natural(days: int) -> Limit:
    """自然日, where a bare number means 工作日."""
    return Limit(days, is_natural=True)


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a county's journey. `basis` is the clause; "house" where there is none."""

    name: str
    title: str
    starts: Status | tuple[Status, ...]
    seat: Seat
    does: Callable[..., Verdict]
    passes: Status
    basis: str
    limit: int | Limit | None
    back: Status | None = None
    apart: str | None = None

    @property
    def starts_at(self) -> tuple[Status, ...]:
        return (self.starts,) if isinstance(self.starts, Status) else self.starts

    @property
    def time_limit(self) -> Limit:
        return self.limit if isinstance(self.limit, Limit) else Limit(self.limit)

    def lands_on(self, verdict: Verdict, *, start: Status) -> Status:
        """The status that this verdict leads to.

        Raises:
            ValueError: the work returned a batch where the journey's row has no way back.
        """
        match verdict:
            case Passed():
                return self.passes
            case Stays():
                return start
            case Returned():
                if self.back is None:
                    raise ValueError(f"step {self.name} has no way back")
                return self.back


@dataclass(frozen=True, slots=True)
class Move:
    """One edge of a lesser machine (bank share, payment): from `at`, because of `why`, `to`."""

    at: str
    why: str
    to: str


def moved(table: tuple[Move, ...], at: str, why: str) -> str:
    """Where this event leads from here. Raises LookupError for an event that has no edge."""
    for move in table:
        if move.at == at and move.why == why:
            return move.to
    raise LookupError(f"{at} knows no {why}")


Facts = dict[str, Any]
