"""`<MOF>` by files: a 5201 with its 8207s is an application; its 回单, 2203 and 2252 tell its fate,
3588 its day.

Own reading and writing of the envelope: this program shares no code with the platform.
"""

from __future__ import annotations

import base64
import io
import json
import sqlite3
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from lxml import etree

from simulators.budget import office, recon
from simulators.loopback import Fault, Json, now

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS mof (tracking_id TEXT PRIMARY KEY, heads TEXT NOT NULL,"
    " lists TEXT NOT NULL);"
)
KEYS: Final = ("AdmDivCode", "StYear", "VtCode", "VoucherNo")
# head fields, flag, reason of a return, and the details where there are any
Voucher = tuple[Any, ...]


def is_ours(db: sqlite3.Connection, tracking_id: str) -> bool:
    """Whether this application came in an envelope."""
    return (
        db.execute("SELECT 1 FROM mof WHERE tracking_id = ?", (tracking_id,)).fetchone() is not None
    )


def take_in(db: sqlite3.Connection, path: Path, told: Path, tick_s: float) -> None:
    """签收 of one envelope: an application of all its 5201s, with the persons of its 8207s."""
    root = etree.fromstring(path.read_bytes(), recon.parser())
    bodies = root.findall("VoucherBody")
    inners = [recon.signed_for(body) for body in bodies]
    if checks := [one for one in inners if one.findtext("VtCode") == "3588"]:
        _answered(db, checks)
        return
    heads = [_fields(one) for one in inners if one.findtext("VtCode") in {"5201", "5207"}]
    persons = [
        {cell.tag: cell.text or "" for cell in one}
        for inner in inners
        if inner.findtext("VtCode") == "8207"
        for one in inner.findall("DetailList/Detail")
    ]
    first, tracking_id = heads[0], heads[0]["Hold1"]
    lists = {  # person → the 8207 and the 5201 that name him
        one.findtext("Id"): [inner.findtext("VoucherNo"), inner.findtext("OriginalVoucherNo")]
        for inner in inners
        if inner.findtext("VtCode") == "8207"
        for one in inner.findall("DetailList/Detail")
    }
    kept = (tracking_id, json.dumps(heads), json.dumps(lists))
    db.execute("INSERT OR REPLACE INTO mof VALUES (?, ?, ?)", kept)
    asked = {
        "tracking_id": tracking_id, "bgt_id": first["FileNo"],
        "mof_div_code": f"{first['AdmDivCode']}000", "fiscal_year": first["StYear"],
        "agency_code": first["AgencyCode"], "pro_code": first["DepProCode"],
        "use_des": first["PaySummaryName"], "payee_acct_no": first["PayeeAcctNo"],
        "payee_acct_name": first["PayeeAcctName"],
        "payee_acct_bank_name": first["PayeeAcctBankName"],
        "pay_app_amt_fen": sum(_fen(one["PayAmt"]) for one in heads),
        "manifest": {"batch_no": first["Hold2"]},
    }  # fmt: skip
    try:
        made = office.apply(db, asked, tick_s=tick_s)
        _persons(db, made["pay_app_no"], tracking_id, persons)
    except Fault as no:
        facts = {"XPayAppNo": "", "XStatus": "RETURNED"}
        _write(told, db, heads, f"{tracking_id}-no", facts, reason=no.reason)


def _persons(
    db: sqlite3.Connection, pay_app_no: str, tracking_id: str, persons: list[dict[str, str]]
) -> None:
    most = office.MOST_DETAILS
    parts = [persons[at : at + most] for at in range(0, len(persons), most)]
    for place, part in enumerate(parts, start=1):
        rows = [
            {
                "detail_id": one["Id"], "pay_amt_fen": _fen(one["PayAmt"]),
                "per_name": one["PayeeAcctName"], "payee_acct_no": one["PayeeAcctNo"],
                "tracking_id": tracking_id,
            }
            for one in part
        ]  # fmt: skip
        office.details(db, pay_app_no, {"rows": rows, "part": place, "parts": len(parts)})


def tell(db: sqlite3.Connection, one: Json, told: Path) -> bool:
    """The 回单 of what has happened since, each once; True where something was new."""
    row = db.execute(
        "SELECT heads, lists FROM mof WHERE tracking_id = ?", (one["tracking_id"],)
    ).fetchone()
    heads, lists = json.loads(row["heads"]), json.loads(row["lists"])
    status, number = one["status"], one["pay_app_no"]
    seen = status if status in {"SUBMITTED", "RETURNED"} else "APPROVED"
    facts = {"XPayAppNo": number, "XStatus": seen, "XWithdrawn": str(int(one["is_withdrawn"]))}
    words = [(seen, facts, one["return_reason"])]
    if one["pay_cert_no"]:
        voucher = facts | {"XPayCertNo": one["pay_cert_no"], "XVouDate": one["vou_date"]}
        words.append(("V", voucher, ""))
        if one["xpay_amt_fen"]:
            paid = {"XPayDate": one["xpay_date"], "XAgentBusinessNo": one["agent_business_no"]}
            words.append(("P", voucher | paid, ""))
    fresh = False
    for which, said, reason in words:
        fresh |= _write(told, db, heads, f"{number}-{which}", said, reason=reason)
    for back in one["refunds"]:
        fresh |= _refund(told, db, heads[0], lists, number, back)
    return fresh


def _write(
    told: Path, db: sqlite3.Connection, heads: list[dict[str, str]], key: str,
    facts: Mapping[str, str], *, reason: str = "",
) -> bool:  # fmt: skip
    if not _is_new(db, key):
        return False
    vouchers = [
        head | dict(facts) | ({"XPayAmt": head["PayAmt"]} if "XPayDate" in facts else {})
        for head in heads
    ]
    _send(told, db, heads[0]["AdmDivCode"], [(one, "1", reason) for one in vouchers])
    return True


def _refund(
    told: Path, db: sqlite3.Connection, head: dict[str, str], lists: dict[str, list[str]],
    number: str, back: Json,
) -> bool:  # fmt: skip
    """2203 直接支付退款通知书, negative, names what it undoes; with it go the bank's 2252, one of
    each 8207 whose rows came back.
    """
    if not _is_new(db, f"{number}-R-{back['refund_no']}"):
        return False
    place = db.execute("SELECT count(*) FROM told").fetchone()[0]
    fields = {name: head[name] for name in ("AdmDivCode", "StYear", "Hold1")} | {
        "VtCode": "2203", "VoucherNo": f"T{place:018d}", "OriBillNo": head["VoucherNo"],
        "PayAmt": f"{Decimal(-back['amount_fen']) / 100:.2f}", "XPayAppNo": number,
        "Remark": str(back["reason"]), "XRefundTime": str(back["at"]),
    }  # fmt: skip
    rows = db.execute(
        "SELECT rows FROM refund WHERE refund_no = ?", (back["refund_no"],)
    ).fetchone()
    notices = _bank_notices(fields, lists, json.loads(rows["rows"]), str(back["reason"]))
    _send(told, db, head["AdmDivCode"], [(fields, "0", ""), *notices])
    return True


def _bank_notices(
    notice: dict[str, str], lists: dict[str, list[str]], rows: list[Json], reason: str
) -> list[Voucher]:
    """2252 收款银行退款通知: one for each 8207, its rows under the Ids that they came with."""
    by_list: dict[tuple[str, str], list[Json]] = {}
    for row in rows:
        if row["detail_id"] in lists:
            list_no, head_no = lists[row["detail_id"]]
            by_list.setdefault((list_no, head_no), []).append(row)
    found: list[Voucher] = []
    for place, ((list_no, head_no), own) in enumerate(sorted(by_list.items()), start=1):
        fields = notice | {
            "VtCode": "2252", "VoucherNo": f"B{notice['VoucherNo'][4:]}{place:03d}",
            "OriBillNo": list_no, "OriginalVoucherNo": head_no,
            "XRefundNo": notice["VoucherNo"], "PayAmt": _minus(sum(r["amount_fen"] for r in own)),
        }  # fmt: skip
        details = [
            {"Id": row["detail_id"], "PayAmt": _minus(row["amount_fen"]), "Remark": reason}
            for row in own
        ]
        found.append((fields, "0", "", details))
    return found


def reconcile(db: sqlite3.Connection, told: Path, county: str, day: str, held: Json) -> None:
    """B15 as 3588, an application a row, in packs of under 500. As of now: asked again, again."""
    rows, most = held["rows"], office.MOST_DETAILS
    packs = [rows[at : at + most] for at in range(0, len(rows), most)]
    total = _yuan(sum(row["xpay_amt_fen"] for row in rows))
    vouchers: list[Voucher] = []
    for place, pack in enumerate(packs, start=1):
        fields = {
            "AdmDivCode": county, "StYear": day[:4], "VtCode": "3588",
            "VoucherNo": f"C{day.replace('-', '')}{place:04d}", "VoucherCheckNo": held["check_no"],
            "ChildPackNum": str(len(packs)), "CurPackNo": str(place), "BeginDate": day,
            "EndDate": day, "AllNum": str(len(rows)), "AllAmt": total, "XDiffNum": "0",
        }  # fmt: skip
        details = [
            {
                "Id": row["tracking_id"], "PayAmt": _yuan(row["xpay_amt_fen"]), "XCheckResult": "",
                "XCheckReason": "", "Hold1": row["pay_app_no"], "Hold2": row["pay_cert_no"],
                "Hold3": _yuan(row["pay_app_amt_fen"]), "Hold4": _yuan(row["refunded_fen"]),
            }
            for row in pack
        ]  # fmt: skip
        vouchers.append((fields, "0", "", details))
    _is_new(db, f"3588|{held['check_no']}|{now().isoformat()}")
    _send(told, db, county, vouchers)


def _answered(db: sqlite3.Connection, checks: list[etree._Element]) -> None:
    """The platform's 回单 of a 3588: what it says of each row."""
    for one in checks:
        rows = [
            {
                "tracking_id": row.findtext("Id"), "result": row.findtext("XCheckResult"),
                "reason": row.findtext("XCheckReason") or "",
            }
            for row in one.findall("DetailList/Detail")
        ]  # fmt: skip
        recon.answered(db, one.findtext("VoucherCheckNo", ""), {"rows": rows})


def _send(told: Path, db: sqlite3.Connection, county: str, vouchers: Sequence[Voucher]) -> None:
    root = etree.Element("MOF")
    etree.SubElement(root, "VoucherCount").text = str(len(vouchers))
    for fields, flag, reason, *more in vouchers:
        body = etree.SubElement(root, "VoucherBody", {name: fields[name] for name in KEYS})
        etree.SubElement(body, "VoucherFlag").text = flag
        etree.SubElement(body, "Return_Reason").text = reason
        etree.SubElement(body, "Attach")
        inner = etree.Element("Voucher")
        for name, text in fields.items():
            etree.SubElement(inner, name).text = text
        if more:
            listed = etree.SubElement(inner, "DetailList")
            for row in more[0]:
                detail = etree.SubElement(listed, "Detail")
                for name, text in row.items():
                    etree.SubElement(detail, name).text = text
        etree.SubElement(body, "Voucher").text = base64.b64encode(_bytes(inner)).decode("ascii")
    told.mkdir(parents=True, exist_ok=True)
    place = db.execute("SELECT count(*) FROM told").fetchone()[0]
    path = told / f"BGT_MOF_{county}_{now():%Y%m%d}_{place:08d}.xml"
    path.with_suffix(".tmp").write_bytes(_bytes(root))
    path.with_suffix(".tmp").rename(path)
    path.with_suffix(".ok").touch()


def _fields(inner: etree._Element) -> dict[str, str]:
    return {one.tag: one.text or "" for one in inner if one.tag != "DetailList"}


def _is_new(db: sqlite3.Connection, name: str) -> bool:
    return db.execute("INSERT OR IGNORE INTO told VALUES (?)", (f"MOF|{name}",)).rowcount == 1


def _fen(yuan: str) -> int:
    return int(Decimal(yuan) * 100)


def _yuan(fen: int) -> str:
    return f"{Decimal(fen) / 100:.2f}"


def _minus(fen: int) -> str:
    return _yuan(-fen)


def _bytes(root: etree._Element) -> bytes:
    out = io.BytesIO()
    etree.ElementTree(root).write(out, encoding="GBK", xml_declaration=True)
    return out.getvalue()
