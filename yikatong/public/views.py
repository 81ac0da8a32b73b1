"""公开: notices in their period, and the 清单. No script, no identifier, no bulk copy."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from yikatong.catalogue.queries import all_standards_in_force, programmes
from yikatong.disclosure.queries import (
    disclosing_counties,
    notice_by_slug,
    notices_shown,
    programmes_shown,
    rows_of,
)
from yikatong.kernel.actor import Scope
from yikatong.organisation.paging import page_of
from yikatong.organisation.policy import ANYONE, policy

SITE_NAME: Final = "惠民惠农补贴“一卡通”公开"
NOTICES_A_PAGE: Final = 20
# so that a page stays small on a phone, and a list is not taken away whole
ROWS_A_PAGE: Final = 50
GONE: Final = 410
NAMED: Final = "named"


@policy(ANYONE)
@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """公示公告 now in their period, by county and programme, newest first."""
    today = timezone.localdate()
    counties = disclosing_counties()
    chosen = next((one for one in counties if one.slug == request.GET.get("county")), None)
    scope = Scope(chosen.county) if chosen else None
    names = programmes_shown(today, scope=scope)
    wanted = request.GET.get("programme", "").strip()
    programme = wanted if wanted in names else ""
    found = notices_shown(today, programme_name=programme, scope=scope)
    context = {
        "page": page_of(found, request.GET, is_newest_first=True, per_page=NOTICES_A_PAGE),
        "counties": counties,
        "chosen": chosen,
        "programmes": names,
        "programme": programme,
        "names": {one.county: one.short_name for one in counties},
    }
    return _render(request, "public_notices.html", context, county=chosen)


@policy(ANYONE)
@require_GET
def notice(request: HttpRequest, slug: str) -> HttpResponse:
    """One notice as it was published; after its last day it is gone (410)."""
    found = notice_by_slug(slug)
    if found is None:
        raise Http404
    county = next(one for one in disclosing_counties() if one.county == found.county)
    if not found.from_on <= timezone.localdate() <= found.until_on:
        return _render(request, "public_gone.html", {}, county=county, status=GONE)
    page = page_of(rows_of(found), request.GET, key="seq", per_page=ROWS_A_PAGE)
    context = {"notice": found, "page": page, "is_named": found.profile == NAMED}
    return _render(request, "public_notice.html", context, county=county)


@policy(ANYONE)
@require_GET
def policies(request: HttpRequest) -> HttpResponse:
    """政策清单: what there is, for whom, how much, and on what basis."""
    today = timezone.localdate()
    counties = disclosing_counties()
    chosen = next((one for one in counties if one.slug == request.GET.get("county")), None)
    county = chosen or (counties[0] if counties else None)
    rows: list[dict[str, Any]] = []
    if county is not None:
        scope = Scope(county.county)
        standards: dict[str, list[Any]] = {}
        for standard in all_standards_in_force(today, scope=scope):
            standards.setdefault(standard.programme_code, []).append(standard)
        rows = [
            {"programme": one, "standards": standards.get(one.code, [])}
            for one in programmes(scope=scope)
        ]
    context = {"rows": rows, "counties": counties, "chosen": county}
    return _render(request, "public_policies.html", context, county=county)


@policy(ANYONE)
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 in the public frame; what is not there and what never was look alike."""
    return _render(request, "public_gone.html", {"is_unknown": True}, status=404)


def _render(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    county: Any = None,
    status: int = 200,
) -> HttpResponse:
    match = request.resolver_match
    here = match.url_name if match else ""
    suffix = f"?county={county.slug}" if county else ""
    menu = [
        {"label": label, "url": reverse(name) + suffix, "is_current": here == name}
        for name, label in (("notices", "公示公告"), ("policies", "政策清单"))
    ]
    frame = {
        "site_name": SITE_NAME,
        "county_name": county.name if county else "",
        "hotline": county.settings.get("hotline", "") if county else "",
        "menu": menu,
    }
    return render(request, template, frame | context, status=status)
