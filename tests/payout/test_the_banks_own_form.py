"""户名含生僻字（F12）: what cures it is the bank's own form of the name, a new version of the
account. It belongs to the draft until that is sent; the payment then carries it to the bank.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.funding.keeping import LogIn, admin_of, plant_again, policy, results
from tests.payout.funded import AMOUNTS, NAMES, Funded, plant_funded
from tests.validation.cast import HERE, NOON
from tests.validation.world import Planter
from yikatong.connectors.bank.messages import PayRow, ResultRow
from yikatong.feedback import queries
from yikatong.feedback.rules import CureState
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.payout import messages
from yikatong.payout.actions import instruct
from yikatong.payout.models import BankShare
from yikatong.submission.models import Batch

US = machine(HERE)
NUMBER = "2026-00000071"
OWN_FORM = "钱(左火右韦)娘"


class NoSecrets:
    def decrypt(self, *_: object, **__: object) -> bytes:
        return b"1"


@pytest.fixture
def refused(own_database: str, log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Funded]:
    """Released; the bank could not write the second one's name (A12)."""
    monkeypatch.setattr(messages, "the_vault", NoSecrets)
    with log_in("ykt_worker"):
        with admin_of(own_database) as admin:
            found = plant_funded(admin, NUMBER)
        policy(own_database, "refund")
        with acting(US):
            instruct(Batch.objects.get(pk=found.batch), actor=US)
        results(found, ResultRow(detail_id=found.details[1], result="FAILED", reason_code="A12",
                                 paid_fen=0, paid_at=NOON))  # fmt: skip
        yield found


def standing() -> list[str]:
    with acting(US):
        return [one.standing.value for one in queries.cures(scope=US.scope)]


def told(share: int) -> list[tuple[str, int]]:
    with acting(US):
        row = BankShare.objects.select_related("batch__programme").get(pk=share)
        rows = messages.roster(row, bank_name="农商行", hotline="").rows
    return [(one.payee_name, one.amount_fen) for one in rows if isinstance(one, PayRow)]


def test_the_reissue_carries_the_banks_own_form_and_the_first_payment_keeps_its_name(
    refused: Funded, own_database: str
) -> None:
    who = f"{NAMES[1]}{NUMBER}"
    assert standing() == [CureState.OPEN.value]
    with admin_of(own_database) as admin:
        planter = Planter(admin)
        with planter.county(HERE):
            person = planter._value("SELECT id FROM registry_person WHERE name = %s", who)
            planter.changed_card(person, OWN_FORM, at=NOON + timedelta(days=90))
    assert standing() == [CureState.CURED.value]
    again = plant_again(own_database, refused, "2026-00000072", places=(1,))
    assert told(again.share) == [(OWN_FORM, AMOUNTS[1])]
    assert OWN_FORM not in {name for name, _ in told(refused.share)}
