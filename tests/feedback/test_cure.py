"""失败怎样治好: what each cause waits for, how old its money is, and how long a cure takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest
from django.http import HttpResponse
from hypothesis import given
from hypothesis import strategies as st

from tests import database
from tests.feedback.test_reconciling import opened
from tests.payout.funded import AMOUNTS, NAMES, Funded, plant_funded
from tests.validation.cast import BANK, HERE, LI_XIA, NOON, SUN_MEI, TOWN, ZHAO_MIN
from tests.validation.world import Planter
from yikatong.feedback import failure_views, queries
from yikatong.feedback.bulk import ROW_BITS
from yikatong.feedback.models import PaymentResult, ResultFile, SmsReport
from yikatong.feedback.rules import AGES, CureState, age_band, cure_of
from yikatong.kernel.actor import Actor
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.payout.models import PaymentInstruction

TOLD_IN_ORDER = True
US = machine(HERE)
NUMBER = "2026-00000041"
LogIn = Callable[[str], AbstractContextManager[None]]


def told(planter: Planter, payment: int, **values: object) -> None:
    planter.put(
        PaymentResult,
        file_row=planter.put(ResultFile, unit_no=0, sm3=f"{payment}{values}".encode()) << ROW_BITS,
        payment=payment,
        outcome={"SUCCESS": "PAID"}.get(str(values["result"]), values["result"]),
        **{"at": NOON, "bank_serial": None, "paid_fen": 0, **values},
    )


@pytest.fixture(scope="module")
def failed(committing: str) -> Funded:
    """钱大娘's card was closed, 钱大爷's is frozen, 冉父's was paid; then 钱大娘's again."""
    with database.connect("ykt_admin", committing, autocommit=True) as admin:
        found = plant_funded(admin, NUMBER, state="PAYING", status="PAYING")
        planter = Planter(admin)
        with planter.county(HERE):
            planter.put(
                PaymentInstruction, share=found.share, key="K41", lines=3, amount_fen=sum(AMOUNTS)
            )
            for payment, code in zip(found.payments[:2], ("F03", "F04"), strict=True):
                admin.execute("UPDATE payout_payment SET state = 'FAILED' WHERE id = %s", [payment])
                told(planter, payment, result="FAILED", code=code, bank_text="银行原话")
            paid = found.payments[2]
            admin.execute("UPDATE payout_payment SET state = 'PAID' WHERE id = %s", [paid])
            told(planter, paid, result="SUCCESS", paid_fen=AMOUNTS[2], bank_serial="S1")
            planter.put(SmsReport, payment=paid, status="UNDELIV")
    return found


@pytest.fixture(autouse=True)
def worker(failed: Funded, log_in: LogIn) -> Iterator[None]:
    with log_in("ykt_worker"):
        yield


def states() -> list[str]:
    with acting(US):
        return [
            cure_of(
                one.code,
                is_changed=one.is_changed,
                is_verified=one.is_verified,
                again_state=one.again_state,
            ).value
            for one in queries.cures(scope=US.scope)
        ]


def as_owner(what: Callable[[Planter], None]) -> None:
    from django.db import connections  # noqa: PLC0415 - the database of this module

    name = connections["default"].settings_dict["NAME"]
    with database.connect("ykt_admin", name, autocommit=True) as admin:
        planter = Planter(admin)
        with planter.county(HERE):
            what(planter)


def test_what_is_not_mended_is_open() -> None:
    assert states() == ["待更正", "待更正"]


def test_a_new_account_cures_a_closed_one_and_not_its_neighbour(failed: Funded) -> None:
    def change(planter: Planter) -> None:
        name = f"{NAMES[0]}{NUMBER}"
        person = planter._value("SELECT id FROM registry_person WHERE name = %s", name)
        planter.changed_card(person, name, at=NOON + timedelta(days=2))

    as_owner(change)
    assert states() == ["已更正，可补发", "待更正"]


def test_money_that_is_nobodys_is_told_by_its_age(failed: Funded) -> None:
    with acting(US):
        rows = list(queries.residue_of(scope=US.scope))
    assert {(row.kind, row.amount_fen) for row in rows} == {
        ("FAILED", AMOUNTS[0]),
        ("FAILED", AMOUNTS[1]),
    }
    assert {row.since for row in rows} == {NOON.date()}


@pytest.mark.parametrize("actor", [LI_XIA, SUN_MEI, ZHAO_MIN], ids=lambda one: one.name)
def test_the_page_tells_who_does_what(actor: Actor, log_in: LogIn) -> None:
    with log_in("ykt_web"):
        page: HttpResponse = opened(failure_views.failures, actor)
    text = page.content.decode()
    assert "持卡人开户，镇街变更" in text
    assert "银行原话" in text
    assert "满 30 天" in text, "failed in September, now it is November"
    assert "超期" in text
    assert "治愈天数" in text


def test_another_town_sees_none_of_it(log_in: LogIn) -> None:
    scope = type(LI_XIA.scope)(HERE, (TOWN + 1000, TOWN + 1999))
    other = Actor(9, "x", "某人", LI_XIA.duty, scope, TOWN + 1000, via="web")
    with log_in("ykt_web"):
        assert "银行原话" not in opened(failure_views.failures, other).content.decode()


def test_the_word_of_the_text_message_is_known_to_the_payment(failed: Funded) -> None:
    with acting(US):
        assert queries.texts_of(failed.payments, scope=US.scope) == {failed.payments[2]: "UNDELIV"}


def test_the_median_counts_from_failure_to_the_payment_that_made_it_good(failed: Funded) -> None:
    def pay_again(planter: Planter) -> None:
        name = f"{NAMES[0]}{NUMBER}"
        person = planter._value("SELECT id FROM registry_person WHERE name = %s", name)
        origin = planter._value(
            "SELECT line_id FROM payout_payment WHERE id = %s", failed.payments[0]
        )
        programme = planter._value("SELECT id FROM catalogue_programme WHERE code = 'P01'")
        batch = planter.batch("2026-00000042", programme, origin=failed.batch)
        line = planter.line(batch, "P01", name, amount_fen=AMOUNTS[0], origin=origin)
        again = planter.payment(batch, line, person, "P01", attempt=2, amount_fen=AMOUNTS[0])
        planter.connection.execute(
            "UPDATE payout_payment SET state = 'PAID' WHERE id = %s", [again]
        )
        when: datetime = NOON + timedelta(days=6)
        told(planter, again, result="SUCCESS", paid_fen=AMOUNTS[0], bank_serial="S2", at=when)

    as_owner(pay_again)
    assert states() == ["待更正"]
    with acting(US):
        (bank,) = queries.cure_medians("BANK", scope=US.scope)
        (town,) = queries.cure_medians("TOWN", scope=US.scope)
    assert (bank.key, bank.failed, bank.cured, bank.median_days) == (BANK, 2, 1, 6)
    assert (town.key, town.failed, town.cured, town.median_days) == (TOWN, 2, 1, 6)


@given(
    code=st.sampled_from([f"F{n:02d}" for n in range(1, 13)] + ["F99", ""]),
    is_changed=st.booleans(),
    is_verified=st.booleans(),
    again=st.sampled_from(["", "SENT", "UNKNOWN", "PAID", "FAILED", "WITHDRAWN"]),
)
def test_what_is_unknown_or_by_hand_never_reads_as_cured(
    code: str, is_changed: bool, is_verified: bool, again: str
) -> None:
    state = cure_of(code, is_changed=is_changed, is_verified=is_verified, again_state=again)
    if again in {"SENT", "UNKNOWN"}:
        assert state is CureState.ON_ITS_WAY
    elif code in {"F09", "F10", "F99", ""} and again != "PAID":
        assert state is CureState.BY_HAND
    elif code == "F11" and again != "PAID":
        assert state is CureState.CURED, "failed by the day account alone: nothing to mend"
    elif state is CureState.CURED:
        assert is_changed or is_verified


@given(days=st.integers(0, 4000))
def test_an_age_stands_in_exactly_one_band(days: int) -> None:
    band = age_band(days)
    assert band in (0, *AGES)
    assert band <= days
    assert not any(band < limit <= days for limit in AGES)
