"""反馈. Results, refunds and day accounts are appended, each at most once."""

from yikatong.feedback.models.cures import (
    Cure,
    CureMedian,
    KeptInVain,
    Residue,
)
from yikatong.feedback.models.days import (
    DayAccount,
    DayEntry,
    Difference,
    DifferenceWord,
    MonthStatement,
    Reconciliation,
    ReconciliationSum,
)
from yikatong.feedback.models.told import (
    OfficerNotice,
    PaymentResult,
    Refund,
    RefundOrder,
    ResultFile,
    SmsReport,
)

__all__ = [
    "Cure",
    "CureMedian",
    "DayAccount",
    "DayEntry",
    "Difference",
    "DifferenceWord",
    "KeptInVain",
    "MonthStatement",
    "OfficerNotice",
    "PaymentResult",
    "Reconciliation",
    "ReconciliationSum",
    "Refund",
    "RefundOrder",
    "Residue",
    "ResultFile",
    "SmsReport",
]
