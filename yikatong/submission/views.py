"""下载模板: the list template of one item and period, with the unit's last list in it."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from yikatong.catalogue.queries import programme_by_code
from yikatong.kernel.period import Period
from yikatong.organisation.policy import CLERKS, DeskRequest, policy
from yikatong.submission.handing_out import make_template

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@policy(CLERKS)
@require_POST
def template(request: DeskRequest) -> HttpResponse:
    """A POST, because people's names leave the platform and that is recorded.

    Takes `programme` (code) and `period` (YYYY-MM).
    """
    programme = programme_by_code(
        request.POST.get("programme", ""), scope=request.actor.scope
    )  # fmt: skip
    period = Period.parse(request.POST.get("period", ""))
    response = HttpResponse(
        make_template(programme, period, actor=request.actor), content_type=XLSX
    )  # fmt: skip
    name = quote(f"{programme.short_name}{period}名单模板.xlsx")
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response
