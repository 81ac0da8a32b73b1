"""项目与标准, 项目定义 and 公示公告, as officials read them."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from yikatong.catalogue import told
from yikatong.catalogue.definitions import Defined, read_definition
from yikatong.catalogue.queries import (
    all_standards_in_force,
    definitions,
    find_definition,
    programmes,
    versions_of_definition,
)
from yikatong.catalogue.rules import DEFINITION_TONE, DEFINITION_WORD, OPEN, DefinitionState
from yikatong.disclosure.queries import notice_by_slug, notices_of, rows_of
from yikatong.kernel.actor import Actor, Duty
from yikatong.organisation.paging import page_of, told_count
from yikatong.organisation.policy import BATCH_READERS, DEPARTMENT, DeskRequest, policy
from yikatong.organisation.queries import department_units
from yikatong.validation.forms import TrialForm
from yikatong.validation.queries import trials_of

DEFINITION_READERS: Final = DEPARTMENT | {Duty.FINANCE, Duty.AUDIT}


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
    written = []
    if request.actor.duty in DEFINITION_READERS:
        written = [_listed(one) for one in definitions(scope=scope)]
    context = {
        "rows": rows,
        "written": written,
        "may_define": request.actor.duty == Duty.DEPT_CLERK,
    }
    return render(request, "programmes.html", context)


@policy(DEFINITION_READERS)
@require_GET
def definition_page(request: DeskRequest, definition_id: int) -> HttpResponse:
    """One version of an item in plain words: what the second person confirms from."""
    actor = request.actor
    one = find_definition(definition_id, scope=actor.scope)
    if one is None:
        raise Http404
    names = {item.code: f"{item.code} {item.name}" for item in programmes(scope=actor.scope)}
    defined = _read(one)
    versions = versions_of_definition(one, scope=actor.scope)
    before = next((each for each in versions if each.version < one.version), None)
    trials = trials_of(one, scope=actor.scope)
    digest = bytes(one.digest)
    context: dict[str, Any] = {
        **_listed(one),
        "facts": told.facts(defined),
        "columns": told.columns(defined.spec),
        "standards": told.standards(defined.spec),
        "checks": told.checks(defined, names),
        "always": told.ALWAYS,
        "differences": [] if before is None else told.differences(_read(before), defined, names),
        "before": before,
        "versions": [_listed(each) for each in versions if each.pk != one.pk],
        "trials": [{"trial": each, "is_current": bytes(each.digest) == digest} for each in trials],
        "digest": digest.hex(),
        "periods": TrialForm(initial={"period": f"{timezone.localdate():%Y-%m}"})["period"],
        **_may(one, actor),
    }
    return render(request, "definition.html", context)


def _may(one: Any, actor: Actor) -> dict[str, bool]:
    """What this person may do with it now; the actions and the database ask again."""
    is_clerk = actor.duty == Duty.DEPT_CLERK
    is_chief = actor.duty == Duty.DEPT_CHIEF
    is_open, is_tested = one.state in OPEN, one.state == DefinitionState.TESTED
    return {
        "may_edit": is_clerk and is_open,
        "may_revise": is_clerk and not is_open,
        "may_confirm": is_chief and is_tested and actor.username not in one.editors,
        "may_retire": is_chief and one.state == DefinitionState.LIVE,
        "waits_for_chief": is_clerk and is_tested,
        "waits_for_trial": is_chief and one.state == DefinitionState.DRAFT,
    }


def _read(one: Any) -> Defined:
    return read_definition(one.content, code=one.code, department_no=one.department_no)


def _listed(one: Any) -> dict[str, Any]:
    return {
        "definition": one,
        "name": one.content["programme"]["name"],
        "word": DEFINITION_WORD[DefinitionState(one.state)],
        "tone": DEFINITION_TONE[DefinitionState(one.state)],
    }


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
