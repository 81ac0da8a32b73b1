"""预计可能失败: which lines the bank would fail, told before money is requested, in every role."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests import database
from tests.validation.cast import (
    FAR_AHEAD,
    HERE,
    LI_XIA,
    OTHER_TOWN,
    SUN_MEI,
    TOWN,
    WU_WAI,
    ZHAO_MIN,
    ZHOU_ZHENG,
    index_of,
)
from tests.validation.world import Planter
from yikatong.cli.batches import forecast_facts
from yikatong.feedback.bulk import ROW_BITS
from yikatong.feedback.models import PaymentResult, ResultFile
from yikatong.kernel.actor import Actor
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.registry.models import AccountVerification
from yikatong.submission.models import Batch
from yikatong.validation.outlook import forecast_reason
from yikatong.validation.queries import forecast, forecast_sum

SPRING, AUTUMN = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
FINE = ("冉好", "冉后好", "冉换卡", "冉金额", "冉再验", "冉停发")
WHY = {
    "冉不符": ("最近一次银行核验不一致（冻结、止付或只收不付）", "持卡人到银行办理"),
    "冉变坏": ("最近一次银行核验不一致", "镇街会同持卡人、银行"),
    "冉无答": ("最近一次银行核验没有结论", "代发银行"),
    "冉未验": ("还没有银行核验结果", "代发银行"),
    "冉过期": ("银行核验已于 2026-01-31 过期，须重新核验", "代发银行"),
    "冉失败": ("上次向这个账户发放失败：冻结、止付或挂失", "持卡人到银行办理"),
    "冉退汇": ("上次向这个账户被退汇：已销户", "持卡人开户，镇街变更"),
    "冉外镇": ("最近一次银行核验没有结论", "代发银行"),
}
UNSEEN_BY_THE_TOWN = "冉外镇"


def plant(planter: Planter) -> None:
    with planter.county(HERE):
        planter.offices()
        programme = planter.programme("P20", frequency="monthly")
        outcomes = {
            "冉无答": "UNAVAILABLE",
            "冉未验": "",
            "冉不符": "",
            "冉过期": "",
            "冉停发": "UNAVAILABLE",
        }
        people = {
            name: planter.person(name, outcome=outcomes.get(name, "MATCH"))
            for name in (*FINE, *WHY)
            if name != UNSEEN_BY_THE_TOWN
        }
        people["冉外镇"] = planter.person("冉外镇", outcome="UNAVAILABLE", unit_no=OTHER_TOWN + 1)
        _asked(planter, people["冉不符"], "MISMATCH", AUTUMN, reason_code="A03")
        _asked(planter, people["冉过期"], "MATCH", SPRING, valid_until=date(2026, 1, 31))
        _asked(planter, people["冉再验"], "MISMATCH", SPRING)
        _asked(planter, people["冉变坏"], "MISMATCH", AUTUMN)
        _ended(planter, programme, "2026-03", people, {"冉失败": "F04", "冉后好": "F04"}, "FAILED")
        _ended(planter, programme, "2026-04", people, {"冉换卡": "F01", "冉金额": "F09"}, "FAILED")
        _ended(planter, programme, "2026-05", people, {"冉退汇": "F03"}, "RETURNED")
        _ended(planter, programme, "2026-06", people, {"冉后好": ""}, "PAID")
        planter.changed_card(people["冉换卡"], "冉换卡", at=SPRING)
        batch = planter.batch("NOW", programme)
        share = None
        for row_no, (name, person) in enumerate(people.items(), start=2):
            line = planter.line(
                batch, "P20", name, row_no=row_no, digest=index_of(name), amount_fen=100 * row_no
            )
            state = "STOPPED" if name == "冉停发" else "SENT"
            planter.payment(
                batch, line, person, "P20", amount_fen=100 * row_no, state=state, share=share
            )
            share = planter._value("SELECT id FROM payout_bankshare WHERE batch_id = %s", batch)


def _asked(planter: Planter, person: int, outcome: str, at: datetime, **values: Any) -> None:
    version = planter._value(
        "SELECT current_id FROM registry_cardaccount WHERE person_id = %s", person
    )
    facts = {"valid_until": FAR_AHEAD, **values}
    planter.put(
        AccountVerification,
        unit_no=TOWN + 1,
        version=version,
        outcome=outcome,
        verified_at=at,
        **facts,
    )


def _ended(
    planter: Planter,
    programme: int,
    period: str,
    people: dict[str, int],
    codes: dict[str, str],
    state: str,
) -> None:
    batch = planter.batch(f"B-{period}", programme, period=period)
    share = None
    for name, code in codes.items():
        line = planter.line(batch, "P20", name, period=period)
        payment = planter.payment(
            batch, line, people[name], "P20", period=period, state=state, share=share
        )
        share = planter._value("SELECT id FROM payout_bankshare WHERE batch_id = %s", batch)
        if code:
            planter.put(
                PaymentResult,
                file_row=planter.put(ResultFile, unit_no=0, sm3=index_of(f"{payment}")) << ROW_BITS,
                payment=payment,
                outcome=state,
                result=state,
                code=code,
            )


def put_at(name: str, status: str) -> None:
    """The batch stands there: what the steps before do is told elsewhere."""
    with database.connect("ykt_admin", name) as admin:
        _force(admin, status)


def _force(admin: psycopg.Connection[Any], status: str) -> None:
    admin.execute("SET session_replication_role = replica")
    admin.execute("UPDATE submission_batch SET status = %s WHERE number = 'NOW'", [status])
    admin.commit()


@pytest.fixture(scope="module", autouse=True)
def the_world(committing: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with database.connect("ykt_admin", committing) as admin:
        plant(Planter(admin))
    with django_db_blocker.unblock():
        yield


def told(actor: Actor) -> tuple[dict[str, tuple[str, str]], int, int, int]:
    with acting(actor):
        batch = Batch.objects.get(county=HERE, number="NOW")
        lines = {
            line.payee_name: forecast_reason(line) for line in forecast(batch, scope=actor.scope)
        }
        total = forecast_sum(batch, scope=actor.scope)
        assert total.lines == len(lines)
        return lines, total.lines, total.fen, total.unseen


@pytest.mark.parametrize("actor", [SUN_MEI, ZHAO_MIN, ZHOU_ZHENG], ids=lambda one: one.duty.value)
def test_what_the_bank_would_fail_is_told_with_who_puts_it_right(
    committing: str, actor: Actor
) -> None:
    put_at(committing, "READY")
    lines, _, fen, unseen = told(actor)
    assert lines == WHY
    assert unseen == 0
    names = [*FINE, *WHY]
    assert fen == sum(100 * (names.index(name) + 2) for name in WHY)


def test_a_town_foretells_nothing_of_an_account_it_may_not_see(committing: str) -> None:
    put_at(committing, "READY")
    lines, _, _, unseen = told(LI_XIA)
    assert lines == {name: why for name, why in WHY.items() if name != UNSEEN_BY_THE_TOWN}
    assert unseen == 1


@pytest.mark.parametrize("status", ["DRAFT", "REQUESTED", "PAYING", "SETTLED"])
def test_nothing_is_foretold_before_the_verdict_or_once_money_was_asked_for(
    committing: str, status: str
) -> None:
    put_at(committing, status)
    assert told(SUN_MEI) == ({}, 0, 0, 0)


def test_another_county_reads_nothing_of_it(committing: str) -> None:
    put_at(committing, "READY")
    with acting(ZHAO_MIN):
        batch = Batch.objects.get(county=HERE, number="NOW")
    with acting(WU_WAI):
        assert not forecast(batch, scope=WU_WAI.scope).exists()
        assert not forecast(batch, scope=ZHAO_MIN.scope).exists()


def test_the_command_tells_it_without_a_whole_name_or_number(committing: str) -> None:
    put_at(committing, "READY")
    with database.pointed_at(committing, role="ykt_worker"), acting(machine(HERE)) as actor:
        batch = Batch.objects.get(county=HERE, number="NOW")
        told = forecast_facts(batch, actor)
    assert told["lines"] == len(WHY) == len(told["rows"])
    assert {(one["why"], one["fixes"]) for one in told["rows"]} == set(WHY.values())
    assert all("*" in one["name"] and len(one["account"]) == 4 for one in told["rows"])
    put_at(committing, "REQUESTED")
    with database.pointed_at(committing, role="ykt_worker"), acting(machine(HERE)) as actor:
        batch = Batch.objects.get(county=HERE, number="NOW")
        assert forecast_facts(batch, actor) == {"lines": 0, "fen": 0, "rows": []}
