"""提交: writes of drafts, and the work of the journey's first steps. Never sets a status."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection
from django.utils import timezone

from yikatong.audit.actions import record
from yikatong.catalogue.models import Programme
from yikatong.kernel.actor import Actor
from yikatong.kernel.calendar import YearUnknown
from yikatong.kernel.errors import Refused
from yikatong.kernel.period import Period
from yikatong.kernel.points import point
from yikatong.kernel.steps import NOTHING, Inputs, Passed, Returned, Verdict
from yikatong.organisation.queries import county_settings, work_calendar
from yikatong.registry.queries import rosters_not_fresh
from yikatong.submission import bulk
from yikatong.submission.models import (
    Approval,
    Batch,
    ColumnMapping,
    Confirmation,
    Line,
    SourceFile,
)
from yikatong.submission.queries import approval_of
from yikatong.submission.rules import Decision, DropReason, batch_number, roster_evidence
from yikatong.submission.sheets_forms import DISBURSEMENT

WHOLE_BATCH = ""
ROSTER_RULE = "SY-1"
SHORTEST_REASON = 4
MOST_ROWS_TOLD = 30
CORRECT_WORKING_DAYS = 5  # 拟: the texts say 规定时限 only


def remember_mapping(
    mapping: Mapping[str, str],
    *,
    programme: Programme,
    unit_no: int,
    asked: Collection[str],
    actor: Actor,
) -> int:
    """Keep what a person said of columns that were not sure; gives how many were kept.

    Args:
        mapping: the user's own header → field of the form; '' means that it is of no use.
        asked: the headers that the reader was not sure of (`sheets_header.Mapped.is_sure`): only
            these are remembered, a sure one needs no memory.

    Raises:
        Refused: no such field, or two headers for one field.
    """
    known = {field.name for field in DISBURSEMENT.fields}
    kept = {header.strip(): field for header, field in mapping.items() if header in asked}
    chosen = [field for field in kept.values() if field]
    if unknown := sorted(set(chosen) - known):
        raise Refused(f"没有“{unknown[0]}”这个字段，请从列出的字段里选。")
    if len(set(chosen)) != len(chosen):
        raise Refused("两列不能对应同一个字段，请只选一列。")
    for header, field in kept.items():
        ColumnMapping.objects.update_or_create(
            county=actor.scope.county,
            unit_no=unit_no,
            programme_code=programme.code,
            header=header[:60],
            defaults={
                "field": field,
                "remembered_by": actor.username,
                "remembered_at": timezone.now(),
            },
            create_defaults={
                "department_no": programme.department_no,
                "field": field,
                "remembered_by": actor.username,
                "remembered_at": timezone.now(),
            },
        )
    return len(kept)


def draft(
    *,
    programme: Programme,
    period: Period,
    unit_no: int,
    rows: bulk.Rows,
    source_file: SourceFile | None,
    actor: Actor,
) -> Batch:
    """Store a sheet's lines as a batch in DRAFT."""
    point("upload-stored")
    batch = new_batch(
        programme=programme,
        period=str(period),
        unit_no=unit_no,
        actor=actor,
        source_file_id=None if source_file is None else source_file.pk,
    )
    stored = bulk.store(
        rows,
        batch_id=batch.pk,
        county=batch.county,
        unit_no=unit_no,
        department_no=batch.department_no,
        programme_code=programme.code,
        period=str(period),
        by=actor.username,
    )
    if stored == 0:
        raise Refused("名单里没有一行数据，没有生成批次。请核对文件后重新导入。")
    return batch


def redraft(
    origin: Batch,
    line_ids: Sequence[int] | None,
    reason: str,
    *,
    actor: Actor,
    unit_no: int | None = None,
) -> Batch | None:
    """The one way to try again: copies lines into a new draft, each pointing at its origin.

    None where every chosen line has been copied before. 编制单位 stays, unless `unit_no` says.
    """
    if not bulk.has_uncopied(origin.pk, line_ids):
        return None
    drafting_unit = origin.unit_no if unit_no is None else unit_no
    batch = new_batch(
        programme=origin.programme,
        period=origin.period,
        unit_no=drafting_unit,
        actor=actor,
        source_file_id=origin.source_file_id,  # the file itself stays where it is
        origin=origin,
        reason=reason,
    )
    point("reissue-half-made")
    bulk.copy_lines(
        origin_id=origin.pk,
        batch_id=batch.pk,
        unit_no=drafting_unit,
        by=actor.username,
        line_ids=line_ids,
    )
    return batch


def remove_lines(batch: Batch, row_nos: Sequence[int], *, actor: Actor) -> int:
    """剔除 from a draft; the audit event of the caller keeps the row numbers and the reason."""
    removed, _ = Line.objects.filter(
        county=actor.scope.county, batch=batch, row_no__in=list(row_nos)
    ).delete()
    return removed


def take_out(batch: Batch, row_nos: Sequence[int], *, reason: str, actor: Actor) -> int:
    """剔除 of chosen rows by the drafting unit, with a reason and an event of its own.

    Raises:
        Refused: no draft any more, not this unit's, no reason, or none of these rows is here.
    """
    if batch.status != "DRAFT" or actor.unit_no != batch.unit_no:
        raise Refused("只有编制单位能在草稿里剔除明细；已送审的请审核人退回后再改。")
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("请写明剔除的原因（不少于 4 个字），例如“本人已迁出”。")
    removed = remove_lines(batch, row_nos, actor=actor)
    if removed == 0:
        raise Refused("请先勾选要剔除的行；已经剔除的不用再选。")
    rows = "、".join(str(row_no) for row_no in sorted(set(row_nos))[:MOST_ROWS_TOLD])
    record(
        actor=actor,
        action="batch.remove",
        result="stays",
        unit_no=batch.unit_no,
        department_no=batch.department_no,
        batch_id=batch.pk,
        from_status=batch.status,
        to_status=batch.status,
        note=f"剔除 {removed} 行（第 {rows} 行）：{reason.strip()}",
    )
    return removed


def answer(
    batch: Batch, *, obligation: str, rule: str, evidence: bytes, reason: str, actor: Actor
) -> Confirmation:
    """人工确认 of one finding, or of a whole batch (obligation ''); only while it is a draft."""
    if batch.status != "DRAFT":
        raise Refused("批次已送审，不能再补充确认理由。")
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("请写明确认的理由（不少于 4 个字），审核人要据此判断。")
    confirmation, _ = Confirmation.objects.get_or_create(
        batch=batch,
        obligation=obligation,
        rule=rule,
        evidence=evidence,
        defaults={
            "county": batch.county,
            "unit_no": batch.unit_no,
            "department_no": batch.department_no,
            "reason": reason.strip(),
            "answered_by": actor.username,
            "answered_at": timezone.now(),
        },
    )
    return confirmation


# -- the journey's work -------------------------------------------------------------------------


def compile(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:  # noqa: A001 - 编制, the journey's word
    """编制送审: the draft holds something, and stale rosters have been answered for."""
    lines = bulk.lines_of(batch.pk, only_passed=False)
    if lines.lines == 0:
        raise Refused("草稿里没有明细，不能送审。")
    _rosters_answered(batch, actor=actor)
    return Passed(touched=lines.digest, note=f"{lines.lines} 行")


def report(batch: Batch, *, actor: Actor, inputs: Decision = Decision()) -> Verdict:  # noqa: B008 - frozen
    """审核上报: the township's second person."""
    return _checked(batch, inputs)


def approve(batch: Batch, *, actor: Actor, inputs: Decision = Decision()) -> Verdict:  # noqa: B008 - frozen
    """部门审批: the department answers for these very lines."""
    verdict = _checked(batch, inputs)
    if isinstance(verdict, Passed):
        _keep_digest(batch, Approval.Kind.APPROVED, actor=actor)
    return verdict


def submit(batch: Batch, *, actor: Actor, inputs: Decision = Decision()) -> Verdict:  # noqa: B008 - frozen
    """提交: what was approved is what is sent; from here on the lines are append-only."""
    verdict = _checked(batch, inputs)
    if isinstance(verdict, Returned):
        return verdict
    approved = approval_of(batch, Approval.Kind.APPROVED, scope=actor.scope)
    if approved is None:  # 大渡口: the unit's own check is the approval
        approved = _keep_digest(batch, Approval.Kind.APPROVED, actor=actor)
        point("approved")
    if bytes(approved.digest) != verdict.touched:
        raise Refused("名单与审批时不一致，不能提交。请退回编制单位重新送审。")
    return verdict


def drop(batch: Batch, *, actor: Actor, inputs: DropReason = DropReason()) -> Verdict:  # noqa: B008 - frozen
    """说明作废: a draft that will not be carried further keeps its lines and says why."""
    if len(inputs.reason.strip()) < SHORTEST_REASON:
        raise Refused("请写明作废的原因（不少于 4 个字）。")
    return Passed(
        touched=bulk.lines_of(batch.pk, only_passed=False).digest, note=inputs.reason.strip()
    )


def emptied(batch: Batch, *, actor: Actor, inputs: DropReason = DropReason()) -> Verdict:  # noqa: B008 - frozen
    """并入作废: a correction draft whose lines have all been gathered elsewhere waits for nobody.

    Raises:
        Refused: it is no correction draft, or a line of it is still here.
    """
    if batch.origin_id is None or Line.objects.filter(county=batch.county, batch=batch).exists():
        raise Refused("只有明细已全部并入补发批次的更正草稿才这样作废；其余的请审核人说明作废。")
    return Passed(note=inputs.reason.strip())


def keep_passing_digest(batch: Batch, *, actor: Actor) -> Approval:
    """Record what passed: sent = passing ⊆ approved (I6)."""
    return _keep_digest(batch, Approval.Kind.PASSING, actor=actor)


def _checked(batch: Batch, decision: Decision) -> Passed | Returned:
    lines = bulk.lines_of(batch.pk, only_passed=False)
    if decision.passed:
        return Passed(touched=lines.digest, note=decision.reason.strip())
    if len(decision.reason.strip()) < SHORTEST_REASON:
        raise Refused("退回请写明原因（不少于 4 个字），编制单位要据此修改。")
    return Returned(decision.reason.strip(), touched=lines.digest)


def _keep_digest(batch: Batch, kind: Approval.Kind, *, actor: Actor) -> Approval:
    lines = bulk.lines_of(batch.pk, only_passed=kind == Approval.Kind.PASSING)
    return Approval.objects.create(
        county=batch.county,
        unit_no=batch.unit_no,
        department_no=batch.department_no,
        batch=batch,
        kind=kind,
        digest=lines.digest,
        lines=lines.lines,
        amount_fen=lines.amount_fen,
        by=actor.username or actor.name,
        at=timezone.now(),
    )


def _rosters_answered(batch: Batch, *, actor: Actor) -> None:
    """SY-1: a stale or missing roster is one answer per batch and rule, asked before `submit`."""
    for kind, sentence in rosters_not_fresh(
        batch.programme, Period.parse(batch.period), today=timezone.localdate(), scope=actor.scope
    ):
        answered = Confirmation.objects.filter(
            county=batch.county,
            batch=batch,
            obligation=WHOLE_BATCH,
            rule=ROSTER_RULE,
            evidence=roster_evidence(kind),
        ).exists()
        if not answered:
            raise Refused(f"{sentence} 请先导入最新名册，或在批次页写明为何仍要送审。")


def new_batch(
    *,
    programme: Programme,
    period: str,
    unit_no: int,
    actor: Actor,
    source_file_id: int | None,
    origin: Batch | None = None,
    reason: str = "",
    gathered: str = "",
) -> Batch:
    """A fresh draft of this unit; `origin` and `reason` of one that tries again, `gathered` in its
    title where it gathers what was mended.
    """
    county = county_settings(scope=actor.scope)
    serial = _next_serial()
    title = f"{Period.parse(period).year}年{Period.parse(period).month}月{programme.short_name}"
    return Batch.objects.create(
        county=programme.county,
        unit_no=unit_no,
        department_no=programme.department_no,
        number=batch_number(county.slug, period, programme.code, serial),
        programme=programme,
        period=period,
        title=f"{title}（{gathered or '更正'}）" if origin else title,
        origin=origin,
        is_gathered=bool(gathered),
        redraft_reason=reason[:300],
        due_on=_correct_by(county.settings, actor=actor) if origin else None,
        source_file_id=source_file_id,
        made_by=actor.username or actor.name,
        made_at=timezone.now(),
    )


def _correct_by(settings: Mapping[str, Any], *, actor: Actor) -> date | None:
    """更正时限: working days of the county's own setting, from today; None past the calendar."""
    days = settings.get("correct_working_days", CORRECT_WORKING_DAYS)
    try:
        return work_calendar(scope=actor.scope).add_working_days(timezone.localdate(), days)
    except YearUnknown:
        return None


def _next_serial() -> int:
    """Batches of other units are outside this scope: the number comes from a sequence."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('batch_number_seq')")
        return int(cursor.fetchone()[0])
