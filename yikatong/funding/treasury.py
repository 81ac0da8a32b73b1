"""Speaking with the budget system: no transaction is open during a call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from yikatong.connectors.budget.client import BudgetClient, BudgetRefused, KeyReused
from yikatong.connectors.budget.fieldmap import field_map
from yikatong.connectors.budget.folder import BudgetFolder
from yikatong.connectors.budget.folding import folded
from yikatong.connectors.budget.messages import (
    ApplicationState,
    DetailRow,
    FundingApplication,
    Manifest,
    ReconRow,
    State,
    reconciliation_from,
)
from yikatong.connectors.budget.mof import MofRefused
from yikatong.connectors.budget.mof_folder import MofFolder
from yikatong.funding.actions import DIFFERS, judge_reconciliation, note_state
from yikatong.funding.indicators import note_quota
from yikatong.funding.models import FundingRequest
from yikatong.funding.queries import (
    open_requests,
    request_by_id,
    requests_by_number,
    shares_due,
)
from yikatong.jobs.actions import quarantine, settle_incoming
from yikatong.jobs.models import Inbox
from yikatong.jobs.queries import unapplied_by_id
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor
from yikatong.kernel.digest import canonical, sm3
from yikatong.kernel.errors import Refused
from yikatong.organisation.machines import machine
from yikatong.organisation.queries import county_settings, department_units, paying_banks
from yikatong.organisation.scoping import acting

OURS: Final = {
    State.SUBMITTED: FundingRequest.State.SUBMITTED,
    State.APPROVED: FundingRequest.State.APPROVED,
    State.VOUCHERED: FundingRequest.State.VOUCHERED,
    State.PAID: FundingRequest.State.PAID,
    State.PART_REFUNDED: FundingRequest.State.PAID,
    State.REFUNDED: FundingRequest.State.PAID,
    State.RETURNED: FundingRequest.State.RETURNED,
}
RECON: Final = "B15"
APPLIED, SET_ASIDE = "applied", "quarantined"
BACK: Final = (FundingRequest.State.RETURNED, FundingRequest.State.WITHDRAWN)


DETAILS_AT: Final = {
    "with_application": FundingRequest.State.SUBMITTED,
    "after_payment": FundingRequest.State.PAID,
}


def client(county: str = "") -> BudgetClient | BudgetFolder:
    """The budget system as registered in the home: an address, or a folder for files.

    How it is spoken to is the county's setting: `binding` http or file, `envelope` plain or mof.

    Raises:
        Refused: none is registered, or not in the form that the county is set to.
    """
    try:
        facts = json.loads(settings.BUDGET_ENDPOINT.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(
            "没有找到预算系统连接文件 budget.json，请先启动或登记预算一体化系统。"
        ) from None
    held = _held(county)
    if held.get("binding") == "file" or "url" not in facts:
        if "folder" not in facts:
            raise Refused("区县设置为与预算系统交换文件，但 budget.json 没有登记文件目录 folder。")
        now = timezone.localtime().replace(microsecond=0)
        named = facts.get("field_map") or held.get("field_map", "")
        shape = MofFolder if held.get("envelope") == "mof" else BudgetFolder
        return shape(Path(facts["folder"]), county, field_map(named), now)
    return BudgetClient(facts["url"])


def _held(county: str) -> dict[str, Any]:
    """The county's settings, read in a transaction of their own."""
    if not county:
        return {}
    with acting(machine(county)) as actor:
        return dict(county_settings(scope=actor.scope).settings)


def file(request_id: int, *, actor: Actor, persons: Sequence[DetailRow] | None = None) -> None:
    """B02, keyed by our number: sent twice it is filed once. Its no is a return with a reason.

    Where the treasury wants the persons in the same envelope, payout tells them and comes back.
    """
    with acting(actor):
        request = request_by_id(request_id, scope=actor.scope)
        if request.state != FundingRequest.State.DRAFT:
            return
        application = _application(request, actor)
    budget = client(request.county)
    if isinstance(budget, MofFolder) and persons is None:
        defer("payout.file_with_persons", request_id=request_id, county=request.county)
        return
    try:
        if isinstance(budget, MofFolder):
            state = budget.apply_for(application, persons or ())
        else:
            state = budget.apply(application)
    except MofRefused as error:
        _note_return(request, f"不能写成国库凭证：{error}", actor=actor)
        return
    except BudgetRefused as error:
        _note_return(request, str(error), actor=actor)
        return
    _note(request, state, actor=actor)


def withdraw(request_id: int, *, actor: Actor) -> None:
    """Take an application back; where a voucher exists already, the money comes back by refund."""
    with acting(actor):
        request = request_by_id(request_id, scope=actor.scope)
    if request.state in {FundingRequest.State.RETURNED, FundingRequest.State.WITHDRAWN}:
        return
    if request.budget_number:
        try:
            client(request.county).withdraw(request.budget_number, "发放单位撤回")
        except BudgetRefused:
            return
    with acting(actor):
        note_state(
            request, FundingRequest.State.WITHDRAWN, return_reason="发放单位撤回", actor=actor
        )
        _nudge(request)


def ask(*, actor: Actor) -> int:
    """Ask about every application that is on its way; gives how many moved."""
    with acting(actor):
        waiting = [
            one
            for one in open_requests(scope=actor.scope)
            if one.state != FundingRequest.State.DRAFT
        ]
    if not waiting:
        return 0
    budget, changed = client(actor.scope.county), 0
    for request in waiting:
        # by files their number comes later than our application's: until then ask by ours
        state = (
            budget.application(request.budget_number)
            if request.budget_number
            else budget.find(request.number)
        )
        if state is not None and OURS.get(state.status) != request.state:
            _note(request, state, actor=actor)
            changed += 1
    return changed


def _note(request: FundingRequest, state: ApplicationState, *, actor: Actor) -> None:
    with acting(actor):
        ours = FundingRequest.State.WITHDRAWN if state.is_withdrawn else OURS[state.status]
        note_state(
            request,
            ours,
            budget_number=state.pay_app_no,
            voucher_number=state.pay_cert_no,
            return_reason=state.return_reason,
            actor=actor,
        )
        _nudge(request)
        if ours in BACK:
            _read_again(request)
        if ours == FundingRequest.State.PAID and request.state != ours:
            tomorrow = timezone.localtime().replace(hour=6, minute=30) + timedelta(days=1)
            today = timezone.localdate().isoformat()
            defer("funding.reconcile", at=tomorrow, county=request.county, day=today)
        if request.state != ours:
            _tell_the_persons(request, ours, actor=actor)


def _note_return(request: FundingRequest, why: str, *, actor: Actor) -> None:
    with acting(actor):
        note_state(request, FundingRequest.State.RETURNED, return_reason=why, actor=actor)
        _nudge(request)
        _read_again(request)


def read_indicators(*, fiscal_year: str, programme_code: str, actor: Actor) -> int:
    """B01: read the indicators of one programme and year; gives how many there are."""
    county = actor.scope.county
    read_at = timezone.now()  # before asking: what was filed by now is in the answer
    quotas = client(county).quotas(
        mof_div_code=f"{county}000", fiscal_year=fiscal_year, pro_code=programme_code
    )
    with acting(actor):
        for quota in quotas:
            note_quota(quota, read_at=read_at, actor=actor)
    return len(quotas)


def reconcile_day(day: date, *, actor: Actor) -> int:
    """B15: compare every application of the county up to a day and answer row by row.

    Gives how many differ. No transaction is open during the calls.
    """
    budget = client(actor.scope.county)
    told = budget.reconciliation(mof_div_code=f"{actor.scope.county}000", day=day.isoformat())
    with acting(actor):
        answers = judge_reconciliation(told.rows, check_no=told.check_no, actor=actor)
    return _answer(budget, told.check_no, answers)


def _answer(budget: BudgetClient | BudgetFolder, check_no: str, answers: Sequence[ReconRow]) -> int:
    if answers:
        # asked again the same day the books may have moved on; the treasury keeps our first answer
        with suppress(KeyReused):
            budget.answer_reconciliation(check_no, answers)
    return sum(row.result == DIFFERS for row in answers)


def hear(inbox_id: int, *, actor: Actor) -> None:
    """Apply one call of the budget system (B11 to B15) and mark it, in one transaction.

    Words may come late or out of order: an application never goes back. What names nothing of ours
    is set aside with its reason.
    """
    answers: list[ReconRow] = []
    with acting(actor):
        kept = unapplied_by_id(inbox_id, scope=actor.scope)
        if kept is None:
            return
        said = json.loads(bytes(kept.payload))
        if kept.kind == RECON:
            answers = _reconciled(kept, said, actor=actor)
        else:
            _advanced(kept, said, actor=actor)
    if answers:
        _answer(client(actor.scope.county), said["check_no"], answers)


def _reconciled(kept: Inbox, said: dict[str, Any], *, actor: Actor) -> list[ReconRow]:
    try:
        told = reconciliation_from(said)
    except (KeyError, TypeError, ValueError):
        _not_used(kept, "对账的行缺少字段", actor=actor)
        return []
    settle_incoming(kept, APPLIED, actor=actor)
    return judge_reconciliation(told.rows, check_no=told.check_no, actor=actor)


def _advanced(kept: Inbox, said: dict[str, Any], *, actor: Actor) -> None:
    request = requests_by_number([said["tracking_id"]], scope=actor.scope).get(said["tracking_id"])
    if request is None:
        _not_used(kept, f"我方没有申请 {said['tracking_id']}", actor=actor)
        return
    if request.budget_number not in {"", said["pay_app_no"]}:
        _not_used(kept, f"申请 {request.number} 的支付申请号不是 {said['pay_app_no']}", actor=actor)
        return
    try:
        state = folded(_known(request), kept.kind, said)
    except (KeyError, TypeError, ValueError):
        _not_used(kept, "内容无法识别", actor=actor)
        return
    settle_incoming(kept, APPLIED, actor=actor)
    if OURS.get(state.status) != request.state or not request.budget_number:
        _note(request, state, actor=actor)


def _known(request: FundingRequest) -> ApplicationState:
    """Where the budget system has its application, as far as we were told."""
    theirs = {ours: said for said, ours in reversed(OURS.items())}
    return ApplicationState(
        pay_app_no=request.budget_number,
        tracking_id=request.number,
        status=theirs.get(FundingRequest.State(request.state), State.SUBMITTED),
        pay_app_amt_fen=request.amount_fen,
        pay_cert_no=request.voucher_number,
    )


def _not_used(kept: Inbox, why: str, *, actor: Actor) -> None:
    quarantine(
        kind="预算系统报文待核",
        fingerprint=f"inbox|{kept.pk}",
        sentence=f"{kept.name}：{why}。未采用，请与财政核对。",
        actor=actor,
    )
    settle_incoming(kept, SET_ASIDE, actor=actor)


def send_details(request: FundingRequest, rows: Sequence[DetailRow]) -> int:
    """B03 of an application that was filed; gives how many the budget system counted.

    Raises:
        BudgetRefused: the rows do not add up to the application there.
    """
    if not rows or not request.budget_number:
        return 0
    return client(request.county).details(request.budget_number, rows)


def _tell_the_persons(
    request: FundingRequest, state: FundingRequest.State, *, actor: Actor
) -> None:
    """B03 where the province wants it: with the application, or once it is paid."""
    when = county_settings(scope=actor.scope).settings.get("pay_detail", "none")
    if DETAILS_AT.get(when) == state:
        defer("payout.send_details", request_id=request.pk, county=request.county)


def _read_again(request: FundingRequest) -> None:
    defer(
        "funding.read_indicators",
        county=request.county,
        fiscal_year=request.batch.period[:4],
        programme_code=request.batch.programme.code,
    )


def _nudge(request: FundingRequest) -> None:
    defer(
        "journey.nudge",
        lock=f"batch-{request.batch_id}",
        batch_id=request.batch_id,
        county=request.county,
    )


def _application(request: FundingRequest, actor: Actor) -> FundingApplication:
    batch, programme = request.batch, request.batch.programme
    bank = paying_banks(scope=actor.scope)[request.bank_no]
    department = department_units(scope=actor.scope)[programme.department_no]
    agency = f"{request.county}{programme.department_no:03d}"
    manifest = {
        "batch": batch.number,
        "bank": bank.code3,
        "lines": request.lines,
        "fen": request.amount_fen,
        "places": [request.seq_from, request.seq_to],
    }
    return FundingApplication(
        tracking_id=request.number,
        bgt_id=request.indicator,
        mof_div_code=f"{request.county}000",
        fiscal_year=batch.period[:4],
        agency_code=agency,
        pro_code=programme.code,
        use_des=f"{department.name} {programme.short_name} {batch.period}",
        pay_app_amt_fen=request.amount_fen,
        payee_acct_name=f"{bank.name}代发专户",
        payee_acct_no=request.payee_account,
        payee_acct_bank_name=bank.name,
        manifest=Manifest(
            batch_no=_share_number(request, actor),
            count=request.lines,
            amount_fen=request.amount_fen,
            sm3=sm3(canonical(manifest)).hex(),
        ),
    )


def _share_number(request: FundingRequest, actor: Actor) -> str:
    """The bank's name of the share, through the view `share_due`."""
    due = next(
        d for d in shares_due(request.batch, scope=actor.scope) if d.bank_no == request.bank_no
    )
    return due.batch_no
