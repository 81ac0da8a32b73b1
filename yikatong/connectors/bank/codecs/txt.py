"""A text file as 民生's branches take it: ``P|笔数|总金额(分)``, bare rows, ``########``, `\\r\\n`.

Rows are 流水号|帐号|户名|金额(元)|摘要|备注. The bank answers in the same manner: `A` for the
receipt, `R` for results. Shapes from public descriptions; the answers' columns are ours (拟).
"""

from __future__ import annotations

from typing import Final

from yikatong.connectors.bank import refusals
from yikatong.connectors.bank.codecs.base import Page, content_digest, rows_from
from yikatong.connectors.bank.lines import decoded, encoded, values_of, whole
from yikatong.connectors.bank.messages import ROW_OF, Msg
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.ports import Envelope
from yikatong.connectors.bank.profiles import BankProfile
from yikatong.connectors.bank.totals import sum_of

END: Final = "########"
LETTER: Final = {Msg.PAY: "P", Msg.ACK: "A", Msg.RES: "R"}
FIELDS: Final = {
    Msg.PAY: ("detail_id", "acct_no", "payee_name", "amount_fen", "summary", "sms_text"),
    Msg.ACK: ("for_msg", "for_part", "status", "code", "reason", "count", "amount_fen"),
    Msg.RES: (
        "detail_id", "actual_acct_no", "paid_fen", "result", "bank_reason_code",
        "bank_reason_text", "bank_serial", "paid_at", "sms_status",
    ),
}  # fmt: skip
RESULT: Final = {"S": "SUCCESS", "F": "FAILED", "P": "PENDING", "T": "RETURNED"}
HEAD_FIELDS: Final = 3
LEAST_LINES: Final = 3


class BareText:
    ending = "txt"

    def write(self, page: Page, profile: BankProfile, envelope: Envelope) -> tuple[bytes, str]:
        msg = page.name.msg
        table = values_of(page.rows, profile.encoding, profile.lengths)
        lines = [f"{LETTER[msg]}|{len(page.rows)}|{sum_of(ROW_OF[msg], page.rows)}"]
        chosen = [table[field] for field in FIELDS[msg]]
        lines += ["|".join(values) for values in zip(*chosen, strict=True)]
        plain = encoded("\r\n".join([*lines, END, ""]), profile.encoding)
        return plain, content_digest(plain)

    def read(self, plain: bytes, name: PartName, profile: BankProfile, envelope: Envelope) -> Page:
        said = str(name)
        try:
            lines = decoded(plain, profile.encoding).removesuffix("\r\n").split("\r\n")
        except UnicodeDecodeError:
            raise refusals.BadText(said, "内容不是有效的文字。") from None
        if len(lines) < LEAST_LINES or lines[-1] != END:
            raise refusals.NoTrailer(said, "没有结束行，文件不完整。")
        head = lines[0].split("|")
        if len(head) != HEAD_FIELDS or head[0] != LETTER[name.msg]:
            raise refusals.NoTrailer(said, "首行不正确。")
        fields = FIELDS[name.msg]
        found = []
        for place, line in enumerate(lines[1:-1], start=1):
            values = line.split("|")
            if len(values) != len(fields):
                raise refusals.BadRow(said, f"第{place}行应有{len(fields)}个字段，请核对格式。")
            row = dict(zip(fields, values, strict=True))
            if "result" in row:
                row["result"] = RESULT.get(row["result"], row["result"])
            found.append(row)
        rows = rows_from(ROW_OF[name.msg], found, said)
        total = sum_of(ROW_OF[name.msg], rows)
        try:
            counted, summed = whole(head[1]), int(head[2])
        except ValueError:
            raise refusals.BadRow(said, "首行的笔数或金额写法不正确。") from None
        if counted != len(rows):
            raise refusals.BadCount(said, f"首行{counted}笔，实有{len(rows)}笔。")
        if summed != total:
            raise refusals.BadSum(said, "首行的金额与明细合计不一致。")
        return Page(name, len(rows), total, name.made_at, rows, content_digest(plain))
