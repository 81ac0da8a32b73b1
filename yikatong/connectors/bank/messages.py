"""The messages between us and a bank (BCP v1): one frozen row class per message.

A message moves one bank share, named by `batch_no`. Amounts are integer fen, instants are aware.
Field order is the order on the wire; lengths of text count bytes of the target encoding.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

BATCH_NO: Final = re.compile(r"([0-9A-Z]{3})(\d{6})(\d{8})(\d{6})")
MAX_ROWS: Final = 3000
KEPT: Final = "KEPT"  # in place of a voucher number: no treasury money, what stayed


class Msg(StrEnum):
    """Message codes, as they stand in file names and headers."""

    VRQ = "VRQ"
    VRS = "VRS"
    PAY = "PAY"
    ACK = "ACK"
    REL = "REL"
    FND = "FND"
    RES = "RES"
    CAN = "CAN"
    RFD = "RFD"
    DZ = "DZ"
    RET = "RET"
    DZR = "DZR"
    SMS = "SMS"
    STA = "STA"


MSG_WORD: Final = {
    Msg.VRQ: "账户核验请求",
    Msg.VRS: "账户核验结果",
    Msg.PAY: "发放明细",
    Msg.ACK: "接收回执",
    Msg.REL: "代发指令",
    Msg.FND: "到账通知",
    Msg.RES: "发放结果",
    Msg.CAN: "撤销停发",
    Msg.RFD: "退款通知",
    Msg.DZ: "日终对账",
    Msg.RET: "退票通知",
    Msg.DZR: "对账答复",
    Msg.SMS: "短信回报",
    Msg.STA: "批次状态",
}

PARTED: Final = frozenset({Msg.VRQ, Msg.VRS, Msg.PAY, Msg.DZ, Msg.DZR})
"""Cut into parts that are complete only together. The others are numbered as they come: the
n-th ACK, FND, RES, RET, RFD, SMS, REL or CAN of a batch is part n of n, and complete by itself."""


class Form(StrEnum):
    """How a value is written on the line."""

    TEXT = "text"
    INT = "int"
    AMOUNT = "amount"  # above zero
    MONEY = "money"  # zero too
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Column:
    """One value of a D line. `most` in bytes of the target encoding; choices empty: any."""

    name: str
    title: str
    form: Form
    most: int
    is_required: bool
    choices: frozenset[str]
    most_signs: int = 0  # characters that a bank's own field holds; 0: only the bytes count


def text(title: str, most: int, *choices: str) -> Any:
    return field(metadata={"wire": (title, Form.TEXT, most, True, choices)})


def maybe(title: str, most: int, *choices: str) -> Any:
    return field(default="", metadata={"wire": (title, Form.TEXT, most, False, choices)})


def number(title: str) -> Any:
    return field(metadata={"wire": (title, Form.INT, 10, True, ())})


def amount(title: str) -> Any:
    return field(metadata={"wire": (title, Form.AMOUNT, 16, True, ())})


def money(title: str) -> Any:
    return field(metadata={"wire": (title, Form.MONEY, 16, True, ())})


def instant(title: str) -> dict[str, Any]:
    return {"wire": (title, Form.INSTANT, 25, True, ())}


def maybe_instant(title: str) -> dict[str, Any]:
    return {"wire": (title, Form.INSTANT, 25, False, ())}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRow:
    """VRQ: is this account this person's, and alive?"""

    verify_id: str = text("核验编号", 32)
    seq: int = number("序号")
    payee_name: str = text("户名", 60)
    id_type: str = text("证件类型", 2)
    id_no: str = text("证件号码", 30)
    acct_no: str = text("账号", 40)
    acct_type: str = text("账户类型", 8, "CARD", "PASSBOOK", "SSC", "CORP")
    bank_no12: str = maybe("行号", 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyAnswer:
    """VRS: UNAVAILABLE is never a pass."""

    verify_id: str = text("核验编号", 32)
    result: str = text("核验结果", 12, "MATCH", "MISMATCH", "UNAVAILABLE")
    reason_code: str = maybe("原因代码", 8)
    reason_text: str = maybe("原因", 120)
    acct_status: str = maybe("账户状态", 8)
    acct_class: str = maybe("账户类别", 4)
    name_registered: str = maybe("银行登记户名", 60)
    checked_at: datetime = field(metadata=instant("核验时间"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PayRow:
    """PAY: one person's payment, the data leg. `detail_id` is ours and paid at most once."""

    detail_id: str = text("明细编号", 32)
    seq: int = number("序号")
    ref_batch_no: str = text("批次号", 40)
    mof_div_code: str = text("区划", 9)
    fiscal_year: str = text("年度", 4)
    project_code: str = text("项目编码", 21)
    project_short: str = text("项目简称", 28)
    period: str = text("期次", 7)
    payee_name: str = text("户名", 60)
    id_type: str = text("证件类型", 2)
    id_no: str = text("证件号码", 30)
    acct_no: str = text("账号", 40)
    acct_type: str = text("账户类型", 8, "CARD", "PASSBOOK", "SSC", "CORP")
    bank_no12: str = maybe("行号", 12)
    amount_fen: int = amount("金额")
    currency: str = text("币种", 3, "CNY")
    summary: str = text("摘要", 40)
    sms_text: str = maybe("短信内容", 280)
    ntf_text: str = maybe("短信短内容", 44)
    mobile: str = maybe("手机号", 15)
    orig_detail_id: str = maybe("原明细编号", 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """ACK of a PAY, REL, CAN or VRQ: what the bank counted, and its code where it refuses."""

    for_msg: str = text("所回报文", 3)
    for_part: int = number("所回分包")
    status: str = text("接收状态", 8, "ACCEPTED", "REJECTED")
    code: str = maybe("原因代码", 20)
    reason: str = maybe("原因", 200)
    count: int = number("笔数")
    amount_fen: int = money("金额")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """REL: pay now. The amount is the sum of the live rows of the share.

    A row with `KEPT` for its voucher is paid from what stayed with the bank: the failed rows that
    the share's first `count` rows with an `orig_detail_id` name.
    """

    application_no: str = text("支付申请号", 100)
    voucher_no: str = text("支付凭证号", 100)
    count: int = number("笔数")
    amount_fen: int = amount("金额")


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """FND: money has come into the payout account (内部代发户)."""

    application_no: str = text("支付申请号", 100)
    voucher_no: str = text("支付凭证号", 100)
    payee_acct_no: str = text("代发户账号", 40)
    amount_fen: int = amount("金额")
    bank_serial: str = text("银行流水", 40)
    received_at: datetime = field(metadata=instant("到账时间"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """RES: what became of one row; the last file of a row tells its state so far."""

    detail_id: str = text("明细编号", 32)
    result: str = text("结果", 8, "SUCCESS", "FAILED", "RETURNED", "PENDING")
    reason_code: str = maybe("原因代码", 8)
    bank_reason_code: str = maybe("银行代码", 20)
    bank_reason_text: str = maybe("银行原因", 120)
    paid_fen: int = money("实付金额")
    paid_at: datetime | None = field(default=None, metadata=maybe_instant("支付时间"))
    bank_serial: str = maybe("银行流水", 40)
    actual_acct_no: str = maybe("入账账号", 40)
    sms_status: str = maybe("短信状态", 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRow:
    """CAN, before release: the whole share (ALL, no detail), or named rows (ROW).

    After it: what stayed of a named row that was not paid goes back to the treasury (RFD); the
    bank answers with the message of that name.
    """

    scope: str = text("范围", 3, "ALL", "ROW", "RFD")
    detail_id: str = maybe("明细编号", 32)
    reason: str = text("原因", 200)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    """RFD: residue that went back to the treasury, row by row."""

    refund_no: str = text("退款号", 60)
    application_no: str = text("支付申请号", 100)
    voucher_no: str = text("支付凭证号", 100)
    detail_id: str = maybe("明细编号", 32)
    amount_fen: int = amount("金额")
    reason: str = text("原因", 9, "FAILED", "STOPPED", "CANCELLED", "EXCESS")
    bank_serial: str = text("银行流水", 40)
    refunded_at: datetime = field(metadata=instant("退款时间"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """DZ: first the six balances of the payout account, then each row of the day.

    OPENING + SUM_IN − SUM_OUT + SUM_RETURN − SUM_REFUND = CLOSING; IN, OUT, RETURN and REFUND
    rows add up to their sums.
    """

    kind: str = text(
        "类别", 10, "OPENING", "SUM_IN", "SUM_OUT", "SUM_RETURN", "SUM_REFUND", "CLOSING",
        "IN", "OUT", "RETURN", "REFUND",
    )  # fmt: skip
    acct_no: str = text("代发户账号", 40)
    amount_fen: int = money("金额")
    at: datetime | None = field(default=None, metadata=maybe_instant("时间"))
    batch_no: str = maybe("批次号", 32)
    detail_id: str = maybe("明细编号", 32)
    bank_serial: str = maybe("银行流水", 40)
    voucher_no: str = maybe("支付凭证号", 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRow:
    """RET: a payment that succeeded has come back (退票); once, and for its whole amount."""

    detail_id: str = text("明细编号", 32)
    amount_fen: int = amount("退票金额")
    reason_code: str = maybe("原因代码", 8)
    bank_reason_code: str = maybe("银行代码", 20)
    bank_reason_text: str = maybe("银行原因", 120)
    bank_serial: str = maybe("银行流水", 40)
    returned_at: datetime = field(metadata=instant("退票时间"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAnswer:
    """DZR: what we say to each row of a day account: 0 相符, 1 不符 with its reason."""

    bank_serial: str = maybe("银行流水", 40)
    detail_id: str = maybe("明细编号", 32)
    kind: str = text("类别", 10)
    verdict: str = text("核对结果", 1, "0", "1")
    reason: str = maybe("不符原因", 200)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsRow:
    """SMS: what became of the text message about a payment; the codes are those of CMPP."""

    detail_id: str = text("明细编号", 32)
    status: str = text(
        "短信状态", 8,
        "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD",
    )  # fmt: skip
    reported_at: datetime = field(metadata=instant("回报时间"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """STA: where a batch stands at the bank. UNKNOWN: never heard of; RECEIVING: in parts."""

    state: str = text(
        "状态", 9, "UNKNOWN", "ACCEPTED", "REJECTED", "CANCELLED", "PAYING", "DONE",
        "RECEIVING",
    )  # fmt: skip
    count: int = number("笔数")
    amount_fen: int = money("金额")
    paid_count: int = number("成功笔数")
    paid_fen: int = money("成功金额")


Row = (
    VerifyRow | VerifyAnswer | PayRow | Receipt | Release | Funding | ResultRow | CancelRow
    | RefundRow | DayRow | ReturnRow | DayAnswer | SmsRow | Standing
)  # fmt: skip

ROW_OF: Final[dict[Msg, type[Row]]] = {
    Msg.VRQ: VerifyRow,
    Msg.VRS: VerifyAnswer,
    Msg.PAY: PayRow,
    Msg.ACK: Receipt,
    Msg.REL: Release,
    Msg.FND: Funding,
    Msg.RES: ResultRow,
    Msg.CAN: CancelRow,
    Msg.RFD: RefundRow,
    Msg.DZ: DayRow,
    Msg.RET: ReturnRow,
    Msg.DZR: DayAnswer,
    Msg.SMS: SmsRow,
    Msg.STA: Standing,
}

FROM_BANK: Final = frozenset(
    {Msg.VRS, Msg.ACK, Msg.FND, Msg.RES, Msg.RET, Msg.RFD, Msg.DZ, Msg.SMS, Msg.STA}
)
"""What a bank says to us; the others are ours to say."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message about one share. `number` counts those that are not `PARTED`, from 1."""

    msg: Msg
    batch_no: str
    rows: Sequence[Row]
    number: int = 1


def _columns(row_type: type[Row]) -> tuple[Column, ...]:
    found = []
    for one in dataclasses.fields(row_type):
        title, form, most, is_required, choices = one.metadata["wire"]
        found.append(Column(one.name, title, form, most, is_required, frozenset(choices)))
    return tuple(found)


COLUMNS: Final[dict[type[Row], tuple[Column, ...]]] = {
    row_type: _columns(row_type) for row_type in ROW_OF.values()
}


def columns(row_type: type[Row]) -> tuple[Column, ...]:
    """The columns of a row class, in their order on the wire."""
    return COLUMNS[row_type]


def money_column(row_type: type[Row]) -> int | None:
    """Where the amount stands on the line, counted from 0; None for a message without money."""
    for place, column in enumerate(COLUMNS[row_type]):
        if column.form in {Form.AMOUNT, Form.MONEY}:
            return place
    return None
