"""B15 and the `<MOF>` envelope: what this side holds, and the receipts that it gives."""

from __future__ import annotations

import base64
import binascii
import copy
import io
import sqlite3
from decimal import Decimal, InvalidOperation
from typing import Final

from lxml import etree

from simulators.budget import faults
from simulators.loopback import Fault, Json

MOST_DETAILS: Final = 499
KEYS: Final = ("AdmDivCode", "StYear", "VtCode", "VoucherNo")


def held(db: sqlite3.Connection, mof_div_code: str, day: str) -> Json:
    """Applications of a county that were vouchered on or before the day, with their sums."""
    off = faults.take(db, "recon_difference", mof_div_code)
    found = db.execute(
        "SELECT tracking_id, pay_app_no, pay_cert_no, status, pay_app_amt_fen, xpay_amt_fen,"
        " coalesce((SELECT sum(r.amount_fen) FROM refund r WHERE r.pay_app_no = a.pay_app_no), 0)"
        " AS refunded_fen FROM application a"
        " WHERE mof_div_code = ? AND vou_date <> '' AND vou_date <= ? ORDER BY pay_app_no",
        (mof_div_code, day),
    ).fetchall()
    rows = [dict(row) for row in found]
    if off is not None and rows:
        rows[0]["xpay_amt_fen"] += int(off.get("by_fen", 1))
    check_no = f"DZ{mof_div_code}{day.replace('-', '')}"
    return {"check_no": check_no, "rows": rows}


def answered(db: sqlite3.Connection, check_no: str, asked: Json) -> Json:
    """What the platform says of each row: 0 相符, 1 不符 with a reason. Kept for the tests."""
    for row in asked["rows"]:
        if row["result"] not in {"0", "1"} or (row["result"] == "1" and not row["reason"]):
            raise Fault(422, "E-RECON", "每行应为 0 相符，或 1 不符并写明原因。")
        db.execute(
            "INSERT OR REPLACE INTO recon VALUES (?, ?, ?, ?)",
            (check_no, row["tracking_id"], row["result"], row["reason"]),
        )
    return {"check_no": check_no, "count": len(asked["rows"])}


def receipts(db: sqlite3.Connection, asked: Json) -> Json:
    """签收: each 8207 is paid line by line and comes back as 回单; the first check that fails
    refuses the envelope whole.
    """
    try:
        root = etree.fromstring(base64.b64decode(asked["envelope"], validate=True), parser())
    except (KeyError, TypeError, binascii.Error, etree.XMLSyntaxError):
        raise Fault(422, "E-MOF", "信封无法识别。") from None
    bodies = root.findall("VoucherBody")
    if root.findtext("VoucherCount") != str(len(bodies)):
        raise Fault(422, "E-COUNT", "VoucherCount 与凭证个数不一致。")
    answer = etree.Element("MOF")
    etree.SubElement(answer, "VoucherCount").text = str(len(bodies))
    mismatch = faults.take(db, "voucher_no_mismatch")
    for body in bodies:
        inner = signed_for(body)
        back = copy.deepcopy(body)
        _set(back, "VoucherFlag", "1")
        if mismatch is not None:
            _set(inner, "VoucherNo", "X" + (inner.findtext("VoucherNo") or ""))
        _set(back, "Voucher", base64.b64encode(_bytes(inner)).decode("ascii"))
        answer.append(back)
    return {"envelope": base64.b64encode(_bytes(answer)).decode("ascii")}


def signed_for(body: etree._Element) -> etree._Element:
    inner = etree.fromstring(base64.b64decode(body.findtext("Voucher", "")), parser())
    for name in KEYS:
        if body.get(name) != inner.findtext(name):
            raise Fault(422, "E-VOUCHERNO", f"信封与凭证内的 {name} 不一致，不能签收。")
    details = inner.findall("DetailList/Detail")
    if len(details) > MOST_DETAILS:
        raise Fault(422, "E-ROWS", "明细应少于 500 条，不能签收。")
    if inner.findtext("VtCode") != "8207":
        return inner
    total = sum((_yuan(one.findtext("PayAmt", "")) for one in details), Decimal(0))
    if total != _yuan(inner.findtext("SumAmt", "")):
        raise Fault(422, "E-SUM", "主单金额与明细累计金额不相等。")
    _set(inner, "XSumAmt", f"{total:.2f}")
    for one in details:
        _set(one, "XPayAmt", one.findtext("PayAmt", ""))
        _set(one, "XAddWord", "")
    return inner


def _yuan(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Fault(422, "E-AMOUNT", f"金额“{text}”不正确。") from None


def _set(parent: etree._Element, name: str, text: str) -> None:
    found = parent.find(name)
    if found is None:
        found = etree.SubElement(parent, name)
    found.text = text


def parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)


def _bytes(root: etree._Element) -> bytes:
    out = io.BytesIO()
    etree.ElementTree(root).write(out, encoding="GBK", xml_declaration=True)
    return out.getvalue()
