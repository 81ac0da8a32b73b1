"""The form in which an event is hashed. Pure, so that a verifier can stand alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from yikatong.kernel.digest import canonical, sm3

FIELDS: Final = (
    "seq",
    "at",
    "county",
    "unit_no",
    "department_no",
    "action",
    "batch_id",
    "username",
    "person_name",
    "duty",
    "via",
    "result",
    "from_status",
    "to_status",
    "note",
)


def canonical_event(event: Mapping[str, Any], touched: bytes) -> bytes:
    """Canonical JSON of exactly the named fields and the digest of what was touched, in hex."""
    return canonical({**{field: event[field] for field in FIELDS}, "touched": touched.hex()})


def event_hash(prev: bytes, body: bytes) -> bytes:
    """SM3(prev ‖ canonical JSON)."""
    return sm3(prev + body)
