"""名单导入: upload, check, look at what was found, store as a draft (screens.md §11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yikatong.catalogue.models import Programme
from yikatong.catalogue.queries import find_definition, programme_by_code, programmes
from yikatong.jobs.queue import defer
from yikatong.journey.steps import JOURNEYS
from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.digest import sm3
from yikatong.kernel.errors import Refused
from yikatong.kernel.steps import Seat
from yikatong.organisation.policy import CLERKS, DEPARTMENT, DeskRequest, policy
from yikatong.submission.actions import take_out as take_lines_out
from yikatong.submission.queries import find_batch
from yikatong.submission.sheets_forms import DISBURSEMENT
from yikatong.submission.sheets_header import ASIDE, GUESSED, KNOWN, REPEATED, TOLD, UNKNOWN
from yikatong.submission.uploads import keep_file, sealed
from yikatong.submission.views import XLSX
from yikatong.validation import actions, trials
from yikatong.validation.forms import AnswerForm, ColumnsForm, TakeOutForm, TrialForm, UploadForm
from yikatong.validation.models import CheckRun
from yikatong.validation.progress import Progress
from yikatong.validation.queries import (
    check_of_same_file,
    find_check,
    find_trial,
    headway_of,
    recent_checks,
)
from yikatong.validation.rules import (
    BLOCK,
    CHANGE_WORD,
    CONFIRM,
    INFO,
    SEVERITY_WORD,
    ChangeKind,
)
from yikatong.validation.titles import title_of

UNPROCESSABLE: Final = 422
TOWNSHIP: Final = "township"
SHOWN: Final = 20
SHOWN_OF_ONE: Final = 1000
TONE: Final = {BLOCK: "error", CONFIRM: "warn", INFO: "info"}
ORDER: Final = ("warn", "wait", "plain", "ok")  # what may be what is missing stands first
HOW_WORD: Final = {
    KNOWN: ("ok", "已认出"),
    TOLD: ("ok", "本单位指定过"),
    GUESSED: ("warn", "拿不准，请确认"),
    REPEATED: ("plain", "与前面的列重复，未用"),
    ASIDE: ("plain", "不需要"),
    UNKNOWN: ("wait", "不认识，未用"),
}


@policy(CLERKS)
@require_http_methods(["GET", "POST"])
def upload(request: DeskRequest) -> HttpResponse:
    """The first page of the wizard; the same bytes again lead to the earlier result."""
    actor = request.actor
    offered = drafted_by(actor)
    form = UploadForm(
        offered,
        request.POST or None,
        request.FILES or None,
        initial={"period": f"{timezone.localdate():%Y-%m}"},
    )
    if request.method == "POST" and form.is_valid():
        return _begin(request, form)
    status = UNPROCESSABLE if request.method == "POST" else 200
    checks = [_listed(run) for run in recent_checks(scope=actor.scope)]
    return render(request, "import.html", {"form": form, "checks": checks}, status=status)


def drafted_by(actor: Actor) -> list[Programme]:
    """What this unit may draft: each item its own 发放单位, and a township every item of a county
    whose departments only approve and submit.
    """
    listed = programmes(scope=actor.scope)
    if actor.duty == Duty.TOWN_CLERK:
        steps = JOURNEYS[actor.scope.county].values()
        townships_draft = any(step.seat == Seat.DEPT_CLERK for step in steps)
        return [one for one in listed if townships_draft or one.paying_unit == TOWNSHIP]
    own = actor.scope.department_no
    return [one for one in listed if one.department_no == own and one.paying_unit != TOWNSHIP]


def _begin(request: DeskRequest, form: UploadForm) -> HttpResponse:
    actor, facts = request.actor, form.cleaned_data
    programme, period, file = facts["programme"], facts["period"], facts["file"]
    content = file.read()
    earlier = check_of_same_file(
        sm3(content), programme_code=programme.code, period=str(period), scope=actor.scope
    )
    if earlier is not None:
        at = timezone.localtime(earlier.asked_at)
        messages.info(request, f"这个文件已经导入过，下面是 {at:%m-%d %H:%M} 的结果。")
        return redirect("check-run", run_id=earlier.pk)
    source = keep_file(
        name=file.name,
        file=sealed(content, county=actor.scope.county),
        unit_no=actor.unit_no,
        department_no=programme.department_no,
        actor=actor,
    )
    run = actions.ask_check(source, programme=programme, period=period, actor=actor)
    return redirect("check-run", run_id=run.pk)


@policy(CLERKS)
@require_GET
def check_run(request: DeskRequest, run_id: int) -> HttpResponse:
    """While the job runs: a progress line that asks every second. Then: people, money, findings."""
    run = _run_or_404(run_id, request.actor)
    chosen = request.GET.get("rule", "")
    is_waiting = run.state in {CheckRun.State.QUEUED, CheckRun.State.RUNNING}
    context: dict[str, Any] = {
        "run": run,
        "programme": programme_by_code(run.programme_code, scope=request.actor.scope),
        "is_waiting": is_waiting,
        "rule": chosen,
        "may_cancel": is_waiting and run.unit_no == request.actor.unit_no,
    }
    if is_waiting:
        context["headway"] = headway_of(f"check|{run.pk}", scope=request.actor.scope)
    if run.state == CheckRun.State.DONE:
        findings = run.report.get("findings", [])
        context["groups"] = grouped(findings, chosen=chosen)
        context["passed_share"] = _percent(run.report)
        context["since"] = _since(run.report)
        context["differences"] = _differences(run.report)
        context["can_download"] = run.unit_no == request.actor.unit_no
        context["may_again"] = actions.may_check_again(run, actor=request.actor)
    if _may_map(run, request.actor):
        context["mapping"] = _mapping(run, ColumnsForm(run.report["columns"]))
    return render(request, "check_run.html", context)


def _since(report: Mapping[str, Any]) -> str:
    """What a corrected upload has cured, in one sentence; '' for a first one."""
    if "cured" not in report:
        return ""
    return Progress(report["cured"], report["still"], report["new"]).sentence


def _differences(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """与上期比较 of a file: each kind with its number and first rows; None in an old report."""
    told = report.get("differences")
    if told is None:
        return None
    counts = told["counts"]
    rows = [row | {"word": CHANGE_WORD[ChangeKind(row["kind"])]} for row in told["rows"]]
    return {
        "has_last": told["has_last"],
        "kinds": [{"word": CHANGE_WORD[kind], "count": counts.get(kind, 0)} for kind in ChangeKind],
        "total": sum(counts.values()),
        "rows": rows,
        "more": sum(counts.values()) - len(rows),
    }


def _may_map(run: CheckRun, actor: Actor) -> bool:
    """Only where a column was not sure, and only by the unit that is to remember it."""
    is_asked = bool(run.report.get("columns")) and run.batch is None
    return is_asked and run.unit_no == actor.unit_no


def _mapping(run: CheckRun, form: ColumnsForm) -> dict[str, Any]:
    """The mapping screen: each column of the sheet beside its select, the unsure ones first."""
    missing = [DISBURSEMENT.field(name).word for name in run.report.get("missing", [])]
    rows = [
        {
            "label": column["label"],
            "field": form[f"column_{n}"],
            "tone": HOW_WORD[column["how"]][0],
            "word": HOW_WORD[column["how"]][1],
        }
        for n, column in enumerate(run.report["columns"])
    ]
    rows.sort(key=lambda row: ORDER.index(row["tone"]))
    unsure = sum(row["tone"] == "warn" for row in rows)
    return {"rows": rows, "missing": missing, "unsure": unsure}


@policy(CLERKS)
@require_POST
def check_again(request: DeskRequest, run_id: int) -> HttpResponse:
    """重新检查: the same kept file, against the people, accounts and rosters as they are now."""
    run = _run_or_404(run_id, request.actor)
    again = actions.check_again(run, actor=request.actor)
    messages.success(request, "正在按现在的登记和名册重新检查这个文件。")
    return redirect("check-run", run_id=again.pk)


@policy(CLERKS)
@require_POST
def cancel_check(request: DeskRequest, run_id: int) -> HttpResponse:
    """取消检查: nothing of it is stored; the file may be checked again."""
    run = _run_or_404(run_id, request.actor)
    actions.cancel_check(run, actor=request.actor)
    messages.success(request, "已取消这次检查，没有存下任何结果。")
    return redirect("check-run", run_id=run.pk)


@policy(CLERKS)
@require_POST
def map_columns(request: DeskRequest, run_id: int) -> HttpResponse:
    """指定列的对应: what the person says is remembered, and the file is checked once more."""
    run = _run_or_404(run_id, request.actor)
    if not _may_map(run, request.actor):
        raise Refused("这次检查没有要指定的列，或不是本单位的名单。")
    form = ColumnsForm(run.report["columns"], request.POST)
    if not form.is_valid():
        context = {
            "run": run,
            "programme": programme_by_code(run.programme_code, scope=request.actor.scope),
            "is_waiting": False,
            "is_mapping_only": True,
            "mapping": _mapping(run, form),
        }
        return render(request, "check_run.html", context, status=UNPROCESSABLE)
    again = actions.map_columns(run, form.chosen(), actor=request.actor)
    messages.success(request, "已记住各列的对应，本单位以后导入这个项目不用再指定；正在重新检查。")
    return redirect("check-run", run_id=again.pk)


@policy(CLERKS)
@require_POST
def marked_workbook(request: DeskRequest, run_id: int) -> HttpResponse:
    """下载标注后的工作簿: a POST, because people's numbers go out and that is recorded."""
    run = _run_or_404(run_id, request.actor)
    made = actions.marked_workbook(run, actor=request.actor)
    response = HttpResponse(made, content_type=XLSX)
    stem = run.source_file.name.rpartition(".")[0]
    name = quote(f"{stem}-标注.xlsx", safe="")
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response


def _percent(report: Mapping[str, Any]) -> int:
    rows = int(report.get("rows", 0))
    return 100 * int(report.get("passed", 0)) // rows if rows else 0


@policy(CLERKS)
@require_POST
def save(request: DeskRequest, run_id: int) -> HttpResponse:
    """存为草稿: the checked file becomes a batch in DRAFT."""
    run = _run_or_404(run_id, request.actor)
    if run.batch is not None:
        return redirect("batch", number=run.batch.number)
    if run.programme_code not in {one.code for one in drafted_by(request.actor)}:
        raise Refused("这个项目不由本单位编制，不能存为草稿。")
    batch = actions.store_check(run, actor=request.actor)
    messages.success(request, f"已存为草稿，批次号 {batch.number}。核对无误后请编制送审。")
    return redirect("batch", number=batch.number)


@policy(CLERKS)
@require_POST
def answer(request: DeskRequest, number: str) -> HttpResponse:
    """人工确认 of one group of findings, or of a roster that was not compared."""
    batch = find_batch(number, scope=request.actor.scope)
    if batch is None:
        raise Http404
    form = AnswerForm(request.POST)
    if not form.is_valid():
        raise Refused("请写明确认的理由（不超过 300 个字）。")
    facts = form.cleaned_data
    if facts["kind"]:
        actions.answer_roster(batch, facts["kind"], facts["reason"], actor=request.actor)
        messages.success(request, "已记下理由，本批可以继续送审；审核人会看到。")
    else:
        count = actions.answer_rule(batch, facts["rule"], facts["reason"], actor=request.actor)
        messages.success(request, f"已确认 {count} 项，理由会随批次送审。")
    return redirect("batch", number=batch.number)


@policy(CLERKS)
@require_POST
def take_out(request: DeskRequest, number: str) -> HttpResponse:
    """剔除 rows of a draft with a reason; what is left is judged again by a job."""
    batch = find_batch(number, scope=request.actor.scope)
    if batch is None:
        raise Http404
    form = TakeOutForm(request.POST.getlist("rows"), request.POST)
    if not form.is_valid():
        raise Refused(next(iter(form.errors.values()))[0])
    facts = form.cleaned_data
    removed = take_lines_out(batch, facts["rows"], reason=facts["reason"], actor=request.actor)
    defer("validation.examine", batch_id=batch.pk, county=batch.county)
    messages.success(request, f"已剔除 {removed} 行，原因已记入留痕；其余各行正在重新检查。")
    return redirect("lines", number=batch.number)


@policy({Duty.DEPT_CLERK})
@require_POST
def ask_trial(request: DeskRequest, definition_id: int) -> HttpResponse:
    """样表试查: a sample is judged under a definition that is not in force yet."""
    actor = request.actor
    definition = find_definition(definition_id, scope=actor.scope)
    if definition is None:
        raise Http404
    form = TrialForm(request.POST, request.FILES)
    if not form.is_valid():
        raise Refused(next(iter(form.errors.values()))[0])
    file, period = form.cleaned_data["file"], form.cleaned_data["period"]
    source = keep_file(
        name=file.name,
        file=sealed(file.read(), county=actor.scope.county),
        unit_no=actor.unit_no,
        department_no=definition.department_no,
        actor=actor,
    )
    asked = trials.ask_trial(definition, source, period=period, actor=actor)
    return redirect("trial", trial_id=asked.pk)


@policy(DEPARTMENT | {Duty.FINANCE, Duty.AUDIT})
@require_GET
def trial(request: DeskRequest, trial_id: int) -> HttpResponse:
    """What the rules said of a sample; nothing of it can be stored as a batch."""
    one = find_trial(trial_id, scope=request.actor.scope)
    if one is None:
        raise Http404
    context: dict[str, Any] = {
        "trial": one,
        "item": one.definition.content["programme"],
        "is_waiting": one.state in {CheckRun.State.QUEUED, CheckRun.State.RUNNING},
        "is_current": bytes(one.digest) == bytes(one.definition.digest),
    }
    if one.state == CheckRun.State.DONE:
        context["groups"] = grouped(one.report.get("findings", []))
        context["passed_share"] = _percent(one.report)
    return render(request, "trial.html", context)


def _run_or_404(run_id: int, actor: Actor) -> CheckRun:
    run = find_check(run_id, scope=actor.scope)
    if run is None:
        raise Http404
    return run


def _listed(run: CheckRun) -> dict[str, Any]:
    tones = {CheckRun.State.DONE: "ok", CheckRun.State.FAILED: "error"}
    return {"run": run, "tone": tones.get(CheckRun.State(run.state), "wait")}


def grouped(findings: Iterable[Mapping[str, Any]], *, chosen: str = "") -> list[dict[str, Any]]:
    """Findings by severity and rule, the gravest first; of the chosen rule all rows, else a few."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for finding in findings:
        groups.setdefault((finding["severity"], finding["rule"]), []).append(finding)
    order = {severity: n for n, severity in enumerate(SEVERITY_WORD)}
    told = []
    for (severity, rule), rows in sorted(
        groups.items(), key=lambda one: (order[one[0][0]], one[0][1])
    ):
        if chosen and rule != chosen:
            continue
        most = SHOWN_OF_ONE if chosen else SHOWN
        told.append(
            {
                "rule": rule,
                "title": title_of(rule, severity) or rule or "文件提示",
                "severity": severity,
                "word": SEVERITY_WORD[severity],
                "tone": TONE[severity],
                "count": len(rows),
                "rows": rows[:most],
                "more": max(len(rows) - most, 0),
            }
        )
    return told
