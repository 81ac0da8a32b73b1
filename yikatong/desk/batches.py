"""批次列表 and 批次详情: read by everyone whose scope holds the batch, changed by nobody here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from yikatong.audit.queries import events_of_batch
from yikatong.catalogue.queries import programmes
from yikatong.desk import words
from yikatong.desk.findings import found_in, title_of_rows, with_findings
from yikatong.desk.story import main_path, progress, timeline
from yikatong.desk.todo import Deadlines, choices, following
from yikatong.desk.workbench import share_figures
from yikatong.disclosure.queries import notice_of_batch
from yikatong.feedback.queries import failures_of, texts_of
from yikatong.funding.queries import requests_of
from yikatong.journey.steps import JOURNEYS, Journey
from yikatong.kernel.actor import Actor
from yikatong.kernel.steps import SEAT_WORD, Status
from yikatong.organisation.paging import page_of, told_count
from yikatong.organisation.policy import (
    BATCH_READERS,
    CLERKS,
    DEPARTMENT,
    TOWN,
    DeskRequest,
    policy,
)
from yikatong.organisation.queries import department_units, paying_banks, unit_names
from yikatong.payout.queries import (
    MoneyEquation,
    money_of,
    money_of_batches,
    payments_of,
    share_money,
    shares_of,
    stops_of,
)
from yikatong.payout.rules import PaymentState
from yikatong.submission.queries import (
    batches_listed,
    declared_totals,
    declared_totals_of,
    find_batch,
    lines_of_batch,
    periods_used,
    redrafts_of,
)
from yikatong.validation.outlook import forecast_reason
from yikatong.validation.queries import (
    FORESEEN_AT,
    change_counts,
    findings_of_rule,
    forecast,
    forecast_sum,
    headway_words,
    rule_outcomes_of,
    verdict_counts,
)
from yikatong.validation.rules import CHANGE_WORD
from yikatong.validation.titles import rule_titles

FAILURES_SHOWN: Final = 50
PREVIEW: Final = 10


@policy(BATCH_READERS)
@require_GET
def batch_list(request: DeskRequest) -> HttpResponse:
    """批次列表: filters stand in the address; the number of queries does not grow with the rows."""
    scope = request.actor.scope
    chosen = {name: request.GET.get(name, "").strip() for name in ("programme", "status", "period")}
    statuses = _statuses(chosen["status"])
    found = batches_listed(
        scope=scope, programme_code=chosen["programme"], statuses=statuses, period=chosen["period"]
    )
    page = page_of(found, request.GET, is_newest_first=True)
    ids = [batch.pk for batch in page.rows]
    money = money_of_batches(ids, scope=scope)
    declared = declared_totals_of([pk for pk in ids if pk not in money], scope=scope)
    units = unit_names({batch.unit_no for batch in page.rows}, scope=scope)
    deadlines = Deadlines(request.actor)
    rows = [
        _listed(batch, money.get(batch.pk), declared.get(batch.pk, (0, 0)), units, deadlines)
        for batch in page.rows
    ]
    context = {
        "rows": rows,
        "page": page,
        "count": told_count(found, "个批次"),
        "chosen": chosen,
        "programmes": programmes(scope=scope),
        "groups": [(key, title) for key, (title, _) in words.GROUPS.items()],
        "statuses": [(status.value, words.status_word(status)) for status in Status],
        "periods": periods_used(scope=scope),
        "can_import": request.actor.duty in CLERKS,
    }
    return render(request, "batches.html", context)


def _statuses(chosen: str) -> list[str]:
    if chosen in words.GROUPS:
        return [status.value for status in words.GROUPS[chosen][1]]
    return [chosen] if chosen in {status.value for status in Status} else []


def _listed(
    batch: Any,
    money: MoneyEquation | None,
    declared: tuple[int, int],
    units: dict[int, str],
    deadlines: Deadlines,
) -> dict[str, Any]:
    is_open = bool(following(batch))
    return {
        "batch": batch,
        "unit": units.get(batch.unit_no, ""),
        "word": words.status_word(batch.status),
        "tone": words.status_tone(batch.status),
        "next": next(iter(following(batch)), None),
        "seat": "、".join(SEAT_WORD[step.seat] for step in following(batch)),
        "chip": deadlines.chip(batch.status, batch.due_on) if is_open else None,
        "lines": money.due_lines if money else declared[0],
        "due_fen": money.due_fen if money else declared[1],
        "money": money,
    }


def batch_or_404(number: str, actor: Actor) -> Any:
    """Outside the scope a batch does not exist."""
    if (batch := find_batch(number, scope=actor.scope)) is None:
        raise Http404
    return batch


@policy(BATCH_READERS)
@require_GET
def batch_page(request: DeskRequest, number: str) -> HttpResponse:
    """批次详情: state, money, progress, story, and the steps of this person's seat."""
    actor = request.actor
    scope = actor.scope
    batch = batch_or_404(number, actor)
    journey = JOURNEYS[batch.county]
    status = Status(batch.status)
    events = list(events_of_batch(batch.pk, scope=scope))
    chip = Deadlines(actor).chip(batch.status, batch.due_on) if following(batch) else None
    passed, kept_back = verdict_counts(batch, scope=scope)
    units = unit_names({batch.unit_no}, scope=scope)
    declared_lines, declared_fen = declared_totals(batch, scope=scope)
    shares = _shares(batch, actor)
    context = {
        "batch": batch,
        "word": words.status_word(status),
        "tone": words.status_tone(status),
        "chip": chip,
        "unit": units.get(batch.unit_no, ""),
        "department": department_units(scope=scope)[batch.department_no].name,
        "declared_lines": declared_lines,
        "declared_fen": declared_fen,
        "is_judged": passed + kept_back > 0,
        "passed": passed,
        "kept_back": kept_back,
        "money": money_of(batch, scope=scope),
        "choices": choices(batch, actor),
        "steps": progress(
            journey, status, events, chip=headway_words(batch, scope=scope) or str(chip or "")
        ),
        "timeline": timeline(journey, events, following=following(batch), due_on=batch.due_on),
        "returned": _last_return(status, events, journey),
        "redrafts": [
            {
                "batch": one,
                "word": words.status_word(one.status),
                "tone": words.status_tone(one.status),
            }
            for one in redrafts_of(batch, scope=scope)
        ],
        "notice": notice_of_batch(batch, scope=scope),
        "shares": shares,
        "failures": _failures(batch, actor),
        "preview": list(lines_of_batch(batch, scope=scope)[:PREVIEW]),
        **found_in(batch, actor),
        **_differences(batch, actor),
        "forecast": _forecast(batch, actor),
    }
    return render(request, "batch.html", context)


def _differences(batch: Any, actor: Actor) -> dict[str, Any]:
    """What differs from last period by kind, and what each rule said, in the newest run."""
    titles = rule_titles()
    told = rule_outcomes_of(batch, scope=actor.scope)
    counts = change_counts(batch, scope=actor.scope) if told else {}
    by_verdict = Counter(outcome.verdict for outcome in told.values())
    return {
        "changes": [
            {"kind": kind.value, "word": CHANGE_WORD[kind], "count": count}
            for kind, count in counts.items()
        ],
        "changes_total": sum(counts.values()),
        "outcomes": [
            {
                "rule": rule,
                "title": titles.get(rule, ""),
                "verdict": outcome.verdict,
                "count": outcome.count,
                "tone": words.VERDICT_TONE.get(outcome.verdict, "info"),
            }
            for rule, outcome in told.items()
        ],
        "outcome_counts": [
            {"verdict": verdict, "count": by_verdict[verdict], "tone": tone}
            for verdict, tone in words.VERDICT_TONE.items()
            if by_verdict[verdict]
        ],
    }


def _forecast(batch: Any, actor: Actor) -> dict[str, Any] | None:
    """预计可能失败 until money is requested; None before the verdict and afterwards."""
    if batch.status not in FORESEEN_AT:
        return None
    told = forecast_sum(batch, scope=actor.scope)
    lines = forecast(batch, scope=actor.scope)[:PREVIEW] if told.lines else []
    rows = foretold(lines)
    return {"lines": told.lines, "fen": told.fen, "unseen": told.unseen, "rows": rows}


def foretold(lines: Iterable[Any]) -> list[dict[str, Any]]:
    """Each line with why it would fail and who puts it right."""
    rows = []
    for line in lines:
        why, fixes = forecast_reason(line)
        rows.append({"line": line, "why": why, "fixes": fixes})
    return rows


def _last_return(status: Status, events: list[Any], journey: Journey) -> Any:
    """The newest return, while the batch stands where that return put it."""
    path = {start for step in main_path(journey)[1:] for start in step.starts_at}
    returns = [event for event in events if event.result == "returned"]
    return returns[-1] if returns and status not in path else None


def _shares(batch: Any, actor: Actor) -> list[dict[str, Any]]:
    shares = list(shares_of(batch, scope=actor.scope))
    if not shares:
        return []
    banks = paying_banks(scope=actor.scope)
    money = share_money([share.pk for share in shares], scope=actor.scope)
    requests = {one.bank_no: one for one in requests_of(batch, scope=actor.scope)}
    return [
        {
            "share": share,
            "bank": banks[share.bank_no].name,
            "word": words.share_word(share.state),
            "tone": words.share_tone(share.state),
            "request": requests.get(share.bank_no),
            **share_figures(money.get(share.pk, {})),
        }
        for share in shares
    ]


def _failures(batch: Any, actor: Actor) -> list[dict[str, Any]]:
    """Failed payments by cause: how many, who must act, and when they may be paid again."""
    groups: dict[str, list[Any]] = {}
    for result in failures_of(batch, scope=actor.scope):
        groups.setdefault(result.code or "F99", []).append(result)
    told = []
    for code, results in sorted(groups.items()):
        reason, fixes, retry = words.failure_words(code)
        told.append(
            {
                "code": code,
                "reason": reason,
                "fixes": fixes,
                "retry": retry,
                "results": results[:FAILURES_SHOWN],
                "lines": len(results),
                "fen": sum(result.payment.amount_fen for result in results),
            }
        )
    return told


@policy(BATCH_READERS)
@require_GET
def lines(request: DeskRequest, number: str) -> HttpResponse:
    """明细(应发), masked, page by page; `?rule=` shows only the rows that one rule named."""
    actor = request.actor
    batch = batch_or_404(number, actor)
    rule = request.GET.get("rule", "")
    context: dict[str, Any] = {
        "batch": batch,
        "rule": rule,
        "can_take_out": batch.status == Status.DRAFT
        and actor.unit_no == batch.unit_no
        and actor.duty in CLERKS,
    }
    if rule:
        findings = findings_of_rule(batch, rule, scope=actor.scope)
        page = page_of(findings, request.GET)
        context |= {
            "findings": page.rows,
            "rule_title": title_of_rows(rule, page.rows),
            "page": page,
            "count": told_count(findings),
        }
        return render(request, "findings.html", context)
    found = lines_of_batch(batch, scope=actor.scope)
    page_of_lines = page_of(found, request.GET)
    context |= {
        "rows": with_findings(batch, page_of_lines.rows, actor),
        "page": page_of_lines,
        "count": told_count(found, "行"),
    }
    return render(request, "lines.html", context)


@policy(BATCH_READERS)
@require_GET
def payments(request: DeskRequest, number: str) -> HttpResponse:
    """代发明细(实发): each with its state; before release one may be stopped from here."""
    actor = request.actor
    batch = batch_or_404(number, actor)
    found = payments_of(batch, scope=actor.scope)
    page = page_of(found, request.GET)
    texts = texts_of([payment.pk for payment in page.rows], scope=actor.scope)
    stops = {stop.payment_id: stop for stop in stops_of(batch, scope=actor.scope)}
    banks = paying_banks(scope=actor.scope)
    rows = [
        {
            "payment": payment,
            "bank": banks[payment.bank_no].name,
            "word": words.payment_word(payment.state),
            "tone": words.payment_tone(payment.state),
            "text": words.text_word(texts.get(payment.pk, "")),
            "stop": stops.get(payment.pk),
            "can_stop": may_stop(payment, batch, actor) and payment.pk not in stops,
        }
        for payment in page.rows
    ]
    context = {"batch": batch, "rows": rows, "page": page, "count": told_count(found, "笔")}
    return render(request, "payments.html", context)


def may_stop(payment: Any, batch: Any, actor: Actor) -> bool:
    """停发 is the drafting unit's or its department's, before the instruction leaves."""
    is_ours = (actor.duty in TOWN and actor.unit_no == batch.unit_no) or actor.duty in DEPARTMENT
    return is_ours and payment.state == PaymentState.SENT and batch.status in BEFORE_RELEASE


BEFORE_RELEASE: Final = frozenset({"READY", "REQUESTED", "IN_REVIEW", "RELEASED", "FUNDED"})
