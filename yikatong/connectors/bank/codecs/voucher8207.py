"""批量业务支付明细 8207 (and 2252 for what comes back), the treasury's own XML, GBK, < 500 details.

``<MOF><VoucherBody …><Voucher>BASE64(inner XML)</Voucher></VoucherBody></MOF>``. Field names are
those of DA/T 95—2022 and the public front end; what stands in Hold1..4 is ours (拟).
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from lxml import etree

from yikatong.connectors.bank import refusals
from yikatong.connectors.bank.codecs.base import Page, added_up, content_digest, rows_from
from yikatong.connectors.bank.codecs.xml import find, parsed, serialised, sub, text_at
from yikatong.connectors.bank.lines import values_of, yuan
from yikatong.connectors.bank.messages import BATCH_NO, ROW_OF, Msg
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.ports import Envelope
from yikatong.connectors.bank.profiles import BankProfile
from yikatong.connectors.bank.totals import sum_of

ENCODING: Final = "gbk"
SENT, ANSWERED = "0", "1"
KIND: Final = {Msg.PAY: "8207", Msg.RES: "8207", Msg.RET: "2252"}
BATCH_PAYMENT: Final = "4"


class Voucher8207:
    ending = "xml"

    def write(self, page: Page, profile: BankProfile, envelope: Envelope) -> tuple[bytes, str]:
        table = values_of(page.rows, ENCODING, profile.lengths)
        name, total = page.name, yuan(sum_of(ROW_OF[page.name.msg], page.rows))
        number = voucher_number(name)
        inner = etree.Element("Voucher")
        head = {
            "Id": number, "AdmDivCode": name.county, "StYear": table["fiscal_year"][0],
            "VtCode": KIND[name.msg], "VouDate": f"{name.day:%Y%m%d}", "VoucherNo": number,
            "SumAmt": total, "BusinessTypeCode": BATCH_PAYMENT, "Remark": table["summary"][0],
            "Hold1": name.batch_no, "Hold2": f"{name.part:03}of{name.parts:03}",
        }  # fmt: skip
        for tag, value in head.items():
            sub(inner, tag, value)
        details = sub(inner, "DetailList")
        for values in zip(*table.values(), strict=True):
            _detail(details, number, dict(zip(table, values, strict=True)))
        plain = serialised(_enclosed(name, table["fiscal_year"][0], number, inner), "utf-8")
        return plain, content_digest(plain)

    def read(self, plain: bytes, name: PartName, profile: BankProfile, envelope: Envelope) -> Page:
        said = str(name)
        inner = _opened(plain, name)
        if text_at(inner, "Hold1") != name.batch_no:
            raise refusals.BadName(said, "文件名与凭证所指的批次不一致。")
        details = inner.findall("DetailList/Detail")
        reader = _returned if name.msg is Msg.RET else _result
        rows = rows_from(ROW_OF[name.msg], [reader(one) for one in details], said)
        total = sum_of(ROW_OF[name.msg], rows)
        amount = text_at(inner, "PayAmt" if name.msg is Msg.RET else "XSumAmt")
        added_up(said, str(len(rows)), amount.removeprefix("-"), rows, total)
        return Page(name, len(rows), total, name.made_at, rows, content_digest(plain))


def voucher_number(name: PartName) -> str:
    """Below 20 characters, as the receiver checks: bank, day, number, part."""
    numbered = BATCH_NO.fullmatch(name.batch_no)
    if numbered is None:
        raise ValueError("a batch number has its own form")
    return f"{numbered[1]}{numbered[3][2:]}{numbered[4]}{name.part:03}"


def _enclosed(name: PartName, year: str, number: str, inner: etree._Element) -> etree._Element:
    outer = etree.Element("MOF")
    sub(outer, "VoucherCount", "1")
    body = sub(outer, "VoucherBody")
    for attribute, value in (
        ("AdmDivCode", name.county), ("StYear", year), ("VtCode", KIND[name.msg]),
        ("VoucherNo", number),
    ):  # fmt: skip
        body.set(attribute, value)
    sub(body, "VoucherFlag", SENT)
    sub(body, "Return_Reason")
    sub(body, "Attach")
    sub(body, "Voucher", base64.b64encode(serialised(inner, ENCODING)).decode())
    return outer


def _opened(plain: bytes, name: PartName) -> etree._Element:
    """The inner voucher of an answer. Attribute and inner number must agree."""
    said = str(name)
    body = find(parsed(plain, said), "VoucherBody", said)
    if body.get("VtCode") != KIND[name.msg] or text_at(body, "VoucherFlag") != ANSWERED:
        raise refusals.BadName(said, "凭证类型不符，或不是回单。")
    try:
        inner = parsed(base64.b64decode(text_at(body, "Voucher"), validate=True), said)
    except (binascii.Error, ValueError):
        raise refusals.BadText(said, "凭证内容不是 BASE64。") from None
    if text_at(inner, "VoucherNo") != body.get("VoucherNo"):
        raise refusals.BadName(said, "凭证号内外不一致。")
    return inner


def _detail(details: etree._Element, number: str, row: dict[str, str]) -> None:
    one = sub(details, "Detail")
    fields = {
        "Id": row["detail_id"], "OriVoucherNo": number, "PayeeAcctNo": row["acct_no"],
        "PayeeAcctName": row["payee_name"], "PayeeAcctBankName": "", "PayAmt": row["amount_fen"],
        "Remark": row["summary"], "Hold1": row["id_no"], "Hold2": row["sms_text"],
        "Hold3": row["mobile"], "Hold4": row["orig_detail_id"],
    }  # fmt: skip
    for tag, value in fields.items():
        sub(one, tag, value)


def _result(one: etree._Element) -> dict[str, str]:
    """XPayAmt 0.00 with its reason is a failure (DA/T 95 B.1); Hold1 PENDING is no answer yet."""
    amount = text_at(one, "XPayAmt") or "0.00"
    code = text_at(one, "XAddWordCode")
    if text_at(one, "Hold1") == "PENDING":
        result = "PENDING"
    else:
        result = "FAILED" if code or amount == "0.00" else "SUCCESS"
    return {
        "detail_id": text_at(one, "Id"),
        "result": result,
        "bank_reason_code": code,
        "bank_reason_text": text_at(one, "XAddWord"),
        "paid_fen": amount,
        "paid_at": text_at(one, "XPayDate"),
        "bank_serial": text_at(one, "XAgentBusinessNo"),
        "actual_acct_no": text_at(one, "XPayeeAcctNo"),
        "sms_status": text_at(one, "Hold2"),
    }


def _returned(one: etree._Element) -> dict[str, str]:
    return {
        "detail_id": text_at(one, "Id"),
        "amount_fen": text_at(one, "PayAmt").removeprefix("-"),
        "bank_reason_code": text_at(one, "XAddWordCode"),
        "bank_reason_text": text_at(one, "Remark"),
        "bank_serial": text_at(one, "XAgentBusinessNo"),
        "returned_at": text_at(one, "XPayDate"),
    }
