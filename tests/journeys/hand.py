"""The command line in a process that stays: a story of sixty commands starts no sixty interpreters.

One JSON order a line in, one JSON answer a line out. `{"words": [...]}` is a command of `./ykt`,
run as typer runs it. `{"call": "…", …}` is one of the few acts that the command line has no word
for (停发, 账户变更), or a read by the worker.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

from typer.testing import CliRunner

from yikatong.cli import session, setup, simulated
from yikatong.cli.__main__ import app


def command(words: list[str]) -> dict[str, Any]:
    done = CliRunner().invoke(app, words)
    crash = ""
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        crash = "".join(traceback.format_exception(done.exception))
    return {"code": done.exit_code, "out": done.stdout, "err": done.stderr, "crash": crash}


def init(slugs: list[str], people: int, seed: int) -> list[str]:
    return setup.init_counties(slugs, people=people, seed=seed)


def start_both(seed: int) -> list[Any]:
    return list(simulated.start_both(seed=seed))


def rows(county: str, query: str, facts: list[Any]) -> list[list[Any]]:
    """A read in one county, as the worker: the same rows that `verify` sees."""
    session.log_in("worker")
    from django.db import connection  # noqa: PLC0415 - after log_in

    from yikatong.organisation.scoping import acting  # noqa: PLC0415 - after log_in

    with acting(session.machine_for(county)), connection.cursor() as cursor:
        cursor.execute(query, facts)
        return [list(row) for row in cursor.fetchall()]


def stop_payment(number: str, detail_id: str, asks: str, confirms: str) -> str:
    """停发 of one payment: asked for by one person, confirmed by another."""
    session.log_in("web")
    from yikatong.organisation.scoping import acting  # noqa: PLC0415 - after log_in
    from yikatong.payout.actions import confirm_stop, stop  # noqa: PLC0415 - after log_in
    from yikatong.payout.models import Payment, Stop  # noqa: PLC0415 - after log_in

    for username, is_first in ((asks, True), (confirms, False)):
        with acting(session.acting_for_batch(username, number)) as actor:
            if is_first:
                payment = (
                    Payment.objects.select_related("batch")
                    .defer("account_version")
                    .get(detail_id=detail_id)
                )
                stop(payment, reason="村里来电，本人已迁出", actor=actor)
            else:
                asked = Stop.objects.select_related("payment__batch").get(
                    payment__detail_id=detail_id
                )
                confirm_stop(asked, actor=actor)
    return "STOPPED"


def new_card(slug: str, id_number: str, number: str, bank_no: int) -> str:
    """账户变更: the township's clerk enters it, another confirms."""
    session.log_in("web")
    from yikatong.kernel.card import CardKind, CardNumber  # noqa: PLC0415 - after log_in
    from yikatong.organisation.queries import actors_of, paying_banks  # noqa: PLC0415 - after log_in
    from yikatong.organisation.scoping import acting  # noqa: PLC0415 - after log_in
    from yikatong.registry.actions import confirm_account, propose_account  # noqa: PLC0415 - after log_in
    from yikatong.registry.queries import active_account_of, change_by_id, person_by_id_number  # noqa: PLC0415 - after log_in

    clerk, check = (
        session.whole_county(actors_of(f"{slug}-{post}", via=session.VIA)[0])
        for post in ("town-clerk", "town-check")
    )
    with acting(clerk):
        person = person_by_id_number(id_number, scope=clerk.scope)
        change = propose_account(
            active_account_of(person, scope=clerk.scope),
            CardNumber.parse(number, CardKind.CARD),
            bank_no=bank_no,
            bank_name=paying_banks(scope=clerk.scope)[bank_no].name,
            account_name=person.name,
            reason="原账户已销户，本人重新开户",
            actor=clerk,
        )
    with acting(check):
        confirm_account(change_by_id(change.pk, scope=check.scope), actor=check)
    return person.name


def answer_rule(number: str, rule: str, reason: str, user: str) -> int:
    """人工确认 of every row that one rule left open; gives how many obligations were answered."""
    session.log_in("web")
    from yikatong.organisation.scoping import acting  # noqa: PLC0415 - after log_in
    from yikatong.submission.queries import find_batch  # noqa: PLC0415 - after log_in
    from yikatong.validation import actions  # noqa: PLC0415 - after log_in

    with acting(session.acting_for_batch(user, number)) as actor:
        batch = find_batch(number, scope=actor.scope)
        assert batch is not None
        return actions.answer_rule(batch, rule, reason, actor=actor)


def apply_results_at_once(county: str, times: int) -> int:
    """Every kept result file that is not applied, by so many threads at once; gives the calls."""
    session.log_in("worker")
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    from django.db import connection  # noqa: PLC0415 - after log_in

    from yikatong.journey import inbox  # noqa: PLC0415 - after log_in
    from yikatong.kernel.actor import Duty  # noqa: PLC0415 - after log_in
    from yikatong.organisation.machines import machine  # noqa: PLC0415 - after log_in
    from yikatong.organisation.scoping import acting  # noqa: PLC0415 - after log_in

    kept = [
        one[0]
        for one in rows(
            county, "SELECT id FROM jobs_inbox WHERE kind = 'RES' AND applied_at IS NULL", []
        )
    ]
    bank = machine(county, Duty.BANK_MESSAGE)

    def apply(inbox_id: int) -> None:
        try:
            with acting(bank) as actor:
                inbox.apply(inbox_id, actor=actor)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as threads:
        list(threads.map(apply, [inbox_id for inbox_id in kept for _ in range(times)]))
    return len(kept) * times


CALLS = {
    one.__name__: one
    for one in (
        init,
        start_both,
        rows,
        stop_payment,
        new_card,
        answer_rule,
        apply_results_at_once,
    )
}


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout = sys.stderr
    for line in sys.stdin:
        order = json.loads(line)
        if "words" in order:
            answer = command(order["words"])
        else:
            try:
                answer = {"value": CALLS[order.pop("call")](**order)}
            except Exception:  # noqa: BLE001 - the story decides what an error means
                answer = {"crash": traceback.format_exc()}
        answers.write(json.dumps(answer, ensure_ascii=False, default=str) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
