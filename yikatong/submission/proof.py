"""I6 recomputed: every line's SM3 from its columns, every approval's over its lines.

The server has no SM3, so what its views cannot see is proved here: one flipped byte in a line.
"""

from __future__ import annotations

from collections.abc import Iterator

from yikatong.kernel.actor import Scope
from yikatong.kernel.digest import of_digests
from yikatong.submission.models import Approval, Batch, Line
from yikatong.submission.rules import DIGEST_FIELDS, line_digest

CHUNK = 2000


def digest_breaches(*, scope: Scope) -> list[str]:
    """One sentence per line or approval whose digest is not that of its content."""
    return [*_lines(scope), *_approvals(scope)]


def _lines(scope: Scope) -> Iterator[str]:
    rows = Line.objects.filter(county=scope.county).values(
        "id", "row_no", "digest", "batch__number", *DIGEST_FIELDS
    )
    for row in rows.iterator(chunk_size=CHUNK):
        if line_digest(row) != bytes(row["digest"]):
            yield f"批次 {row['batch__number']} 第 {row['row_no']} 行的内容与其摘要不符"


def _approvals(scope: Scope) -> Iterator[str]:
    for batch in Batch.objects.filter(county=scope.county, approvals__isnull=False).distinct():
        lines = Line.objects.filter(county=scope.county, batch=batch)
        sets = {
            Approval.Kind.APPROVED: lines,
            Approval.Kind.PASSING: lines.filter(verdict__passed=True),
        }
        for kind, chosen in sets.items():
            kept = batch.approvals.filter(kind=kind).order_by("-id").first()
            if kept is None or (
                kind == Approval.Kind.APPROVED and batch.status in {"DRAFT", "COMPILED", "REPORTED"}
            ):
                continue
            digests = chosen.values_list("digest", flat=True).iterator(chunk_size=CHUNK)
            if of_digests(bytes(digest) for digest in digests) != bytes(kept.digest):
                yield f"批次 {batch.number} 的明细与{Approval.Kind(kind).label}的摘要不符"
