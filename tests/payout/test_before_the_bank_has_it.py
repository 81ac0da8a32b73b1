"""What keeps a share, or rows of it, from the bank: characters, a refused part, hours, the rule.

A row that a bank cannot be told of, or that it refuses, leaves into a new draft; the others travel
on, and what was sent is still within what was approved (I6).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection

from tests import database
from tests.payout.funded import AMOUNTS, Funded, plant_funded
from tests.validation.cast import BANK, HERE
from yikatong.connectors.bank.files import SealedPart
from yikatong.connectors.bank.messages import Receipt
from yikatong.funding.actions import confirm
from yikatong.funding.models import FundingRequest
from yikatong.jobs.actions import keep_outgoing
from yikatong.jobs.models import Outbox
from yikatong.journey.inbox import _roster_answered
from yikatong.journey.steps import advance
from yikatong.kernel.actor import Duty
from yikatong.kernel.errors import TryAgain
from yikatong.kernel.home import CHECKOUT
from yikatong.organisation import wire
from yikatong.organisation.machines import machine
from yikatong.organisation.queries import paying_banks
from yikatong.organisation.scoping import acting
from yikatong.payout.actions import set_unwritable_aside, tell_held
from yikatong.payout.models import BankShare, Payment
from yikatong.payout.queries import find_share
from yikatong.submission.models import Batch

LogIn = Callable[[str], AbstractContextManager[None]]
SERIALS = iter(range(1, 10_000))
FRIDAY_LATE = datetime(2026, 9, 18, 8, 31, tzinfo=UTC)  # 16:31 in China
MONDAY_OPEN = datetime(2026, 9, 21, 0, 30, tzinfo=UTC)


@dataclass
class Office:
    """One county whose bank CRB speaks by a profile of this test's."""

    name: str
    log_in: LogIn
    folder: Path

    def profile(self, **lines: str) -> None:
        """A copy of PSB (part by part, cut-off 16:00) under this name, with lines changed."""
        self.folder.mkdir(exist_ok=True)
        shutil.copytree(CHECKOUT / "packs/banks/PSB", self.folder / "CRB", dirs_exist_ok=True)
        text = (CHECKOUT / "packs/banks/PSB/profile.toml").read_text("utf-8")
        text = text.replace('"PSB"', '"CRB"').replace("pays_before_funds", "# ")
        for name, value in lines.items():
            text = "\n".join(row for row in text.splitlines() if not row.startswith(f"{name} ="))
            text = f"{name} = {value}\n{text}"
        (self.folder / "CRB/profile.toml").write_text(text, "utf-8")
        wire._profiles.cache_clear()

    def plant(self, state: str = "SENT", status: str = "SENDING", **facts: Any) -> Funded:
        number = f"2026-{next(SERIALS):04d}"
        with database.connect("ykt_admin", self.name, autocommit=True) as admin:
            found = plant_funded(admin, number, state=state, status=status, **facts)
            with admin.transaction():
                admin.execute("SET LOCAL session_replication_role = replica")
                batch_no = f"CRB{HERE}20260918{found.batch:06d}"
                admin.execute(
                    "UPDATE payout_bankshare SET batch_no = %s WHERE id = %s",
                    [batch_no, found.share],
                )
                for seq, payment in enumerate(found.payments, start=1):
                    admin.execute(
                        "UPDATE payout_payment SET seq = %s WHERE id = %s", [seq, payment]
                    )
        return found


@pytest.fixture
def office(committing: str, log_in: LogIn, tmp_path: Path, settings: Any) -> Office:
    settings.BANK_PROFILES, settings.BANK_ENDPOINTS = tmp_path / "banks", tmp_path / "bank.json"
    made = Office(committing, log_in, tmp_path / "banks")
    made.profile()
    return made


def states(found: Funded) -> list[str]:
    rows = Payment.objects.filter(pk__in=found.payments).order_by("id")
    return [str(row.state) for row in rows.defer("account_version")]


def redrafts(found: Funded) -> list[tuple[str, int]]:
    """(reason, lines) of each draft that points at this batch."""
    drafts = Batch.objects.filter(origin_id=found.batch).order_by("id")
    return [(one.redraft_reason, one.lines.count()) for one in drafts]


def breaches_of_i6(found: Funded) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM inv_sent_as_approved WHERE batch_id = %s", [found.batch]
        )
        return int(cursor.fetchone()[0])


def status_of(found: Funded) -> str:
    return str(Batch.objects.get(pk=found.batch).status)


def receive(found: Funded) -> str:
    with acting(machine(HERE, Duty.BANK_MESSAGE)) as actor:
        advance(found.batch, "receive", actor=actor)
    with acting(machine(HERE)):
        return status_of(found)


# -- F12: what the bank's character set cannot write ----------------------------------------------


def test_rows_that_cannot_be_written_leave_into_a_draft_before_sending(office: Office) -> None:
    found = office.plant()
    with office.log_in("ykt_worker"):
        with acting(machine(HERE)) as actor:
            share = BankShare.objects.select_related("batch__programme").get(pk=found.share)
            detail = Payment.objects.only("detail_id").get(pk=found.payments[1]).detail_id
            assert set_unwritable_aside(share, {detail: "户名 有写不出的字：玥"}, actor=actor)
        with acting(machine(HERE)):
            assert states(found) == ["SENT", "WITHDRAWN", "SENT"]
            ((reason, lines),) = redrafts(found)
            assert lines == 1
            assert "F12" in reason
            assert "玥" in reason
            assert BankShare.objects.get(pk=found.share).state == "SENT", "the others still go"
            assert breaches_of_i6(found) == 0
        with acting(machine(HERE)) as actor:  # the job runs twice
            share = BankShare.objects.select_related("batch__programme").get(pk=found.share)
            assert set_unwritable_aside(share, {detail: "户名 有写不出的字：玥"}, actor=actor)
        with acting(machine(HERE)):
            assert len(redrafts(found)) == 1


def test_a_share_of_which_nothing_can_be_written_is_refused_and_drafted_again(
    office: Office,
) -> None:
    found = office.plant()
    with office.log_in("ykt_worker"):
        with acting(machine(HERE)) as actor:
            share = BankShare.objects.select_related("batch__programme").get(pk=found.share)
            rows = Payment.objects.filter(pk__in=found.payments).only("detail_id")
            why = dict.fromkeys((row.detail_id for row in rows), "户名 有写不出的字")
            assert not set_unwritable_aside(share, why, actor=actor)
        assert receive(found) == "RETURNED"
        with acting(machine(HERE)):
            assert states(found) == ["WITHDRAWN"] * 3
            ((reason, lines),) = redrafts(found)
            assert lines == 3
            assert "F12" in reason
            assert breaches_of_i6(found) == 0


# -- a bank that takes part by part ---------------------------------------------------------------


def parts(found: Funded, *ranges: tuple[int, int]) -> BankShare:
    """The share's parts as they lie in the outbox, by the places of their rows."""
    with acting(machine(HERE)) as actor:
        share = BankShare.objects.select_related("batch__programme").get(pk=found.share)
        for part, (first, last) in enumerate(ranges, start=1):
            keep_outgoing(
                bank_no=BANK, key=f"PAY:{share.batch_no}:{part}", kind="PAY", payload=b"x",
                name=f"YKT_PAY_{HERE}_20260918_{share.batch_no}_{part:03}of{len(ranges):03}.txt",
                signature=b"", first_seq=first, last_seq=last, actor=actor,
            )  # fmt: skip
    return share


def answer(found: Funded, part: int, *, is_accepted: bool) -> str:
    """The bank's receipt of one part; gives where the share then stands."""
    with acting(machine(HERE, Duty.BANK_MESSAGE)) as actor:
        share = BankShare.objects.select_related("batch__programme").get(pk=found.share)
        status, code = ("ACCEPTED", "") if is_accepted else ("REJECTED", "E-ROW")
        receipt = Receipt(
            for_msg="PAY", for_part=part, status=status, code=code,
            reason="" if is_accepted else "第1笔账号不存在", count=1, amount_fen=1,
        )  # fmt: skip
        if share.state == "SENT":
            _roster_answered(share, receipt, actor)
        return str(BankShare.objects.get(pk=found.share).state)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_a_refused_part_leaves_and_the_other_travels_on(
    office: Office, order: Sequence[int]
) -> None:
    found = office.plant()
    with office.log_in("ykt_worker"):
        parts(found, (1, 2), (3, 3))
        ends = [answer(found, part, is_accepted=part == 2) for part in order]
        assert ends == ["SENT", "ACKED"]
        with acting(machine(HERE)):
            assert states(found) == ["WITHDRAWN", "WITHDRAWN", "SENT"]
            ((reason, lines),) = redrafts(found)
            assert lines == 2
            assert "账号不存在" in reason
            assert breaches_of_i6(found) == 0
        assert receive(found) not in {"RETURNED", "SENDING"}
        with acting(machine(HERE)):
            assert len(redrafts(found)) == 1, "nothing is drafted twice"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_when_every_part_is_refused_so_is_the_share(office: Office, order: Sequence[int]) -> None:
    found = office.plant()
    with office.log_in("ykt_worker"):
        parts(found, (1, 2), (3, 3))
        ends = [answer(found, part, is_accepted=False) for part in order]
        assert ends == ["SENT", "REJECTED"]
        assert receive(found) == "RETURNED"
        with acting(machine(HERE)):
            assert states(found) == ["WITHDRAWN"] * 3
            assert sorted(lines for _, lines in redrafts(found)) == sorted((2, 1)), (
                "each line once, in the draft of its own refusal"
            )
            assert breaches_of_i6(found) == 0


# -- the bank's hours -----------------------------------------------------------------------------


class Line:
    """A channel that remembers what was handed over."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def put(self, sealed: Sequence[SealedPart]) -> list[Any]:
        self.sent += [one.name for one in sealed]
        return []


def endpoint(settings: Any, **facts: Any) -> None:
    known = {
        "bank_no3": "CRB", "user": "CRB", "client_key": "", "sm2_public": "00",
        "host": "", "port": 0, "host_public_key": "", **facts,
    }  # fmt: skip
    settings.BANK_ENDPOINTS.write_text(json.dumps({"banks": [known]}))


def deliver(line: Line, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(wire, "channel_of", lambda *_: line)
    actor = machine(HERE)
    with acting(actor):
        bank = paying_banks(scope=actor.scope)[BANK]
    return wire.deliver(bank, actor=actor)


def scheduled(name: str, task: str) -> list[tuple[Any, dict[str, Any]]]:
    with database.connect("ykt_admin", name, autocommit=True) as admin:
        return admin.execute(
            "SELECT scheduled_at, args FROM procrastinate_jobs WHERE task_name = %s ORDER BY id",
            [task],
        ).fetchall()


def test_past_cut_off_a_share_waits_for_the_next_working_day_and_says_so(
    office: Office, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, line = office.plant(), Line()
    endpoint(settings)
    with office.log_in("ykt_worker"):
        share = parts(found, (1, 3))
        with acting(machine(HERE)) as actor:
            keep_outgoing(
                bank_no=BANK, key=f"CAN:{share.batch_no}:1", kind="CAN", payload=b"x",
                name=f"YKT_CAN_{HERE}_20260918_{share.batch_no}_001of001.txt",
                signature=b"", actor=actor,
            )  # fmt: skip
        with time_machine.travel(FRIDAY_LATE, tick=False):
            deliver(line, monkeypatch)
            assert [name for name in line.sent if share.batch_no in name] == [
                f"YKT_CAN_{HERE}_20260918_{share.batch_no}_001of001.txt"
            ], "what is taken back does not wait"
            deliver(line, monkeypatch)
        with acting(machine(HERE)):
            held = Outbox.objects.get(key=f"PAY:{share.batch_no}:1")
            assert (held.sent_at, held.not_before, held.attempts) == (None, MONDAY_OPEN, 0)
        at, _ = scheduled(office.name, "organisation.deliver")[-1]
        assert at == MONDAY_OPEN
        told = [one for _, one in scheduled(office.name, "payout.tell_held")]
        (said,) = [one for one in told if one["batch_no"] == share.batch_no]
        with acting(machine(HERE)) as actor:
            tell_held(
                said["batch_no"], datetime.fromisoformat(said["until"]), said["why"], actor=actor
            )
        with time_machine.travel(FRIDAY_LATE, tick=False), acting(machine(HERE)) as actor:
            page = find_share(found.share, scope=actor.scope)
            assert page is not None
            assert page.waits
            assert "16:00" in page.held_why
        with time_machine.travel(MONDAY_OPEN, tick=False):
            deliver(line, monkeypatch)
            with acting(machine(HERE)) as actor:
                page = find_share(found.share, scope=actor.scope)
                assert page is not None
                assert not page.waits
        assert [name for name in line.sent if f"PAY_{HERE}_20260918_{share.batch_no}" in name]


def test_a_bank_that_is_always_open_is_sent_to_at_night(
    office: Office, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, line = office.plant(), Line()
    endpoint(settings, always_open=True)
    with office.log_in("ykt_worker"):
        share = parts(found, (1, 3))
        with time_machine.travel(FRIDAY_LATE, tick=False):
            deliver(line, monkeypatch)
    assert any(share.batch_no in name for name in line.sent)


# -- the release rule -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "state", "passes"),
    [
        ("false", "PAID", True),
        ("false", "VOUCHERED", False),
        ("false", "APPROVED", False),
        ("true", "PAID", True),
        ("true", "VOUCHERED", True),
        ("true", "APPROVED", False),
    ],
)
def test_money_is_released_when_paid_or_with_the_voucher_where_the_profile_says_so(
    office: Office, flag: str, state: str, passes: bool
) -> None:
    office.profile(pays_before_funds=flag)
    found = office.plant(state="FUNDED", status="REQUESTED")
    with database.connect("ykt_admin", office.name, autocommit=True) as admin, admin.transaction():
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute(
            "UPDATE funding_fundingrequest SET state = %s WHERE batch_id = %s",
            [state, found.batch],
        )
    with office.log_in("ykt_worker"), acting(machine(HERE)) as actor:
        assert FundingRequest.objects.get(batch_id=found.batch).amount_fen == sum(AMOUNTS)
        batch = Batch.objects.get(pk=found.batch)
        if passes:
            assert "合计" in confirm(batch, actor=actor).note
        else:
            with pytest.raises(TryAgain, match="尚未确认支付"):
                confirm(batch, actor=actor)
