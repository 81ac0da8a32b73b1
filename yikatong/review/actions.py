"""复核: finance's one verb. It inserts a verdict; `advance` moves the batch."""

from __future__ import annotations

from django.utils import timezone

from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import Refused
from yikatong.kernel.steps import Passed, Returned, Verdict
from yikatong.review.models import ReviewVerdict
from yikatong.review.rules import Decision
from yikatong.submission.models import Approval, Batch
from yikatong.submission.queries import approval_of

SHORTEST_REASON = 4


def decide(batch: Batch, *, actor: Actor, inputs: Decision = Decision()) -> Verdict:  # noqa: B008 - frozen
    """程序性复核 of 项目、标准、金额: 通过, or 原渠道退回 with a reason (两方案 三·财政)."""
    reason = inputs.reason.strip()
    if not inputs.passed and len(reason) < SHORTEST_REASON:
        raise Refused("退回请写明原因（不少于 4 个字），发放单位要据此更正。")
    ReviewVerdict.objects.create(
        county=batch.county,
        unit_no=batch.unit_no,
        department_no=batch.department_no,
        batch=batch,
        passed=inputs.passed,
        reason=reason,
        by=actor.username,
        at=timezone.now(),
    )
    seen = approval_of(batch, Approval.Kind.PASSING, scope=actor.scope)
    touched = bytes(seen.digest) if seen else b""
    return (
        Passed(touched=touched, note=reason) if inputs.passed else Returned(reason, touched=touched)
    )
