"""What may become of a bank's share and of a payment; interfaces.md §2.2 in our names."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from yikatong.kernel.steps import Move


class ShareState(StrEnum):
    SENT = "SENT"
    ACKED = "ACKED"
    REJECTED = "REJECTED"
    FUNDED = "FUNDED"
    PAYING = "PAYING"
    DONE = "DONE"
    RECALLING = "RECALLING"
    CANCELLED = "CANCELLED"


class PaymentState(StrEnum):
    """在途 is SENT and UNKNOWN; FAILED and RETURNED are final for this row, for ever."""

    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    PAID = "PAID"
    FAILED = "FAILED"
    RETURNED = "RETURNED"
    STOPPED = "STOPPED"
    WITHDRAWN = "WITHDRAWN"


SHARE_WORD: Final = {
    ShareState.SENT: "已送银行",
    ShareState.ACKED: "银行已接收",
    ShareState.REJECTED: "银行拒收",
    ShareState.FUNDED: "资金已到账",
    ShareState.PAYING: "代发中",
    ShareState.DONE: "已出结果",
    ShareState.RECALLING: "撤回中",
    ShareState.CANCELLED: "已撤回",
}

PAYMENT_WORD: Final = {
    PaymentState.SENT: "在途",
    PaymentState.UNKNOWN: "结果待查",
    PaymentState.PAID: "成功",
    PaymentState.FAILED: "失败",
    PaymentState.RETURNED: "退汇",
    PaymentState.STOPPED: "停发",
    PaymentState.WITHDRAWN: "已撤回",
}

IN_TRANSIT: Final = (PaymentState.SENT, PaymentState.UNKNOWN)
LIVE_SHARES: Final = (ShareState.SENT, ShareState.ACKED, ShareState.FUNDED, ShareState.PAYING)

SHARE_MOVES: Final = (
    Move(ShareState.SENT, "accepted", ShareState.ACKED),
    Move(ShareState.SENT, "refused", ShareState.REJECTED),
    Move(ShareState.ACKED, "funded", ShareState.FUNDED),
    Move(ShareState.FUNDED, "released", ShareState.PAYING),
    Move(ShareState.PAYING, "settled", ShareState.DONE),
    Move(ShareState.ACKED, "recall", ShareState.RECALLING),
    Move(ShareState.FUNDED, "recall", ShareState.RECALLING),
    Move(ShareState.RECALLING, "recalled", ShareState.CANCELLED),
)

PAYMENT_MOVES: Final = (
    Move(PaymentState.SENT, "paid", PaymentState.PAID),
    Move(PaymentState.SENT, "failed", PaymentState.FAILED),
    Move(PaymentState.SENT, "unknown", PaymentState.UNKNOWN),
    Move(PaymentState.SENT, "stopped", PaymentState.STOPPED),
    Move(PaymentState.SENT, "withdrawn", PaymentState.WITHDRAWN),
    Move(PaymentState.UNKNOWN, "paid", PaymentState.PAID),
    Move(PaymentState.UNKNOWN, "failed", PaymentState.FAILED),
    Move(PaymentState.PAID, "returned", PaymentState.RETURNED),
)
