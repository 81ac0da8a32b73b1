"""The books on the screen and as files, under the row policies of who looks."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import openpyxl
import pytest
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import ResolverMatch
from psycopg.types.json import Jsonb

from tests import database
from tests.accounting.test_ledger import CHARTS
from tests.payout.funded import AMOUNTS, Funded, plant_funded
from tests.validation.cast import DEPARTMENT, ELSEWHERE, HERE, SUN_MEI, WANG_QIANG, WU_WAI, ZHAO_MIN
from tests.validation.world import Planter
from yikatong.accounting import views
from yikatong.accounting.actions import draft
from yikatong.accounting.models import Recovery
from yikatong.audit.models import AuditEvent
from yikatong.connectors.budget import textform
from yikatong.connectors.budget.fieldmap import field_map
from yikatong.funding import views as funding_views
from yikatong.kernel.actor import Actor
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch

LogIn = Callable[[str], AbstractContextManager[None]]
View = Callable[..., HttpResponse]
US = machine(HERE)
WHOLE = sum(AMOUNTS)
WRITTEN = f"{WHOLE / 100:,.2f}"


@pytest.fixture(scope="module")
def booked(committing: str) -> Funded:
    with database.connect("ykt_admin", committing, autocommit=True) as admin:
        found = plant_funded(admin, "2026-00000007")
        planter = Planter(admin)
        with planter.county(ELSEWHERE):
            planter.offices()
        admin.execute("RESET ROLE")
        more = {"vouchers": CHARTS, "field_map": "cq-2026", "residue": "refund"}
        admin.execute("UPDATE organisation_county SET settings = settings || %s", [Jsonb(more)])
    with database.pointed_at(committing, role="ykt_worker"), acting(US):
        draft(Batch.objects.select_related("programme").get(pk=found.batch), actor=US)
    return found


@pytest.fixture(autouse=True)
def web(booked: Funded, log_in: LogIn) -> Iterator[None]:
    with log_in("ykt_web"):
        yield


def opened(view: View, actor: Actor, path: str = "/", **facts: Any) -> HttpResponse:
    """A view in the scope of its reader, as the middleware calls it."""
    said = facts.pop("post", None)
    factory = RequestFactory()
    request: Any = factory.post(path, said) if said is not None else factory.get(path)
    request.actor, request.posts, request.session = actor, [actor], {}
    request.resolver_match = ResolverMatch(view, (), {}, url_name="ledger")
    request._messages = FallbackStorage(request)
    with acting(actor):
        return view(request, **facts)


def test_the_trial_balance_adds_up_on_the_page() -> None:
    page = opened(views.ledger, ZHAO_MIN, "/?programme=P01").content.decode()
    assert "借贷平衡" in page
    assert "代发专户存款" in page
    assert WRITTEN in page


def test_postings_and_vouchers_tell_both_sides() -> None:
    postings = opened(views.postings, ZHAO_MIN).content.decode()
    assert "国库拨款到账" in postings
    vouchers = opened(views.vouchers, SUN_MEI).content.decode()
    assert vouchers.count(WRITTEN) == 4, "two entries in each of two books"
    assert "预算会计" in vouchers


@pytest.mark.parametrize("view", [views.ledger, views.postings, views.vouchers])
def test_another_county_sees_nothing_of_it(view: View) -> None:
    page = opened(view, WU_WAI).content.decode()
    assert WRITTEN not in page
    assert "2026-00000007" not in page


def test_a_department_sees_its_own_and_not_another_departments() -> None:
    assert SUN_MEI.scope.department_no == DEPARTMENT
    other = Actor(
        9, "x", "某人", SUN_MEI.duty, type(SUN_MEI.scope)(HERE, None, department_no=5), 1, "", "web"
    )
    assert WRITTEN in opened(views.vouchers, SUN_MEI).content.decode()
    assert WRITTEN not in opened(views.vouchers, other).content.decode()
    assert WRITTEN not in opened(views.ledger, other).content.decode()


def test_the_indicator_page_tells_the_balance_and_the_application() -> None:
    page = opened(funding_views.indicators, ZHAO_MIN, "/?year=2026").content.decode()
    assert "R2026-00000007" in page
    assert "已支出" in page


def test_a_download_is_a_workbook_and_leaves_its_mark_in_the_trail() -> None:
    answer = opened(views.download_ledger, ZHAO_MIN, post={"programme": "P01"})
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    rows = list(book["试算平衡"].iter_rows(min_row=2, values_only=True))
    assert rows[-1][1:4] == ("合计", rows[-1][2], rows[-1][2])
    assert answer["Cache-Control"] == "no-store"
    cells = list(book["明细账"].iter_rows(min_row=2, values_only=True))
    assert {cell[2] for cell in cells} == {"2026-00000007"}
    answer = opened(views.download_vouchers, SUN_MEI, post={})
    page = openpyxl.load_workbook(io.BytesIO(answer.content))["凭证草稿"]
    assert [row[6] for row in page.iter_rows(min_row=2, values_only=True)].count(WHOLE / 100) == 2
    with acting(ZHAO_MIN):
        done = set(AuditEvent.objects.filter(county=HERE).values_list("action", flat=True))
    assert {"ledger.download", "vouchers.download"} <= done


def test_the_budget_form_reads_back_and_balances() -> None:
    answer = opened(views.download_vouchers, SUN_MEI, post={"form": "budget"})
    told = textform.read(answer.content, field_map=field_map("cq-2026"))
    assert (told.message, len(told.rows)) == ("VCH", 4)
    assert sum(row["debit_fen"] - row["credit_fen"] for row in told.rows) == 0
    assert {row["book"] for row in told.rows} == {"FINANCIAL", "BUDGETARY"}


def test_a_recovery_is_entered_on_its_page_and_refused_in_words() -> None:
    said = {"kind": "RECEIVED", "amount": "0.01", "happened_on": "2026-11-20", "reason": "错发追回"}
    number = "2026-00000007"
    page = opened(views.recovery, SUN_MEI, number=number)
    assert "登记一笔" in page.content.decode()
    refused = opened(views.recovery, SUN_MEI, post=said, number=number)
    assert refused.status_code == 409, "nothing of this batch was paid yet"
    assert "累计追回不能超过" in refused.content.decode()
    wrong = opened(views.recovery, SUN_MEI, post=said | {"amount": "abc"}, number=number)
    assert wrong.status_code == 422
    chief = opened(views.recovery, WANG_QIANG, post=said, number=number)
    assert "主管部门经办" in chief.content.decode()
    with acting(SUN_MEI):
        assert not Recovery.objects.exists()
