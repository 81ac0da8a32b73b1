"""资金台账、试算平衡、凭证草稿: read only for finance, departments and audit, and downloads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yikatong.accounting import actions, queries, sheets
from yikatong.accounting.budget_form import vouchers_in_budget_form
from yikatong.accounting.forms import RecoveryForm
from yikatong.accounting.rules import BOOK_WORD, KIND_WORD, POSTING_WORD, account_names
from yikatong.audit.actions import record
from yikatong.catalogue.models import Programme
from yikatong.catalogue.queries import programmes
from yikatong.kernel.actor import Duty
from yikatong.kernel.errors import Refused
from yikatong.organisation.paging import page_of, told_count
from yikatong.organisation.policy import BOOK_READERS, DeskRequest, policy
from yikatong.organisation.queries import county_settings, paying_banks, unit_names
from yikatong.submission.queries import batch_by_number

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TEXT: Final = "text/plain; charset=gb18030"
CONFLICT: Final = 409
UNPROCESSABLE: Final = 422


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which item and year a page or a download is about; empty is all."""

    programmes: list[Programme]
    programme: str
    years: list[str]
    year: str

    @property
    def title(self) -> str:
        item = next((one.short_name for one in self.programmes if one.code == self.programme), "")
        return f"{item or '全部项目'}{self.year or '全部年度'}"

    @property
    def facts(self) -> dict[str, str]:
        return {"programme_code": self.programme, "year": self.year}

    @property
    def context(self) -> dict[str, Any]:
        return {
            "programmes": self.programmes,
            "years": self.years,
            "chosen": {"programme": self.programme, "year": self.year},
        }


def _chosen(request: DeskRequest) -> Chosen:
    scope = request.actor.scope
    items = list(programmes(scope=scope))
    years = queries.years_booked(scope=scope) or [str(timezone.localdate().year)]
    said = request.POST if request.method == "POST" else request.GET
    item, year = said.get("programme", ""), said.get("year", "")
    return Chosen(
        items,
        item if item in {one.code for one in items} else "",
        years,
        year if year in years else "",
    )


@policy(BOOK_READERS)
@require_GET
def ledger(request: DeskRequest) -> HttpResponse:
    """试算平衡表 of an item (`?programme=`) and a year (`?year=`)."""
    chosen = _chosen(request)
    rows = queries.trial_balance(scope=request.actor.scope, **chosen.facts)
    totals = {
        "debit_fen": sum(row.debit_fen for row in rows),
        "credit_fen": sum(row.credit_fen for row in rows),
        "debit_balance_fen": sum(row.debit_balance_fen for row in rows),
        "credit_balance_fen": sum(row.credit_balance_fen for row in rows),
    }
    context = chosen.context | {
        "rows": rows,
        "totals": totals,
        "is_balanced": totals["debit_fen"] == totals["credit_fen"]
        and totals["debit_balance_fen"] == totals["credit_balance_fen"],
    }
    return render(request, "ledger.html", context)


@policy(BOOK_READERS)
@require_GET
def postings(request: DeskRequest) -> HttpResponse:
    """明细账: every movement, newest first, with both its sides."""
    scope = request.actor.scope
    chosen = _chosen(request)
    found = queries.postings(scope=scope, **chosen.facts)
    page = page_of(found, request.GET, is_newest_first=True, per_page=25)
    names = _account_names(request)
    banks = paying_banks(scope=scope)
    units = unit_names({row.unit_no for row in page.rows}, scope=scope)
    rows = [
        {
            "posting": row,
            "word": POSTING_WORD.get(row.kind, row.kind),
            "bank": banks[row.bank_no].short_name if row.bank_no in banks else "",
            "unit": units.get(row.unit_no, ""),
            "legs": [(leg, names.get(leg.account, leg.account)) for leg in row.legs.all()],
        }
        for row in page.rows
    ]
    context = chosen.context | {"rows": rows, "page": page, "count": told_count(found)}
    return render(request, "postings.html", context)


@policy(BOOK_READERS)
@require_GET
def vouchers(request: DeskRequest) -> HttpResponse:
    """凭证草稿 with their entries of both books."""
    scope = request.actor.scope
    chosen = _chosen(request)
    found = queries.vouchers(scope=scope, **chosen.facts)
    page = page_of(found, request.GET, is_newest_first=True, per_page=20)
    units = unit_names({row.unit_no for row in page.rows}, scope=scope)
    rows = [
        {
            "voucher": row,
            "word": KIND_WORD.get(row.kind, row.kind),
            "unit": units.get(row.unit_no, ""),
            "entries": [(entry, BOOK_WORD[entry.book]) for entry in row.entries.all()],
        }
        for row in page.rows
    ]
    context = chosen.context | {
        "rows": rows,
        "page": page,
        "count": told_count(found, "张"),
        "can_recover": request.actor.duty == Duty.DEPT_CLERK,
    }
    return render(request, "vouchers.html", context)


@policy(BOOK_READERS)
@require_POST
def download_ledger(request: DeskRequest) -> HttpResponse:
    """试算平衡 and 明细账 as .xlsx; a POST, because it is recorded."""
    scope = request.actor.scope
    chosen = _chosen(request)
    found = queries.postings(scope=scope, **chosen.facts)
    _refuse_too_many(found.count())
    content = sheets.ledger_book(
        f"{chosen.title}资金台账",
        queries.trial_balance(scope=scope, **chosen.facts),
        found.order_by("id"),
        _account_names(request),
    )
    return _handed_out(request, content, f"{chosen.title}资金台账.xlsx", XLSX, "ledger.download")


@policy(BOOK_READERS)
@require_POST
def download_vouchers(request: DeskRequest) -> HttpResponse:
    """凭证草稿 as .xlsx, or with `form=budget` in the budget system's own form."""
    scope = request.actor.scope
    chosen = _chosen(request)
    found = queries.vouchers(scope=scope, **chosen.facts)
    _refuse_too_many(found.count())
    title = f"{chosen.title}凭证草稿"
    if request.POST.get("form") == "budget":
        field_map = county_settings(scope=scope).settings.get("field_map", "")
        content = vouchers_in_budget_form(
            found.order_by("id"), county=scope.county, field_map=field_map
        )
        return _handed_out(request, content, f"{title}.txt", TEXT, "vouchers.download")
    content = sheets.voucher_book(title, found.order_by("id"))
    return _handed_out(request, content, f"{title}.xlsx", XLSX, "vouchers.download")


@policy({Duty.DEPT_CLERK})
@require_http_methods(["GET", "POST"])
def recovery(request: DeskRequest, number: str) -> HttpResponse:
    """追回错发、上缴财政 of a batch: what is entered here drafts a V4."""
    scope = request.actor.scope
    batch = batch_by_number(number, scope=scope)
    form = RecoveryForm(request.POST or None, initial={"happened_on": timezone.localdate()})
    context: dict[str, Any] = {
        "batch": batch,
        "form": form,
        "rows": list(queries.recoveries_of(batch, scope=scope)),
    }
    if request.method == "GET":
        return render(request, "recovery.html", context)
    if not form.is_valid():
        return render(request, "recovery.html", context, status=UNPROCESSABLE)
    said = form.cleaned_data
    try:
        actions.note_recovery(
            batch,
            kind=said["kind"],
            amount_fen=said["amount"],
            happened_on=said["happened_on"],
            reason=said["reason"],
            actor=request.actor,
        )
    except Refused as error:
        return render(request, "recovery.html", context | {"why_not": str(error)}, status=CONFLICT)
    messages.success(request, "已登记，凭证草稿随后生成。")
    return redirect("recovery", number=batch.number)


def _account_names(request: DeskRequest) -> dict[str, str]:
    settings = county_settings(scope=request.actor.scope).settings
    return account_names(settings.get("charts"), timezone.localdate())


def _refuse_too_many(count: int) -> None:
    if count > sheets.MOST_ROWS:
        raise Refused(f"一次最多下载 {sheets.MOST_ROWS:,} 条，请按项目或年度分别下载。")


def _handed_out(
    request: DeskRequest, content: bytes, name: str, kind: str, action: str
) -> HttpResponse:
    record(
        actor=request.actor, action=action, result="done", unit_no=request.actor.unit_no, note=name
    )
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response
