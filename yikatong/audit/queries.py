"""Reads of the chain: a batch's story, and the proof of the whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC

from django.db.models import QuerySet

from yikatong.audit.models import AuditEvent, AuditHead
from yikatong.audit.rules import FIELDS, canonical_event, event_hash
from yikatong.kernel.actor import Scope
from yikatong.kernel.digest import GENESIS


@dataclass(frozen=True, slots=True)
class ChainProof:
    """How many events were read, and the sentence about the first that does not hold."""

    events: int
    trouble: str = ""


def events_of_batch(batch_id: int, *, scope: Scope) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(county=scope.county, batch_id=batch_id).order_by("seq")


def prove_chain() -> ChainProof:
    """Recompute every SM3 from the rows; the worker may read the whole chain."""
    prev, count = GENESIS, 0
    for row in AuditEvent.objects.order_by("seq").iterator(chunk_size=2000):
        count += 1
        event = {field: getattr(row, field) for field in FIELDS}
        event["at"] = row.at.astimezone(UTC).isoformat(timespec="microseconds")
        body = canonical_event(event, bytes(row.touched))
        if row.seq != count or bytes(row.prev) != prev or event_hash(prev, body) != bytes(row.hash):
            return ChainProof(count, f"留痕第 {row.seq} 号与其内容或前一号不符")
        prev = bytes(row.hash)
    head = AuditHead.objects.first()
    if head is None or head.seq != count or bytes(head.hash) != prev:
        return ChainProof(count, "留痕链头与最后一个事件不符，末尾可能被截去")
    return ChainProof(count)


def events_in(*, scope: Scope) -> QuerySet[AuditEvent]:
    """留痕 of a county, newest first."""
    return AuditEvent.objects.filter(county=scope.county).order_by("-seq")
