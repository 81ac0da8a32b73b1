"""项目定义: a department writes an item, its second person confirms it (screens.md §10.8)."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from yikatong.catalogue import actions
from yikatong.catalogue.forms import DefinitionDecisionForm, DefinitionForm
from yikatong.catalogue.models import Definition
from yikatong.catalogue.queries import find_definition, next_own_code, programmes
from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.errors import IllegalStep, Refused
from yikatong.organisation.policy import DEPARTMENT, DeskRequest, policy

UNPROCESSABLE: Final = 422


@policy({Duty.DEPT_CLERK})
@require_http_methods(["GET", "POST"])
def new_definition(request: DeskRequest) -> HttpResponse:
    """新建项目 of the clerk's own department."""
    actor = request.actor
    own = _own(actor)
    form = DefinitionForm(_others(actor, own[0]), request.POST or None, own=own)
    if request.method == "POST" and form.is_valid():
        made = actions.define(form.cleaned_data["content"], actor=actor)
        messages.success(request, f"已存为试填，项目编码 {made.code}。请上传样表试查。")
        return redirect("definition", definition_id=made.pk)
    return _form(request, form, None)


@policy({Duty.DEPT_CLERK})
@require_http_methods(["GET", "POST"])
def edit_definition(request: DeskRequest, definition_id: int) -> HttpResponse:
    """修改 of what is still being written; whatever was tried before counts no more."""
    actor = request.actor
    one = _definition_or_404(definition_id, actor)
    if one.state not in {"DRAFT", "TESTED"}:
        raise IllegalStep("已生效或停用的版本不能修改，请另起新版本。")
    own = (one.code, one.department_no)
    others = _others(actor, one.code)
    form = DefinitionForm(others, request.POST or None, own=own, content=one.content)
    if request.method == "POST" and form.is_valid():
        actions.redefine(one, form.cleaned_data["content"], actor=actor)
        messages.success(request, "已保存。改写过的定义要重新用样表试查。")
        return redirect("definition", definition_id=one.pk)
    return _form(request, form, one)


@policy({Duty.DEPT_CLERK})
@require_POST
def revise_definition(request: DeskRequest, definition_id: int) -> HttpResponse:
    """另起新版本: the live one goes on until the new one is confirmed."""
    one = _definition_or_404(definition_id, request.actor)
    made = actions.revise(one, actor=request.actor)
    messages.success(request, f"已另起第 {made.version} 版，确认生效前仍用原来的版本。")
    return redirect("edit-definition", definition_id=made.pk)


@policy(DEPARTMENT)
@require_POST
def decide_definition(request: DeskRequest, definition_id: int) -> HttpResponse:
    """确认生效, 退回, 停用 by the second person; 作废 by the clerk."""
    actor = request.actor
    one = _definition_or_404(definition_id, actor)
    form = DefinitionDecisionForm(request.POST)
    if not form.is_valid():
        raise Refused("请选择要办理的事项，原因不超过 300 个字。")
    facts = form.cleaned_data
    match facts["decision"]:
        case "confirm":
            if facts["digest"] != bytes(one.digest).hex():
                raise IllegalStep("定义刚刚被改写过，请刷新后重新核对。")
            actions.confirm(one, actor=actor)
            messages.success(request, f"{one.code} 已生效，可以下载模板、导入名单。")
        case "return":
            actions.give_back(one, reason=facts["reason"], actor=actor)
            messages.success(request, "已退回经办修改。")
        case "retire":
            actions.retire(one, reason=facts["reason"], actor=actor)
            messages.success(request, f"{one.code} 已停用，在办的批次照常办完。")
        case _:
            actions.drop_definition(one, reason=facts["reason"], actor=actor)
            messages.success(request, "这一版已作废。")
    return redirect("definition", definition_id=one.pk)


def _form(request: DeskRequest, form: DefinitionForm, one: Definition | None) -> HttpResponse:
    status = UNPROCESSABLE if form.is_bound else 200
    context = {"form": form, "definition": one}
    return render(request, "definition_form.html", context, status=status)


def _own(actor: Actor) -> tuple[str, int]:
    number = actor.scope.department_no or 0
    return next_own_code(number, scope=actor.scope), number


def _others(actor: Actor, code: str) -> dict[str, str]:
    return {one.code: one.name for one in programmes(scope=actor.scope) if one.code != code}


def _definition_or_404(definition_id: int, actor: Actor) -> Definition:
    one = find_definition(definition_id, scope=actor.scope)
    if one is None:
        raise Http404
    return one
