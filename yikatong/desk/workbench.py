"""工作台: what waits for me, the month's money, and what was set aside."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from yikatong.audit.queries import events_in
from yikatong.catalogue.queries import definitions
from yikatong.catalogue.rules import DefinitionState
from yikatong.desk import village, words
from yikatong.desk.middleware import POST_KEY
from yikatong.desk.shell import SIZE_COOKIE, SIZES
from yikatong.desk.story import action_word
from yikatong.desk.todo import Deadlines, following, waiting_for
from yikatong.feedback.queries import notices_of
from yikatong.jobs.queries import open_quarantine
from yikatong.journey.steps import JOURNEYS
from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.steps import SEAT_WORD, Status
from yikatong.organisation.paging import page_of, told_count
from yikatong.organisation.policy import (
    ADMINISTRATORS,
    ANYONE,
    BATCH_READERS,
    CLERKS,
    DEPARTMENT,
    OFFICIALS,
    QUARANTINE_READERS,
    TOWN,
    DeskRequest,
    policy,
)
from yikatong.organisation.scoping import enter
from yikatong.payout.queries import (
    MoneyEquation,
    money_of_batches,
    share_money,
    shares_by_state,
    shares_of_bank,
    stops_to_confirm,
)
from yikatong.payout.rules import IN_TRANSIT, PaymentState, ShareState
from yikatong.registry.queries import account_changes
from yikatong.submission.queries import batch_ids_since, batches_on_their_way, numbers_of
from yikatong.validation.queries import checks_not_stored

A_YEAR_S: Final = 365 * 24 * 3600
SHOWN: Final = 20
ELSEWHERE: Final = 8
REMEMBERED: Final = timedelta(days=7)
# the story of a batch is over, or only its notice still hangs
ENDED: Final = (Status.PUBLISHED, Status.CLOSED, Status.RETURNED, Status.DROPPED)

# an empty desk says what will come, and from whom
COMING: Final = {
    Duty.TOWN_CLERK: "收到清册后从“名单导入”开始；存成草稿、退回修改的批次会出现在这里。",
    Duty.TOWN_CHECK: "经办人编制送审后，待您审核的批次会出现在这里；账户变更也由您复核。",
    Duty.DEPT_CLERK: "审批通过待提交的、银行接收后待申请拨款的、出结果后待公示的批次会出现在这里。",
    Duty.DEPT_CHIEF: "审核上报后，待您审批的批次会出现在这里。",
    Duty.FINANCE: "送财政复核或申请拨款的批次会出现在这里：通过，或写明原因退回。",
    Duty.AUDIT: "您的岗位只读：可查看本区县全部批次、资金去向和留痕。",
}


@policy(OFFICIALS)
@require_GET
def home(request: DeskRequest) -> HttpResponse:
    duty = request.actor.duty
    if duty == Duty.BANK:
        return _bank_home(request)
    if duty == Duty.VILLAGE:
        return village.home(request)
    if duty in ADMINISTRATORS:
        return render(request, "quiet_home.html", {"duty": duty.value})
    actor = request.actor
    deadlines = Deadlines(actor)
    month = timezone.localdate().replace(day=1)
    ids = batch_ids_since(month, scope=actor.scope)
    waiting = waiting_for(actor, deadlines)
    context: dict[str, Any] = {
        "waiting": waiting,
        "overdue": sum(1 for one in waiting if one.chip and (one.chip.days or 0) < 0),
        "coming": COMING[duty],
        "can_import": duty in {Duty.TOWN_CLERK, Duty.DEPT_CLERK},
        "month": month,
        "batches": len(ids),
        "elsewhere": _elsewhere(request, deadlines),
        "money": _sum(list(money_of_batches(ids, scope=actor.scope).values())),
    }
    context["told"] = list(
        notices_of(actor.unit_no, since=deadlines.today - REMEMBERED, scope=actor.scope)[:ELSEWHERE]
    )
    if duty in QUARANTINE_READERS:
        context["quarantine"] = _with_numbers(
            request, list(open_quarantine(scope=actor.scope)[:SHOWN])
        )
    context |= _second_hand(actor)
    if duty in CLERKS:
        unsaved = checks_not_stored(
            by=actor.username, since=deadlines.today - REMEMBERED, scope=actor.scope
        )
        context["unsaved"] = list(unsaved[:ELSEWHERE])
    mine = [one.batch.pk for one in waiting]
    context["on_their_way"] = [
        _on_its_way(batch, deadlines)
        for batch in batches_on_their_way(but=mine, ended=ENDED, scope=actor.scope)[:ELSEWHERE]
    ]
    return render(request, "workbench.html", context)


def _second_hand(actor: Actor) -> dict[str, Any]:
    """账户变更 and 停发: what another asked for and this person may answer, and what they asked."""
    told: dict[str, Any] = {}
    if actor.duty in TOWN:
        changes = list(account_changes(scope=actor.scope, state="PROPOSED")[:SHOWN])
        is_checker = actor.duty == Duty.TOWN_CHECK
        told["changes"] = [
            {"change": one, "is_mine": not is_checker or one.proposed_by == actor.username}
            for one in changes
            if is_checker or one.proposed_by == actor.username
        ]
    if actor.duty == Duty.DEPT_CHIEF:
        tried = definitions(scope=actor.scope, states=[DefinitionState.TESTED.value])[:SHOWN]
        told["definitions"] = [
            {"definition": one, "name": one.content["programme"]["name"]} for one in tried
        ]
    if actor.duty in TOWN | DEPARTMENT:
        stops = stops_to_confirm(scope=actor.scope)[:SHOWN]
        told["stops"] = [{"stop": one, "is_mine": one.asked_by == actor.username} for one in stops]
    return told


def _on_its_way(batch: Any, deadlines: Deadlines) -> dict[str, Any]:
    """One batch that somebody else holds: who, and until when."""
    step = next(iter(following(batch)), None)
    return {
        "batch": batch,
        "step": step,
        "seat": SEAT_WORD[step.seat] if step else "",
        "chip": deadlines.chip(batch.status, batch.due_on) if step else None,
    }


def _elsewhere(request: DeskRequest, deadlines: Deadlines) -> list[dict[str, Any]]:
    """What waits at this person's other posts, so that nothing is overlooked between two of them.

    Each is counted in its own scope; the request goes back into the present one before it answers.
    """
    told = []
    try:
        for post in request.posts:
            if post != request.actor:
                enter(post)
                told.append({"post": post, "count": len(waiting_for(post, deadlines))})
    finally:
        enter(request.actor)
    return [one for one in told if one["count"]]


def _sum(equations: list[MoneyEquation]) -> dict[str, int]:
    names = ("due", "paid", "failed", "in_transit", "stopped")
    return {
        f"{name}_{unit}": sum(getattr(one, f"{name}_{unit}") for one in equations)
        for name in names
        for unit in ("lines", "fen")
    }


def _with_numbers(request: DeskRequest, rows: list[Any]) -> list[dict[str, Any]]:
    ids = {row.batch_id for row in rows if row.batch_id}
    numbers = numbers_of(ids, scope=request.actor.scope)
    return [{"row": row, "number": numbers.get(row.batch_id, "")} for row in rows]


def _bank_home(request: DeskRequest) -> HttpResponse:
    """代发银行: its shares, newest first, each with its money by result."""
    scope = request.actor.scope
    page = page_of(shares_of_bank(scope=scope), request.GET, is_newest_first=True)
    money = share_money([share.pk for share in page.rows], scope=scope)
    rows = [
        {
            "share": share,
            "word": words.share_word(share.state),
            "tone": words.share_tone(share.state),
            **share_figures(money.get(share.pk, {})),
        }
        for share in page.rows
    ]
    states = shares_by_state(scope=scope)
    context = {
        "rows": rows,
        "page": page,
        "to_receive": states.get(ShareState.SENT, 0),
        "to_pay": states.get(ShareState.PAYING, 0),
        "to_return": states.get(ShareState.RECALLING, 0),
        "done": states.get(ShareState.DONE, 0),
    }
    return render(request, "bank_home.html", context)


def share_figures(states: dict[str, tuple[int, int]]) -> dict[str, int]:
    """(lines, fen) of a share: all that was sent, paid, failed, in transit."""
    groups = {
        "sent": tuple(state for state in PaymentState if state != PaymentState.WITHDRAWN),
        "paid": (PaymentState.PAID,),
        "failed": (PaymentState.FAILED, PaymentState.RETURNED),
        "transit": IN_TRANSIT,
        "stopped": (PaymentState.STOPPED,),
    }
    figures = {}
    for name, members in groups.items():
        found = [states.get(member.value, (0, 0)) for member in members]
        figures[f"{name}_lines"] = sum(lines for lines, _ in found)
        figures[f"{name}_fen"] = sum(fen for _, fen in found)
    return figures


@policy(QUARANTINE_READERS)
@require_GET
def exceptions(request: DeskRequest) -> HttpResponse:
    """异常挂账: contradictions that a person must clear; nothing is dropped."""
    found = open_quarantine(scope=request.actor.scope)
    page = page_of(found, request.GET, is_newest_first=True)
    context = {"rows": _with_numbers(request, page.rows), "page": page, "count": told_count(found)}
    return render(request, "exceptions.html", context)


@policy({Duty.AUDIT, Duty.AUDITADMIN})
@require_GET
def events(request: DeskRequest) -> HttpResponse:
    """留痕 of the county, newest first, read only."""
    actor = request.actor
    page = page_of(events_in(scope=actor.scope), request.GET, key="seq", is_newest_first=True)
    numbers: dict[int, str] = {}
    if actor.duty in BATCH_READERS:
        numbers = numbers_of({row.batch_id for row in page.rows if row.batch_id}, scope=actor.scope)
    journey = JOURNEYS[actor.scope.county]
    rows = [
        {
            "event": row,
            "word": action_word(journey, row),
            "result": RESULT_WORD.get(row.result, row.result),
            "number": numbers.get(row.batch_id or 0, ""),
        }
        for row in page.rows
    ]
    return render(request, "events.html", {"rows": rows, "page": page})


RESULT_WORD: Final = {
    "passed": "通过",
    "returned": "退回",
    "stays": "已记录",
    "done": "完成",
    "refused": "未准许",
}


@policy(OFFICIALS)
@require_POST
def switch_post(request: DeskRequest) -> HttpResponse:
    """Sit down at another of one's own posts; the middleware reads the choice."""
    chosen = request.POST.get("unit_no", "")
    if chosen in {str(post.unit_no) for post in request.posts}:
        request.session[POST_KEY] = int(chosen)
    return redirect("home")


@policy(ANYONE)
@require_POST
def size(request: HttpRequest) -> HttpResponse:
    """大字版, kept in a cookie: no flash, no script."""
    chosen = request.POST.get("size", "")
    wanted = request.POST.get("next", "/")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    response = redirect(wanted if is_ours else "/")
    if chosen in SIZES:
        response.set_cookie(SIZE_COOKIE, chosen, max_age=A_YEAR_S, httponly=True, samesite="Lax")
    return response
