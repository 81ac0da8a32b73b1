"""What the banks' own layouts look like from the bank's side: payouts are read, answers written.

Written from the interface page (§2.7, §2.8, §6) and the folders' READMEs, not from the platform.
Writers take `count` and `amount` apart from the rows, because a fault may tell them wrongly.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Sequence
from typing import Any, Final
from xml.etree import ElementTree as ET

from lxml import etree

from simulators.bank.crypto import Crypto, Unopenable
from simulators.bank.rows import FIELDS, BadFile, Name, Row, fen, to_bytes, to_text, yuan

HIDDEN: Final = ("id_no", "acct_no", "mobile", "actual_acct_no")
BROKEN: Final = (
    KeyError, TypeError, ValueError, IndexError, AttributeError, etree.XMLSyntaxError,
)  # fmt: skip
PAY_EMPTY: Final = dict.fromkeys(FIELDS["PAY"], "") | {"currency": "CNY", "id_type": "01"}
SHARED: Final = [*FIELDS["PAY"][2:8], "currency"]
ISO1: Final = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"
ISO2: Final = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"
RES_TEXT: Final = (
    "detail_id", "actual_acct_no", "paid_fen", "result", "bank_reason_code", "bank_reason_text",
    "bank_serial", "paid_at", "sms_status",
)  # fmt: skip
LETTER: Final = {"SUCCESS": "S", "FAILED": "F", "PENDING": "P", "RETURNED": "T"}
STATUS: Final = {"SUCCESS": "S", "FAILED": "E", "PENDING": "A"}
ISO_STATUS: Final = {"SUCCESS": "ACSC", "FAILED": "RJCT", "PENDING": "PDNG"}


def read_pay(layout: str, name: Name, plain: bytes, crypto: Crypto) -> tuple[int, int, list[Row]]:
    """Count and fen of the whole as told (of the part, where the layout tells no more), and rows.
    Raises BadFile.
    """
    try:
        return READERS[layout](name, plain, crypto)
    except BROKEN as error:
        raise BadFile("E-ROW", f"报文缺少内容或写法不对（{type(error).__name__}）。") from None


def _read_txt(name: Name, plain: bytes, crypto: Crypto) -> tuple[int, int, list[Row]]:
    lines = to_text(plain, crypto.profile.encoding).split("\r\n")
    if lines[-2:] != ["########", ""]:
        raise BadFile("E-TRAILER", "没有结束行。")
    letter, count, amount = lines[0].split("|")
    if letter != "P":
        raise BadFile("E-NAME", "首行不是批量代发。")
    rows: list[Row] = []
    for line in lines[1:-2]:
        detail, acct, payee, money, summary, memo = line.split("|")
        rows.append(
            PAY_EMPTY
            | {"detail_id": detail, "acct_no": acct, "payee_name": payee, "sms_text": memo}
            | {"amount_fen": fen(money), "summary": summary, "seq": len(rows) + 1}
        )
    return int(count), int(amount), rows


def _tree(content: bytes | str) -> Any:
    """XML from outside: no entities, no network, no huge trees."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    return etree.fromstring(content, parser)


def _read_voucher(name: Name, plain: bytes, crypto: Crypto) -> tuple[int, int, list[Row]]:
    body = _tree(plain).find("VoucherBody")
    inner = _tree(base64.b64decode(body.findtext("Voucher")).decode("gbk").split("?>")[-1])
    if body.get("VoucherNo") != inner.findtext("VoucherNo") or body.get("VtCode") != "8207":
        raise BadFile("E-NAME", "凭证号内外不一致。")
    if inner.findtext("Hold1") != name.batch_no:
        raise BadFile("E-NAME", "文件名与凭证不一致。")
    rows: list[Row] = []
    for one in inner.iterfind("DetailList/Detail"):
        said = {child.tag: child.text or "" for child in one}
        rows.append(
            PAY_EMPTY
            | {"detail_id": said["Id"], "acct_no": said["PayeeAcctNo"], "id_no": said["Hold1"]}
            | {"payee_name": said["PayeeAcctName"], "amount_fen": fen(said["PayAmt"])}
            | {"summary": said["Remark"], "sms_text": said["Hold2"], "mobile": said["Hold3"]}
            | {"orig_detail_id": said["Hold4"], "seq": len(rows) + 1}
        )
    if len(rows) >= 500:  # noqa: PLR2004 — the receiver's own rule
        raise BadFile("E-COUNT", "明细应少于 500 笔。")
    return len(rows), fen(inner.findtext("SumAmt")), rows


def _read_pain(name: Name, plain: bytes, crypto: Crypto) -> tuple[int, int, list[Row]]:
    order = _tree(plain)[0]
    head = order.find(f"{ISO1}GrpHdr")
    if not head.findtext(f"{ISO1}MsgId").startswith(name.batch_no):
        raise BadFile("E-NAME", "文件名与报文不一致。")
    rows: list[Row] = []
    for one in order.iter(f"{ISO1}CdtTrfTxInf"):

        def at(path: str, node: Any = one) -> str:
            return node.findtext("/".join(ISO1 + step for step in path.split("/"))) or ""

        rows.append(
            PAY_EMPTY
            | {"detail_id": at("PmtId/EndToEndId"), "amount_fen": fen(at("Amt/InstdAmt"))}
            | {"payee_name": at("Cdtr/Nm"), "id_no": at("Cdtr/Id/PrvtId/Othr/Id")}
            | {"acct_no": at("CdtrAcct/Id/Othr/Id"), "summary": at("RmtInf/Ustrd")}
            | {"sms_text": at("InstrForCdtrAgt/InstrInf"), "seq": len(rows) + 1}
        )
    return int(head.findtext(f"{ISO1}NbOfTxs")), fen(head.findtext(f"{ISO1}CtrlSum")), rows


def _read_cmb(name: Name, plain: bytes, crypto: Crypto) -> tuple[int, int, list[Row]]:
    whole = json.loads(plain)
    head, body = whole["request"]["head"], whole["request"]["body"]
    if (head["funcode"], body["BTHNBR"]) != ("BB6BTHHL", name.batch_no):
        raise BadFile("E-NAME", "接口或批次不一致。")
    rows: list[Row] = [
        PAY_EMPTY
        | {"detail_id": one["YURREF"], "seq": int(one["TRXSEQ"]), "acct_no": one["ACCNBR"]}
        | {"payee_name": one["ACCNAM"], "amount_fen": fen(one["TRSAMT"])}
        | {"summary": one["TRSDSP"], "ntf_text": one["NTFINF"], "id_no": one["EACIDN"]}
        | {"mobile": one["MOBNBR"]}
        for one in body["BB6DTLX1"]
    ]
    if body["CURNUM"] != str(len(rows)):
        raise BadFile("E-COUNT", "本包笔数不一致。")
    return int(body["TTLNUM"]), fen(body["TTLAMT"]), shown(rows, whole, name, crypto)


def read_json(name: Name, plain: bytes, crypto: Crypto) -> tuple[int, int, list[Row]]:
    """Any message of ours in the canonical JSON."""
    body = json.loads(plain)
    if (body["msg"], body["batch_no"], body["part"]) != (name.msg, name.batch_no, name.part):
        raise BadFile("E-NAME", "报文与地址不一致。")
    shared = {field: body[field] for field in SHARED if field in body}
    rows = [dict.fromkeys(FIELDS[name.msg], "") | shared | row for row in body["rows"]]
    for row in rows:
        if any(field.endswith("_fen") and type(row[field]) is not int for field in row):
            raise BadFile("E-ROW", "金额应为整数（分）。")
    return body["count"], body["amount_fen"], shown(rows, body, name, crypto)


def shown(rows: list[Row], whole: Row, name: Name, crypto: Crypto) -> list[Row]:
    """Personal fields opened; in clear they are refused."""
    if not any(row.get(field) for row in rows for field in HIDDEN):
        return rows
    try:
        key = crypto.unwrap(whole["dek"])
        for row in rows:
            who = row.get("detail_id") or row.get("verify_id") or ""
            for field in HIDDEN:
                if row.get(field):
                    row[field] = crypto.show(key, row[field], f"{name.batch_no}|{who}|{field}")
    except (Unopenable, KeyError):
        raise BadFile("E-DECRYPT", "个人信息无法解密。") from None
    return rows


def hidden(rows: Sequence[Row], batch_no: str, crypto: Crypto) -> tuple[list[Row], Row]:
    """Rows with their personal fields sealed, and the wrapped key beside them."""
    if not any(row.get(field) for row in rows for field in HIDDEN):
        return [dict(row) for row in rows], {}
    key = os.urandom(16)
    told = []
    for row in rows:
        who = row.get("detail_id") or row.get("verify_id") or ""
        told.append(
            {
                k: crypto.hide(key, v, f"{batch_no}|{who}|{k}") if k in HIDDEN and v else v
                for k, v in row.items()
            }
        )
    return told, {"dek": crypto.wrap(key), "kid": "bank"}


Writer = Callable[[str, str, Sequence[Row], int, int, Crypto], bytes]


def write_txt(
    msg: str, batch_no: str, rows: Sequence[Row], count: int, amount: int, crypto: Crypto
) -> bytes:
    fields = FIELDS["ACK"] if msg == "ACK" else RES_TEXT
    lines = [f"{'A' if msg == 'ACK' else 'R'}|{count}|{amount}"]
    for row in rows:
        told = row | ({"result": LETTER[row["result"]]} if msg == "RES" else {})
        values = [yuan(told[f]) if f.endswith("_fen") else _said(told.get(f)) for f in fields]
        lines.append("|".join(value.replace("|", "") for value in values))
    return to_bytes("\r\n".join([*lines, "########", ""]), crypto.profile.encoding)


def write_voucher(
    msg: str, batch_no: str, rows: Sequence[Row], count: int, amount: int, crypto: Crypto
) -> bytes:
    kind = "2252" if msg == "RET" else "8207"
    number = f"{batch_no[:3]}{batch_no[11:17]}{batch_no[17:]}001"
    inner = ET.Element("Voucher")
    _put(inner, Id=number, AdmDivCode=batch_no[3:9], VtCode=kind, VoucherNo=number, Hold1=batch_no)
    if msg == "RET":
        _put(inner, OriBillNo=number, PayAmt=f"-{yuan(amount)}")
    else:
        _put(inner, XSumAmt=yuan(amount))
    details = ET.SubElement(inner, "DetailList")
    for row in rows:
        one = ET.SubElement(details, "Detail")
        word, code = row.get("bank_reason_text", ""), row.get("bank_reason_code", "")
        common = {"Id": row["detail_id"], "XAgentBusinessNo": row.get("bank_serial") or ""}
        if msg == "RET":
            _put(one, **common, PayAmt=f"-{yuan(row['amount_fen'])}", Remark=word)
            _put(one, XAddWordCode=code, XPayDate=row["returned_at"])
        else:
            is_pending = "PENDING" if row["result"] == "PENDING" else ""
            _put(one, **common, XPayAmt=yuan(row["paid_fen"]), XAddWordCode=code, XAddWord=word)
            _put(one, XPayDate=row.get("paid_at") or "", Hold2=row.get("sms_status") or "")
            _put(one, XPayeeAcctNo=row.get("actual_acct_no") or "", Hold1=is_pending)
    outer = ET.Element("MOF")
    _put(outer, VoucherCount="1")
    body = ET.SubElement(outer, "VoucherBody", VtCode=kind, VoucherNo=number)
    voucher = base64.b64encode(ET.tostring(inner, encoding="gbk", xml_declaration=True)).decode()
    _put(body, VoucherFlag="1", Return_Reason="", Attach="", Voucher=voucher)
    return bytes(ET.tostring(outer, encoding="utf-8"))


def write_pain(
    msg: str, batch_no: str, rows: Sequence[Row], count: int, amount: int, crypto: Crypto
) -> bytes:
    root = ET.Element("Document", xmlns=ISO2)
    report = ET.SubElement(root, "CstmrPmtStsRpt")
    head = ET.SubElement(report, "GrpHdr")
    _put(head, MsgId=f"{batch_no}-{msg}", NbOfTxs=str(count), CtrlSum=yuan(amount))
    group = ET.SubElement(report, "OrgnlGrpInfAndSts")
    if msg == "ACK":
        (row,) = rows
        _put(group, OrgnlMsgId=f"{batch_no}-{int(row['for_part']):03}of001")
        original = "pain.001.001.09" if row["for_msg"] == "PAY" else row["for_msg"]
        _put(group, OrgnlMsgNmId=original, OrgnlNbOfTxs=str(row["count"]))
        _put(group, OrgnlCtrlSum=yuan(row["amount_fen"]))
        _put(group, GrpSts="ACTC" if row["status"] == "ACCEPTED" else "RJCT")
        if row["code"]:
            why = ET.SubElement(group, "StsRsnInf")
            _put(ET.SubElement(why, "Rsn"), Prtry=row["code"])
            _put(why, AddtlInf=row["reason"])
        return bytes(ET.tostring(root, encoding="utf-8"))
    _put(group, OrgnlMsgId=batch_no)
    payment = ET.SubElement(report, "OrgnlPmtInfAndSts")
    for row in rows:
        one = ET.SubElement(payment, "TxInfAndSts")
        _put(one, OrgnlEndToEndId=row["detail_id"], TxSts=ISO_STATUS[row["result"]])
        if row.get("bank_reason_code"):
            why = ET.SubElement(one, "StsRsnInf")
            _put(ET.SubElement(why, "Rsn"), Cd=row["bank_reason_code"])
            _put(why, AddtlInf=row.get("bank_reason_text", ""))
        if row.get("paid_at"):
            _put(one, AccptncDtTm=row["paid_at"])
        if row.get("bank_serial"):
            _put(one, AcctSvcrRef=row["bank_serial"])
        money = ET.SubElement(ET.SubElement(one, "OrgnlTxRef"), "Amt")
        _put(money, InstdAmt=yuan(row["paid_fen"]))
    return bytes(ET.tostring(root, encoding="utf-8"))


def write_cmb(
    msg: str, batch_no: str, rows: Sequence[Row], count: int, amount: int, crypto: Crypto
) -> bytes:
    sealed, key = hidden(rows, batch_no, crypto)
    told = []
    for row in sealed:
        one = {
            "YURREF": row["detail_id"], "BNKREF": row.get("bank_serial") or "",
            "TRSAMT": yuan(row["amount_fen" if msg == "RET" else "paid_fen"]),
        }  # fmt: skip
        code, text = row.get("bank_reason_code", ""), row.get("bank_reason_text", "")
        if msg == "RET":
            one |= {"RTNCOD": code, "RTNTXT": text, "RTNTIM": row["returned_at"]}
        else:
            one |= {"STSCOD": STATUS[row["result"]], "ERRCOD": code, "ERRTXT": text}
            one |= {"TRSTIM": row.get("paid_at") or "", "ACCNBR": row.get("actual_acct_no") or ""}
            one |= {"NTFSTS": row.get("sms_status") or ""}
        told.append(one)
    function, where = ("BB6RFDQY", "NTAGDRFD") if msg == "RET" else ("BB6DTLQY", "BB6DTLQYZ1")
    body = {"BTHNBR": batch_no, "TTLNUM": str(count), "TTLAMT": yuan(amount), where: told}
    return as_json({"response": {"head": {"funcode": function}, "body": body}} | key)


def _said(value: object) -> str:
    return "" if value is None else str(value)


def as_json(content: Row) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


def _put(parent: ET.Element, **values: str) -> None:
    for tag, text in values.items():
        ET.SubElement(parent, tag).text = text


READERS: Final[dict[str, Callable[[Name, bytes, Crypto], tuple[int, int, list[Row]]]]] = {
    "txt": _read_txt,
    "voucher8207": _read_voucher,
    "iso20022": _read_pain,
    "cmb": _read_cmb,
    "json": read_json,
}
WRITERS: Final[dict[str, Writer]] = {
    "txt": write_txt,
    "voucher8207": write_voucher,
    "iso20022": write_pain,
    "cmb": write_cmb,
}
