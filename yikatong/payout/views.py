"""停发 of one payment by two people, and a bank's own look at its shares."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from yikatong.jobs.lines import line_down
from yikatong.jobs.queries import find_quarantine
from yikatong.kernel.actor import Duty
from yikatong.kernel.errors import Refused
from yikatong.organisation.paging import page_of, told_count
from yikatong.organisation.policy import (
    DEPARTMENT,
    QUARANTINE_READERS,
    TOWN,
    DeskRequest,
    policy,
)
from yikatong.payout import actions
from yikatong.payout.forms import CloseForm, StopForm
from yikatong.payout.queries import find_payment, find_share, payments_of_share
from yikatong.payout.rules import PAYMENT_WORD, SHARE_WORD, PaymentState, ShareState
from yikatong.submission.queries import numbers_of

CONFLICT: Final = 409
UNPROCESSABLE: Final = 422


@policy(TOWN | DEPARTMENT)
@require_http_methods(["GET", "POST"])
def stop(request: DeskRequest, payment_id: int) -> HttpResponse:
    """停发: asked for with a reason by one person, confirmed here by another before release."""
    actor = request.actor
    payment = find_payment(payment_id, scope=actor.scope)
    if payment is None:
        raise Http404
    asked = getattr(payment, "stop", None)
    context: dict[str, Any] = {
        "payment": payment,
        "batch": payment.batch,
        "asked": asked,
        "is_mine": asked is not None and asked.asked_by == actor.username,
        "word": PAYMENT_WORD[PaymentState(payment.state)],
        "form": StopForm(),
    }
    if request.method == "GET":
        return render(request, "stop.html", context)
    try:
        if asked is None:
            form = StopForm(request.POST)
            if not form.is_valid():
                return render(request, "stop.html", context | {"form": form}, status=UNPROCESSABLE)
            actions.stop(payment, reason=form.cleaned_data["reason"], actor=actor)
            messages.success(request, "已提出停发，等待另一人复核；复核后银行不再发放这一笔。")
        else:
            actions.confirm_stop(asked, actor=actor)
            messages.success(request, "已复核停发，款项留待退回国库。")
    except Refused as error:
        return render(request, "stop.html", context | {"why_not": str(error)}, status=CONFLICT)
    return redirect("payments", number=payment.batch.number)


@policy(QUARANTINE_READERS)
@require_http_methods(["GET", "POST"])
def close_exception(request: DeskRequest, item_id: int) -> HttpResponse:
    """异常挂账, one item: read by its readers, closed with a note by finance or the department."""
    actor = request.actor
    item = find_quarantine(item_id, scope=actor.scope)
    if item is None:
        raise Http404
    batches = numbers_of([item.batch_id] if item.batch_id else [], scope=actor.scope)
    context: dict[str, Any] = {
        "item": item,
        "number": batches.get(item.batch_id or 0, ""),
        "can_close": item.closed_at is None and actor.duty in actions.CLOSING,
        "form": CloseForm(),
    }
    if request.method == "GET":
        return render(request, "exception.html", context)
    form = CloseForm(request.POST)
    if not form.is_valid():
        return render(request, "exception.html", context | {"form": form}, status=UNPROCESSABLE)
    try:
        actions.close_exception(item, reason=form.cleaned_data["reason"], actor=actor)
    except Refused as error:
        return render(request, "exception.html", context | {"why_not": str(error)}, status=CONFLICT)
    messages.success(request, "已销账，说明已记入留痕。")
    return redirect("exceptions")


@policy({Duty.BANK})
@require_GET
def share(request: DeskRequest, share_id: int) -> HttpResponse:
    """A bank reads its own rows of one share: masked, with the result of each."""
    scope = request.actor.scope
    found = find_share(share_id, scope=scope)
    if found is None:
        raise Http404
    payments = payments_of_share(found, scope=scope)
    page = page_of(payments, request.GET)
    context = {
        "share": found,
        "word": SHARE_WORD[ShareState(found.state)],
        "rows": page.rows,
        "page": page,
        "count": told_count(payments, "笔"),
        "line": line_down(found.bank_no, scope=scope),
    }
    return render(request, "share.html", context)
