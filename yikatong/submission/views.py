"""下载模板: the list template of one item and period, with the unit's last list in it."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from django.http import Http404, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from yikatong.catalogue.queries import find_definition, programme_by_code
from yikatong.kernel.actor import Duty
from yikatong.kernel.period import Period
from yikatong.organisation.policy import CLERKS, DeskRequest, policy
from yikatong.submission.handing_out import make_sample_template, make_template

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
    period = Period.parse(request.POST.get("period", "")).not_far_ahead(timezone.localdate())
    made = make_template(programme, period, actor=request.actor)
    return _workbook(made, f"{programme.short_name}{period}名单模板.xlsx")


@policy({Duty.DEPT_CLERK})
@require_GET
def sample_template(request: DeskRequest, definition_id: int) -> HttpResponse:
    """样表模板 of an item that its department is still writing; nobody stands in it."""
    definition = find_definition(definition_id, scope=request.actor.scope)
    if definition is None:
        raise Http404
    today = timezone.localdate()
    made = make_sample_template(definition, Period(today.year, today.month))
    return _workbook(made, f"{definition.code}样表模板.xlsx")


def _workbook(made: bytes, name: str) -> HttpResponse:
    response = HttpResponse(made, content_type=XLSX)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response
