"""预算指标: what the budget system said each holds, and what our applications have frozen."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from yikatong.catalogue.queries import programmes
from yikatong.funding.queries import indicators_seen, requests_on_indicators
from yikatong.organisation.paging import page_of, told_count
from yikatong.organisation.policy import BOOK_READERS, DeskRequest, policy


@policy(BOOK_READERS)
@require_GET
def indicators(request: DeskRequest) -> HttpResponse:
    """Indicators of one year, of one item with `?programme=`; below them the applications."""
    scope = request.actor.scope
    items = list(programmes(scope=scope))
    chosen = request.GET.get("programme", "")
    chosen = chosen if chosen in {item.code for item in items} else ""
    this_year = timezone.localdate().year
    years = [str(year) for year in (this_year + 1, this_year, this_year - 1)]
    year = request.GET.get("year", "")
    year = year if year in years else str(this_year)
    asked = requests_on_indicators(scope=scope, programme_code=chosen, fiscal_year=year)
    page = page_of(asked, request.GET, is_newest_first=True)
    context = {
        "rows": indicators_seen(scope=scope, programme_code=chosen, fiscal_year=year),
        "programmes": items,
        "years": years,
        "chosen": {"programme": chosen, "year": year},
        "requests": page.rows,
        "page": page,
        "count": told_count(asked, "笔"),
    }
    return render(request, "indicators.html", context)
