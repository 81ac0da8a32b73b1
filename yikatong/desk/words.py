"""How states and failures are told at the desk: a word and a tone for each. Pure."""

from __future__ import annotations

from typing import Final

from yikatong.connectors.bank.codes import FAILURES
from yikatong.kernel.steps import STATUS_WORD, Status
from yikatong.payout.rules import PAYMENT_WORD, SHARE_WORD, PaymentState, ShareState

STATUS_TONE: Final = {
    Status.DRAFT: "plain",
    **dict.fromkeys((Status.SETTLED, Status.BOOKED, Status.PUBLISHED, Status.CLOSED), "ok"),
    **dict.fromkeys((Status.RETURNING, Status.RECALLING, Status.RETURNED), "error"),
    Status.DROPPED: "plain",
}
SHARE_TONE: Final = {
    ShareState.SENT: "wait",
    ShareState.REJECTED: "error",
    ShareState.DONE: "ok",
    ShareState.RECALLING: "warn",
    ShareState.CANCELLED: "plain",
}
PAYMENT_TONE: Final = {
    PaymentState.SENT: "wait",
    PaymentState.UNKNOWN: "warn",
    PaymentState.PAID: "ok",
    PaymentState.FAILED: "error",
    PaymentState.RETURNED: "error",
    PaymentState.STOPPED: "warn",
    PaymentState.WITHDRAWN: "plain",
}
SEVERITY_TONE: Final = {"block": "error", "confirm": "warn", "info": "info"}
VERDICT_TONE: Final = {"阻断": "error", "待核": "warn", "未比对": "info", "通过": "ok"}
# groups of statuses that a clerk filters by; every status stands in one
GROUPS: Final = {
    "draft": ("草稿与审核", (Status.DRAFT, Status.COMPILED, Status.REPORTED, Status.APPROVED)),
    "checking": (
        "验证与复核",
        (Status.SUBMITTED, Status.VALIDATING, Status.VALIDATED, Status.SENDING, Status.IN_REVIEW),
    ),
    "money": (
        "拨款与代发",
        (Status.READY, Status.REQUESTED, Status.RELEASED, Status.FUNDED, Status.PAYING),
    ),
    "done": ("已发放", (Status.SETTLED, Status.BOOKED, Status.PUBLISHED, Status.CLOSED)),
    "back": (
        "退回与作废",
        (Status.RETURNING, Status.RECALLING, Status.RETURNED, Status.DROPPED),
    ),
}


def status_word(status: str) -> str:
    return STATUS_WORD[Status(status)]


def status_tone(status: str) -> str:
    return STATUS_TONE.get(Status(status), "info")


def share_word(state: str) -> str:
    return SHARE_WORD[ShareState(state)]


def share_tone(state: str) -> str:
    return SHARE_TONE.get(ShareState(state), "info")


def payment_word(state: str) -> str:
    return PAYMENT_WORD[PaymentState(state)]


def payment_tone(state: str) -> str:
    return PAYMENT_TONE[PaymentState(state)]


TEXT_WORD: Final = {
    "DELIVRD": "已送达",
    "ACCEPTD": "已受理",
    "EXPIRED": "超时未达",
    "UNDELIV": "未送达",
    "REJECTD": "被拒收",
    "DELETED": "已删除",
}


def text_word(status: str) -> str:
    """What became of the bank's text message; nothing where the bank said nothing."""
    return TEXT_WORD.get(status, "状态不明") if status else ""


def failure_words(code: str) -> tuple[str, str, str]:
    """(reason, who fixes it, when it may be paid again) of an F class; unknown ones as F99."""
    failure = FAILURES.get(code, FAILURES["F99"])
    return failure.reason, failure.fixes, failure.retry
