"""核验 at data entry: the bank is asked as soon as a clerk enters an account, and the page says
what it answered. Silence, 无法验证, a full quota and an unwritable name are 未比对, never 一致.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from tests import database
from tests.desk.conftest import SignIn
from yikatong.connectors.bank.messages import VerifyAnswer
from yikatong.connectors.bank.profiles import load_profiles
from yikatong.jobs.models import Outbox
from yikatong.kernel.card import luhn_digit
from yikatong.kernel.home import CHECKOUT
from yikatong.organisation.machines import machine
from yikatong.organisation.queries import paying_banks
from yikatong.organisation.scoping import acting
from yikatong.registry import jobs
from yikatong.registry.models import (
    AccountChange,
    AccountVerification,
    CardAccountVersion,
    Person,
    VerificationRequest,
)
from yikatong.registry.verifications import midnight, note_verification
from yikatong.vault.wire import WireKeys

HERE = "500243"
LogIn = Callable[[str], AbstractContextManager[None]]
SERIALS = iter(range(10_000, 99_999))


@dataclass
class Desk:
    sign_in: SignIn
    log_in: LogIn

    def enter(self, code3: str, number: str = "") -> AccountChange:
        """李霞 enters a new account for somebody who has none under change."""
        person, bank_no = self._somebody(code3)
        clerk = self.sign_in("pengshui-town-clerk")
        answer = clerk.post(
            f"/people/{person.pk}",
            {
                "number": number or fresh_number(), "kind": "CARD", "bank_no": bank_no,
                "account_name": person.name, "reason": "原账户已销户",
            },
        )  # fmt: skip
        assert answer.status_code == 302, answer.content.decode()
        return self.change(person.pk)

    def _somebody(self, code3: str) -> tuple[Person, int]:
        with self.log_in("ykt_worker"), acting(machine(HERE)) as actor:
            busy = AccountChange.objects.values("account__person_id")
            person = (
                Person.objects.filter(county=HERE, accounts__is_active=True, unit_no__lt=2000)
                .exclude(pk__in=busy)
                .order_by("id")
                .first()
            )
            assert person is not None
            banks = paying_banks(scope=actor.scope)
            return person, next(no for no, bank in banks.items() if bank.code3 == code3)

    def change(self, person_id: int) -> AccountChange:
        with self.log_in("ykt_worker"), acting(machine(HERE)):
            return AccountChange.objects.select_related("account").get(account__person_id=person_id)

    def work(self, job: Any, **facts: Any) -> None:
        with self.log_in("ykt_worker"):
            job(county=HERE, **facts)

    def page(self, change: AccountChange, user: str = "pengshui-town-check") -> str:
        found = self.sign_in(user).get(f"/account-changes/{change.pk}")
        return found.content.decode()


def fresh_number() -> str:
    body = f"6228480000000{next(SERIALS)}"
    return body + luhn_digit(body)


@pytest.fixture
def desk(sign_in: SignIn, committing: str, log_in: LogIn, tmp_path: Path, settings: Any) -> Desk:
    settings.BANK_ENDPOINTS = tmp_path / "bank.json"
    WireKeys.load_or_create(settings.HOME.keys)
    theirs = WireKeys.create().public_hex
    known = [
        {
            "bank_no3": code, "user": code, "client_key": "", "sm2_public": theirs,
            "host": "", "port": 0, "host_public_key": "", "api_url": "http://127.0.0.1:1",
        }
        for code in load_profiles(CHECKOUT / "packs/banks")
    ]  # fmt: skip
    settings.BANK_ENDPOINTS.write_text(json.dumps({"banks": known}))
    return Desk(sign_in, log_in)


def answered(desk: Desk, change: AccountChange, result: str, code: str = "") -> None:
    """The bank's answer to the one open question about this change, as the inbox applies it."""
    with desk.log_in("ykt_worker"), acting(machine(HERE)) as actor:
        request = VerificationRequest.objects.select_related("for_change").get(
            for_change=change, answered_at=None
        )
        row = VerifyAnswer(
            verify_id=f"C{change.pk}", result=result, reason_code=code, checked_at=timezone.now()
        )
        assert note_verification(request, [row], actor=actor) == 1


def jobs_of(name: str, task: str, change_id: int) -> list[datetime | None]:
    with database.connect("ykt_admin", name, autocommit=True) as admin:
        found = admin.execute(
            "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = %s"
            " AND (args->>'change_id')::bigint = %s ORDER BY id",
            [task, change_id],
        ).fetchall()
    return [at for (at,) in found]


def test_entering_an_account_asks_its_bank_at_once_and_the_page_says_the_answer(
    desk: Desk, committing: str
) -> None:
    change = desk.enter("BOC")
    assert jobs_of(committing, "registry.verify_change", change.pk) == [None]
    told = desk.page(change)
    assert "未比对" in told
    assert "尚未答复" in told
    desk.work(jobs.verify_change, change_id=change.pk)
    with desk.log_in("ykt_worker"), acting(machine(HERE)):
        request = VerificationRequest.objects.get(for_change=change)
        (sent,) = Outbox.objects.filter(key__startswith=f"VRQ:{request.batch_no}:")
    assert sent.name.endswith("_001of001.json"), "one question, by the bank's own binding"
    answered(desk, change, "MATCH")
    told = desk.page(change)
    assert "一致" in told
    assert "未比对" not in told
    person = desk.sign_in("pengshui-town-clerk").get(f"/people/{change.account.person_id}")
    assert "银行核验：一致" in person.content.decode()


def test_what_is_confirmed_takes_the_banks_answer_with_it(desk: Desk) -> None:
    change = desk.enter("ABC")
    desk.work(jobs.verify_change, change_id=change.pk)
    answered(desk, change, "MATCH")
    checker = desk.sign_in("pengshui-town-check")
    done = checker.post(f"/account-changes/{change.pk}", {"decision": "confirm"})
    assert done.status_code == 302, done.content.decode()
    for _ in range(2):  # a job may run twice
        desk.work(jobs.carry_answer, change_id=change.pk)
    with desk.log_in("ykt_worker"), acting(machine(HERE)):
        version = CardAccountVersion.objects.get(
            account_id=change.account_id, last4=change.last4, entered_at__gte=change.proposed_at
        )
        (known,) = AccountVerification.objects.filter(version=version)
    assert (known.outcome, known.bank_no) == ("MATCH", change.bank_no)


@pytest.mark.parametrize(
    ("result", "code", "words"),
    [
        ("UNAVAILABLE", "A10", ("未比对", "无法验证")),
        ("MISMATCH", "A04", ("不一致", "A04", "先核实")),
    ],
)
def test_what_is_not_a_match_is_never_shown_as_one(
    desk: Desk, result: str, code: str, words: tuple[str, ...]
) -> None:
    change = desk.enter("CQB")
    desk.work(jobs.verify_change, change_id=change.pk)
    answered(desk, change, result, code)
    told = desk.page(change)
    assert all(word in told for word in words)
    assert "tag--ok" not in told.split("银行核验")[1].split("</tr>")[0]
    checker = desk.sign_in("pengshui-town-check")
    assert checker.post(f"/account-changes/{change.pk}", {"decision": "confirm"}).status_code == 302
    desk.work(jobs.carry_answer, change_id=change.pk)
    with desk.log_in("ykt_worker"), acting(machine(HERE)):
        carried = AccountVerification.objects.filter(
            version__account_id=change.account_id, version__entered_at__gte=change.proposed_at
        )
        assert [one.outcome for one in carried] == (["MISMATCH"] if result == "MISMATCH" else [])


def test_a_card_is_asked_about_as_often_as_its_bank_allows_and_then_tomorrow(
    desk: Desk, committing: str
) -> None:
    change = desk.enter("BOC")
    per_day = load_profiles(CHECKOUT / "packs/banks")["BOC"].verify_per_day
    for _ in range(per_day):
        desk.work(jobs.verify_change, change_id=change.pk)
    desk.work(jobs.verify_change, change_id=change.pk)
    with desk.log_in("ykt_worker"), acting(machine(HERE)):
        assert VerificationRequest.objects.filter(for_change=change).count() == per_day
        change.refresh_from_db()
    assert (change.answer, change.answer_code) == ("UNAVAILABLE", "QUOTA")
    told = desk.page(change)
    assert "未比对" in told
    assert "次日自动再核" in told
    *_, again = jobs_of(committing, "registry.verify_change", change.pk)
    assert again == midnight() + timedelta(days=1, minutes=5)


def test_a_batch_asks_only_for_cards_within_the_quota(desk: Desk, committing: str) -> None:
    with desk.log_in("ykt_worker"), acting(machine(HERE)) as actor:
        banks = paying_banks(scope=actor.scope)
        abc = next(no for no, bank in banks.items() if bank.code3 == "ABC")
        worn, fresh = CardAccountVersion.objects.filter(county=HERE, bank_no=abc)[:2]

        def ask(*versions: int) -> VerificationRequest:
            return VerificationRequest.objects.create(
                county=HERE, unit_no=worn.unit_no, bank_no=abc, versions=list(versions),
                batch_no=f"ABC{HERE}20261122{next(SERIALS):06d}", asked_at=timezone.now(),
            )  # fmt: skip

        for _ in range(4):
            ask(worn.pk)
        both, alone = ask(worn.pk, fresh.pk), ask(worn.pk)
    desk.work(jobs.ask_bank, request_id=both.pk)
    desk.work(jobs.ask_bank, request_id=alone.pk)
    with desk.log_in("ykt_worker"), acting(machine(HERE)):
        both.refresh_from_db()
        alone.refresh_from_db()
        assert (both.versions, both.answered_at) == ([fresh.pk], None)
        assert alone.versions == []
        assert alone.answered_at is not None, "a batch does not wait for what was not asked"
        told = AccountVerification.objects.filter(version=worn, reason_code="QUOTA")
        assert {one.outcome for one in told} == {"UNAVAILABLE"}
        assert Outbox.objects.filter(key=f"VRQ:{both.batch_no}:1").exists()
        assert not Outbox.objects.filter(key=f"VRQ:{alone.batch_no}:1").exists()
    with database.connect("ykt_admin", committing, autocommit=True) as admin:
        (again,) = admin.execute(
            "SELECT min(scheduled_at) FROM procrastinate_jobs"
            " WHERE task_name = 'registry.ask_again'"
        ).fetchone()
    assert again == midnight() + timedelta(days=1, minutes=5)
    desk.work(jobs.ask_again, unit_no=worn.unit_no, bank_no=abc, versions=[worn.pk])
    with desk.log_in("ykt_worker"), acting(machine(HERE)):
        newest = VerificationRequest.objects.filter(county=HERE, bank_no=abc).latest("id")
        assert newest.versions == [worn.pk]


def test_a_name_that_the_bank_cannot_write_leaves_the_question_not_the_batch(
    desk: Desk, committing: str
) -> None:
    with desk.log_in("ykt_worker"), acting(machine(HERE)) as actor:
        banks = paying_banks(scope=actor.scope)
        psb = next(no for no, bank in banks.items() if bank.code3 == "PSB")
        rare, plain = CardAccountVersion.objects.filter(county=HERE, bank_no=psb)[:2]
        request = VerificationRequest.objects.create(
            county=HERE, unit_no=rare.unit_no, bank_no=psb, versions=[rare.pk, plain.pk],
            batch_no=f"PSB{HERE}20261122{next(SERIALS):06d}", asked_at=timezone.now(),
        )  # fmt: skip
    with database.connect("ykt_admin", committing, autocommit=True) as admin, admin.transaction():
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute(
            "UPDATE registry_cardaccountversion SET account_name = '冉玥' WHERE id = %s", [rare.pk]
        )
    desk.work(jobs.ask_bank, request_id=request.pk)
    with desk.log_in("ykt_worker"), acting(machine(HERE)):
        request.refresh_from_db()
        assert (request.versions, request.answered_at) == ([plain.pk], None)
        (told,) = AccountVerification.objects.filter(version=rare, reason_code="A12")
        assert told.outcome == "UNAVAILABLE"
        assert Outbox.objects.filter(key=f"VRQ:{request.batch_no}:1").count() == 1
