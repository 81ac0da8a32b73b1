"""The treasury's `<MOF>` envelope: vouchers as BASE64 of their own XML, both in GBK.

Shapes follow the archive standard that reprints them (DA/T 95—2022) and the treasury front end's
checks. XML from outside is read without entities, network or huge trees; what does not agree with
itself is refused whole, as the receiver's own 签收失败 would.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money

ENCODING: Final = "GBK"
MOST_DETAILS: Final = 499  # the receiver refuses 500
MOST_BYTES: Final = 64 * 1024 * 1024
LONGEST_VOUCHER_NO: Final = 19
LONGEST_RETURN_REASON_BYTES: Final = 200
TAG: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")
HEAD: Final = ("Id", "AdmDivCode", "StYear", "VtCode", "VouDate", "VoucherNo")


class MofRefused(Refused):
    """An envelope or voucher that breaks the protocol; its sentence is the reason of 签收失败."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MofVoucher:
    """One voucher: its keys, its head fields and its details, as texts in the treasury's names."""

    adm_div_code: str
    st_year: str
    vt_code: str
    voucher_no: str
    fields: Mapping[str, str] = field(default_factory=dict)
    details: tuple[Mapping[str, str], ...] = ()
    is_receipt: bool = False
    return_reason: str = ""


def seal(vouchers: Sequence[MofVoucher]) -> bytes:
    """The envelope's bytes. Raises MofRefused for what GBK or the receiver cannot hold."""
    root = etree.Element("MOF")
    etree.SubElement(root, "VoucherCount").text = str(len(vouchers))
    for one in vouchers:
        check(one)
        body = etree.SubElement(
            root,
            "VoucherBody",
            AdmDivCode=one.adm_div_code,
            StYear=one.st_year,
            VtCode=one.vt_code,
            VoucherNo=one.voucher_no,
        )
        etree.SubElement(body, "VoucherFlag").text = "1" if one.is_receipt else "0"
        etree.SubElement(body, "Return_Reason").text = one.return_reason
        etree.SubElement(body, "Attach")
        etree.SubElement(body, "Voucher").text = base64.b64encode(_inner(one)).decode("ascii")
    return _bytes(root)


def unseal(content: bytes) -> tuple[MofVoucher, ...]:
    """Every voucher of an envelope, checked against its own envelope and by its own rules.

    Raises:
        MofRefused: not XML, a DTD, a wrong count, attributes and inner voucher that do not agree,
            or a voucher that breaks a rule.
    """
    root = _parsed(content)
    if root.tag != "MOF":
        raise MofRefused("报文根元素不是 MOF。")
    bodies = root.findall("VoucherBody")
    if root.findtext("VoucherCount", "") != str(len(bodies)):
        raise MofRefused("VoucherCount 与凭证个数不一致。")
    found = []
    for body in bodies:
        try:
            inner = base64.b64decode(body.findtext("Voucher", ""), validate=True)
        except binascii.Error:
            raise MofRefused("凭证内容不是 BASE64。") from None
        one = _voucher(body, _parsed(inner))
        check(one)
        found.append(one)
    return tuple(found)


def check(one: MofVoucher) -> None:
    """The receiver's own checks, before sending and after receiving."""
    if not re.fullmatch(r"\d{6,9}", one.adm_div_code) or not re.fullmatch(r"\d{4}", one.st_year):
        raise MofRefused(f"凭证 {one.voucher_no} 的区划或年度不正确。")
    if not 1 <= len(one.voucher_no) <= LONGEST_VOUCHER_NO:
        raise MofRefused(f"凭证号“{one.voucher_no}”应为 1 至 {LONGEST_VOUCHER_NO} 位。")
    if len(one.return_reason.encode(ENCODING, "replace")) > LONGEST_RETURN_REASON_BYTES:
        raise MofRefused("退回原因超过 200 字节。")
    if len(one.details) > MOST_DETAILS:
        raise MofRefused(f"凭证 {one.voucher_no} 明细 {len(one.details)} 条，应少于 500 条。")
    rule = SUMS.get(one.vt_code)
    if rule is None or not one.details:
        return
    ids = [detail.get("Id", "") for detail in one.details]
    if "" in ids or len(set(ids)) != len(ids):
        raise MofRefused(f"凭证 {one.voucher_no} 的明细 Id 缺失或重复。")
    head, part = rule
    if one.is_receipt and one.vt_code == "8207":
        head, part = "XSumAmt", "XPayAmt"
    total = sum(fen_of(detail.get(part, "")) for detail in one.details)
    if fen_of(one.fields.get(head, "")) != total:
        raise MofRefused(f"凭证 {one.voucher_no} 主单金额与明细累计金额不相等。")


# which head field is the sum of which detail field
SUMS: Final = {
    "8207": ("SumAmt", "PayAmt"),
    "2203": ("PayAmt", "PayAmt"),
    "2252": ("PayAmt", "PayAmt"),
}


def fen_of(text: str) -> int:
    """Yuan with two decimals to fen; refunds may be negative."""
    if not re.fullmatch(r"-?\d{1,13}\.\d{2}", text):
        raise MofRefused(f"金额“{text}”应为两位小数。")
    return Money.from_yuan(text).fen


def yuan_of(fen: int) -> str:
    return f"{Money(fen).yuan:.2f}"


def _inner(one: MofVoucher) -> bytes:
    root = etree.Element("Voucher")
    head = {
        "AdmDivCode": one.adm_div_code,
        "StYear": one.st_year,
        "VtCode": one.vt_code,
        "VoucherNo": one.voucher_no,
    }
    ordered = {name: head.get(name, one.fields.get(name, "")) for name in HEAD}
    for name, text in (ordered | {k: v for k, v in one.fields.items() if k not in ordered}).items():
        _put(root, name, text)
    if one.details:
        details = etree.SubElement(root, "DetailList")
        for detail in one.details:
            row = etree.SubElement(details, "Detail")
            for name, text in detail.items():
                _put(row, name, text)
    return _bytes(root)


def _put(parent: etree._Element, name: str, text: str) -> None:
    if TAG.fullmatch(name) is None:
        raise MofRefused(f"“{name}”不能作为元素名。")
    try:
        text.encode(ENCODING)
    except UnicodeEncodeError as error:
        odd = text[error.start : error.end]
        raise MofRefused(f"{name} 中的“{odd}”无法用 GBK 表示，请更正后再发。") from None
    etree.SubElement(parent, name).text = text


def _bytes(root: etree._Element) -> bytes:
    out = io.BytesIO()
    etree.ElementTree(root).write(out, encoding=ENCODING, xml_declaration=True)
    return out.getvalue()


def _parsed(content: bytes) -> etree._Element:
    if len(content) > MOST_BYTES:
        raise MofRefused("报文过大，未接收。")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise MofRefused("报文不是完整的 XML。") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise MofRefused("报文带有 DTD，不予接收。")
    return root


def _voucher(body: etree._Element, inner: etree._Element) -> MofVoucher:
    if inner.tag != "Voucher":
        raise MofRefused("凭证根元素不是 Voucher。")
    fields = {str(one.tag): one.text or "" for one in inner if one.tag != "DetailList"}
    for name in ("AdmDivCode", "StYear", "VtCode", "VoucherNo"):
        if body.get(name, "") != fields.get(name, ""):
            raise MofRefused(f"信封与凭证内的 {name} 不一致，不能签收。")
    keys = {"AdmDivCode", "StYear", "VtCode", "VoucherNo"}
    return MofVoucher(
        adm_div_code=fields["AdmDivCode"],
        st_year=fields["StYear"],
        vt_code=fields["VtCode"],
        voucher_no=fields["VoucherNo"],
        fields={name: text for name, text in fields.items() if name not in keys},
        details=tuple(
            {str(cell.tag): cell.text or "" for cell in detail}
            for detail in inner.findall("DetailList/Detail")
        ),
        is_receipt=body.findtext("VoucherFlag", "") == "1",
        return_reason=body.findtext("Return_Reason", "") or "",
    )
