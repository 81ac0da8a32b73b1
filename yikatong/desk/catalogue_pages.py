"""项目与标准 and 公示公告, as officials read them."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from yikatong.catalogue.queries import all_standards_in_force, programmes
from yikatong.disclosure.queries import notice_by_slug, notices_of, rows_of
from yikatong.kernel.actor import Duty
from yikatong.organisation.paging import page_of, told_count
from yikatong.organisation.policy import BATCH_READERS, DeskRequest, policy
from yikatong.organisation.queries import department_units


@policy(BATCH_READERS | {Duty.VILLAGE})
@require_GET
def programme_list(request: DeskRequest) -> HttpResponse:
    """The county's list with the standards in force today."""
    scope = request.actor.scope
    today = timezone.localdate()
    departments = department_units(scope=scope)
    standards: dict[str, list[object]] = {}
    for standard in all_standards_in_force(today, scope=scope):
        standards.setdefault(standard.programme_code, []).append(standard)
    rows = [
        {
            "programme": one,
            "department": departments[one.department_no].name,
            "standards": standards.get(one.code, []),
        }
        for one in programmes(scope=scope)
    ]
    return render(request, "programmes.html", {"rows": rows})


@policy(BATCH_READERS)
@require_GET
def notice_list(request: DeskRequest) -> HttpResponse:
    found = notices_of(scope=request.actor.scope)
    page = page_of(found, request.GET, is_newest_first=True)
    context = {"page": page, "count": told_count(found), "today": timezone.localdate()}
    return render(request, "notices.html", context)


@policy(BATCH_READERS)
@require_GET
def notice(request: DeskRequest, slug: str) -> HttpResponse:
    """What the public sees, or saw: the same masked rows."""
    scope = request.actor.scope
    found = notice_by_slug(slug)
    if found is None or found.county != scope.county:
        raise Http404
    rows = rows_of(found, scope=scope)
    page = page_of(rows, request.GET, key="seq")
    context = {
        "notice": found,
        "page": page,
        "count": told_count(rows),
        "today": timezone.localdate(),
    }
    return render(request, "notice.html", context)
