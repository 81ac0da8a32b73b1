"""What passes in the `<MOF>` envelope for a batch payout: 5201 (or 5207) with its 8207, and what
comes back: the receipt line by line, 2203, 2252 and the details' reconciliation 3588.

One 5201 to one 8207 of at most 499 persons; a longer application is cut into as many pairs, whose
sums are the application's. Names and codes of the heads are data (`packs/budget/mof-2022.toml`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from yikatong.connectors.budget.fieldmap import FOLDER
from yikatong.connectors.budget.messages import DetailRow, FundingApplication
from yikatong.connectors.budget.mof import (
    LONGEST_VOUCHER_NO,
    MOST_DETAILS,
    MofRefused,
    MofVoucher,
    fen_of,
    yuan_of,
)

DIRECT, ALLOCATED, DETAILS = "5201", "5207", "8207"
REFUND_NOTICE, BANK_REFUND, DETAIL_CHECK = "2203", "2252", "3588"
AGREES, DIFFERS = "0", "1"
PERMITTED_LENGTH: Final = {"PayeeAcctName": 120, "PayeeAcctBankName": 60, "Remark": 200}
LONGEST_ACCOUNT: Final = 42
CHECK_DIGITS: Final = LONGEST_VOUCHER_NO - 3
HOLDS: Final = ("Hold1", "Hold2", "Hold3", "Hold4")


@dataclass(frozen=True, slots=True)
class PaidLine:
    """One person of an 8207 receipt; `paid_fen` is 0 and `reason` said where it failed."""

    detail_id: str
    paid_fen: int
    reason_code: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefundTold:
    """2203 or 2252: `amount_fen` is positive; `original` names the voucher that is undone."""

    voucher_no: str
    original: str
    amount_fen: int
    detail_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One row of 3588: what a side holds of a detail; `agrees` is None before it is answered.
    `holds` are the fields Hold1, Hold2 … that the standard leaves to the parties.
    """

    detail_id: str
    amount_fen: int
    agrees: bool | None = None
    reason: str = ""
    holds: tuple[str, ...] = ()


def payment_vouchers(
    application: FundingApplication,
    details: Sequence[tuple[str, DetailRow]],
    *,
    voucher_nos: Sequence[str],
    day: str,
    vt_code: str = DIRECT,
) -> tuple[MofVoucher, ...]:
    """5201 and 8207 in pairs. `details` are (detail id, row); a pair needs two of `voucher_nos`.

    Raises:
        MofRefused: the details do not add up to the application, or a field breaks its length.
    """
    if sum(row.pay_amt_fen for _, row in details) != application.pay_app_amt_fen:
        raise MofRefused("明细合计与申请金额不相等。")
    parts = [details[at : at + MOST_DETAILS] for at in range(0, len(details), MOST_DETAILS)]
    if len(voucher_nos) < 2 * len(parts):
        raise MofRefused("凭证号不够用。")
    found: list[MofVoucher] = []
    for place, part in enumerate(parts):
        head_no, list_no = voucher_nos[2 * place], voucher_nos[2 * place + 1]
        sum_fen = sum(row.pay_amt_fen for _, row in part)
        found.append(
            _voucher(
                application,
                vt_code,
                head_no,
                _head(vt_code, application, day, head_no)
                | {"PayAmt": yuan_of(sum_fen), "PayeeAcctNo": application.payee_acct_no},
            )
        )
        found.append(
            _voucher(
                application,
                DETAILS,
                list_no,
                _head(DETAILS, application, day, list_no)
                | {
                    "OriginalVtCode": vt_code,
                    "OriginalVoucherNo": head_no,
                    "SumAmt": yuan_of(sum_fen),
                    "PayTypeCode": PAY_TYPE[vt_code],
                },
                tuple(_detail(one, row, head_no) for one, row in part),
            )
        )
    return tuple(found)


PAY_TYPE: Final = {DIRECT: "11", ALLOCATED: "91"}


def paid_lines(receipt: MofVoucher) -> tuple[PaidLine, ...]:
    """The 回单 of an 8207, line by line.

    Raises:
        MofRefused: it is no receipt of an 8207, lacks XPayAmt, or failed without a reason.
    """
    if receipt.vt_code != DETAILS or not receipt.is_receipt:
        raise MofRefused("不是 8207 回单。")
    found = []
    for detail in receipt.details:
        paid_fen = fen_of(detail.get("XPayAmt", ""))
        reason = detail.get("XAddWord", "")
        if paid_fen < 0 or (paid_fen == 0 and not reason):
            raise MofRefused(f"明细 {detail.get('Id', '')} 的实付金额或失败原因不正确。")
        found.append(
            PaidLine(detail.get("Id", ""), paid_fen, detail.get("XAddWordCode", ""), reason)
        )
    return tuple(found)


def refund_told(voucher: MofVoucher) -> RefundTold:
    """A 2203 直接支付退款通知书 or a 2252 收款银行退款通知, whose amounts are negative."""
    if voucher.vt_code not in {REFUND_NOTICE, BANK_REFUND}:
        raise MofRefused("不是退款通知。")
    amount = fen_of(voucher.fields.get("PayAmt", ""))
    if amount >= 0:
        raise MofRefused(f"退款通知 {voucher.voucher_no} 的金额应为负数。")
    original = voucher.fields.get("OriBillNo", "") or voucher.fields.get("OriginalVoucherNo", "")
    if not original:
        raise MofRefused(f"退款通知 {voucher.voucher_no} 没有指明原凭证。")
    return RefundTold(
        voucher.voucher_no,
        original,
        -amount,
        tuple(detail.get("Id", "") for detail in voucher.details),
        "；".join(dict.fromkeys(one.get("Remark", "") for one in voucher.details)),
    )


def check_vouchers(
    rows: Sequence[CheckRow], *, keys: Mapping[str, str], check_no: str, begin: str, end: str
) -> tuple[MofVoucher, ...]:
    """3588 in packs of under 500 rows, by ChildPackNum and CurPackNo."""
    packs = [rows[at : at + MOST_DETAILS] for at in range(0, len(rows), MOST_DETAILS)] or [()]
    all_fen = sum(row.amount_fen for row in rows)
    return tuple(
        MofVoucher(
            adm_div_code=keys["adm_div_code"],
            st_year=keys["st_year"],
            vt_code=DETAIL_CHECK,
            voucher_no=f"{check_no[-CHECK_DIGITS:]}{place:03}",
            fields={
                "VoucherCheckNo": check_no, "ChildPackNum": str(len(packs)),
                "CurPackNo": str(place), "BeginDate": begin, "EndDate": end,
                "AllNum": str(len(rows)), "AllAmt": yuan_of(all_fen),
                "XDiffNum": str(sum(row.agrees is False for row in rows)),
            },
            details=tuple(
                {
                    "Id": row.detail_id, "PayAmt": yuan_of(row.amount_fen),
                    "XCheckResult": "" if row.agrees is None else AGREES if row.agrees else DIFFERS,
                    "XCheckReason": row.reason,
                }
                | {f"Hold{place}": said for place, said in enumerate(row.holds, start=1)}
                for row in pack
            ),
            is_receipt=any(row.agrees is not None for row in pack),
        )
        for place, pack in enumerate(packs, start=1)
    )  # fmt: skip


def check_rows(vouchers: Sequence[MofVoucher]) -> tuple[CheckRow, ...]:
    """The rows of a whole 3588, in order; a missing or doubled pack is refused."""
    ordered = sorted(vouchers, key=lambda one: int(one.fields.get("CurPackNo", "0") or 0))
    packs = [one.fields.get("CurPackNo", "") for one in ordered]
    total = ordered[0].fields.get("ChildPackNum", "") if ordered else ""
    if packs != [str(n) for n in range(1, len(ordered) + 1)] or total != str(len(ordered)):
        raise MofRefused("对账单分包不齐。")
    rows = tuple(
        CheckRow(
            detail.get("Id", ""),
            fen_of(detail.get("PayAmt", "")),
            {AGREES: True, DIFFERS: False}.get(detail.get("XCheckResult", "")),
            detail.get("XCheckReason", ""),
            tuple(detail[name] for name in HOLDS if name in detail),
        )
        for one in ordered
        for detail in one.details
    )
    head = ordered[0].fields
    if head.get("AllNum") != str(len(rows)) or fen_of(head.get("AllAmt", "")) != sum(
        row.amount_fen for row in rows
    ):
        raise MofRefused("对账单笔数或金额与明细不一致。")
    return rows


@cache
def heads() -> Mapping[str, Any]:
    """Which of our facts each head field says, per voucher: data of the standard's version."""
    shapes: Mapping[str, Any] = tomllib.loads(
        (FOLDER / "mof-2022.toml").read_text(encoding="utf-8")
    )
    return shapes


def _voucher(
    application: FundingApplication,
    vt_code: str,
    voucher_no: str,
    fields: Mapping[str, str],
    details: tuple[Mapping[str, str], ...] = (),
) -> MofVoucher:
    return MofVoucher(
        adm_div_code=application.mof_div_code[:6],
        st_year=application.fiscal_year,
        vt_code=vt_code,
        voucher_no=voucher_no,
        fields=fields,
        details=details,
    )


def _head(
    vt_code: str, application: FundingApplication, day: str, voucher_no: str
) -> dict[str, str]:
    shape = heads()["vouchers"][vt_code]
    facts = {name: str(getattr(application, name)) for name in shape.get("ours", {}).values()}
    said = {theirs: facts[ours] for theirs, ours in shape.get("ours", {}).items()}
    return {"Id": voucher_no, "VouDate": day} | said | dict(shape.get("fixed", {}))


def _detail(detail_id: str, row: DetailRow, head_no: str) -> dict[str, str]:
    told = {
        "Id": detail_id,
        "OriVoucherNo": head_no,
        "PayeeAcctNo": row.payee_acct_no,
        "PayeeAcctName": row.payee_acct_name,
        "PayeeAcctBankName": row.payee_acct_bank_name,
        "PayAmt": yuan_of(row.pay_amt_fen),
        "Remark": row.add_word,
    }
    if len(row.payee_acct_no) > LONGEST_ACCOUNT or row.pay_amt_fen <= 0:
        raise MofRefused(f"明细 {detail_id} 的账号或金额不正确。")
    for name, most in PERMITTED_LENGTH.items():
        if len(told[name].encode("GBK", "replace")) > most:
            raise MofRefused(f"明细 {detail_id} 的 {name} 超过 {most} 字节。")
    return told
