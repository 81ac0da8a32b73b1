"""What a line's digest covers, and how batches are numbered. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from yikatong.catalogue.specs import roster_word
from yikatong.kernel.digest import canonical, sm3
from yikatong.kernel.steps import Inputs

# what an approver answers for: any change of these is another line
DIGEST_FIELDS: Final = (
    "programme_code",
    "period",
    "head_index",
    "payee_index",
    "beneficiary_index",
    "account_index",
    "payee_name",
    "beneficiary_name",
    "object_key",
    "grade",
    "standard",
    "quantity",
    "months",
    "amount_fen",
)


@dataclass(frozen=True, slots=True)
class Decision(Inputs):
    """What a checker says: it passes, or it goes back with a reason."""

    passed: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DropReason(Inputs):
    """说明作废: why the draft is not carried further."""

    reason: str = ""


def line_digest(line: Mapping[str, Any]) -> bytes:
    """SM3 over the canonical form of one line; 32 bytes. Missing values are null, not blanks."""
    return sm3(canonical({field: _plain(line.get(field)) for field in DIGEST_FIELDS}))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value


def roster_evidence(kind: str) -> bytes:
    """What an answer about a stale or missing roster is keyed by: as rule SY-1 digests it."""
    return hashlib.sha256(f"SY-1|{kind}|{roster_word(kind)}".encode()).digest()


def batch_number(slug: str, period: str, programme_code: str, serial: int) -> str:
    """The number that people see: county, period, programme, running number."""
    return f"{slug[:2].upper()}{period.replace('-', '')}{programme_code}{serial:05d}"
