"""The canonical JSON of the API binding (interfaces §2.7): what all rows share stands once at the
top, amounts are integer fen, personal fields are sealed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from yikatong.connectors.bank import refusals
from yikatong.connectors.bank.codecs import sealing
from yikatong.connectors.bank.codecs.base import PERSONAL, Page, content_digest, rows_from
from yikatong.connectors.bank.lines import moment, values_of, yuan
from yikatong.connectors.bank.messages import PARTED, ROW_OF, Form, Msg, Row, columns
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.ports import Envelope
from yikatong.connectors.bank.profiles import BankProfile
from yikatong.connectors.bank.totals import sum_of

SHARED: Final = (
    "ref_batch_no", "mof_div_code", "fiscal_year", "project_code", "project_short", "period",
    "currency",
)  # fmt: skip
NUMBERS: Final = frozenset({Form.INT, Form.AMOUNT, Form.MONEY})


class ApiJson:
    ending = "json"

    def write(self, page: Page, profile: BankProfile, envelope: Envelope) -> tuple[bytes, str]:
        name, row_type = page.name, ROW_OF[page.name.msg]
        values_of(page.rows, profile.encoding, profile.lengths)  # raises, everything listed
        rows = [_plain(row, row_type, profile) for row in page.rows]
        body: dict[str, Any] = {
            "ver": "1", "msg": name.msg.value, "batch_no": name.batch_no, "part": name.part,
            "parts": name.parts, "count": page.count, "amount_fen": page.amount_fen,
            "created": page.created.isoformat(timespec="seconds"),
        }  # fmt: skip
        if name.msg is Msg.PAY:
            body |= {field: rows[0][field] for field in SHARED}
            rows = [_without(row, body) for row in rows]
        if any(row.get(field) for row in rows for field in PERSONAL):
            key = envelope.new_field_key()
            body |= {"dek": key.wrapped, "kid": key.kid}
            rows = [sealing.hide(row, name.batch_no, key) for row in rows]
        plain = as_bytes(body | {"rows": rows})
        return plain, content_digest(plain)

    def read(self, plain: bytes, name: PartName, profile: BankProfile, envelope: Envelope) -> Page:
        said = str(name)
        body = as_object(plain, said)
        told = (body.get("msg"), body.get("batch_no"), body.get("part"), body.get("parts"))
        if told != (name.msg.value, name.batch_no, name.part, name.parts):
            raise refusals.BadName(said, "报文所指的批次或分包与地址不一致。")
        row_type = ROW_OF[name.msg]
        shared = {field: body[field] for field in SHARED if field in body}
        rows = rows_of(body.get("rows"), body, name, envelope)
        found = [_written(shared | row, row_type, said) for row in rows]
        checked = rows_from(row_type, found, said)
        count, amount = body.get("count"), body.get("amount_fen")
        if type(count) is not int or type(amount) is not int or not checked:
            raise refusals.BadRow(said, "笔数、金额或明细缺失。")
        is_all = name.msg not in PARTED or name.parts == 1
        if is_all and count != len(checked):
            raise refusals.BadCount(said, f"写明{count}笔，实有{len(checked)}笔。")
        if is_all and amount != sum_of(row_type, checked):
            raise refusals.BadSum(said, "写明的金额与明细合计不一致。")
        return Page(name, count, amount, _created(body, said), checked, content_digest(plain))


def as_bytes(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def as_object(plain: bytes, name: str) -> dict[str, Any]:
    """Raises BadText for anything but one JSON object."""
    try:
        body = json.loads(plain)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise refusals.BadText(name, "内容不是 JSON 对象。")
    return body


def rows_of(
    said: object, body: Mapping[str, Any], name: PartName, envelope: Envelope
) -> list[dict[str, Any]]:
    """The rows of a body with their personal fields opened."""
    if not isinstance(said, list) or not all(isinstance(row, dict) for row in said):
        raise refusals.BadRow(str(name), "明细不是一组对象。")
    wrapped = body.get("dek")
    key = envelope.field_key(wrapped) if isinstance(wrapped, str) and wrapped else None
    return [sealing.show(row, name.batch_no, key, str(name)) for row in said]


def _plain(row: Row, row_type: type[Row], profile: BankProfile) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for column in columns(row_type):
        value = getattr(row, column.name)
        if isinstance(value, datetime):
            value = value.isoformat(timespec="seconds")
        told[column.name] = "" if profile.lengths.get(column.name) == 0 else value
    return told


def _without(row: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """A value that differs from the shared one stays with its row."""
    return {k: v for k, v in row.items() if k not in SHARED or v != body[k]}


def _written(row: Mapping[str, Any], row_type: type[Row], name: str) -> dict[str, str]:
    """Wire text of each field, so that one reader checks every layout."""
    told: dict[str, str] = {}
    for column in columns(row_type):
        value = row.get(column.name)
        if column.form in NUMBERS:
            if type(value) is not int:
                raise refusals.BadRow(name, f"{column.title} 应为整数。")
            try:
                told[column.name] = str(value) if column.form is Form.INT else yuan(value)
            except ValueError:
                raise refusals.BadRow(name, f"{column.title} 的写法不正确。") from None
        elif value is None or isinstance(value, str):
            told[column.name] = value or ""
        else:
            raise refusals.BadRow(name, f"{column.title} 应为文字。")
    return told


def _created(body: Mapping[str, Any], name: str) -> datetime:
    try:
        found = moment(str(body.get("created", "")))
    except ValueError:
        found = None
    if found is None:
        raise refusals.BadRow(name, "没有生成时间。")
    return found
