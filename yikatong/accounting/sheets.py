"""台账 and 凭证 as workbooks: numbers of things are text, money is money, nothing is a formula."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import xlsxwriter

from yikatong.accounting.models import LedgerPosting, Voucher
from yikatong.accounting.queries import BalanceRow
from yikatong.accounting.rules import BOOK_WORD, POSTING_WORD

# what a cell says is never taken for a formula, a number or an address
PLAIN: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
MOST_ROWS: Final = 200_000
FEN: Final = Decimal(100)

BALANCE_HEAD: Final = ("科目编码", "科目", "借方发生额", "贷方发生额", "借方余额", "贷方余额")
POSTING_HEAD: Final = (
    "日期", "事项", "批次号", "项目编码", "银行", "机构编号", "指标编号", "科目编码", "科目",
    "借方", "贷方", "笔数", "业务事件",
)  # fmt: skip
VOUCHER_HEAD: Final = (
    "凭证编号", "种类", "日期", "摘要", "账簿", "科目", "借方", "贷方", "项目编码", "批次号",
    "指标编号", "资金文号", "功能科目", "机构编号", "业务事件",
)  # fmt: skip


def ledger_book(
    title: str,
    balance: Sequence[BalanceRow],
    postings: Iterable[LedgerPosting],
    names: dict[str, str],
) -> bytes:
    """试算平衡 on one sheet, every posting's legs on the next."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, PLAIN) as book:
        book.set_properties({"title": title})
        page = _Page(book, "试算平衡", BALANCE_HEAD)
        for row in balance:
            page.write(
                row.account, row.name, Fen(row.debit_fen), Fen(row.credit_fen),
                Fen(row.debit_balance_fen), Fen(row.credit_balance_fen),
            )  # fmt: skip
        page.write(
            "", "合计", Fen(sum(one.debit_fen for one in balance)),
            Fen(sum(one.credit_fen for one in balance)),
            Fen(sum(one.debit_balance_fen for one in balance)),
            Fen(sum(one.credit_balance_fen for one in balance)),
        )  # fmt: skip
        page = _Page(book, "明细账", POSTING_HEAD)
        for posting in postings:
            for leg in posting.legs.all():
                page.write(
                    posting.posted_on.isoformat(), POSTING_WORD.get(posting.kind, posting.kind),
                    posting.batch.number if posting.batch else "", leg.programme_code,
                    str(leg.bank_no or ""), str(leg.unit_no), leg.indicator, leg.account,
                    names.get(leg.account, ""), Fen(leg.amount_fen if leg.is_debit else 0),
                    Fen(0 if leg.is_debit else leg.amount_fen), str(posting.lines), posting.event,
                )  # fmt: skip
    return out.getvalue()


def voucher_book(title: str, vouchers: Iterable[Voucher]) -> bytes:
    """凭证草稿, one row per entry, each auxiliary in a column of its own."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, PLAIN) as book:
        book.set_properties({"title": title})
        page = _Page(book, "凭证草稿", VOUCHER_HEAD)
        for voucher in vouchers:
            for entry in voucher.entries.all():
                page.write(
                    str(voucher.pk), voucher.kind, voucher.drafted_at.date().isoformat(),
                    voucher.summary, BOOK_WORD[entry.book], entry.account,
                    Fen(entry.amount_fen if entry.is_debit else 0),
                    Fen(0 if entry.is_debit else entry.amount_fen), entry.programme_code,
                    entry.batch_number, entry.indicator, entry.document_no, entry.exp_func_code,
                    str(entry.town_no or ""), voucher.event,
                )  # fmt: skip
    return out.getvalue()


class Fen(int):
    """An amount in fen: its cell is yuan with two decimals, and empty where nothing moved."""


class _Page:
    """One sheet, written row by row from the top."""

    def __init__(self, book: Any, name: str, head: Sequence[str]) -> None:
        self.page = book.add_worksheet(name)
        self.money = book.add_format({"num_format": "#,##0.00"})
        self.text = book.add_format({"num_format": "@"})
        bold = book.add_format({"bold": True, "bg_color": "#DCE6F1", "border": 1})
        for at, title in enumerate(head):
            self.page.write_string(0, at, title, bold)
            self.page.set_column(at, at, max(14, 2 * len(title)))
        self.page.freeze_panes(1, 0)
        self.at = 0

    def write(self, *cells: str | Fen) -> None:
        self.at += 1
        for column, cell in enumerate(cells):
            if isinstance(cell, Fen):
                if cell:
                    self.page.write_number(self.at, column, Decimal(int(cell)) / FEN, self.money)
            else:
                self.page.write_string(self.at, column, cell, self.text)
