"""样表试查: a sample judged under a definition that is not in force, by the very rules that will
judge its batches. The worker puts the definition in force, judges, and takes everything back.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from yikatong.audit.actions import record
from yikatong.catalogue.actions import put_in_force, tried
from yikatong.catalogue.models import Definition
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.errors import Refused
from yikatong.kernel.period import Period
from yikatong.submission.models import SourceFile
from yikatong.submission.uploads import content_of_file
from yikatong.validation.actions import check_rows
from yikatong.validation.intake import read_list
from yikatong.validation.models import CheckRun, Trial
from yikatong.validation.rules import Bands, Report


def ask_trial(definition: Definition, source: SourceFile, *, period: Period, actor: Actor) -> Trial:
    """Queue a trial of the definition as it stands; by its department's clerk."""
    if actor.duty != Duty.DEPT_CLERK or actor.scope.department_no != definition.department_no:
        raise Refused("样表试查由本项目的主管部门经办办理，不在您的岗位职责内。")
    trial: Trial = Trial.objects.create(
        county=definition.county,
        unit_no=actor.unit_no,
        department_no=definition.department_no,
        definition=definition,
        digest=b"",  # the database writes that of the definition
        source_file=source,
        file_name=source.name,
        period=str(period),
        asked_by=actor.username,
        asked_at=timezone.now(),
    )
    defer("validation.try_definition", trial_id=trial.pk, county=trial.county)
    return trial


def run_trial(trial: Trial, *, bands: Bands, actor: Actor) -> None:
    """Judge the sample and keep what was found; an unreadable file ends it with its sentence."""
    ended: dict[str, object]
    try:
        told = _judged(trial, bands=bands, actor=actor)
    except Refused as error:
        ended = {"state": CheckRun.State.FAILED, "trouble": str(error)}
        Trial.objects.filter(pk=trial.pk, county=trial.county).update(**ended)
        return
    ended = {"state": CheckRun.State.DONE, "report": told.as_json()}
    Trial.objects.filter(pk=trial.pk, county=trial.county).update(**ended)
    stands = tried(trial.definition, bytes(trial.digest), actor=actor)
    record(
        actor=actor,
        action="programme.try",
        result="passed" if stands else "done",
        department_no=trial.department_no,
        note=f"{trial.definition.code} 第 {trial.definition.version} 版：样表 {told.rows} 行，"
        f"通过 {told.passed}，错误 {told.blocked}，待核 {told.to_confirm}",
        touched=bytes(trial.digest),
    )


def _judged(trial: Trial, *, bands: Bands, actor: Actor) -> Report:
    """Everything between the two points is taken back: the database would refuse it to stay."""
    content = content_of_file(trial.source_file)
    period = Period.parse(trial.period)
    if bytes(trial.definition.digest) != bytes(trial.digest):
        raise Refused("试查排队时定义又改写过，请再试查一次。")
    point = transaction.savepoint()
    try:
        programme = put_in_force(trial.definition, actor=actor)
        intake = read_list(content, trial.file_name, programme, period, today=timezone.localdate())
        told = check_rows(intake.rows, programme=programme, period=period, bands=bands, actor=actor)
    finally:
        transaction.savepoint_rollback(point)
    return told.with_notices(intake.notices)
