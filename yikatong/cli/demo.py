"""`demo`: both counties from the 清单 to the 公示 on real spreadsheets, with a bank and a treasury
that live in other processes, failures that are repaired and paid again, and the money told.
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
from rich.table import Table

from yikatong.catalogue.pack import load_towns
from yikatong.catalogue.specs import CountyPack
from yikatong.cli import lists, processes, proof, serving, session, setup, simulated
from yikatong.cli.sample import books
from yikatong.cli.sample.lists import SampleLine, SampleList, disbursement_list
from yikatong.cli.sample.people import SamplePopulation
from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money
from yikatong.kernel.period import Period
from yikatong.kernel.steps import MACHINE_SEATS, STATUS_WORD, Seat, Status, Step

COUNTIES: Final = ("pengshui", "dadukou")
SEED: Final = 20_260
PROGRAMMES: Final = (("P01", "xlsx"), ("P15", "csv"), ("P10", "xlsx"))
ENDS: Final = frozenset({"PUBLISHED", "CLOSED", "RETURNED", "DROPPED"})
SIDEWAYS: Final = frozenset({"cancel", "drop"})
PATIENCE_S: Final = 60.0
POLL_S: Final = 0.25
FAILURES: Final = ("A02", "A04")  # 已销户, 户名不符: found only when the bank pays
MOST_STEPS: Final = 40
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


def run(*, once: bool, as_json: bool, people: int, port: int) -> int:
    """0 only if every check holds; without `once` the site is served afterwards."""
    started = time.monotonic()
    _prepare(people)
    passwords = {} if once else give_passwords()
    bank, _ = simulated.start_both(seed=SEED)
    _start_worker()
    try:
        stories = [_tell(slug, people, str(bank["control_url"])) for slug in COUNTIES]
        for story in stories:
            _day_accounts(story)
        figures: dict[str, Any] = {
            "counties": {story.pack.slug: _figures(story) for story in stories}
        }
        proved = proof.prove()
        figures["verify"] = {"breaches": proved["breaches"]}
        figures["seconds"] = round(time.monotonic() - started, 1)
    finally:
        if once:
            _stop_programs()
    sound = proved["breaches"] == 0 and all(_holds(one) for one in figures["counties"].values())
    if as_json:
        session.show_json(figures)
    else:
        _show(figures, sound=sound)
    if once:
        return 0 if sound else 1
    _show_accounts(passwords)
    serving.serve(port)
    return 0


def give_passwords() -> dict[str, str]:
    """A random password for every post of the home's counties; printed once, kept nowhere."""
    session.log_in("web")
    from yikatong.organisation.actions import give_password
    from yikatong.organisation.queries import counties_of_home, users_of_county
    from yikatong.organisation.scoping import acting_as_login

    given: dict[str, str] = {}
    for county in counties_of_home():
        with acting_as_login():
            for user in users_of_county(county.slug):
                given[user.username] = f"Ykt-{secrets.token_urlsafe(9)}"
                give_password(user, given[user.username], actor=session.machine_for(county.county))
    return given


def _prepare(people: int) -> None:
    console.print(f"建库、两个区县包、各 {people} 名样例人员 …")
    fresh = setup.init_counties(list(COUNTIES), people=people, seed=SEED)
    for slug in COUNTIES:
        console.print(f"  {setup.pack_of(slug).name}{'' if slug in fresh else '：已初始化，沿用'}")


def _start_worker() -> None:
    if processes.running("worker") is None:
        processes.start("worker", processes.python("yikatong.cli", "run"))


def _stop_programs() -> None:
    for name in ("worker", simulated.BUDGET, simulated.BANK):
        processes.stop(name)


def _tell(slug: str, people: int, control_url: str) -> Story:
    """One county, programme by programme, then the corrections of what failed."""
    pack = setup.pack_of(slug)
    story = Story(pack, setup.sample_population(pack, people=people, seed=SEED), control_url)
    for code, ending in PROGRAMMES:
        listed = _list_of(story, code)
        number = _submit(story, listed, ending)
        story.batches.append(number)
        _break(story, listed)
        _walk(story, number)
    for number in story.batches:
        for correction in _corrections_of(number):
            _repair(story)
            story.corrections.append(correction)
            _walk(story, correction)
    return story


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


def _walk(story: Story, number: str) -> None:
    """Take every step that a person takes; wait for what the system, banks and treasury do."""
    for _ in range(MOST_STEPS):
        status = _status(number)
        if status in ENDS:
            break
        step = _persons_step(story, Status(status))
        if step is None:
            _wait_beyond(number, status)
            continue
        _take(story, number, step)
    console.print(f"    {number} {STATUS_WORD[Status(_status(number))]}")


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


def _wait_beyond(number: str, status: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while _status(number) == status:
        if processes.running("worker") is None:
            raise Refused(f"后台办理程序已退出，请查看 {session.home().logs / 'worker.log'}。")
        if time.monotonic() > end:
            raise Refused(
                f"批次 {number} 停在“{STATUS_WORD[Status(status)]}”，请查看 {session.home().logs}。"
            )
        time.sleep(POLL_S)


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
        body = f"{payee.account.number[:-5]}{secrets.randbelow(10_000):04d}"
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


def _day_accounts(story: Story) -> None:
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


def _figures(story: Story) -> dict[str, int]:
    """The shape of `demo --json` for one county; sums over the first instructions."""
    from yikatong.disclosure.queries import disclosed_lines
    from yikatong.organisation.scoping import acting
    from yikatong.payout.queries import money_of
    from yikatong.submission.queries import batch_by_number
    from yikatong.validation.queries import verdict_counts

    session.log_in("worker")
    total = dict.fromkeys(
        ("batches", "lines", "due_fen", "paid_fen", "failed_fen", "in_transit_fen",
         "stopped_fen", "failed_lines", "reissued_lines", "reissued_paid_fen",
         "blocked_lines", "disclosed_lines"), 0,
    )  # fmt: skip
    with acting(session.machine_for(story.pack.code)) as actor:
        for number in story.batches:
            batch = batch_by_number(number, scope=actor.scope)
            money = money_of(batch, scope=actor.scope)
            passed, blocked = verdict_counts(batch, scope=actor.scope)
            total["batches"] += 1
            total["lines"] += passed + blocked
            total["blocked_lines"] += blocked
            for key in (
                "due_fen",
                "paid_fen",
                "failed_fen",
                "in_transit_fen",
                "stopped_fen",
                "failed_lines",
            ):
                total[key] += getattr(money, key)
        for number in story.corrections:
            money = money_of(batch_by_number(number, scope=actor.scope), scope=actor.scope)
            total["batches"] += 1
            total["reissued_lines"] += money.due_lines
            total["reissued_paid_fen"] += money.paid_fen
        numbers = (*story.batches, *story.corrections)
        total["disclosed_lines"] = disclosed_lines(list(numbers), scope=actor.scope)
    return total


def _holds(one: dict[str, int]) -> bool:
    return (
        one["due_fen"]
        == one["paid_fen"] + one["failed_fen"] + one["in_transit_fen"] + one["stopped_fen"]
        and min(one["blocked_lines"], one["failed_lines"], one["reissued_lines"], one["paid_fen"])
        > 0
        and one["in_transit_fen"] == 0
        and one["reissued_paid_fen"] <= one["failed_fen"]
    )


def _show(figures: dict[str, Any], *, sound: bool) -> None:
    table = Table(title="资金去向（首次发放，元）")
    for head in (
        "区县",
        "批次",
        "应发",
        "成功",
        "失败",
        "在途",
        "停发",
        "补发成功",
        "未通过行",
        "公示笔数",
    ):
        table.add_column(head, justify="left" if head == "区县" else "right")
    for slug, one in figures["counties"].items():
        fen = [
            str(Money(one[f"{key}_fen"]))
            for key in ("due", "paid", "failed", "in_transit", "stopped", "reissued_paid")
        ]
        table.add_row(
            slug, str(one["batches"]), *fen, str(one["blocked_lines"]), str(one["disclosed_lines"])
        )
    console.print(table)
    breaches = figures["verify"]["breaches"]
    console.print(
        f"应发 = 成功 + 失败 + 在途 + 停发 {'✓' if sound else '✗'}；"
        f"不变量违反 {breaches} 处；用时 {figures['seconds']} 秒"
    )


def _show_accounts(passwords: dict[str, str]) -> None:
    table = Table(title="演示账号（口令随机，只显示这一次）")
    table.add_column("账号")
    table.add_column("口令")
    for name, password in passwords.items():
        table.add_row(name, password)
    console.print(table)
