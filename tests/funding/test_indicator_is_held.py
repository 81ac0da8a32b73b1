"""额度: frozen with the application, released when it comes back, spent when paid; never exceeded,
whoever asks and however many at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.errors import RestrictViolation

from tests import database
from tests.payout.funded import plant_funded
from tests.validation.cast import BANK, DEPARTMENT, HERE, LI_XIA, TOWN
from tests.validation.indicators import plant_indicator
from tests.validation.world import Planter
from yikatong.connectors.budget.messages import Quota
from yikatong.funding.actions import note_state, request
from yikatong.funding.indicators import note_quota
from yikatong.funding.models import FundingRequest, IndicatorHold
from yikatong.funding.queries import indicators_seen
from yikatong.funding.rules import Usable
from yikatong.kernel.errors import Refused
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch

LogIn = Callable[[str], AbstractContextManager[None]]
US = machine(HERE)
State = FundingRequest.State

ASK = """
INSERT INTO funding_fundingrequest (county, unit_no, department_no, batch_id, bank_no, number,
    indicator, lines, amount_fen, payee_account, state, budget_number, voucher_number,
    return_reason, requested_by, requested_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, 1, %s, '1', 'DRAFT', '', '', '', '', now()) RETURNING id
"""


class World:
    """A county with batches to ask for; every indicator is made by the test that uses it."""

    begun = 0

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0

    def indicator(self, balance_fen: int, applied_fen: int = 0) -> str:
        self.count += 1
        bgt_id = f"ZB-{self.count}-{balance_fen}"
        with self.admin() as admin:
            planter = Planter(admin)
            with planter.county(HERE):
                plant_indicator(planter, bgt_id, balance_fen=balance_fen, applied_fen=applied_fen)
        return bgt_id

    def batch(self) -> int:
        self.count += 1
        with self.admin() as admin:
            return plant_funded(
                admin, f"2026-{self.count:06d}", state="ACKED", status="READY", has_money=False
            ).batch

    def admin(self) -> psycopg.Connection[Any]:
        return database.connect("ykt_admin", self.name, autocommit=True)

    def worker(self) -> psycopg.Connection[Any]:
        """Inside one transaction, in the county's scope, as the owner of the tables."""
        connection = database.connect("ykt_admin", self.name)
        connection.execute("SET ROLE ykt_owner")
        for name, value in {"county": HERE, "unit_lo": "0", "unit_hi": "2147483647"}.items():
            connection.execute("SELECT set_config(%s, %s, true)", [f"ykt.{name}", value])
        return connection

    def ask(self, connection: psycopg.Connection[Any], bgt_id: str, fen: int, batch: int) -> int:
        self.count += 1
        row = connection.execute(
            ASK, [HERE, TOWN, DEPARTMENT, batch, BANK + 1, f"N{self.count}", bgt_id, fen]
        ).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def world(committing: str, log_in: LogIn) -> Iterator[World]:
    made = World(committing)
    World.begun += 1
    made.count = World.begun * 1000
    with log_in("ykt_worker"):
        yield made


def available(bgt_id: str) -> int:
    with acting(US) as actor:
        return next(
            one.available_fen
            for one in indicators_seen(scope=actor.scope)
            if one.indicator.bgt_id == bgt_id
        )


def held(request_id: int) -> str:
    with acting(US):
        return str(IndicatorHold.objects.get(request_id=request_id).state)


def planted(world: World, bgt_id: str, fen: int) -> FundingRequest:
    batch = world.batch()
    with world.worker() as connection:
        made = world.ask(connection, bgt_id, fen, batch)
    with acting(US):
        return FundingRequest.objects.get(pk=made)


def test_an_application_freezes_exactly_its_amount(world: World) -> None:
    bgt_id = world.indicator(100_000, applied_fen=20_000)
    assert available(bgt_id) == 80_000
    made = planted(world, bgt_id, 30_000)
    assert (available(bgt_id), held(made.pk)) == (50_000, "FROZEN")


def test_a_fen_too_much_is_refused_by_the_database(world: World) -> None:
    bgt_id = world.indicator(30_000)
    batch = world.batch()
    with world.worker() as connection, pytest.raises(RestrictViolation, match="超过可用额度"):
        world.ask(connection, bgt_id, 30_001, batch)
    assert planted(world, bgt_id, 30_000).amount_fen == 30_000


def test_an_indicator_that_was_never_read_pays_nothing(world: World) -> None:
    batch = world.batch()
    with world.worker() as connection, pytest.raises(RestrictViolation, match="没有指标"):
        world.ask(connection, "ZB-unheard-of", 1, batch)


@pytest.mark.parametrize(
    ("state", "hold", "left"),
    [(State.RETURNED, "RELEASED", 50_000), (State.WITHDRAWN, "RELEASED", 50_000),
     (State.PAID, "SPENT", 20_000), (State.VOUCHERED, "FROZEN", 20_000)],
)  # fmt: skip
def test_the_hold_follows_its_application(
    world: World, state: FundingRequest.State, hold: str, left: int
) -> None:
    bgt_id = world.indicator(50_000)
    made = planted(world, bgt_id, 30_000)
    with acting(US):
        note_state(made, state, actor=US)
    assert (held(made.pk), available(bgt_id)) == (hold, left)


def test_a_reading_after_the_filing_counts_the_application_by_itself(world: World) -> None:
    bgt_id = world.indicator(50_000)
    made = planted(world, bgt_id, 30_000)
    with acting(US):
        note_state(made, State.SUBMITTED, budget_number="SQ-1", actor=US)
        told = Quota(
            bgt_id=bgt_id, mof_div_code="", fiscal_year="2026", agency_code="", pro_code="P01",
            pro_name="", cor_bgt_doc_no="", fund_type_code="", exp_func_code="",
            gov_bgt_eco_code="", dep_bgt_eco_code="", amount_fen=50_000, cur_amt_fen=50_000,
            pay_app_amt_fen=30_000, bgt_exe_flag=True, as_of=datetime.now(UTC),
        )  # fmt: skip
        note_quota(told, read_at=datetime.now(UTC), actor=US)
    assert available(bgt_id) == 20_000, "30,000 once, not twice"


def test_what_was_applied_for_is_never_edited(world: World) -> None:
    made = planted(world, world.indicator(50_000), 30_000)
    for change in ("amount_fen = 1", "indicator = ''", "payee_account = '6'"):
        with world.worker() as connection, pytest.raises(RestrictViolation, match="不能修改"):
            connection.execute(
                f"UPDATE funding_fundingrequest SET {change} WHERE id = %s",  # noqa: S608 - our own
                [made.pk],
            )


def test_two_applications_at_once_never_exceed_the_indicator(world: World) -> None:
    """Both see room for one: the second looks only after the first has taken it."""
    bgt_id = world.indicator(50_000)
    batches = [world.batch(), world.batch()]
    first, second = world.worker(), world.worker()
    outcome: list[str] = []

    def late() -> None:
        try:
            world.ask(second, bgt_id, 30_000, batches[1])
            second.commit()
            outcome.append("taken")
        except RestrictViolation:
            second.rollback()
            outcome.append("refused")

    world.ask(first, bgt_id, 30_000, batches[0])
    racer = threading.Thread(target=late)
    racer.start()
    racer.join(0.3)
    assert racer.is_alive(), "the second waits for the lock"
    first.commit()
    racer.join(10)
    first.close()
    second.close()
    assert outcome == ["refused"]
    assert available(bgt_id) == 20_000


def test_a_request_is_cut_and_refused_in_words(world: World, log_in: LogIn) -> None:
    """Through the action, as the clerk: no indicator of the year, too little, then enough."""
    batch_id = world.batch()
    with acting(US):
        batch = Batch.objects.get(pk=batch_id)
        planted_request = batch.funding_requests.get()
        note_state(planted_request, State.RETURNED, return_reason="退", actor=US)
    with log_in("ykt_web"), acting(LI_XIA) as actor:
        with pytest.raises(Refused, match="尚未从预算系统读到"):
            request(replaced_programme(batch), actor=actor)
        verdict = request(batch, actor=actor)
        made = FundingRequest.objects.filter(batch=batch).order_by("-id")[0]
        assert (made.amount_fen, made.state) == (60_051, "DRAFT")
    assert "指标" in verdict.note
    assert held(made.pk) == "FROZEN"


def replaced_programme(batch: Batch) -> Batch:
    """The same batch in a year of which no indicator was read."""
    twin = Batch.objects.get(pk=batch.pk)
    twin.period = "1999-01"
    return twin


def test_who_is_overtaken_between_the_look_and_the_filing_is_told_so(
    world: World, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the clerk's page said was true a moment ago; the database is the last judge."""
    bgt_id = world.indicator(60_050)
    batch_id = world.batch()
    with acting(US):
        batch = Batch.objects.get(pk=batch_id)
        note_state(batch.funding_requests.get(), State.RETURNED, return_reason="退", actor=US)
    monkeypatch.setattr(
        "yikatong.funding.actions.usable_indicators", lambda *_, **__: [Usable(bgt_id, 10**9)]
    )
    with log_in("ykt_web"), pytest.raises(Refused, match="刚被另一笔申请占用"), acting(LI_XIA):
        request(batch, actor=LI_XIA)


STEPS = st.lists(
    st.tuples(st.integers(1, 60_000), st.sampled_from(["", "RETURNED", "WITHDRAWN", "PAID"])),
    min_size=1,
    max_size=8,
)


def test_whatever_is_asked_and_given_back_the_indicator_is_never_exceeded(world: World) -> None:
    balance = 100_000
    bgt_id = world.indicator(balance)
    batch = world.batch()

    @settings(max_examples=30)
    @given(STEPS)
    def told(steps: list[tuple[int, str]]) -> None:
        held = 0
        connection = world.worker()
        for fen, end in steps:
            try:
                with connection.transaction():
                    made = world.ask(connection, bgt_id, fen, batch)
            except RestrictViolation:
                assert held + fen > balance, "refused only where it does not reach"
                continue
            held += fen
            assert held <= balance
            # the batch may hold one live application of an indicator: each ends before the next
            final = end or "PAID"
            connection.execute(
                "UPDATE funding_fundingrequest SET state = %s WHERE id = %s", [final, made]
            )
            held -= fen if final in {"RETURNED", "WITHDRAWN"} else 0
            batch_next(connection, made)
        connection.rollback()
        connection.close()

    told()


def batch_next(connection: psycopg.Connection[Any], made: int) -> None:
    """Let the same batch ask again: a paid application still counts, under another state."""
    connection.execute(
        "UPDATE funding_fundingrequest SET state = 'REFUNDED' WHERE id = %s AND state = 'PAID'",
        [made],
    )
