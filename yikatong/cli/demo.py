"""`demo`: both counties from the 清单 to the 公示 on real spreadsheets, with a bank and a treasury
that live in other processes, failures that are repaired and paid again, and the money told.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

from yikatong.cli import (
    demo_people,
    demo_told,
    processes,
    proof,
    serving,
    session,
    setup,
    simulated,
)
from yikatong.cli import demo_story as tale
from yikatong.cli.demo_story import SEED, Story, console
from yikatong.cli.sample.people import SamplePopulation

COUNTIES: Final = ("pengshui", "dadukou")
# each bank speaks by a profile of its own
LEAST_BANKS: Final = 3


def run(*, once: bool, as_json: bool, people: int, port: int) -> int:
    """0 only if every check holds; without `once` the site is served afterwards."""
    started = time.monotonic()
    populations = _prepare(people)
    passwords = {} if once else give_passwords()
    bank, _ = simulated.start_both(seed=SEED)
    _start_worker()
    try:
        stories = [tale.begin(one, str(bank["control_url"])) for one in populations]
        tale.walk([(story, number) for story in stories for number in story.batches])
        for story in stories:
            tale.correct(story)
        console.print("  更正补发")
        tale.walk([(story, number) for story in stories for number in story.corrections])
        for story in stories:
            tale.day_accounts(story)
        three_way = {story.pack.slug: _reconciled(story) for story in stories}
        figures: dict[str, Any] = {
            "counties": {story.pack.slug: _figures(story) for story in stories}
        }
        figures["three_way"] = three_way
        figures["banks"] = {story.pack.slug: _paid_by_bank(story) for story in stories}
        figures["vouchers"] = {
            story.pack.slug: _vouchers(
                story, received_fen=three_way[story.pack.slug]["voucher_fen"]
            )
            for story in stories
        }
        proved = proof.prove()
        figures["verify"] = {"breaches": proved["breaches"]}
        figures["seconds"] = round(time.monotonic() - started, 1)
    finally:
        if once:
            _stop_programs()
    sound = (
        proved["breaches"] == 0
        and all(_holds(one) for one in figures["counties"].values())
        and all(one["holds"] and not one["differences"] for one in three_way.values())
        and all(len(banks) >= LEAST_BANKS for banks in figures["banks"].values())
        and all(
            _is_booked(figures["vouchers"][slug], three["voucher_fen"])
            for slug, three in three_way.items()
        )
    )
    if as_json:
        session.show_json(figures)
    else:
        demo_told.show(figures, sound=sound)
    if once:
        return 0 if sound else 1
    demo_told.show_accounts(passwords)
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


def _prepare(people: int) -> list[SamplePopulation]:
    """Both counties, new or as they stand; no list goes into a real one.

    Raises:
        Refused: a county of this home holds other people than a demo's.
    """
    console.print(f"建库、两个区县包、各 {people} 名样例人员 …")
    populations = []
    for slug in COUNTIES:
        pack = setup.pack_of(slug)
        is_new = bool(setup.init_counties([slug], people=people, seed=SEED))
        populations.append(demo_people.registered(pack, seed=SEED))
        console.print(f"  {pack.name}{'' if is_new else '：已初始化，沿用'}")
    return populations


def _start_worker() -> None:
    if processes.running("worker") is None:
        # the simulators answer at once, and somebody is watching
        quick = {"YKT_ASK_MOST_S": "1"}
        processes.start("worker", processes.python("yikatong.cli", "run"), environ=quick)


def _stop_programs() -> None:
    for name in ("worker", simulated.BUDGET, simulated.BANK):
        processes.stop(name)


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


def _reconciled(story: Story) -> dict[str, Any]:
    """三方对账 as of now: 国库凭证 = 代发专户 = 明细, over all batches of the county."""
    from yikatong.feedback.jobs import run_now
    from yikatong.feedback.queries import SIDES, three_way
    from yikatong.organisation.scoping import acting

    session.log_in("worker")
    run = run_now(story.pack.code, asked_by="demo")
    with acting(session.machine_for(story.pack.code)) as actor:
        told = three_way(run, scope=actor.scope)
    sums = {name: getattr(told, name) for name in SIDES}
    return {**sums, "lines_fen": told.lines_fen, "differences": run.found, "holds": told.holds}


def _holds(one: dict[str, int]) -> bool:
    return (
        one["due_fen"]
        == one["paid_fen"] + one["failed_fen"] + one["in_transit_fen"] + one["stopped_fen"]
        and min(one["blocked_lines"], one["failed_lines"], one["reissued_lines"], one["paid_fen"])
        > 0
        and one["in_transit_fen"] == 0
        and one["reissued_paid_fen"] <= one["failed_fen"]
    )


def _paid_by_bank(story: Story) -> dict[str, dict[str, Any]]:
    """Through which banks' profiles money went out, as `{code: {name, lines, paid_fen}}`."""
    from yikatong.organisation.scoping import acting
    from yikatong.payout.queries import paid_by_bank

    session.log_in("worker")
    with acting(session.machine_for(story.pack.code)) as actor:
        return {
            bank.code3: {"name": bank.name, "lines": lines, "paid_fen": fen}
            for bank, lines, fen in paid_by_bank(scope=actor.scope)
        }


def _vouchers(story: Story, *, received_fen: int) -> dict[str, dict[str, Any]]:
    """The drafts by kind, once those of the money received are all there: jobs write them."""
    from yikatong.accounting.queries import voucher_totals
    from yikatong.accounting.rules import KIND_WORD, PAYMENT
    from yikatong.organisation.scoping import acting

    session.log_in("worker")
    end = time.monotonic() + tale.PATIENCE_S
    while True:
        with acting(session.machine_for(story.pack.code)) as actor:
            totals = {one.kind: one for one in voucher_totals(scope=actor.scope)}
        is_whole = PAYMENT in totals and totals[PAYMENT].financial_fen == received_fen
        if is_whole or time.monotonic() > end:
            return {
                kind: {
                    "name": KIND_WORD[kind],
                    "drafts": one.drafts,
                    "financial_fen": one.financial_fen,
                    "budgetary_fen": one.budgetary_fen,
                    "memo_fen": one.memo_fen,
                }
                for kind, one in totals.items()
            }
        time.sleep(tale.POLL_S)


def _is_booked(vouchers: dict[str, dict[str, Any]], received_fen: int) -> bool:
    """What the treasury paid in is drafted in both books, to the fen."""
    from yikatong.accounting.rules import PAYMENT

    drafted = vouchers.get(PAYMENT, {})
    return bool(drafted.get("financial_fen") == drafted.get("budgetary_fen") == received_fen)
