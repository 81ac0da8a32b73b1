"""补发批次: what is mended is gathered once, for the same people, for no more than failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from tests import database
from tests.feedback.test_reconciling import opened
from tests.funding.keeping import admin_of, breaches, plant_failed, policy
from tests.payout.funded import AMOUNTS, NAMES, Funded, plant_funded
from tests.validation.cast import HE_FANG, HERE, LI_XIA, NOON, PERIOD, SUN_MEI, ZHAO_MIN
from tests.validation.world import Planter
from yikatong.audit.queries import events_of_batch
from yikatong.desk.todo import Deadlines, choices, waiting_for
from yikatong.feedback import failure_views
from yikatong.feedback.queries import ready_to_reissue
from yikatong.journey import steps as journey
from yikatong.kernel import period as kernel_period
from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import IllegalStep, Refused
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission.actions import redraft
from yikatong.submission.models import Batch, Line

LogIn = Callable[[str], AbstractContextManager[None]]
US = machine(HERE)
FIRST, SECOND, THIRD = AMOUNTS


@pytest.fixture
def town(own_database: str, log_in: LogIn) -> Iterator[str]:
    """Two batches with two failures each; every failure stands in a correction draft."""
    with log_in("ykt_worker"):
        with admin_of(own_database) as admin:
            plant_funded(admin, "2026-00000000")
        policy(own_database, "refund")
        yield own_database


def failed(name: str, number: str) -> tuple[Funded, Batch]:
    """As `settle` leaves it: two failed lines in a draft that points at them."""
    found = plant_failed(name, number)
    with acting(US):
        lines = list(
            Line.objects.filter(payment__pk__in=found.payments[1:]).values_list("pk", flat=True)
        )
        draft = redraft(Batch.objects.get(pk=found.batch), lines, "发放失败", actor=US)
        assert draft is not None
    return found, draft


def mend(name: str, number: str, *places: int) -> None:
    """A new account for these people, entered after the failure."""
    with admin_of(name) as admin:
        planter = Planter(admin)
        with planter.county(HERE):
            for place in places:
                who = f"{NAMES[place]}{number}"
                person = planter._value("SELECT id FROM registry_person WHERE name = %s", who)
                planter.changed_card(person, who, at=NOON + timedelta(days=90))


def gather(actor: Actor = LI_XIA) -> tuple[Batch, int]:
    with acting(actor):
        made = journey.gather("P01", PERIOD, actor=actor)
    return made.batch, made.lines


def lines_in(batch: int) -> list[int]:
    with acting(US):
        return sorted(Line.objects.filter(batch_id=batch).values_list("amount_fen", flat=True))


def test_what_is_mended_in_two_batches_comes_into_one_and_the_rest_waits(
    town: str, log_in: LogIn
) -> None:
    (_, one), (_, other) = failed(town, "2026-00000091"), failed(town, "2026-00000092")
    mend(town, "2026-00000091", 1)
    mend(town, "2026-00000092", 1, 2)
    with log_in("ykt_web"):
        batch, count = gather()
        with acting(LI_XIA):
            assert ready_to_reissue(scope=LI_XIA.scope) == []
    assert count == 3
    assert batch.is_gathered
    assert "补发，第2次" in batch.title
    assert "第2次 3 笔" in batch.redraft_reason
    assert lines_in(batch.pk) == [SECOND, SECOND, THIRD]
    assert (lines_in(one.pk), lines_in(other.pk)) == ([THIRD], [])
    with acting(US):
        rows = list(Line.objects.filter(batch=batch).order_by("row_no"))
        assert [row.row_no for row in rows] == [1, 2, 3]
        assert all(row.origin is not None for row in rows)


def test_a_draft_left_without_a_line_is_closed_with_it_and_says_where_they_went(
    town: str, log_in: LogIn
) -> None:
    (_, emptied), (_, half) = failed(town, "2026-00000085"), failed(town, "2026-00000086")
    mend(town, "2026-00000085", 1, 2)
    mend(town, "2026-00000086", 1)
    with log_in("ykt_web"):
        batch, _ = gather()
        with acting(LI_XIA):
            assert statuses(emptied, half, batch) == ["DROPPED", "DRAFT", "DRAFT"]
            told = events_of_batch(emptied.pk, scope=LI_XIA.scope)
            last = told.get(action="batch.emptied")
            assert (last.from_status, last.to_status) == ("DRAFT", "DROPPED")
            assert last.note == f"明细已全部并入补发批次 {batch.number}"
            assert last.username == LI_XIA.username
            assert emptied.pk not in {
                one.batch.pk for one in waiting_for(LI_XIA, Deadlines(LI_XIA))
            }
    assert breaches() == []


def test_a_draft_that_still_has_lines_is_not_closed_so(town: str, log_in: LogIn) -> None:
    _, draft = failed(town, "2026-00000087")
    with log_in("ykt_web"), acting(LI_XIA):
        assert "emptied" not in {one.step.name for one in choices(draft, LI_XIA)}
        with pytest.raises(Refused, match="全部并入"):
            journey.advance(draft.pk, "emptied", actor=LI_XIA)
    with log_in("ykt_web"), acting(HE_FANG), pytest.raises(IllegalStep):
        journey.advance(draft.pk, "emptied", actor=HE_FANG)
    with acting(US):
        assert statuses(draft) == ["DRAFT"]


@pytest.mark.parametrize("when", ["closing", "recording"])
def test_what_is_gathered_and_what_is_closed_stand_or_fall_together(
    town: str, when: str, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, draft = failed(town, "2026-00000088")
    mend(town, "2026-00000088", 1, 2)

    def broken(*_: object, **__: object) -> None:
        raise Refused("断了")

    monkeypatch.setattr(journey, "land" if when == "closing" else "record", broken)
    with log_in("ykt_web"), pytest.raises(Refused, match="断了"):
        gather()
    assert lines_in(draft.pk) == [SECOND, THIRD]
    with acting(US):
        assert statuses(draft) == ["DRAFT"]
        assert not Batch.objects.filter(is_gathered=True).exists()


def statuses(*drafts: Batch) -> list[str]:
    """As they stand now, in the scope of the moment."""
    found = dict(
        Batch.objects.filter(pk__in=[one.pk for one in drafts]).values_list("pk", "status")
    )
    return [found[one.pk] for one in drafts]


def test_a_line_taken_out_of_a_draft_is_gathered_from_its_origin(town: str, log_in: LogIn) -> None:
    _, draft = failed(town, "2026-00000093")
    mend(town, "2026-00000093", 1, 2)
    with log_in("ykt_web"):
        with acting(LI_XIA):
            Line.objects.filter(batch=draft, amount_fen=SECOND).delete()
        batch, count = gather()
    assert count == 2
    assert lines_in(batch.pk) == [SECOND, THIRD]


@pytest.mark.parametrize("actor", [HE_FANG, SUN_MEI, ZHAO_MIN], ids=lambda one: one.name)
def test_nobody_but_the_correcting_clerk_gathers(town: str, actor: Actor, log_in: LogIn) -> None:
    failed(town, "2026-00000094")
    mend(town, "2026-00000094", 1)
    with log_in("ykt_web"), pytest.raises(Refused):
        gather(actor)


@pytest.mark.parametrize(
    ("typed", "says"),
    [("2099-01", "最多提前 12 个月，请核对年份和月份"), ("2026-13", "请写成 年-月")],
)
def test_a_slip_in_the_period_is_told_as_one(
    town: str, typed: str, says: str, log_in: LogIn
) -> None:
    with log_in("ykt_web"):
        with acting(LI_XIA), pytest.raises(Refused, match=says):
            journey.gather("P01", typed, actor=LI_XIA)
        with acting(HE_FANG), pytest.raises(Refused, match="由编制更正批次的经办人生成"):
            journey.gather("P01", typed, actor=HE_FANG)


def test_what_failed_in_a_period_far_ahead_can_be_paid_again(
    town: str, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches from before there was this limit are no dead end."""
    failed(town, "2026-00000089")
    mend(town, "2026-00000089", 1)
    monkeypatch.setattr(kernel_period, "MOST_MONTHS_AHEAD", -100)
    with log_in("ykt_web"):
        assert gather()[1] == 1
        with pytest.raises(Refused, match="请核对年份和月份"):
            gather()


def test_eight_who_press_at_once_make_one_batch(town: str, log_in: LogIn) -> None:
    (_, one), (_, other) = failed(town, "2026-00000095"), failed(town, "2026-00000096")
    for number in ("2026-00000095", "2026-00000096"):
        mend(town, number, 1, 2)

    def press(_: int) -> str:
        try:
            return f"{gather()[1]} 笔"
        except Refused:
            return "refused"
        finally:
            connection.close()

    with log_in("ykt_web"), ThreadPoolExecutor(8) as threads:
        ends = Counter(threads.map(press, range(8)))
    assert ends == {"4 笔": 1, "refused": 7}
    assert (lines_in(one.pk), lines_in(other.pk)) == ([], [])
    with acting(US):
        gathered = Batch.objects.filter(is_gathered=True)
        assert [lines_in(batch.pk) for batch in gathered] == [[SECOND, SECOND, THIRD, THIRD]]


@pytest.mark.parametrize(
    "change",
    [
        f"amount_fen = {THIRD} + 1",
        "beneficiary_index = '\\x00'",
        "object_key = '别的机具'",
        "period = '2026-10'",
    ],
)
def test_the_database_holds_the_person_and_the_amount(
    town: str, change: str, log_in: LogIn
) -> None:
    _, draft = failed(town, "2026-00000097")
    where = f"WHERE batch_id = {draft.pk} AND amount_fen = {THIRD}"
    with database.connect("ykt_web", town) as web:
        web.execute("SELECT set_config('role', 'ykt_town', true)")
        low, high = LI_XIA.scope.units or (0, 0)
        for name, value in {"county": HERE, "unit_lo": low, "unit_hi": high}.items():
            web.execute("SELECT set_config(%s, %s, true)", [f"ykt.{name}", str(value)])
        less = web.execute(f"UPDATE submission_line SET amount_fen = amount_fen {where}")  # type: ignore[call-overload] # noqa: S608
        assert less.rowcount == 1, "the same again is no harm"
        with pytest.raises(psycopg.errors.RestrictViolation, match="不超过失败的金额"):
            web.execute(f"UPDATE submission_line SET {change} {where}")  # type: ignore[call-overload] # noqa: S608
        web.rollback()


def test_the_page_says_how_many_are_ready_and_whose_they_are(town: str, log_in: LogIn) -> None:
    failed(town, "2026-00000098")
    mend(town, "2026-00000098", 1, 2)
    with log_in("ykt_web"):
        mine = opened(failure_views.failures, LI_XIA).content.decode()
        others = opened(failure_views.failures, ZHAO_MIN).content.decode()
    assert "生成补发批次（2 笔）" in mine
    assert "第2次 2 笔" in mine
    assert "生成补发批次" not in others
    assert "由桑柘镇生成" in others
