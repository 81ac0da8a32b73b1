"""The file form where the treasury speaks `<MOF>`: an application goes out as 5201 with its 8207s,
and what becomes of it comes back as the 5201's 回单, as 2203 and, row by row of our 8207s, as 2252
that name the 2203 (XRefundNo, 拟) or stand by themselves.

The day's reconciliation (B15) goes both ways as 3588, an application a row: PayAmt is what was
paid, Hold1 to Hold4 are 支付申请号, 凭证号, 申请金额 and 已退金额 (拟).

Indicators (B01) and withdrawals (B02W) stay text files: the treasury's standard has verbs and 额度
notices, and no voucher number for them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from yikatong.connectors.budget.client import KeyReused, OutcomeUnknown
from yikatong.connectors.budget.folder import BudgetFolder
from yikatong.connectors.budget.folding import folded
from yikatong.connectors.budget.messages import (
    ApplicationState,
    DetailRow,
    FundingApplication,
    Reconciliation,
    ReconRow,
    State,
)
from yikatong.connectors.budget.mof import (
    MofRefused,
    MofVoucher,
    fen_of,
    seal,
    unseal,
)
from yikatong.connectors.budget.mof_pay import (
    AGREES,
    BANK_REFUND,
    DETAIL_CHECK,
    DETAILS,
    DIRECT,
    REFUND_NOTICE,
    CheckRow,
    check_rows,
    check_vouchers,
    payment_vouchers,
    refund_told,
)
from yikatong.kernel.digest import sm3
from yikatong.kernel.errors import Refused

DIGITS: Final = 15
MOST_PARTS: Final = 999
OURS: Final = (
    "Hold1"  # our application's number, in the field that the standard leaves to the parties
)


def voucher_numbers(tracking_id: str, count: int) -> list[str]:
    """19 digits each, the same for the same application for ever."""
    stem = int.from_bytes(sm3(tracking_id.encode())[:8], "big") % 10**DIGITS
    return [f"{stem:0{DIGITS}d}{place:04d}" for place in range(1, count + 1)]


@dataclass(frozen=True, slots=True)
class MofFolder(BudgetFolder):
    """`BudgetFolder` in envelopes; an application needs its persons, for the 8207s."""

    def apply_for(
        self, application: FundingApplication, persons: Sequence[DetailRow]
    ) -> ApplicationState:
        """B02 and B03 in one: 5201 and 8207 in pairs of under 500 persons, written once.

        Raises:
            KeyReused: it was written before with other content.
            MofRefused: the persons do not add up to the application, or a field does not fit.
        """
        rows = [(row.detail_id, row) for row in persons]
        numbers = voucher_numbers(application.tracking_id, 2 * MOST_PARTS)
        self._write_once(
            application.tracking_id,
            lambda day: seal(payment_vouchers(application, rows, voucher_nos=numbers, day=day)),
        )
        return self.find(application.tracking_id) or self._first(application.tracking_id)

    def details(self, pay_app_no: str, rows: Sequence[DetailRow]) -> int:
        """The persons went with the application."""
        return len(rows)

    def application(self, pay_app_no: str) -> ApplicationState:
        """Where an application is, by their number."""
        for tracking_id, _, row in self._words():
            if row["pay_app_no"] == pay_app_no:
                found = self.find(tracking_id)
                if found is not None:
                    return found
        raise OutcomeUnknown(f"还没有支付申请 {pay_app_no} 的回单")

    def find(self, tracking_id: str) -> ApplicationState | None:
        """Every envelope that speaks of an application, in the order in which they came."""
        state = None
        for ours, message, row in self._words():
            if ours == tracking_id:
                state = folded(state or self._first(tracking_id), message, row)
        return state

    def reconciliation(self, *, mof_div_code: str, day: str) -> Reconciliation:
        """B15 of a day, as 3588; packs may come in several envelopes."""
        wanted = f"DZ{mof_div_code}{day.replace('-', '')}"
        packs: dict[str, MofVoucher] = {}
        for vouchers in self._envelopes():
            for one in vouchers:
                if one.vt_code == DETAIL_CHECK and one.fields["VoucherCheckNo"] == wanted:
                    packs[one.fields["CurPackNo"]] = one
        needed = {one.fields["ChildPackNum"] for one in packs.values()}
        if needed != {str(len(packs))}:
            raise OutcomeUnknown(f"尚未收齐 {day} 的对账文件")
        return Reconciliation(
            wanted, tuple(_recon_row(row) for row in check_rows(tuple(packs.values())))
        )

    def answer_reconciliation(self, check_no: str, rows: Sequence[ReconRow]) -> int:
        """B15 back as the 回单 of the 3588, row by row, written once.

        Raises:
            KeyReused: it was answered before in other words.
        """
        day = check_no[-8:]
        answered = [
            CheckRow(row.tracking_id, row.xpay_amt_fen, row.result == AGREES, row.reason)
            for row in rows
        ]
        keys = {"adm_div_code": self.county, "st_year": day[:4]}
        self._write_once(
            check_no,
            lambda _: seal(
                check_vouchers(answered, keys=keys, check_no=check_no, begin=day, end=day)
            ),
        )
        return len(rows)

    def _words(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(our number, B11 to B14, its facts); an envelope that cannot be used is set aside."""
        for vouchers in self._envelopes():
            yield from _words_of(vouchers)

    def _envelopes(self) -> Iterator[tuple[MofVoucher, ...]]:
        """What they sent, in order; what cannot be read, or undoes what we never sent, is bad."""
        for flag in sorted((self.root / "in").glob(f"BGT_MOF_{self.county}_*.ok")):
            path = flag.with_suffix(".xml")
            try:
                vouchers = unseal(path.read_bytes())
                list(_words_of(vouchers))
                self._check_undone(vouchers)
            except (OSError, KeyError, Refused) as error:
                self._set_aside(path, flag, str(error))
                continue
            yield vouchers

    def _check_undone(self, vouchers: Sequence[MofVoucher]) -> None:
        """2252 names rows of an 8207 that we sent for this very application."""
        for one in vouchers:
            if one.vt_code != BANK_REFUND:
                continue
            told = refund_told(one)
            sent = self._sent_rows(one.fields[OURS], told.original)
            strange = sorted(set(told.detail_ids) - sent)
            if strange:
                raise MofRefused(f"退款通知 {one.voucher_no} 所指的明细 {strange[0]} 不是我方的。")

    def _sent_rows(self, tracking_id: str, voucher_no: str) -> set[str]:
        return {
            detail["Id"]
            for path in self._out().glob(f"YKT_MOF_{self.county}_*_{tracking_id}.xml")
            for one in unseal(path.read_bytes())
            if one.vt_code == DETAILS and one.voucher_no == voucher_no
            for detail in one.details
        }

    def _write_once(self, number: str, sealed: Callable[[str], bytes]) -> None:
        """One envelope under our number; `sealed` is given the day of its first writing."""
        known = sorted(self._out().glob(f"YKT_MOF_{self.county}_*_{number}.xml"))
        day = known[0].name.split("_")[3] if known else f"{self.now:%Y%m%d}"
        content = sealed(day)
        path = self._out() / f"YKT_MOF_{self.county}_{day}_{number}.xml"
        if known and known[0].read_bytes() != content:
            raise KeyReused(f"{path.name} 已写出，内容不同，不能覆盖。请联系系统管理员核查。")
        if not known:
            _write(path, content)
        path.with_suffix(".ok").touch()

    def _out(self) -> Path:
        out = self.root / "out"
        out.mkdir(parents=True, exist_ok=True)
        return out


def _words_of(vouchers: Sequence[MofVoucher]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """One application of many 5201s is told as one: their amounts are added up."""
    heads: dict[str, list[MofVoucher]] = {}
    for one in vouchers:
        if one.vt_code == DIRECT and one.is_receipt:
            heads.setdefault(one.fields[OURS], []).append(one)
        elif one.vt_code in {REFUND_NOTICE, BANK_REFUND}:
            if one.fields.get("XRefundNo"):
                continue  # the rows of a 2203, which tells the sum
            told = refund_told(one)
            yield (
                one.fields[OURS], "B14",
                {
                    "pay_app_no": one.fields["XPayAppNo"], "refund_no": told.voucher_no,
                    "amount_fen": told.amount_fen, "reason": one.fields.get("Remark", ""),
                    "at": one.fields["XRefundTime"],
                },
            )  # fmt: skip
    for tracking_id, own in heads.items():
        yield from _head_words(tracking_id, own)


def _recon_row(row: CheckRow) -> ReconRow:
    pay_app_no, pay_cert_no, asked, refunded = row.holds
    refunded_fen = fen_of(refunded)
    status = State.PAID if row.amount_fen else State.VOUCHERED
    if refunded_fen:
        status = State.REFUNDED if refunded_fen >= row.amount_fen else State.PART_REFUNDED
    return ReconRow(
        tracking_id=row.detail_id,
        pay_app_no=pay_app_no,
        pay_cert_no=pay_cert_no,
        status=status,
        pay_app_amt_fen=fen_of(asked),
        xpay_amt_fen=row.amount_fen,
        refunded_fen=refunded_fen,
    )


def _head_words(
    tracking_id: str, heads: Sequence[MofVoucher]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    first = heads[0]
    number = first.fields["XPayAppNo"]
    if first.return_reason or number:
        yield (
            tracking_id, "B11",
            {
                "pay_app_no": number, "pay_app_amt_fen": _sum(heads, "PayAmt"),
                "status": State.RETURNED if first.return_reason else first.fields["XStatus"],
                "return_reason": first.return_reason,
                "is_withdrawn": first.fields.get("XWithdrawn") == "1",
            },
        )  # fmt: skip
    certificate = first.fields.get("XPayCertNo", "")
    if certificate:
        row = {"pay_app_no": number, "pay_cert_no": certificate}
        yield tracking_id, "B12", row | {"vou_date": first.fields["XVouDate"]}
        if first.fields.get("XPayDate"):
            yield (
                tracking_id, "B13",
                row | {
                    "xpay_amt_fen": _sum(heads, "XPayAmt"), "xpay_date": first.fields["XPayDate"],
                    "agent_business_no": first.fields["XAgentBusinessNo"],
                },
            )  # fmt: skip


def _sum(heads: Sequence[MofVoucher], name: str) -> int:
    return sum(fen_of(one.fields[name]) for one in heads)


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.rename(path)
