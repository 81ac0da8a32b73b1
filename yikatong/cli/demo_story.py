"""What happens in the demo: lists are made and broken, every step is taken by its own person, what
failed is mended at its cause and paid again.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console

from yikatong.catalogue.pack import load_towns
from yikatong.catalogue.specs import CountyPack
from yikatong.cli import demo_people, lists, processes, session, setup
from yikatong.cli.sample import books
from yikatong.cli.sample.lists import SampleLine, SampleList, disbursement_list
from yikatong.cli.sample.people import SamplePopulation
from yikatong.kernel.errors import Refused
from yikatong.kernel.period import Period
from yikatong.kernel.steps import MACHINE_SEATS, STATUS_WORD, Seat, Status, Step

SEED: Final = 20_260
PROGRAMMES: Final = (("P01", "xlsx"), ("P15", "csv"), ("P10", "xlsx"))
ENDS: Final = frozenset({"PUBLISHED", "CLOSED", "RETURNED", "DROPPED"})
SIDEWAYS: Final = frozenset({"cancel", "drop"})
PATIENCE_S: Final = 60.0
POLL_S: Final = 0.25
FAILURES: Final = ("A02", "A04")  # 已销户, 户名不符: found only when the bank pays
PREFIX_DIGITS: Final = 6
FIRST_ROW: Final = 4  # below two title rows and the header

console = Console(stderr=True)


@dataclass(slots=True)
class Story:
    """One county's part: its people, its batches, what was broken on purpose."""

    pack: CountyPack
    population: SamplePopulation
    control_url: str
    batches: list[str] = field(default_factory=list)
    corrections: list[str] = field(default_factory=list)
    failing: list[SampleLine] = field(default_factory=list)


def begin(population: SamplePopulation, control_url: str) -> Story:
    """One county's lists, programme by programme, stored as drafts; a few accounts broken."""
    story = Story(population.pack, population, control_url)
    demo_people.keep_rosters_fresh(population)
    for code, ending in PROGRAMMES:
        try:
            listed = _list_of(story, code)
        except Refused as error:  # a small population may have nobody of an item
            console.print(f"  {error}")
            continue
        story.batches.append(_submit(story, listed, ending))
        _break(story, listed)
    return story


def correct(story: Story) -> None:
    """What failed is mended at its cause, and its draft becomes a batch of its own."""
    for number in story.batches:
        story.corrections.extend(_corrections_of(number))
    if story.corrections:
        _repair(story)


def _list_of(story: Story, code: str) -> SampleList:
    """A real list of the drafting unit's people, with a few rows as wrong as life makes them."""
    session.log_in("worker")
    period = Period(setup.today().year, setup.today().month).previous
    while _is_used(story.pack.code, code, str(period)):
        period = period.previous
    is_department = story.pack.programme(code).paying_unit == "department" and not _townships_draft(
        story
    )
    town = None if is_department else load_towns(session.PACKS, story.pack.code)[0].code
    return disbursement_list(story.population, code, period=period, seed=SEED, town_code=town)


def _townships_draft(story: Story) -> bool:
    from yikatong.journey.steps import JOURNEYS

    return any(step.seat == Seat.DEPT_CLERK for step in JOURNEYS[story.pack.code].values())


def _is_used(county: str, code: str, period: str) -> bool:
    from yikatong.organisation.scoping import acting
    from yikatong.submission.queries import batches

    with acting(session.machine_for(county)) as actor:
        return batches(scope=actor.scope).filter(programme__code=code, period=period).exists()


def _submit(story: Story, listed: SampleList, ending: str) -> str:
    """Write the spreadsheet, check it, store it as a draft: what `./ykt submit` does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{listed.programme.short_name}{listed.period}.{ending}"
        books.write_disbursement(path, listed, filled_on=setup.today())
        session.log_in("web")
        clerk = lists.drafting_clerk(None, story.pack.slug, story.pack.code, listed.programme.code)
        number = lists.store_list(path, clerk, listed.programme.code, listed.period)
    console.print(
        f"  [bold]{listed.programme.short_name}[/] {listed.period} {path.suffix}"
        f" {len(listed.lines)} 行 → {number}"
    )
    return number


def _break(story: Story, listed: SampleList) -> None:
    """Accounts that verify well and fail only when the bank pays, so that a failure is real."""
    faulty = {expected.row for expected in listed.expected}
    spoiled = {
        line.beneficiary.id_number
        for row, line in enumerate(listed.lines, start=FIRST_ROW)
        if row in faulty
    }
    sound = [
        line
        for line in listed.lines
        if line.payee.account and line.beneficiary.id_number not in spoiled
    ]
    for line, code in zip(sound[3::7], FAILURES, strict=False):
        number = line.payee.account.number if line.payee.account else ""
        _control(story, "faults", {"kind": "fail_account", "acct_no": number, "code": code})
        story.failing.append(line)


def walk(batches: list[tuple[Story, str]]) -> None:
    """Take every step that a person takes, of all batches in turn; meanwhile the system, the banks
    and the treasury do theirs.

    Raises:
        Refused: a batch stands still for too long, or the worker ended.
    """
    moving = dict.fromkeys(number for _, number in batches)
    stories = {number: story for story, number in batches}
    seen: dict[str, str] = {}
    quiet_since = time.monotonic()
    while moving:
        for number in list(moving):
            status = _status(number)
            if seen.get(number) != status:
                seen[number], quiet_since = status, time.monotonic()
            if status in ENDS:
                console.print(f"    {number} {STATUS_WORD[Status(status)]}")
                del moving[number]
                continue
            step = _persons_step(stories[number], Status(status))
            if step is not None:
                _take(stories[number], number, step)
        _refuse_standstill(seen, moving, quiet_since)
        time.sleep(POLL_S)


def _refuse_standstill(seen: dict[str, str], moving: dict[str, None], quiet_since: float) -> None:
    if processes.running("worker") is None:
        raise Refused(f"后台办理程序已退出，请查看 {session.home().logs / 'worker.log'}。")
    if moving and time.monotonic() - quiet_since > PATIENCE_S:
        number = next(iter(moving))
        word = STATUS_WORD[Status(seen[number])]
        raise Refused(f"批次 {number} 停在“{word}”，请查看 {session.home().logs}。")


def _persons_step(story: Story, status: Status) -> Step | None:
    from yikatong.journey.steps import steps_from

    for step in steps_from(story.pack.code, status):
        if step.seat not in MACHINE_SEATS and step.name not in SIDEWAYS:
            return step
    return None


def _take(story: Story, number: str, step: Step) -> None:
    """The step by whoever sits on its seat for this batch, in their own role and scope."""
    session.log_in("web")
    from yikatong.journey.steps import advance
    from yikatong.organisation.queries import users_of_county
    from yikatong.organisation.rules import sits_on
    from yikatong.organisation.scoping import acting
    from yikatong.submission.queries import batch_by_number

    for user in [user.username for user in users_of_county(story.pack.slug)]:
        try:
            actor = session.acting_for_batch(user, number)
        except Refused:
            continue
        with acting(actor):
            batch = batch_by_number(number, scope=actor.scope)
            if sits_on(actor, step.seat, unit_no=batch.unit_no, department_no=batch.department_no):
                advance(batch.pk, step.name, actor=actor)
                return
    raise Refused(f"没有人可以办理“{step.title}”。")


def _status(number: str) -> str:
    session.log_in("worker")
    batch, _ = session.find_batch(number)
    return str(batch.status)


def _corrections_of(number: str) -> list[str]:
    """Drafts that were made of failed payments (not of lines that never passed)."""
    from yikatong.organisation.scoping import acting
    from yikatong.submission.queries import batch_by_number, redrafts_of

    session.log_in("worker")
    _, actor = session.find_batch(number)
    with acting(actor):
        batch = batch_by_number(number, scope=actor.scope)
        return [
            one.number
            for one in redrafts_of(batch, scope=actor.scope)
            if one.status == "DRAFT" and one.redraft_reason.startswith("发放失败")
        ]


def _repair(story: Story) -> None:
    """The holder opens a new account; the township's clerk enters it, another confirms."""
    session.log_in("web")
    from yikatong.kernel.card import CardKind, CardNumber, luhn_digit
    from yikatong.organisation.queries import actors_of
    from yikatong.organisation.scoping import acting
    from yikatong.registry.actions import confirm_account, propose_account
    from yikatong.registry.queries import active_account_of, change_by_id, person_by_id_number

    clerk, check = (
        session.whole_county(actors_of(f"{story.pack.slug}-{post}", via=session.VIA)[0])
        for post in ("town-clerk", "town-check")
    )
    while story.failing:
        payee = story.failing.pop().payee
        if payee.account is None:
            continue
        # the samples count up from zero behind their prefix; a new card starts with nines
        old = payee.account.number
        digits = len(old) - PREFIX_DIGITS - 1
        body = f"{old[:PREFIX_DIGITS]}{10**digits - 1 - secrets.randbelow(10 ** (digits - 2))}"
        number = CardNumber.parse(body + luhn_digit(body), CardKind.CARD)
        bank = story.pack.bank(payee.account.bank_no)
        _control(
            story,
            "accounts",
            {
                "bank_no3": bank.bank_no3, "acct_no": number.reveal(), "name": payee.name,
                "id_no": payee.id_number, "acct_type": "CARD", "status": "NORMAL", "class": "I",
            },
        )  # fmt: skip
        with acting(clerk):
            person = person_by_id_number(payee.id_number, scope=clerk.scope)
            change = propose_account(
                active_account_of(person, scope=clerk.scope),
                number,
                bank_no=bank.no,
                bank_name=bank.name,
                account_name=payee.name,
                reason="原账户已销户，本人重新开户",
                actor=clerk,
            )
        with acting(check):
            confirm_account(change_by_id(change.pk, scope=check.scope), actor=check)


def _control(story: Story, what: str, content: dict[str, Any]) -> None:
    answer = httpx.post(
        f"{story.control_url}/control/{what}", json=content, timeout=10, trust_env=False
    )
    if answer.is_error:
        raise Refused(f"模拟银行不接受：{answer.text[:200]}")


def day_accounts(story: Story) -> None:
    """Ask each bank for today's account, and wait until it has been read (I3)."""
    from yikatong.feedback.queries import day_accounts
    from yikatong.organisation.scoping import acting
    from yikatong.payout.queries import banks_awaited

    session.log_in("worker")
    day = setup.today()
    with acting(session.machine_for(story.pack.code)) as actor:
        banks = banks_awaited(everyone=True, scope=actor.scope)
        before = day_accounts(scope=actor.scope).count()
    for bank in banks:
        httpx.get(
            f"{story.control_url}/recon/{bank.code3}/{story.pack.code}/{day.isoformat()}",
            timeout=10,
            trust_env=False,
        ).raise_for_status()
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with acting(session.machine_for(story.pack.code)) as actor:
            if day_accounts(scope=actor.scope).count() >= before + len(banks):
                return
        time.sleep(POLL_S)
    raise Refused("银行的日终对账没有收齐。")
