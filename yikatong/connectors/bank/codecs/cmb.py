"""JSON in the manner of 招商银行's 超级代发: BB6BTHHL 经办, BB6DTLQY 明细, BB6RFDQY 退票.

Field names from the public SDK and manuals: YURREF is our key, NTFINF the 22-character note,
STSCOD A/I 处理中 E 失败 S 成功. Amounts are yuan as text. What is personal is sealed as everywhere.
"""

from __future__ import annotations

from typing import Any, Final

from yikatong.connectors.bank import refusals
from yikatong.connectors.bank.codecs import sealing
from yikatong.connectors.bank.codecs.base import Page, added_up, content_digest, rows_from
from yikatong.connectors.bank.codecs.json_api import as_bytes, as_object, rows_of
from yikatong.connectors.bank.lines import values_of, yuan
from yikatong.connectors.bank.messages import ROW_OF, Msg
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.ports import Envelope
from yikatong.connectors.bank.profiles import BankProfile
from yikatong.connectors.bank.totals import sum_of

FUNCTION: Final = {Msg.PAY: "BB6BTHHL", Msg.RES: "BB6DTLQY", Msg.RET: "BB6RFDQY"}
RESULT: Final = {"S": "SUCCESS", "E": "FAILED", "A": "PENDING", "I": "PENDING", "C": "FAILED"}
PAY_FIELDS: Final = {
    "YURREF": "detail_id", "ACCNBR": "acct_no", "ACCNAM": "payee_name", "TRSAMT": "amount_fen",
    "TRSDSP": "summary", "NTFINF": "ntf_text", "RCVBNK": "bank_no12", "EACIDN": "id_no",
    "MOBNBR": "mobile",
}  # fmt: skip
ANSWER_FIELDS: Final = {
    Msg.RES: {
        "YURREF": "detail_id", "STSCOD": "result", "ERRCOD": "bank_reason_code",
        "ERRTXT": "bank_reason_text", "TRSAMT": "paid_fen", "TRSTIM": "paid_at",
        "BNKREF": "bank_serial", "ACCNBR": "actual_acct_no", "NTFSTS": "sms_status",
    },
    Msg.RET: {
        "YURREF": "detail_id", "TRSAMT": "amount_fen", "RTNCOD": "bank_reason_code",
        "RTNTXT": "bank_reason_text", "BNKREF": "bank_serial", "RTNTIM": "returned_at",
    },
}  # fmt: skip
LIST: Final = {Msg.PAY: "BB6DTLX1", Msg.RES: "BB6DTLQYZ1", Msg.RET: "NTAGDRFD"}


class CmbJson:
    ending = "json"

    def write(self, page: Page, profile: BankProfile, envelope: Envelope) -> tuple[bytes, str]:
        name = page.name
        table = values_of(page.rows, profile.encoding, profile.lengths)
        key = envelope.new_field_key()
        chosen = {field: table[field] for field in PAY_FIELDS.values()}
        rows = []
        for place, values in enumerate(zip(*chosen.values(), strict=True), start=1):
            row: dict[str, Any] = dict(zip(chosen, values, strict=True))
            hidden = sealing.hide(row, name.batch_no, key)
            bank_no = "Y" if not row["bank_no12"] else "N"
            rows.append(
                {"TRXSEQ": f"{place:08}", "BNKFLG": bank_no}
                | {theirs: hidden[ours] for theirs, ours in PAY_FIELDS.items()}
            )
        head = {"funcode": FUNCTION[name.msg], "reqid": name.key}
        body = {
            "BTHNBR": name.batch_no, "BEGTAG": _flag(yes=name.part == 1),
            "ENDTAG": _flag(yes=name.part == name.parts), "TTLNUM": str(page.count),
            "TTLAMT": yuan(page.amount_fen), "CURNUM": str(len(rows)),
            "CURAMT": yuan(sum_of(ROW_OF[name.msg], page.rows)),
            "REQNBR": f"{name.part:03}of{name.parts:03}",
            "created": page.created.isoformat(timespec="seconds"),
        }  # fmt: skip
        plain = as_bytes(
            {"request": {"head": head, "body": body | {LIST[name.msg]: rows}}}
            | {"dek": key.wrapped, "kid": key.kid}
        )
        return plain, content_digest(plain)

    def read(self, plain: bytes, name: PartName, profile: BankProfile, envelope: Envelope) -> Page:
        said = str(name)
        whole = as_object(plain, said)
        answer = whole.get("response")
        head = answer.get("head") if isinstance(answer, dict) else None
        body = answer.get("body") if isinstance(answer, dict) else None
        if not isinstance(head, dict) or not isinstance(body, dict):
            raise refusals.BadRow(said, "缺少 response.head 或 response.body。")
        if (head.get("funcode"), body.get("BTHNBR")) != (FUNCTION[name.msg], name.batch_no):
            raise refusals.BadName(said, "接口或批次与地址不一致。")
        fields = ANSWER_FIELDS[name.msg]
        said_rows = body.get(LIST[name.msg])
        if not isinstance(said_rows, list):
            raise refusals.BadRow(said, "没有明细。")
        ours = [
            {fields[k]: v for k, v in row.items() if k in fields}
            for row in said_rows
            if isinstance(row, dict)
        ]
        found = rows_of(ours, whole, name, envelope)
        for row in found:
            if "result" in row:
                row["result"] = RESULT.get(row["result"], row["result"])
        rows = rows_from(ROW_OF[name.msg], found, said)
        total = sum_of(ROW_OF[name.msg], rows)
        added_up(said, str(body.get("TTLNUM", "")), str(body.get("TTLAMT", "")), rows, total)
        return Page(name, len(rows), total, name.made_at, rows, content_digest(plain))


def _flag(*, yes: bool) -> str:
    return "Y" if yes else "N"
