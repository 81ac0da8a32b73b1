"""Personal fields in a JSON body: each SM4-GCM under one data key per message (interfaces §2.6)."""

from __future__ import annotations

from typing import Any, Final

from yikatong.connectors.bank.codecs.base import PERSONAL
from yikatong.connectors.bank.ports import FieldKey
from yikatong.connectors.bank.refusals import CannotOpen
from yikatong.kernel.errors import Refused

NAMED_BY: Final = ("detail_id", "verify_id")


def hide(row: dict[str, Any], batch_no: str, key: FieldKey) -> dict[str, Any]:
    """The row with its personal fields sealed; an empty one stays empty."""
    who = named(row)
    return {
        field: key.seal(value, place(batch_no, who, field))
        if field in PERSONAL and value
        else value
        for field, value in row.items()
    }


def show(row: dict[str, Any], batch_no: str, key: FieldKey | None, name: str) -> dict[str, Any]:
    """The reverse. Raises CannotOpen for a field of another row, batch or key."""
    hidden = [field for field in PERSONAL if row.get(field)]
    if hidden and key is None:
        raise CannotOpen(name, "个人信息没有加密，或没有数据密钥。")
    shown = dict(row)
    for field in hidden:
        try:
            shown[field] = key.open(row[field], place(batch_no, named(row), field)) if key else ""
        except (Refused, TypeError, ValueError):
            raise CannotOpen(name, "个人信息无法解密。") from None
    return shown


def named(row: dict[str, Any]) -> str:
    return next((str(row[one]) for one in NAMED_BY if row.get(one)), "")


def place(batch_no: str, who: str, field: str) -> bytes:
    """AAD `batch_no|detail_id|field`: a ciphertext is good at its own place only."""
    return f"{batch_no}|{who}|{field}".encode()
