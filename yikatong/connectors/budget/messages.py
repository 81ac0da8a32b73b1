"""What passes between us and the budget system (BSC v1): quotas, applications, their states.

Names follow the treasury's own, in lower case; amounts are integer fen. One application per
(bank share × 指标): its payee is the bank's 内部代发户, never a person.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from yikatong.kernel.digest import canonical


class State(StrEnum):
    """支付申请的状态. DRAFT is ours alone; the budget system knows it from SUBMITTED on."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    RETURNED = "RETURNED"
    APPROVED = "APPROVED"
    VOUCHERED = "VOUCHERED"
    PAID = "PAID"
    PART_REFUNDED = "PART_REFUNDED"
    REFUNDED = "REFUNDED"


STATE_WORD: Final = {
    State.DRAFT: "未提交",
    State.SUBMITTED: "已提交",
    State.RETURNED: "已退回",
    State.APPROVED: "已审核",
    State.VOUCHERED: "已生成凭证",
    State.PAID: "已支付",
    State.PART_REFUNDED: "部分退款",
    State.REFUNDED: "全部退款",
}

MAY_LACK: Final = ("sup_bgt_doc_no", "manage_mof_dep_code", "is_track", "track_pro_code")
"""Fields of an indicator that some provinces do not tell."""

LIVE: Final = frozenset({State.SUBMITTED, State.APPROVED, State.VOUCHERED, State.PAID})
"""Money of these is on its way or has come. A withdrawn application is RETURNED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """指标. What may still be applied for is `available_fen` (AM-5)."""

    bgt_id: str
    mof_div_code: str
    fiscal_year: str
    agency_code: str
    pro_code: str
    pro_name: str
    cor_bgt_doc_no: str
    fund_type_code: str
    exp_func_code: str
    gov_bgt_eco_code: str
    dep_bgt_eco_code: str
    amount_fen: int
    cur_amt_fen: int
    pay_app_amt_fen: int
    bgt_exe_flag: bool
    as_of: datetime
    sup_bgt_doc_no: str = ""
    manage_mof_dep_code: str = ""
    is_track: bool = False
    track_pro_code: str = ""

    @property
    def available_fen(self) -> int:
        """余额 − 已申请; 0 where the indicator is closed for execution."""
        return self.cur_amt_fen - self.pay_app_amt_fen if self.bgt_exe_flag else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The share that this money is for: `sm3` is that of its PAY rows, hexadecimal."""

    batch_no: str
    count: int
    amount_fen: int
    sm3: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingApplication:
    """B02 支付申请. `tracking_id` is our application's id, fixed before the first try."""

    tracking_id: str
    bgt_id: str
    mof_div_code: str
    fiscal_year: str
    agency_code: str
    pro_code: str
    use_des: str
    pay_app_amt_fen: int
    payee_acct_name: str
    payee_acct_no: str
    payee_acct_bank_name: str
    manifest: Manifest
    currency_code: str = "CNY"
    set_mode_code: str = "1"
    pay_type_code: str = "11"
    pay_bus_type_code: str = "4"

    @property
    def batch_no(self) -> str:
        """The bank's name of the share that the money is for."""
        return self.manifest.batch_no

    @property
    def key(self) -> str:
        return f"B02:{self.tracking_id}:1"

    def body(self) -> bytes:
        """The same bytes for the same application, so that a replay is a replay."""
        return canonical(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailRow:
    """B03 支付明细 of one person, where the province wants it with the application."""

    tracking_id: str
    payee_acct_name: str
    payee_acct_no: str
    payee_acct_bank_name: str
    pay_amt_fen: int
    per_name: str
    iden_no: str
    town_code: str = ""
    village_code: str = ""
    add_word: str = ""
    detail_id: str = ""
    pay_cert_no: str = ""
    pay_month: str = ""
    xpay_amt_fen: int = 0
    to_peop_enterp: str = "people"
    to_peop_family: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFact:
    """B14 退款, as the budget system booked it."""

    refund_no: str
    amount_fen: int
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationState:
    """Where an application is. Voucher and payment fields are empty until it gets there."""

    pay_app_no: str
    tracking_id: str
    status: State
    pay_app_amt_fen: int
    return_reason: str = ""
    is_withdrawn: bool = False
    pay_cert_no: str = ""
    vou_date: str = ""
    xpay_amt_fen: int = 0
    xpay_date: str = ""
    agent_business_no: str = ""
    refunded_fen: int = 0
    refunds: tuple[RefundFact, ...] = ()

    @property
    def is_returned(self) -> bool:
        """B11: back by the way it came, the data unchanged."""
        return self.status is State.RETURNED

    @property
    def is_paid(self) -> bool:
        return self.status in {State.PAID, State.PART_REFUNDED, State.REFUNDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconRow:
    """B15, one application as the budget system holds it; `result` is '', 0 相符 or 1 不符."""

    tracking_id: str
    pay_app_no: str
    pay_cert_no: str
    status: State
    pay_app_amt_fen: int
    xpay_amt_fen: int
    refunded_fen: int
    result: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """B15 of one county and day."""

    check_no: str
    rows: tuple[ReconRow, ...]


def reconciliation_from(facts: dict[str, Any]) -> Reconciliation:
    """Raises KeyError, TypeError or ValueError where the answer lacks a field."""
    rows = []
    for one in facts["rows"]:
        named = {name: one[name] for name in RECON_FIELDS}
        _fen_only(named)
        rows.append(ReconRow(**named, status=State(one["status"])))
    return Reconciliation(str(facts["check_no"]), tuple(rows))


RECON_FIELDS: Final = (
    "tracking_id",
    "pay_app_no",
    "pay_cert_no",
    "pay_app_amt_fen",
    "xpay_amt_fen",
    "refunded_fen",
)


def quota_from(facts: dict[str, Any], as_of: str) -> Quota:
    """Raises KeyError, TypeError or ValueError where the answer lacks a field."""
    named = {name: facts[name] for name in _names(Quota) if name not in {"as_of", *MAY_LACK}}
    named |= {name: facts[name] for name in MAY_LACK if name in facts}
    _fen_only(named)
    return Quota(**named, as_of=_aware(as_of))


def application_from(facts: dict[str, Any]) -> ApplicationState:
    """Raises KeyError, TypeError or ValueError where the answer lacks a field."""
    refunds = tuple(
        RefundFact(
            refund_no=one["refund_no"],
            amount_fen=one["amount_fen"],
            reason=one["reason"],
            at=_aware(one["at"]),
        )
        for one in facts.get("refunds", ())
    )
    named = {
        name: facts[name] for name in _names(ApplicationState) if name not in {"refunds", "status"}
    }
    _fen_only(named)
    return ApplicationState(**named, status=State(facts["status"]), refunds=refunds)


def _names(shape: type[Quota] | type[ApplicationState]) -> list[str]:
    return [one.name for one in fields(shape)]


def _fen_only(facts: dict[str, Any]) -> None:
    for name, value in facts.items():
        if name.endswith("_fen") and type(value) is not int:
            raise TypeError(f"{name} must be an integer of fen")


def _aware(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("an instant says its offset")
    return found
