"""ISO 20022: pain.001.001.09 out (转账清单), pain.002.001.10 in (receipt and results).

Codes of pain.002 marked 待核 in the interface page are mapped as they are read; a bank's own
status words go into its profile's reasons.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from yikatong.connectors.bank import refusals
from yikatong.connectors.bank.codecs.base import Page, added_up, content_digest, rows_from
from yikatong.connectors.bank.codecs.xml import find, parsed, serialised, sub, text_at
from yikatong.connectors.bank.lines import values_of, yuan
from yikatong.connectors.bank.messages import ROW_OF, Msg
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.ports import Envelope
from yikatong.connectors.bank.profiles import BankProfile
from yikatong.connectors.bank.totals import sum_of

PAIN001: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
PAIN002: Final = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"
RESULT: Final = {
    "ACSC": "SUCCESS", "ACCC": "SUCCESS", "RJCT": "FAILED", "PDNG": "PENDING", "ACSP": "PENDING",
}  # fmt: skip
GROUP: Final = {"ACTC": "ACCEPTED", "ACCP": "ACCEPTED", "RJCT": "REJECTED"}
ENCODING: Final = "utf-8"


class Iso20022:
    ending = "xml"

    def write(self, page: Page, profile: BankProfile, envelope: Envelope) -> tuple[bytes, str]:
        table = values_of(page.rows, profile.encoding, profile.lengths)
        total = yuan(sum_of(ROW_OF[page.name.msg], page.rows))
        root = etree.Element("Document", nsmap={None: PAIN001})  # type: ignore[dict-item]
        order = sub(root, "CstmrCdtTrfInitn")
        head = sub(order, "GrpHdr")
        reference = f"{page.name.batch_no}-{page.name.part:03}of{page.name.parts:03}"
        sub(head, "MsgId", reference)
        sub(head, "CreDtTm", page.created.isoformat(timespec="seconds"))
        sub(head, "NbOfTxs", str(len(page.rows)))
        sub(head, "CtrlSum", total)
        sub(sub(head, "InitgPty"), "Nm", f"区划{page.name.county}")
        payment = sub(order, "PmtInf")
        sub(payment, "PmtInfId", reference)
        sub(payment, "PmtMtd", "TRF")
        sub(sub(payment, "ReqdExctnDt"), "Dt", page.created.date().isoformat())
        for values in zip(*table.values(), strict=True):
            _transfer(payment, dict(zip(table, values, strict=True)))
        plain = serialised(root, ENCODING)
        return plain, content_digest(plain)

    def read(self, plain: bytes, name: PartName, profile: BankProfile, envelope: Envelope) -> Page:
        said = str(name)
        root = parsed(plain, said)
        report = find(root, "CstmrPmtStsRpt", said)
        group = find(report, "OrgnlGrpInfAndSts", said)
        if not text_at(group, "OrgnlMsgId").startswith(name.batch_no):
            raise refusals.BadName(said, "文件名与所回的批次不一致。")
        if name.msg is Msg.ACK:
            found = [_receipt(group)]
        else:
            found = [_result(one) for one in report.iterfind(".//{*}TxInfAndSts")]
        rows = rows_from(ROW_OF[name.msg], found, said)
        total = sum_of(ROW_OF[name.msg], rows)
        if name.msg is Msg.RES:
            head = find(report, "GrpHdr", said)
            # the report's own head carries the control figures of its transactions (拟)
            count, amount = text_at(head, "NbOfTxs"), text_at(head, "CtrlSum")
            added_up(said, count, amount, rows, total)
        return Page(name, len(rows), total, name.made_at, rows, content_digest(plain))


def _transfer(payment: etree._Element, row: dict[str, str]) -> None:
    one = sub(payment, "CdtTrfTxInf")
    sub(sub(one, "PmtId"), "EndToEndId", row["detail_id"])
    amount = sub(sub(one, "Amt"), "InstdAmt", row["amount_fen"])
    amount.set("Ccy", row["currency"])
    if row["bank_no12"]:
        member = sub(sub(sub(one, "CdtrAgt"), "FinInstnId"), "ClrSysMmbId")
        sub(member, "MmbId", row["bank_no12"])
    creditor = sub(one, "Cdtr")
    sub(creditor, "Nm", row["payee_name"])
    sub(sub(sub(sub(creditor, "Id"), "PrvtId"), "Othr"), "Id", row["id_no"])
    sub(sub(sub(sub(one, "CdtrAcct"), "Id"), "Othr"), "Id", row["acct_no"])
    if row["sms_text"] or row["ntf_text"]:
        sub(sub(one, "InstrForCdtrAgt"), "InstrInf", row["sms_text"] or row["ntf_text"])
    sub(sub(one, "RmtInf"), "Ustrd", row["summary"])


def _receipt(group: etree._Element) -> dict[str, str]:
    status = text_at(group, "GrpSts")
    part = text_at(group, "OrgnlMsgId").rpartition("-")[2].partition("of")[0]
    # instructions have no form of their own here: their receipt names the message itself (拟)
    original = text_at(group, "OrgnlMsgNmId")
    return {
        "for_msg": "PAY" if original.startswith("pain.001") else original,
        "for_part": str(int(part)) if part.isdecimal() else "",
        "status": GROUP.get(status, status),
        "code": text_at(group, "StsRsnInf/Rsn/Prtry"),
        "reason": text_at(group, "StsRsnInf/AddtlInf"),
        "count": text_at(group, "OrgnlNbOfTxs"),
        "amount_fen": text_at(group, "OrgnlCtrlSum"),
    }


def _result(one: etree._Element) -> dict[str, str]:
    status = text_at(one, "TxSts")
    result = RESULT.get(status, status)
    return {
        "detail_id": text_at(one, "OrgnlEndToEndId"),
        "result": result,
        "bank_reason_code": text_at(one, "StsRsnInf/Rsn/Cd") or text_at(one, "StsRsnInf/Rsn/Prtry"),
        "bank_reason_text": text_at(one, "StsRsnInf/AddtlInf"),
        "paid_fen": text_at(one, "OrgnlTxRef/Amt/InstdAmt") if result == "SUCCESS" else "0.00",
        "paid_at": text_at(one, "AccptncDtTm"),
        "bank_serial": text_at(one, "AcctSvcrRef"),
    }
