"""对象与账户: people of one's own scope, masked; 账户变更 by two people of the township."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.card import CARD_KIND_WORD, CardKind
from yikatong.kernel.errors import Refused
from yikatong.kernel.resident_id import normalised_id
from yikatong.organisation.paging import page_of, told_count
from yikatong.organisation.policy import CHANGE_READERS, TOWN, DeskRequest, policy
from yikatong.organisation.queries import paying_banks, unit_names
from yikatong.registry import actions
from yikatong.registry.forms import AccountChangeForm, DecisionForm, SearchForm
from yikatong.registry.models import AccountChange, Person
from yikatong.registry.queries import (
    account_changes,
    active_account_of,
    find_change,
    find_person,
    latest_verifications,
    open_changes_of,
    people_named,
    person_by_index,
    versions_before,
    versions_in_force,
    versions_of,
)
from yikatong.registry.rules import told as told_of_bank
from yikatong.vault.access import the_vault

UNPROCESSABLE: Final = 422
CONFLICT: Final = 409
STATE_TONE: Final = {"PROPOSED": "wait", "CONFIRMED": "ok", "RETURNED": "error"}


@policy(TOWN | {Duty.VILLAGE})
@require_http_methods(["GET", "POST"])
def people(request: DeskRequest) -> HttpResponse:
    """补贴对象. A whole id number is asked for by POST: it never stands in an address or a log."""
    actor = request.actor
    form = SearchForm(request.POST if request.method == "POST" else request.GET)
    form.is_valid()
    facts = form.cleaned_data
    nobody = ""
    if request.method == "POST" and facts.get("id_number"):
        index = the_vault().blind_index(actor.scope.county, normalised_id(facts["id_number"]))
        one = person_by_index(index, scope=actor.scope)
        if one is not None:
            return redirect("person", person_id=one.pk)
        nobody = "没有这个身份证号的补贴对象，或不在您的管辖范围内。"
    found = people_named(facts.get("name", ""), scope=actor.scope)
    page = page_of(found, request.GET)
    context = {
        "rows": _with_accounts(page.rows, actor),
        "page": page,
        "count": told_count(found, "人"),
        "name": facts.get("name", ""),
        "nobody": nobody,
        "banks": {number: bank.name for number, bank in paying_banks(scope=actor.scope).items()},
    }
    return render(request, "people.html", context)


def _with_accounts(rows: list[Person], actor: Actor) -> list[dict[str, Any]]:
    versions = versions_in_force([person.pk for person in rows], scope=actor.scope)
    answers = latest_verifications([one.pk for one in versions.values()], scope=actor.scope)
    places = unit_names({person.unit_no for person in rows}, scope=actor.scope)
    banks = paying_banks(scope=actor.scope)
    told = []
    for person in rows:
        version = versions.get(person.pk)
        answer = answers.get(version.pk) if version else None
        said = told_of_bank(answer.outcome, answer.reason_code) if answer else None
        told.append(
            {
                "person": person,
                "place": places.get(person.unit_no, ""),
                "version": version,
                "bank": banks[version.bank_no].name if version else "",
                "kind": CARD_KIND_WORD[CardKind(version.kind)] if version else "",
                "answer": answer,
                "said": said,
                "tone": said.tone if said else "plain",
            }
        )
    return told


@policy(TOWN | {Duty.VILLAGE})
@require_http_methods(["GET", "POST"])
def person(request: DeskRequest, person_id: int) -> HttpResponse:
    """One person's card and its versions; the township's clerk proposes a change from here."""
    actor = request.actor
    one = find_person(person_id, scope=actor.scope)
    if one is None:
        raise Http404
    can_propose = actor.duty == Duty.TOWN_CLERK
    banks = {number: bank.name for number, bank in paying_banks(scope=actor.scope).items()}
    form = AccountChangeForm(banks, request.POST or None, initial={"account_name": one.name})
    status = 200
    if request.method == "POST":
        if not can_propose:
            raise Refused("账户变更由镇街经办提出。")
        if form.is_valid():
            return _propose(request, one, form, banks)
        status = UNPROCESSABLE
    (facts,) = _with_accounts([one], actor)
    history = versions_of(facts["version"].account, scope=actor.scope) if facts["version"] else []
    context = {
        **facts,
        "changes": _told(list(open_changes_of(one, scope=actor.scope)), actor),
        "history": [{"version": each, "bank": banks.get(each.bank_no, "")} for each in history],
        "form": form,
        "can_propose": can_propose and facts["version"] is not None,
    }
    return render(request, "person.html", context, status=status)


def _propose(
    request: DeskRequest, one: Person, form: AccountChangeForm, banks: dict[int, str]
) -> HttpResponse:
    facts, actor = form.cleaned_data, request.actor
    actions.propose_account(
        active_account_of(one, scope=actor.scope),
        facts["card"],
        bank_no=facts["bank_no"],
        bank_name=facts["bank_name"] or banks[facts["bank_no"]],
        account_name=facts["account_name"],
        reason=facts["reason"],
        actor=actor,
    )
    messages.success(request, "已提出账户变更，等待镇街审核人复核；复核前仍用原账户。")
    return redirect("account-changes")


@policy(CHANGE_READERS)
@require_GET
def changes(request: DeskRequest) -> HttpResponse:
    scope = request.actor.scope
    chosen = request.GET.get("state", "")
    state = chosen if chosen in AccountChange.State.values else ""
    found = account_changes(scope=scope, state=state)
    page = page_of(found, request.GET, is_newest_first=True)
    tabs = [
        {
            "label": label,
            "url": f"?state={value}" if value else "?",
            "count": None,
            "is_current": state == value,
        }
        for value, label in (("", "全部"), *AccountChange.State.choices)
    ]
    rows = _told(page.rows, request.actor)
    context = {"rows": rows, "page": page, "count": told_count(found, "份"), "tabs": tabs}
    return render(request, "account_changes.html", context)


@policy(CHANGE_READERS)
@require_http_methods(["GET", "POST"])
def change(request: DeskRequest, change_id: int) -> HttpResponse:
    """Old against new; the township's checker agrees or returns it, never who proposed it."""
    actor = request.actor
    one = find_change(change_id, scope=actor.scope)
    if one is None:
        raise Http404
    (told,) = _told([one], actor)
    context: dict[str, Any] = {
        **told,
        "is_mine": one.proposed_by == actor.username,
        "can_decide": actor.duty == Duty.TOWN_CHECK and one.state == AccountChange.State.PROPOSED,
    }
    if request.method == "GET":
        return render(request, "account_change.html", context)
    if actor.duty != Duty.TOWN_CHECK:
        raise Refused("账户变更由镇街审核复核。")
    form = DecisionForm(request.POST)
    if not form.is_valid():
        context["why_not"] = "请选择同意或退回。"
        return render(request, "account_change.html", context, status=UNPROCESSABLE)
    try:
        _decide(one, form.cleaned_data, actor)
    except Refused as error:
        context["why_not"] = str(error)
        return render(request, "account_change.html", context, status=CONFLICT)
    messages.success(request, "已办理，账户变更已记入留痕。")
    return redirect("account-changes")


def _decide(one: AccountChange, facts: dict[str, Any], actor: Actor) -> None:
    if facts["decision"] == "confirm":
        actions.confirm_account(one, actor=actor)
    else:
        actions.return_account(one, reason=facts["reason"], actor=actor)


def _told(changes: list[AccountChange], actor: Actor) -> list[dict[str, Any]]:
    """Each change with the account as it stood when it was proposed, whatever happened since."""
    banks = paying_banks(scope=actor.scope)
    before = versions_before(changes, scope=actor.scope)
    told = []
    for one in changes:
        old = before.get(one.pk)
        told.append(
            {
                "change": one,
                "old": old,
                "person": one.account.person,
                "state_word": AccountChange.State(one.state).label,
                "state_tone": STATE_TONE[one.state],
                "old_bank": banks[old.bank_no].name if old else "",
                "new_bank": banks[one.bank_no].name,
                "old_kind": CARD_KIND_WORD[CardKind(old.kind)] if old else "",
                "new_kind": CARD_KIND_WORD[CardKind(one.kind)],
                "said": told_of_bank(one.answer, one.answer_code),
            }
        )
    return told
