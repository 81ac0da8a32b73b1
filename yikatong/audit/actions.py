"""Appends one event per command to the chain, last in the business transaction (trust.md §9)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from yikatong.audit.rules import canonical_event, event_hash
from yikatong.kernel.actor import Actor


def record(
    *,
    actor: Actor,
    action: str,
    result: str,
    unit_no: int | None = None,
    department_no: int | None = None,
    batch_id: int | None = None,
    from_status: str = "",
    to_status: str = "",
    note: str = "",
    touched: bytes = b"",
) -> int:
    """Append, and give the event's number. If it fails, the whole command rolls back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, hash FROM audit_lock_head()")
        seq, prev = cursor.fetchone()
        event: dict[str, Any] = {
            "seq": seq + 1,
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "county": actor.scope.county,
            "unit_no": actor.unit_no if unit_no is None else unit_no,
            "department_no": department_no,
            "action": action,
            "batch_id": batch_id,
            "username": actor.username,
            "person_name": actor.name,
            "duty": actor.duty.value,
            "via": actor.via,
            "result": result,
            "from_status": from_status,
            "to_status": to_status,
            "note": note,
        }
        fresh = event_hash(bytes(prev), canonical_event(event, touched))
        cursor.execute(
            "SELECT audit_append(%s::jsonb, %s, %s, %s)",
            [json.dumps(event), touched, bytes(prev), fresh],
        )
    return int(seq) + 1
