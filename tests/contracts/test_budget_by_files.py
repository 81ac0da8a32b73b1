"""The file form, both programs on one folder: what is asked by HTTP elsewhere is told by files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from simulators.budget import office
from simulators.budget.books import Books, load
from simulators.budget.files import FileDesk
from simulators.budget.office import Office
from yikatong.connectors.budget.client import BudgetRefused, KeyReused, OutcomeUnknown
from yikatong.connectors.budget.fieldmap import field_map
from yikatong.connectors.budget.folder import BudgetFolder
from yikatong.connectors.budget.messages import (
    ApplicationState,
    DetailRow,
    FundingApplication,
    Manifest,
    State,
)
from yikatong.connectors.budget.mof import MofRefused, seal, unseal
from yikatong.connectors.budget.mof_folder import MofFolder, voucher_numbers
from yikatong.kernel.digest import sm3

from .shares import COUNTY, SHANGHAI, indicator

NOW = datetime(2026, 11, 22, 9, tzinfo=SHANGHAI)
FEN = 637_550
TODAY = datetime.now(SHANGHAI).date().isoformat()


class Exchange:
    """The platform's folder and the office behind it; no bank: a voucher is never paid here."""

    def __init__(self, root: Path) -> None:
        self.books = Books(root / "books.sqlite")
        with self.books.write() as db:
            load(db, [indicator(1_000_000)])
        self.office = Office(self.books, lambda: "http://127.0.0.1:1", 0.0)
        self.desk = FileDesk(self.books, root / "files", 0.0)
        self.ours = BudgetFolder(root / "files", COUNTY, field_map("cq-2026"), NOW)

    def round(self, times: int = 1) -> None:
        for _ in range(times):
            self.office.round()
            self.desk.round()

    def pay(self, number: str) -> None:
        """As the bank would have told."""
        with self.books.write() as db:
            db.execute(
                "UPDATE application SET status = 'PAID', xpay_amt_fen = pay_app_amt_fen,"
                " xpay_date = '2026-11-22', agent_business_no = 'S1' WHERE pay_app_no = ?",
                (number,),
            )


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    made = Exchange(tmp_path)
    made.desk.round()
    yield made
    made.books.close()


def application(fen: int = FEN, number: str = "B1-1-1") -> FundingApplication:
    return FundingApplication(
        tracking_id=number, bgt_id="ZB001", mof_div_code="500243000", fiscal_year="2026",
        agency_code="205001", pro_code="500243210000000000001", use_des="耕地地力 2026-10",
        pay_app_amt_fen=fen, payee_acct_name="农行代发专户", payee_acct_no="995",
        payee_acct_bank_name="农行",
        manifest=Manifest(batch_no="ABC1", count=2, amount_fen=fen, sm3=sm3(b"x").hex()),
    )  # fmt: skip


def now_of(exchange: Exchange, number: str = "B1-1-1") -> ApplicationState:
    found = exchange.ours.find(number)
    assert found is not None
    return found


def test_the_indicators_come_in_a_file(exchange: Exchange) -> None:
    (quota,) = exchange.ours.quotas(mof_div_code="500243000", fiscal_year="2026")
    assert (quota.bgt_id, quota.available_fen, quota.bgt_exe_flag) == ("ZB001", 1_000_000, True)
    assert exchange.ours.quotas(mof_div_code="500243000", fiscal_year="2025") == ()


def test_before_any_file_nothing_is_known(tmp_path: Path) -> None:
    ours = BudgetFolder(tmp_path, COUNTY, field_map("cq-2026"), NOW)
    with pytest.raises(OutcomeUnknown):
        ours.quotas(mof_div_code="500243000", fiscal_year="2026")
    assert ours.find("B1-1-1") is None


def test_an_application_walks_through_its_files_to_paid_and_refunded(exchange: Exchange) -> None:
    assert exchange.ours.apply(application()).status is State.SUBMITTED
    assert exchange.ours.find("B1-1-1") is None, "no answer yet"
    exchange.round()
    assert now_of(exchange).pay_app_no.startswith("SQ-500243000-")
    exchange.round(3)
    vouchered = now_of(exchange)
    assert (vouchered.status, bool(vouchered.pay_cert_no)) == (State.VOUCHERED, True)
    exchange.pay(vouchered.pay_app_no)
    exchange.round()
    paid = exchange.ours.application(vouchered.pay_app_no)
    assert (paid.status, paid.xpay_amt_fen) == (State.PAID, FEN)
    (quota,) = exchange.ours.quotas(mof_div_code="500243000", fiscal_year="2026")
    assert quota.cur_amt_fen == 1_000_000 - FEN, "the newest file of indicators counts"


def test_the_same_application_is_one_file_and_another_under_its_number_is_refused(
    exchange: Exchange,
) -> None:
    exchange.ours.apply(application())
    later = replace(exchange.ours, now=datetime(2026, 11, 23, tzinfo=SHANGHAI))
    later.apply(application())
    assert len(list((exchange.ours.root / "out").glob("YKT_B02_*.txt"))) == 1
    with pytest.raises(KeyReused, match="内容不同"):
        later.apply(application(FEN + 1))


def test_what_the_indicator_does_not_reach_is_returned_by_file_with_its_reason(
    exchange: Exchange,
) -> None:
    exchange.ours.apply(application(1_000_001))
    exchange.round()
    told = now_of(exchange)
    assert told.is_returned
    assert "不足以支付" in told.return_reason


def test_an_application_is_taken_back_before_its_voucher_and_not_after(exchange: Exchange) -> None:
    exchange.office.is_automatic = False
    exchange.ours.apply(application())
    exchange.round()
    number = now_of(exchange).pay_app_no
    with pytest.raises(OutcomeUnknown):
        exchange.ours.withdraw(number, "发放单位撤回")
    exchange.round()
    assert exchange.ours.withdraw(number, "发放单位撤回").is_withdrawn
    exchange.office.is_automatic = True
    exchange.ours.apply(application(number="B1-1-2"))
    exchange.round(4)
    with pytest.raises(BudgetRefused, match="由银行退款"):
        exchange.ours.withdraw(now_of(exchange, "B1-1-2").pay_app_no, "发放单位撤回")


def test_a_file_that_is_cut_off_is_set_aside_and_the_others_are_read(exchange: Exchange) -> None:
    exchange.ours.apply(application())
    exchange.round()
    folder = exchange.ours.root / "in"
    bad = folder / f"BGT_B11_{COUNTY}_20261122_X_001of001.txt"
    bad.write_bytes(next(folder.glob("BGT_B11_*.txt")).read_bytes()[:-5])
    bad.with_suffix(".ok").touch()
    assert now_of(exchange).status is not State.RETURNED
    why = (exchange.ours.root / "bad" / f"{bad.name}.why").read_text(encoding="utf-8")
    assert "结束标记" in why
    assert not bad.exists()


def test_a_file_without_its_flag_is_not_there_yet(exchange: Exchange) -> None:
    exchange.ours.apply(application())
    exchange.round()
    for flag in (exchange.ours.root / "in").glob("BGT_B11_*.ok"):
        flag.unlink()
    assert exchange.ours.find("B1-1-1") is None


def person(number: int, fen: int) -> DetailRow:
    return DetailRow(
        tracking_id="B1-1-1", payee_acct_name=f"钱{number}", payee_acct_no=f"62284800{number:08d}",
        payee_acct_bank_name="农行", pay_amt_fen=fen, per_name=f"钱{number}", iden_no="",
        add_word="耕地地力", detail_id=f"D{number:07d}",
    )  # fmt: skip


def told_details(exchange: Exchange) -> list[dict[str, object]]:
    (row,) = exchange.books.read("SELECT details FROM application")
    return list(json.loads(row["details"] or "[]"))


def test_the_persons_of_a_long_application_come_in_files_of_under_500(exchange: Exchange) -> None:
    exchange.ours.apply(application(1_000))
    exchange.round(2)
    number = now_of(exchange).pay_app_no
    people = [person(n, 1) for n in range(1_000)]
    assert exchange.ours.details(number, people) == 1_000
    assert exchange.ours.details(number, people) == 1_000, "the same again is the same files"
    assert len(list((exchange.ours.root / "out").glob("YKT_B03_*of003.txt"))) == 3
    exchange.round()
    assert len(told_details(exchange)) == 1_000
    assert not list((exchange.ours.root / "out").glob("*.why"))


def test_a_day_is_reconciled_by_files_and_answered_row_by_row(exchange: Exchange) -> None:
    with pytest.raises(OutcomeUnknown, match="对账文件"):
        exchange.ours.reconciliation(mof_div_code="500243000", day=TODAY)
    exchange.ours.apply(application())
    exchange.round(4)
    exchange.pay(now_of(exchange).pay_app_no)
    exchange.round()
    assert exchange.desk.reconcile("500243000", TODAY)["count"] == 1
    told = exchange.ours.reconciliation(mof_div_code="500243000", day=TODAY)
    (row,) = told.rows
    assert (row.tracking_id, row.xpay_amt_fen, row.status) == ("B1-1-1", FEN, State.PAID)
    answers = [replace(row, result="1", reason="金额不符")]
    assert exchange.ours.answer_reconciliation(told.check_no, answers) == 1
    exchange.round()
    assert exchange.books.read("SELECT result, reason FROM recon") == [
        {"result": "1", "reason": "金额不符"}
    ]


class TestByEnvelopes:
    """The same office, spoken to in `<MOF>`."""

    @pytest.fixture
    def mof(self, exchange: Exchange) -> MofFolder:
        ours = exchange.ours
        return MofFolder(ours.root, ours.county, ours.field_map, ours.now)

    def test_from_5201_to_paid_and_refunded(self, exchange: Exchange, mof: MofFolder) -> None:
        people = [person(n, 1) for n in range(999)] + [person(999, FEN - 999)]
        assert mof.apply_for(application(), people).status is State.SUBMITTED
        assert mof.apply_for(application(), people).status is State.SUBMITTED, "one file"
        (path,) = (mof.root / "out").glob("YKT_MOF_*.xml")
        assert [one.vt_code for one in unseal(path.read_bytes())] == ["5201", "8207"] * 3
        exchange.round(4)
        found = mof.find("B1-1-1")
        assert found is not None
        assert (found.status, bool(found.pay_cert_no)) == (State.VOUCHERED, True)
        assert len(told_details(exchange)) == 1_000
        exchange.pay(found.pay_app_no)
        exchange.round()
        paid = mof.application(found.pay_app_no)
        assert (paid.status, paid.xpay_amt_fen, paid.agent_business_no) == (State.PAID, FEN, "S1")
        with exchange.books.write() as db:
            office.refund(db, {
                "refund_no": "RF1", "application_no": found.pay_app_no, "amount_fen": 50,
                "voucher_no": found.pay_cert_no, "reason": "FAILED",
            })  # fmt: skip
        exchange.round()
        back = mof.application(found.pay_app_no)
        assert (back.status, back.refunded_fen) == (State.PART_REFUNDED, 50)
        assert not (mof.root / "bad").exists()
        assert not list((mof.root / "in").glob("BGT_B1[1-4]_*")), "nothing but envelopes"

    def test_a_return_comes_in_the_envelope_with_its_reason(
        self, exchange: Exchange, mof: MofFolder
    ) -> None:
        mof.apply_for(application(1_000_001), [person(1, 1_000_001)])
        exchange.round()
        found = mof.find("B1-1-1")
        assert found is not None
        assert found.is_returned
        assert "不足以支付" in found.return_reason

    def test_other_persons_under_a_known_number_are_refused(self, mof: MofFolder) -> None:
        mof.apply_for(application(2), [person(1, 1), person(2, 1)])
        with pytest.raises(KeyReused, match="内容不同"):
            mof.apply_for(application(2), [person(1, 1), person(3, 1)])
        with pytest.raises(MofRefused, match="不相等"):
            mof.apply_for(application(3, "B1-1-2"), [person(1, 1)])

    def paid_and_refunded(
        self, exchange: Exchange, mof: MofFolder, *details: tuple[str, int]
    ) -> ApplicationState:
        """Two persons paid; the bank sends back what these rows were to get."""
        mof.apply_for(application(), [person(n, 1) for n in range(999)] + [person(999, FEN - 999)])
        exchange.round(4)
        found = mof.find("B1-1-1")
        assert found is not None
        exchange.pay(found.pay_app_no)
        exchange.round()
        with exchange.books.write() as db:
            office.refund(db, {
                "refund_no": "RF1", "application_no": found.pay_app_no,
                "amount_fen": sum(fen for _, fen in details), "voucher_no": found.pay_cert_no,
                "reason": "FAILED",
                "rows": [{"detail_id": one, "amount_fen": fen} for one, fen in details],
            })  # fmt: skip
        exchange.round()
        return mof.application(found.pay_app_no)

    def test_the_bank_s_2252_names_the_rows_of_our_lists_and_the_2203_their_sum(
        self, exchange: Exchange, mof: MofFolder
    ) -> None:
        back = self.paid_and_refunded(exchange, mof, ("D0000003", 1), ("D0000998", 1))
        assert (back.status, back.refunded_fen) == (State.PART_REFUNDED, 2), "counted once"
        told = [
            one
            for path in (mof.root / "in").glob("BGT_MOF_*.xml")
            for one in unseal(path.read_bytes())
        ]
        notices = [one for one in told if one.vt_code == "2252"]
        (sent,) = (mof.root / "out").glob("YKT_MOF_*.xml")
        lists = [one for one in unseal(sent.read_bytes()) if one.vt_code == "8207"]
        assert [one.fields["OriBillNo"] for one in notices] == sorted(
            one.voucher_no for one in (lists[0], lists[2])
        ), "one for each 8207 whose rows came back"
        assert {row["Id"] for one in notices for row in one.details} == {"D0000003", "D0000998"}
        assert not (mof.root / "bad").exists()

    def test_a_2252_by_itself_is_a_refund_and_a_stranger_s_row_is_set_aside(
        self, exchange: Exchange, mof: MofFolder
    ) -> None:
        self.paid_and_refunded(exchange, mof, ("D0000003", 1))
        (sent,) = (mof.root / "out").glob("YKT_MOF_*.xml")
        head, listed, *_ = unseal(sent.read_bytes())
        for place, row in enumerate(("D0000007", "D9999999")):
            fields = {
                "Hold1": "B1-1-1", "OriBillNo": listed.voucher_no, "PayAmt": "-0.01",
                "OriginalVoucherNo": head.voucher_no, "XPayAppNo": "", "XRefundTime":
                "2026-11-22T10:00:00+08:00",
            }  # fmt: skip
            notice = replace(
                listed, vt_code="2252", voucher_no=f"S{place}", fields=fields,
                details=({"Id": row, "PayAmt": "-0.01", "Remark": "户名不符"},),
            )  # fmt: skip
            path = mof.root / "in" / f"BGT_MOF_{COUNTY}_20261122_9999999{place}.xml"
            path.write_bytes(seal([notice]))
            path.with_suffix(".ok").touch()
        found = mof.find("B1-1-1")
        assert found is not None
        assert found.refunded_fen == 2, "its own row, and not the stranger's"
        (why,) = (mof.root / "bad").glob("*.why")
        assert "D9999999 不是我方的" in why.read_text("utf-8")

    def test_a_day_is_reconciled_in_3588_both_ways(
        self, exchange: Exchange, mof: MofFolder
    ) -> None:
        with pytest.raises(OutcomeUnknown, match="尚未收齐"):
            mof.reconciliation(mof_div_code="500243000", day=TODAY)
        back = self.paid_and_refunded(exchange, mof, ("D0000003", 1))
        assert exchange.desk.reconcile("500243000", TODAY)["count"] == 1
        told = mof.reconciliation(mof_div_code="500243000", day=TODAY)
        (row,) = told.rows
        assert (row.tracking_id, row.pay_app_no, row.pay_cert_no) == (
            "B1-1-1", back.pay_app_no, back.pay_cert_no,
        )  # fmt: skip
        assert (row.pay_app_amt_fen, row.xpay_amt_fen, row.refunded_fen) == (FEN, FEN, 1)
        assert row.status is State.PART_REFUNDED
        answers = [replace(row, result="1", reason="退款金额不同")]
        assert mof.answer_reconciliation(told.check_no, answers) == 1
        assert mof.answer_reconciliation(told.check_no, answers) == 1, "the same again is one file"
        with pytest.raises(KeyReused):
            mof.answer_reconciliation(told.check_no, [replace(row, result="0")])
        exchange.round()
        assert exchange.books.read("SELECT result, reason FROM recon") == [
            {"result": "1", "reason": "退款金额不同"}
        ]
        assert not list((mof.root / "in").glob("BGT_B15_*")), "nothing but envelopes"
        assert not list((mof.root / "out").glob("YKT_B15_*"))

    def test_what_the_standard_has_no_number_for_stays_a_text_file(
        self, exchange: Exchange, mof: MofFolder
    ) -> None:
        exchange.office.is_automatic = False
        assert mof.quotas(mof_div_code="500243000", fiscal_year="2026")
        mof.apply_for(application(), [person(1, FEN)])
        exchange.round()
        found = mof.find("B1-1-1")
        assert found is not None
        with pytest.raises(OutcomeUnknown):
            mof.withdraw(found.pay_app_no, "发放单位撤回")
        exchange.round()
        assert mof.withdraw(found.pay_app_no, "发放单位撤回").is_withdrawn

    def test_an_envelope_that_is_broken_is_set_aside(
        self, exchange: Exchange, mof: MofFolder
    ) -> None:
        mof.apply_for(application(), [person(1, FEN)])
        exchange.round()
        bad = mof.root / "in" / f"BGT_MOF_{COUNTY}_20261122_00000000.xml"
        bad.write_bytes(b"<MOF><VoucherCount>2</VoucherCount></MOF>")
        bad.with_suffix(".ok").touch()
        assert mof.find("B1-1-1") is not None
        assert "VoucherCount" in (mof.root / "bad" / f"{bad.name}.why").read_text("utf-8")


def test_the_numbers_of_vouchers_are_the_application_s_own() -> None:
    some, others = voucher_numbers("B1-1-1", 4), voucher_numbers("B1-1-2", 4)
    assert some == voucher_numbers("B1-1-1", 4)
    assert len({*some, *others}) == 8
    assert {len(one) for one in some} == {19}
