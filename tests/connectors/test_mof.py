"""`<MOF>`: the bytes that leave, what is refused on the way in, and every shape there and back."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yikatong.connectors.budget import mof_pay
from yikatong.connectors.budget.messages import DetailRow, FundingApplication, Manifest
from yikatong.connectors.budget.mof import MofRefused, MofVoucher, seal, unseal, yuan_of

GOLDEN = Path(__file__).parent / "golden" / "mof_5201_8207.xml"
KEYS = {"adm_div_code": "500104", "st_year": "2026"}


def application(amount_fen: int) -> FundingApplication:
    return FundingApplication(
        tracking_id="B1-1-1", bgt_id="ZB1", mof_div_code="500104000", fiscal_year="2026",
        agency_code="500104001", pro_code="P01", use_des="农业农村委 耕地地力 2026-10",
        pay_app_amt_fen=amount_fen, payee_acct_name="中国农业银行代发专户",
        payee_acct_no="995001040000000101", payee_acct_bank_name="中国农业银行",
        manifest=Manifest(batch_no="ABC1", count=1, amount_fen=amount_fen, sm3="00"),
    )  # fmt: skip


def row(fen: int, name: str = "钱大娘") -> DetailRow:
    return DetailRow(
        tracking_id="B1-1-1", payee_acct_name=name, payee_acct_no="6228480000000001",
        payee_acct_bank_name="中国农业银行", pay_amt_fen=fen, per_name=name,
        iden_no="", add_word="耕地地力",
    )  # fmt: skip


def pair(*fens: int) -> tuple[MofVoucher, ...]:
    rows = [(f"D{place}", row(fen)) for place, fen in enumerate(fens, start=1)]
    return mof_pay.payment_vouchers(
        application(sum(fens)), rows, voucher_nos=[f"V{n}" for n in range(99)], day="20261122"
    )


def told(fields: dict[str, str], *details: dict[str, str], vt_code: str = "8207",
         is_receipt: bool = False) -> MofVoucher:  # fmt: skip
    return MofVoucher(
        **KEYS, vt_code=vt_code, voucher_no="V1", fields=fields, details=details,
        is_receipt=is_receipt,
    )  # type: ignore[arg-type]  # fmt: skip


def test_a_payment_of_two_persons_is_this_file() -> None:
    assert seal(pair(637_550, 100)) == GOLDEN.read_bytes()


def test_what_is_sealed_is_unsealed_as_it_was() -> None:
    sent = pair(637_550, 100)
    got = unseal(seal(sent))
    for one, other in zip(sent, got, strict=True):
        assert (one.vt_code, one.voucher_no, dict(one.fields)) == (
            other.vt_code, other.voucher_no,
            dict(other.fields),
        )  # fmt: skip
        assert [dict(d) for d in one.details] == [dict(d) for d in other.details]


@pytest.mark.parametrize(("count", "pairs"), [(1, 1), (499, 1), (500, 2), (998, 2), (999, 3)])
def test_no_voucher_has_five_hundred_details(count: int, pairs: int) -> None:
    vouchers = pair(*([100] * count))
    lists = [one for one in vouchers if one.vt_code == "8207"]
    heads = [one for one in vouchers if one.vt_code == "5201"]
    assert (len(lists), len(heads)) == (pairs, pairs)
    assert max(len(one.details) for one in lists) <= 499
    assert sum(len(one.details) for one in lists) == count
    for head, own in zip(heads, lists, strict=True):
        assert own.fields["OriginalVoucherNo"] == head.voucher_no
        assert own.fields["SumAmt"] == head.fields["PayAmt"] == yuan_of(100 * len(own.details))


def test_five_hundred_details_are_refused_before_they_leave_and_when_they_come() -> None:
    details = tuple({"Id": str(n), "PayAmt": "1.00"} for n in range(500))
    with pytest.raises(MofRefused, match="应少于 500 条"):
        seal([told({"SumAmt": "500.00"}, *details)])


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ([{"Id": "1", "PayAmt": "1.00"}, {"Id": "1", "PayAmt": "1.00"}], "重复"),
        ([{"Id": "", "PayAmt": "2.00"}], "缺失"),
        ([{"Id": "1", "PayAmt": "1.99"}], "不相等"),
        ([{"Id": "1", "PayAmt": "2"}], "两位小数"),
    ],
)
def test_details_that_do_not_fit_their_head_are_refused(
    details: list[dict[str, str]], why: str
) -> None:
    with pytest.raises(MofRefused, match=why):
        seal([told({"SumAmt": "2.00"}, *details)])


def test_an_inner_voucher_number_that_is_not_the_envelopes_is_refused() -> None:
    sealed = seal([told({"SumAmt": "1.00"}, {"Id": "1", "PayAmt": "1.00"})])
    with pytest.raises(MofRefused, match="VoucherNo 不一致"):
        unseal(sealed.replace(b'VoucherNo="V1"', b'VoucherNo="V2"'))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda b: b[:-9], "XML"),
        (lambda b: b.replace(b"<VoucherCount>1<", b"<VoucherCount>2<"), "VoucherCount"),
        (lambda b: b"not xml", "XML"),
        (lambda b: b.replace(b"<MOF>", b"<MOX>").replace(b"</MOF>", b"</MOX>"), "MOF"),
        (lambda b: b.replace(b"<Voucher>", b"<Voucher>!"), "BASE64"),
    ],
)
def test_a_spoilt_envelope_is_refused_whole(spoil, why: str) -> None:  # type: ignore[no-untyped-def]
    sealed = seal([told({"SumAmt": "1.00"}, {"Id": "1", "PayAmt": "1.00"})])
    with pytest.raises(MofRefused, match=why):
        unseal(spoil(sealed))


def test_an_entity_is_never_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    inner = (
        f'<!DOCTYPE Voucher [<!ENTITY x SYSTEM "file://{secret}">]>'
        "<Voucher><VoucherNo>&x;</VoucherNo></Voucher>"
    ).encode()
    outer = (
        b"<MOF><VoucherCount>1</VoucherCount><VoucherBody><Voucher>"
        + base64.b64encode(inner)
        + b"</Voucher></VoucherBody></MOF>"
    )
    with pytest.raises(MofRefused, match="DTD") as refused:
        unseal(outer)
    assert "SECRET" not in str(refused.value)
    bomb = b'<!DOCTYPE MOF [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><MOF>&b;</MOF>'
    with pytest.raises(MofRefused):
        unseal(bomb)


def test_a_name_that_gbk_cannot_write_is_named_and_not_replaced() -> None:
    with pytest.raises(MofRefused, match="𠮷"):
        seal([told({"SumAmt": "1.00"}, {"Id": "1", "PayAmt": "1.00", "PayeeAcctName": "𠮷田"})])


def test_a_receipt_tells_each_line_and_a_failure_is_nought_with_its_reason() -> None:
    receipt = told(
        {"SumAmt": "3.00", "XSumAmt": "1.00"},
        {"Id": "1", "XPayAmt": "1.00", "XAddWord": ""},
        {"Id": "2", "XPayAmt": "0.00", "XAddWord": "户名不符", "XAddWordCode": "04"},
        is_receipt=True,
    )
    (got,) = unseal(seal([receipt]))
    assert [(one.detail_id, one.paid_fen, one.reason) for one in mof_pay.paid_lines(got)] == [
        ("1", 100, ""), ("2", 0, "户名不符"),
    ]  # fmt: skip
    with pytest.raises(MofRefused, match="失败原因"):
        mof_pay.paid_lines(
            told({"XSumAmt": "0.00"}, {"Id": "1", "XPayAmt": "0.00"}, is_receipt=True)
        )


@pytest.mark.parametrize("vt_code", ["2203", "2252"])
def test_a_refund_is_negative_and_names_what_it_undoes(vt_code: str) -> None:
    notice = told(
        {"PayAmt": "-2.00", "OriBillNo": "V8"},
        {"Id": "D2", "PayAmt": "-2.00", "Remark": "户名不符"}, vt_code=vt_code,
    )  # fmt: skip
    (got,) = unseal(seal([notice]))
    refund = mof_pay.refund_told(got)
    assert (refund.original, refund.amount_fen, refund.detail_ids) == ("V8", 200, ("D2",))
    for fields, why in (({"PayAmt": "2.00"}, "负数"), ({"PayAmt": "-2.00"}, "原凭证")):
        with pytest.raises(MofRefused, match=why):
            mof_pay.refund_told(told(fields, vt_code=vt_code))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 10**9), st.sampled_from([None, True, False])),
                min_size=1, max_size=600))  # fmt: skip
def test_a_reconciliation_in_packs_comes_back_whole(rows: list[tuple[int, bool | None]]) -> None:
    sent = [mof_pay.CheckRow(f"D{n}", fen, agrees) for n, (fen, agrees) in enumerate(rows)]
    packs = mof_pay.check_vouchers(sent, keys=KEYS, check_no="C1", begin="20261101", end="20261130")
    got = unseal(seal(packs))
    assert list(mof_pay.check_rows(got[::-1])) == sent, "packs may come in any order"
    if len(packs) > 1:
        with pytest.raises(MofRefused, match="不齐"):
            mof_pay.check_rows(got[1:])
