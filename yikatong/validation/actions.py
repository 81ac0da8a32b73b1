"""验证: the work of `validate` and `conclude`, and checks of a file before it is a batch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.db import connection
from django.utils import timezone

from yikatong.audit.actions import record
from yikatong.catalogue.models import Programme
from yikatong.catalogue.queries import programme_by_code
from yikatong.catalogue.specs import roster_word
from yikatong.jobs.numbers import wire_number
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import ALL_UNITS, Actor
from yikatong.kernel.errors import Refused, TryAgain
from yikatong.kernel.period import Period
from yikatong.kernel.points import point
from yikatong.kernel.steps import NOTHING, Inputs, Passed, Returned, Status, Verdict
from yikatong.organisation.queries import county_settings, paying_banks
from yikatong.registry.models import VerificationRequest
from yikatong.submission import bulk as lines
from yikatong.submission.actions import (
    ROSTER_RULE,
    WHOLE_BATCH,
    answer,
    draft,
    keep_passing_digest,
    redraft,
    remember_mapping,
)
from yikatong.submission.models import Batch, SourceFile
from yikatong.submission.queries import answers, remembered_mapping
from yikatong.submission.rules import roster_evidence
from yikatong.submission.sheets import MissingColumns
from yikatong.submission.sheets_header import GUESSED
from yikatong.submission.uploads import content_of_file
from yikatong.validation import bulk, judging
from yikatong.validation.headway import STORING, Told, silent, telling
from yikatong.validation.intake import Intake, columns_told, read_list, used_as
from yikatong.validation.marking import marked
from yikatong.validation.models import CheckRun, Headway
from yikatong.validation.progress import progress
from yikatong.validation.queries import last_run, open_obligations
from yikatong.validation.rules import Bands, Report
from yikatong.validation.world import world_facts

ANSWER_WAIT = timedelta(minutes=30)
NO_BATCH = 0
STOPPED = "已由本单位取消，没有存下任何结果。"


def check_rows(
    rows: lines.Rows,
    *,
    programme: Programme,
    period: Period,
    bands: Bands,
    actor: Actor,
    unit_no: int | None = None,
    told: Told = silent,
) -> Report:
    """Judge a sheet by every rule, as the worker, and store nothing; where a unit is named it is
    compared with what that unit paid last period.
    """
    judging.take_staged(lines.stage(rows))
    facts = world_facts(programme, period, batch_id=NO_BATCH, actor=actor)
    judging.join_world(facts, told)
    judging.run_rules(bands, told)
    told(STORING, judging.parts(), judging.parts())
    found = bulk.report(is_check=True)
    if unit_no is not None:
        differences = bulk.differences(county=programme.county, unit_no=unit_no)
        found = replace(found, differences=differences)
    judging.put_away()
    return found


def examine(batch: Batch, *, bands: Bands, actor: Actor) -> Report:
    """Judge a draft and keep the findings as a new run, for its clerk to read and answer."""
    with _telling(f"batch|{batch.pk}", batch.lines.count(), batch.unit_no, actor=actor) as told:
        _judge(batch, bands=bands, actor=actor, told=told)
        found = bulk.report(is_check=True)
        _store(batch, actor=actor)
    judging.put_away()
    return found


def begin(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """开始验证: ask each bank about the accounts whose answer is missing or too old."""
    today = timezone.localdate().isoformat()
    asked = 0
    banks = paying_banks(scope=actor.scope)
    since = timezone.now() - ANSWER_WAIT
    wanted = bulk.versions_to_verify(batch.pk, batch.county, today, since)
    for bank_no, pairs in groupby(wanted, key=lambda pair: pair[0]):
        versions = [version for _, version in pairs]
        asked += len(versions)
        request = VerificationRequest.objects.create(
            county=batch.county,
            unit_no=batch.unit_no,
            bank_no=bank_no,
            batch_no=wire_number(banks[bank_no].code3, batch.county, timezone.localdate()),
            for_batch_id=batch.pk,
            versions=versions,
            asked_at=timezone.now(),
        )
        defer("registry.ask_bank", request_id=request.pk, county=batch.county)
    return Passed(note=f"向银行核验 {asked} 个账户" if asked else "账户均有有效核验")


def conclude(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """验证结论: every rule over every line; what passes goes on, the rest becomes a draft.

    Raises:
        TryAgain: a bank has not answered yet, and may still.
    """
    today = timezone.localdate().isoformat()
    since = timezone.now() - ANSWER_WAIT
    if bulk.awaits_an_answer(batch.pk, batch.county, today, since):
        raise TryAgain("银行尚未答复账户核验")
    bulk.one_judge_at_a_time(f"{batch.county}|{batch.programme.code}|{batch.period}")
    with _telling(f"batch|{batch.pk}", batch.lines.count(), batch.unit_no, actor=actor) as told:
        _judge(batch, bands=_own(batch), actor=actor, told=told)
        _store(batch, actor=actor)
        passed, failed = bulk.store_verdicts(
            batch_id=batch.pk,
            county=batch.county,
            unit_no=batch.unit_no,
            department_no=batch.department_no,
        )
    judging.put_away()
    point("checked-before-split")
    holds = county_settings(scope=actor.scope).settings.get("verdict") == "hold"
    if passed == 0 or (failed and holds):
        redraft(batch, None, "验证未通过，整批退回更正", actor=actor)
        touched = lines.lines_of(batch.pk, only_passed=True).digest
        return Returned(f"{failed} 行未通过验证，整批退回更正", touched=touched)
    if failed:
        redraft(batch, lines.failing_lines(batch.pk), "验证未通过的明细，待更正", actor=actor)
    kept = keep_passing_digest(batch, actor=actor)
    return Passed(touched=bytes(kept.digest), note=f"通过 {passed} 行，未通过 {failed} 行另起草稿")


def ask_check(
    source: SourceFile, *, programme: Programme, period: Period, actor: Actor
) -> CheckRun:
    """Queue a check of an uploaded file; the job reads it as the worker and writes the report."""
    run: CheckRun = CheckRun.objects.create(
        county=actor.scope.county,
        unit_no=source.unit_no,
        department_no=programme.department_no,
        source_file=source,
        programme_code=programme.code,
        period=str(period),
        asked_by=actor.username,
        asked_at=timezone.now(),
    )
    defer("validation.check_file", run_id=run.pk, county=run.county)
    return run


def answer_rule(batch: Batch, rule: str, reason: str, *, actor: Actor) -> int:
    """人工确认 of every row that one rule left open: one reason for the group; gives how many."""
    found = open_obligations(batch, rule, scope=actor.scope)
    for obligation, evidence in found:
        answer(
            batch, obligation=obligation, rule=rule, evidence=evidence, reason=reason, actor=actor
        )
    if not found:
        raise Refused("这一类提醒已经没有待确认的行，请刷新后再看。")
    note = f"{rule}：{reason.strip()}（{len(found)} 项）"
    _record_answer(actor, batch, note)
    return len(found)


def answer_roster(batch: Batch, kind: str, reason: str, *, actor: Actor) -> None:
    """人工确认 that a draft goes on although a roster is missing or stale (SY-1, once)."""
    evidence = roster_evidence(kind)
    answer(
        batch,
        obligation=WHOLE_BATCH,
        rule=ROSTER_RULE,
        evidence=evidence,
        reason=reason,
        actor=actor,
    )
    _record_answer(actor, batch, f"{ROSTER_RULE} {roster_word(kind)}：{reason.strip()}")


def _record_answer(actor: Actor, batch: Batch, note: str) -> None:
    record(
        actor=actor,
        action="batch.answer",
        result="done",
        unit_no=batch.unit_no,
        department_no=batch.department_no,
        batch_id=batch.pk,
        note=note,
    )


def _telling(
    subject: str, rows: int, unit_no: int, *, actor: Actor
) -> AbstractContextManager[Told]:
    """Only a long judgement is told of: a short one is over before anyone could look."""
    if rows < judging.LARGE:
        return nullcontext(silent)
    return telling(subject, rows=rows, unit_no=unit_no, actor=actor)


def _judge(batch: Batch, *, bands: Bands, actor: Actor, told: Told) -> None:
    judging.take_batch(batch.pk)
    period = Period.parse(batch.period)
    facts = world_facts(batch.programme, period, batch_id=batch.pk, actor=actor)
    judging.join_world(facts, told)
    judging.run_rules(bands, told)
    told(STORING, judging.parts(), judging.parts())
    chain = {answer.batch_id for answer in answers(batch, scope=actor.scope)}
    if chain:
        bulk.forgive_answered(sorted(chain))


def _store(batch: Batch, *, actor: Actor) -> None:
    run: dict[str, Any] = {
        "batch_id": batch.pk,
        "run_no": last_run(batch, scope=actor.scope) + 1,
        "county": batch.county,
        "unit_no": batch.unit_no,
        "department_no": batch.department_no,
    }
    bulk.store_findings(**run)
    bulk.store_outcomes(**run)
    bulk.store_changes(**run, is_whole=batch.origin_id is None)


def _own(batch: Batch) -> Bands:
    """Whose data the sentences may tell: the drafting unit's own villages."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT unit_no, unit_hi FROM organisation_unit WHERE county = %s AND unit_no = %s",
            [batch.county, batch.unit_no],
        )
        low, high = cursor.fetchone() or ALL_UNITS
    return Bands(low, high)


def run_check(run: CheckRun, *, bands: Bands, actor: Actor) -> None:
    """检查上传的名单: the worker reads the kept file, judges it and writes the report down.

    An unreadable file ends the check with its sentence; nothing is stored as a batch.
    """
    county = run.county
    if run.state != CheckRun.State.QUEUED:
        return  # cancelled, or given up, before its turn came
    programme = programme_by_code(run.programme_code, scope=actor.scope)
    period = Period.parse(run.period)
    try:
        intake, _ = _read_again(run, programme, actor=actor)
    except Refused as error:
        unsure = (
            columns_told(error.mapped, error.missing) if isinstance(error, MissingColumns) else {}
        )
        CheckRun.objects.filter(pk=run.pk, county=county).update(
            state=CheckRun.State.FAILED, trouble=str(error), report=unsure
        )
        return
    subject = f"check|{run.pk}"
    with _telling(subject, intake.rows.height, run.unit_no, actor=actor) as told:
        found = check_rows(
            intake.rows, programme=programme, period=period, bands=bands, actor=actor,
            unit_no=run.unit_no, told=told,
        )  # fmt: skip
    since = progress(intake.sheet.frame, found.findings)
    report = found.with_notices(intake.notices).as_json() | columns_told(intake.sheet.mapped)
    # one that was cancelled meanwhile stays so
    CheckRun.objects.filter(pk=run.pk, county=county, state=CheckRun.State.QUEUED).update(
        state=CheckRun.State.DONE, report=report | ({} if since is None else since.as_json())
    )


def cancel_check(run: CheckRun, *, actor: Actor) -> None:
    """取消检查, by its unit: one that waits ends at once, one that runs at its next part.

    Raises:
        Refused: another unit's, or over already.
    """
    if run.unit_no != actor.unit_no:
        raise Refused("只能取消本单位的检查。")
    if run.state != CheckRun.State.QUEUED:
        raise Refused("这次检查已经结束，不用再取消。")
    mine = {"county": run.county, "pk": run.pk, "state": CheckRun.State.QUEUED}
    CheckRun.objects.filter(**mine).update(state=CheckRun.State.STOPPED, trouble=STOPPED)
    Headway.objects.filter(county=run.county, subject=f"check|{run.pk}").update(
        cancelled_by=actor.username
    )


def may_check_again(run: CheckRun, *, actor: Actor) -> bool:
    """Its own unit's, ended, and no batch or one that was dropped."""
    is_free = run.batch is None or run.batch.status == Status.DROPPED
    return run.state == CheckRun.State.DONE and run.unit_no == actor.unit_no and is_free


def check_again(run: CheckRun, *, actor: Actor) -> CheckRun:
    """重新检查 of a kept file: an account or a roster may have been put right since.

    Raises:
        Refused: another unit's, not ended, or stored as a batch that goes on.
    """
    if not may_check_again(run, actor=actor):
        raise Refused("只能重新检查本单位已检查完、还没有存为批次的名单。")
    programme = programme_by_code(run.programme_code, scope=actor.scope)
    period = Period.parse(run.period)
    return ask_check(run.source_file, programme=programme, period=period, actor=actor)


def store_check(run: CheckRun, *, actor: Actor) -> Batch:
    """存为草稿 of a file that was checked, by its clerk; a second press gives the same batch."""
    stored: Batch | None = run.batch
    if stored is not None:
        return stored
    if run.state != CheckRun.State.DONE:
        raise Refused("这份名单还没有检查完，不能存为草稿。")
    programme = programme_by_code(run.programme_code, scope=actor.scope)
    intake, _ = _read_again(run, programme, actor=actor)
    batch = draft(
        programme=programme,
        period=Period.parse(run.period),
        unit_no=actor.unit_no,
        rows=intake.rows,
        source_file=run.source_file,
        actor=actor,
    )
    CheckRun.objects.filter(pk=run.pk, county=run.county).update(batch=batch)
    defer("validation.examine", batch_id=batch.pk, county=batch.county)
    return batch


def map_columns(run: CheckRun, chosen: Mapping[str, str], *, actor: Actor) -> CheckRun:
    """指定列的对应: keep what the person said of this file's columns, and check it once more.

    Args:
        chosen: the sheet's own header → field, '' for of no use; every column of the report.

    Raises:
        Refused: not this unit's file, nothing to ask, or two headers for one field.
    """
    columns = run.report.get("columns", [])
    if not columns or run.batch is not None or run.unit_no != actor.unit_no:
        raise Refused("这次检查没有要指定的列，或不是本单位的名单。")
    fields = [field for field in chosen.values() if field]
    if len(set(fields)) != len(fields):
        raise Refused("两列不能对应同一个字段，请只选一列。")
    programme = programme_by_code(run.programme_code, scope=actor.scope)
    said = {
        column["label"]
        for column in columns
        if column["how"] == GUESSED or chosen.get(column["label"], "") != used_as(column)
    }
    remember_mapping(chosen, programme=programme, unit_no=run.unit_no, asked=said, actor=actor)
    period = Period.parse(run.period)
    return ask_check(run.source_file, programme=programme, period=period, actor=actor)


def marked_workbook(run: CheckRun, *, actor: Actor) -> bytes:
    """下载标注后的工作簿: the uploaded file with what was found; recorded, for numbers go out."""
    if run.state != CheckRun.State.DONE or run.unit_no != actor.unit_no:
        raise Refused("只能下载本单位已检查完的名单。")
    programme = programme_by_code(run.programme_code, scope=actor.scope)
    intake, content = _read_again(run, programme, actor=actor)
    made = marked(content, intake.sheet, Report.from_json(run.report))
    record(
        actor=actor,
        action="list.marked",
        result="done",
        department_no=run.department_no,
        note=f"{run.programme_code} {run.period} 标注后的名单，{run.report['rows']} 行",
    )
    return made


def _read_again(run: CheckRun, programme: Programme, *, actor: Actor) -> tuple[Intake, bytes]:
    """The kept file, read as this unit has said of its columns; and its bytes."""
    content = content_of_file(run.source_file)
    intake = read_list(
        content,
        run.source_file.name,
        programme,
        Period.parse(run.period),
        today=timezone.localdate(),
        mapping=remembered_mapping(run.unit_no, programme.code, scope=actor.scope),
    )
    return intake, content
