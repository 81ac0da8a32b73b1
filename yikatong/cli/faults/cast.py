"""What the players do: the worker, the people at the web, and lists of made-up payees to bring."""

from __future__ import annotations

import gc
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from yikatong.catalogue.pack import load_towns
from yikatong.cli import batches, lists, session, setup, working
from yikatong.cli.faults.stage import COUNTY, SLUG
from yikatong.kernel.errors import Refused
from yikatong.kernel.period import Period

PROGRAMMES: Final = ("P01", "P04")
FIRST, LAST = Period(2025, 1), Period(2026, 10)
# each batch goes to two banks: one by files and one by its API
PAIRS: Final = ((6, 4), (1, 7))
LEAST_PEOPLE: Final = 300
SOUND_PER_PERSON: Final = 1.6  # payments that a made-up person gives, over all periods
WRONG_BY_FEN: Final = 100
# some lines meet a roster, or an account that has failed before
SPARE, SPARE_LINES = 1.25, 8

PARTS: Final = (
    "procrastinate.contrib.django",
    "procrastinate.psycopg_connector",
    "yikatong.accounting.actions",
    "yikatong.catalogue.queries",
    "yikatong.feedback.actions",
    "yikatong.funding.treasury",
    "yikatong.journey.jobs",
    "yikatong.journey.steps",
    "yikatong.organisation.wire",
    "yikatong.submission.sheets",
    "yikatong.validation.actions",
)

# who takes the next step of a batch that waits for a person
STEPS: Final = {
    "DRAFT": ("compile", "town-clerk"),
    "COMPILED": ("submit", "town-check"),
    "VALIDATED": ("send", "town-clerk"),
    "IN_REVIEW": ("review", "finance"),
    "READY": ("request", "town-clerk"),
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A list on disk: `lines` of it are sound, `failing` accounts will fail when they are paid."""

    path: Path
    programme: str
    period: str
    lines: int
    failing: tuple[str, ...]


def people_for(payments: int) -> int:
    return max(LEAST_PEOPLE, round((payments + SPARE_LINES) / SOUND_PER_PERSON))


def write_lists(
    folder: Path, *, people: int, seed: int, payments: int, size: int, failing_every: int = 2
) -> list[Any]:
    """So many payments in lists of `size`, one of two with a line that validation stops, and one of
    `failing_every` with an account that fails when it is paid (0: none).
    """
    from yikatong.cli.sample import books
    from yikatong.cli.sample.lists import disbursement_list
    from yikatong.kernel.money import Money

    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    folder.mkdir(parents=True, exist_ok=True)
    population = setup.sample_population(setup.pack_of(SLUG), people=people, seed=seed)
    town = load_towns(session.PACKS, COUNTY)[0].code
    made: list[Any] = []
    left, period = round(payments * SPARE) + SPARE_LINES, LAST
    while left > 0 and str(period) >= str(FIRST):
        for code in PROGRAMMES:
            full = disbursement_list(
                population, code, period=period, seed=seed, town_code=town, faults=()
            )
            for cut in _cuts(full.lines, size):
                if left <= 0:
                    break
                lines, sound = cut, len(cut)
                if chance.random() < 0.5 and sound > 2:  # noqa: PLR2004
                    wrong = replace(lines[0], amount=Money(lines[0].amount.fen + WRONG_BY_FEN))
                    lines, sound = [wrong, *lines[1:]], sound - 1
                path = folder / f"{code}-{period}-{len(made):04d}.csv"
                books.write_disbursement(
                    path, replace(full, lines=tuple(lines), expected=()), filled_on=setup.today()
                )
                fails = failing_every > 0 and len(made) % failing_every == 0
                failing = [lines[-1].payee.account.number] if fails else []
                made.append([str(path), code, str(period), sound, failing])
                left -= sound
        period = period.previous
    if left > 0:
        raise Refused(f"样例人员不够：还差 {left} 笔。")
    return made


def _cuts(lines: Sequence[Any], size: int) -> list[list[Any]]:
    """Lists of about `size` lines, each with people of both banks of a pair, as even as can be."""
    found: list[list[Any]] = []
    for pair in PAIRS:
        theirs = [
            [one for one in lines if one.payee.account and one.payee.account.bank_no == bank]
            for bank in pair
        ]
        # no list of one bank alone
        cuts = min(-(-sum(map(len, theirs)) // size), *map(len, theirs))
        found += [[line for own in theirs for line in own[at::cuts]] for at in range(cuts)]
    return [one for one in found if len(one) > 1]


def learn() -> None:
    """What every player needs is imported once, by the one who forks them."""
    for name in PARTS:
        import_module(name)
    gc.freeze()  # shared by all players: their collectors leave it alone


def work() -> None:
    """The product's own worker, as `./ykt run` runs it, until it is killed or told to stop."""
    working.run(until_idle=False)


def attend(sheets: Sequence[Sheet], waiting: Sequence[tuple[str, str]]) -> None:
    """What people do at the web: bring lists, and take the steps that wait for them."""
    session.log_in("web")
    for sheet in sheets:
        clerk = lists.drafting_clerk(None, SLUG, COUNTY, sheet.programme)
        lists.store_list(sheet.path, clerk, sheet.programme, Period.parse(sheet.period))
    for number, status in waiting:
        name, post = STEPS[status]
        batches.take(number, name, as_user=f"{SLUG}-{post}", reason="")
