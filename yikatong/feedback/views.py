"""资金与对账: the three sides, the differences line by line, the month's statement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yikatong.audit.actions import record
from yikatong.feedback import queries, reconciling, statements
from yikatong.feedback.forms import MonthForm, WordForm
from yikatong.feedback.models import Difference, DifferenceWord
from yikatong.feedback.rules import GATHERING
from yikatong.journey import steps as journey
from yikatong.kernel.actor import Duty
from yikatong.kernel.errors import Refused
from yikatong.organisation.paging import page_of, told_count
from yikatong.organisation.policy import BOOK_READERS, DeskRequest, policy
from yikatong.organisation.queries import department_units, paying_banks
from yikatong.submission.queries import numbers_of

CONFLICT: Final = 409
UNPROCESSABLE: Final = 422
STATEMENTS_SHOWN: Final = 12
RULES: Final = {
    "R1": "明细与银行结果",
    "R2": "日终对账",
    "R3": "拨款与到账",
    "R4": "国库对账",
    "R5": "明细表",
    "R6": "无主款账龄",
}
STATEMENT_READERS: Final = frozenset({Duty.FINANCE, Duty.AUDIT})


@policy(BOOK_READERS)
@require_GET
def reconciliation(request: DeskRequest) -> HttpResponse:
    """The newest run's three sides, and the differences; `?rule=` and `?closed=1` choose."""
    scope = request.actor.scope
    rule = request.GET.get("rule", "")
    rule = rule if rule in RULES else ""
    is_closed = request.GET.get("closed") == "1"
    found = queries.differences(scope=scope, rule=rule, closed=is_closed)
    page = page_of(found, request.GET, is_newest_first=True)
    run = queries.runs(scope=scope).first()
    context: dict[str, Any] = {
        "run": run,
        "three_way": queries.three_way(run, scope=scope) if run else None,
        "sums": _sums(request, run) if run else [],
        "rows": _listed(request, page.rows),
        "page": page,
        "count": told_count(found),
        "rules": RULES.items(),
        "chosen": {"rule": rule, "closed": is_closed},
        "can_ask": request.actor.duty in reconciling.ASKING,
        "can_state": request.actor.duty == Duty.FINANCE,
    }
    if request.actor.duty in STATEMENT_READERS:
        context["statements"] = list(queries.statements(scope=scope)[:STATEMENTS_SHOWN])
    return render(request, "reconciliation.html", context)


def _sums(request: DeskRequest, run: Any) -> list[dict[str, Any]]:
    scope = request.actor.scope
    banks, departments = paying_banks(scope=scope), department_units(scope=scope)
    return [
        {
            "sum": row,
            "three": queries.ThreeWay(**{name: getattr(row, name) for name in queries.SIDES}),
            "bank": banks[row.bank_no].short_name,
            "department": departments[row.department_no].name,
        }
        for row in queries.sums_of(run, scope=scope)
    ]


def _listed(request: DeskRequest, rows: Iterable[Difference]) -> list[dict[str, Any]]:
    listed = list(rows)
    numbers = numbers_of(
        {one.batch_id for one in listed if one.batch_id}, scope=request.actor.scope
    )
    banks = paying_banks(scope=request.actor.scope)
    today = timezone.localdate()
    return [
        {
            "row": one,
            "title": RULES[one.rule],
            "bank": banks[one.bank_no].short_name if one.bank_no in banks else "—",
            "number": numbers.get(one.batch_id or 0, ""),
            "age": (today - one.since).days,
            **_state(one),
        }
        for one in listed
    ]


def _state(one: Difference) -> dict[str, str]:
    kinds = [word.kind for word in one.words.all()]
    if DifferenceWord.Kind.CLOSE in kinds:
        return {"word": "已销号", "tone": "ok"}
    is_gone = next((kind == "GONE" for kind in reversed(kinds) if kind in {"GONE", "BACK"}), False)
    if DifferenceWord.Kind.ANSWER in kinds:
        return {"word": "待销号", "tone": "warn"}
    if is_gone:
        return {"word": "已不存在，待答复", "tone": "info"}
    return {"word": "待答复", "tone": "error"}


@policy(BOOK_READERS)
@require_POST
def ask(request: DeskRequest) -> HttpResponse:
    """按需对账: the worker runs it; what it finds stands on the page afterwards."""
    try:
        reconciling.ask_for_run(actor=request.actor)
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "已排队对账，稍后刷新本页看结果。")
    return redirect("reconciliation")


@policy(BOOK_READERS)
@require_http_methods(["GET", "POST"])
def difference(request: DeskRequest, difference_id: int) -> HttpResponse:
    """One difference: answered by one person, closed by another."""
    actor = request.actor
    found = queries.find_difference(difference_id, scope=actor.scope)
    if found is None:
        raise Http404
    form = WordForm(request.POST or None)
    context = _of_one(request, found) | {"form": form}
    if request.method == "GET":
        return render(request, "difference.html", context)
    if not form.is_valid():
        return render(request, "difference.html", context, status=UNPROCESSABLE)
    act = reconciling.close if request.POST.get("what") == "close" else reconciling.answer
    try:
        act(found, reason=form.cleaned_data["reason"], actor=actor)
    except Refused as error:
        return render(
            request, "difference.html", context | {"why_not": str(error)}, status=CONFLICT
        )
    messages.success(request, "已记下，写入留痕。")
    return redirect("reconciliation")


def _of_one(request: DeskRequest, found: Difference) -> dict[str, Any]:
    words = list(found.words.all())
    answered_by = {word.said_by for word in words if word.kind == DifferenceWord.Kind.ANSWER}
    is_open = not any(word.kind == DifferenceWord.Kind.CLOSE for word in words)
    may_act = is_open and request.actor.duty in reconciling.ASKING
    return {
        **_listed(request, [found])[0],
        "words": words,
        "can_answer": may_act,
        "can_close": may_act and bool(answered_by) and request.actor.username not in answered_by,
    }


@policy(STATEMENT_READERS)
@require_POST
def statement(request: DeskRequest) -> HttpResponse:
    """月报 of a month as PDF, kept with the digest that is printed on it."""
    form = MonthForm(request.POST)
    if not form.is_valid():
        messages.error(request, "月份写法如 2026-11。")
        return redirect("reconciliation")
    try:
        statements.make(form.cleaned_data["month"], actor=request.actor)
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "月报已生成。")
    return redirect("reconciliation")


@policy(STATEMENT_READERS)
@require_POST
def download(request: DeskRequest, statement_id: int) -> HttpResponse:
    """The PDF as it was made; a POST, because it is recorded."""
    found = queries.find_statement(statement_id, scope=request.actor.scope)
    if found is None:
        raise Http404
    name = f"对账月报{found.month}-{found.number}.pdf"
    record(
        actor=request.actor,
        action="statement.download",
        result="done",
        unit_no=request.actor.unit_no,
        note=name,
    )
    response = HttpResponse(bytes(found.document), content_type="application/pdf")
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response


@policy(GATHERING)
@require_POST
def gather(request: DeskRequest) -> HttpResponse:
    """一键生成补发批次 of one item and period; the draft is opened at once."""
    code, period = request.POST.get("programme", ""), request.POST.get("period", "")
    try:
        made = journey.gather(code, period, actor=request.actor)
    except Refused as error:
        messages.error(request, str(error))
        return redirect("failures")
    messages.success(request, f"已生成补发批次，{made.lines} 笔。核对后编制送审。")
    return redirect("batch", made.batch.number)
