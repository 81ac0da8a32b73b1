"""Which accounts a voucher moves. Pure; the chart is the county's setting (domain.md §14, 待核)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from yikatong.kernel.errors import Refused

PAYMENT: Final = "V1"
REFUND: Final = "V2"
KEPT: Final = "V2B"
USED: Final = "V2BR"
GIVEN_BACK: Final = "V2BT"
EARLIER_YEAR: Final = "V3"
RECOVERED: Final = "V4"
REMITTED: Final = "V4R"
ENTRUSTED: Final = "V5"
ENTRUSTED_PAID: Final = "V5R"

KIND_WORD: Final = {
    PAYMENT: "国库集中支付到代发户",
    REFUND: "当年失败款退回国库",
    KEPT: "失败款留代发户待补发（备查）",
    USED: "用留存款补发（冲备查）",
    GIVEN_BACK: "留存款退国库（冲备查）",
    EARLIER_YEAR: "以前年度退回",
    RECOVERED: "追回错发",
    REMITTED: "追回款上缴",
    ENTRUSTED: "受托代发收款",
    ENTRUSTED_PAID: "受托代发付款",
}

BOOKS: Final = (
    ("FINANCIAL", "financial_debit", "financial_credit"),
    ("BUDGETARY", "budget_debit", "budget_credit"),
    ("MEMO", "memo_debit", "memo_credit"),
)
OTHER_SIDE: Final = {
    one: other for _, debit, credit in BOOKS for one, other in ((debit, credit), (credit, debit))
}
BOOK_WORD: Final = {"FINANCIAL": "财务会计", "BUDGETARY": "预算会计", "MEMO": "备查"}

POSTING_WORD: Final = {
    "HOLD_FROZEN": "指标冻结",
    "HOLD_RELEASED": "指标释放",
    "HOLD_SPENT": "指标支出",
    "MONEY_RECEIVED": "国库拨款到账",
    "WRONG_ACCOUNT": "款项误入他户",
    "LINE_PAID": "发放成功",
    "REISSUE_PAID": "补发成功",
    "LINE_FAILED": "发放失败",
    "LINE_RETURNED": "退汇",
    "LINE_STOPPED": "停发",
    "STOP_RESIDUE": "停发款结余",
    "REFUND_FAILED": "失败款退国库",
    "REFUND_STOPPED": "停发款退国库",
    "REFUND_CANCELLED": "撤销款退国库",
    "REFUND_EXCESS": "多拨款退国库",
    "RESIDUE_KEPT": "失败款留存待补发",
    "STOP_KEPT": "停发款留存待补发",
    "KEPT_RETURNED": "留存的失败款转退库",
    "KEPT_STOP_RETURNED": "留存的停发款转退库",
    "RESIDUE_USED": "留存款用于补发",
    "RESIDUE_FREED": "留存款放回",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One 分录 of a draft: book FINANCIAL, BUDGETARY or MEMO, side, account, integer fen."""

    book: str
    is_debit: bool
    account: str
    amount_fen: int


def entries(accounts: Mapping[str, str], amount_fen: int) -> tuple[Entry, ...]:
    """The books of one movement (平行记账): debit and credit of the same amount in each.

    A book for which the chart names no account has no entry.

    Raises:
        Refused: the chart names one side of a book and not the other, or no book at all.
    """
    made: list[Entry] = []
    for book, debit, credit in BOOKS:
        sides = (accounts.get(debit, ""), accounts.get(credit, ""))
        if bool(sides[0]) != bool(sides[1]):
            raise Refused(f"凭证科目不全：{BOOK_WORD[book]}只有借方或只有贷方，请补全区县设置。")
        if sides[0]:
            for is_debit, account in zip((True, False), sides, strict=True):
                made.append(Entry(book, is_debit, account, amount_fen))
    if not made:
        raise Refused("凭证科目为空，请补全区县设置。")
    return tuple(made)


def chart_in_force(vouchers: Any, kind: str, on: date) -> Mapping[str, str]:
    """The accounts of one kind of voucher on a day, from the county's effective-dated setting.

    `vouchers` is a list of versions, or kind → accounts as homes of the first issue hold it.

    Raises:
        Refused: the county's setting has none in force.
    """
    if kind in {USED, GIVEN_BACK}:  # the same accounts as when it was kept, the other way round
        kept = chart_in_force(vouchers, KEPT, on)
        turned = {one: kept.get(other, "") for one, other in OTHER_SIDE.items()}
        return {**turned, "kind": kind, "title": KIND_WORD[kind]}
    versions: Iterable[Mapping[str, str]] = (
        vouchers.values() if isinstance(vouchers, Mapping) else vouchers
    )
    known = [
        one
        for one in versions
        if one["kind"] == kind and one.get("valid_from", "") <= on.isoformat()
    ]
    if not known:
        raise Refused(f"区县设置里没有 {on} 有效的 {kind}（{KIND_WORD[kind]}）科目，请补全后重试。")
    return max(known, key=lambda one: one.get("valid_from", ""))


def is_earlier_year(funded_year: int, refunded_year: int) -> bool:
    """Whether a refund belongs to a budget year that is closed (V3), not to this one (V2)."""
    return funded_year < refunded_year


def account_names(charts: Any, on: date) -> dict[str, str]:
    """台账科目 by code, as the county's charts name them on a day; the usual names else."""
    names = dict(USUAL_NAMES)
    for chart in sorted(charts or [], key=lambda one: str(one["valid_from"])):
        if chart["valid_from"] <= on.isoformat():
            names |= chart["accounts"]
    return names


USUAL_NAMES: Final = {
    "1001": "代发专户存款",
    "1002": "误入他户资金",
    "2001": "待发款",
    "2002": "失败退汇待处理款",
    "2003": "停发待处理款",
    "2004": "留存待补发款",
    "2005": "误入款待查",
    "9001": "指标冻结",
    "9002": "指标支出",
    "9003": "停发登记",
    "9101": "指标额度（对应）",
    "9103": "停发登记（对应）",
}
