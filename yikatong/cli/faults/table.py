"""Every fault × every place of a kill: one list per fault in each phase, one phase per place and
way. Each phase is drained and reconciled before the next begins; how each list ended is read from
the books, from what was set aside, and held against the register (matrix.py).
"""

from __future__ import annotations

import itertools
import re
import signal
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from yikatong.cli import proof, session
from yikatong.cli.faults import cast, oracle
from yikatong.cli.faults.cast import Sheet
from yikatong.cli.faults.matrix import (
    BOOKED,
    CAME_BACK,
    ENDINGS,
    OF_THE_API,
    OF_THE_LINE,
    PLACES,
    SET_ASIDE,
    WAYS,
    ending,
)
from yikatong.cli.faults.play import Play
from yikatong.cli.faults.stage import COUNTY, Stage

LINES: Final = 10
SPARE_SHEETS: Final = 4
MOST_KILLS: Final = {"process": 12, "backend": 6, "server": 2}
API_BANKS: Final = frozenset({"BOC", "CQB"})
UNFINISHED: Final = "没有办完"
RETURNED_AND_REDRAFTED: Final = ("RETURNED", True)
# said of a slow bank and of a day that is still going on, whatever the fault
ROUTINE: Final = ("银行无回执", "日终对账不符")
NUMBER: Final = re.compile(rf"[A-Z]{{3}}{COUNTY}\d{{14}}")
Cell = tuple[str, str]
Table = dict[str, dict[str, str]]


class Phase(Play):
    """One place and one way: the sheets' batches get one fault each, in the order of `kinds`."""

    in_flight = len(ENDINGS)

    def __init__(self, stage: Stage, sheets: Sequence[Sheet], cell: Cell, *, seed: int) -> None:
        self.place, self.by = cell
        super().__init__(stage, sheets, kills=MOST_KILLS[self.by], seed=seed)
        self.kinds = dict(zip([sheet.path.name for sheet in sheets], ENDINGS, strict=False))
        self.armed: dict[str, int] = {}
        self.first = int(stage.rows("SELECT coalesce(max(id), 0) FROM jobs_quarantine")[0][0])

    def way(self, name: str) -> str:
        if self.is_over or name != self.place or self.tally.kills >= self.kills:
            return ""
        return self.by

    def prepare(self, sheet: Sheet) -> None:
        """Faults are armed for a batch once its numbers are known."""

    def look(self) -> None:
        for name, batch_no in self.numbers("batch.status IN ('SENDING', 'IN_REVIEW', 'READY')"):
            if name in self.armed or name not in self.kinds:
                continue
            kind = self.kinds[name]
            if (batch_no[:3] in API_BANKS) != (kind in OF_THE_API):
                continue
            at = {"bank_no3": batch_no[:3]}
            at |= {} if kind in OF_THE_LINE else {"batch_no": batch_no}
            made = self.stage.bank("POST", "/control/faults", {"kind": kind} | at)
            self.armed[name] = int(made["id"])
        super().look()

    def numbers(self, where: str = "true") -> list[tuple[str, str]]:
        """(list, number on the wire) of each share of the lists' own batches."""
        rows = self.stage.rows(
            "SELECT source.name, share.batch_no FROM payout_bankshare AS share"  # noqa: S608 - our own words
            " JOIN submission_batch AS batch ON batch.id = share.batch_id"
            " JOIN submission_sourcefile AS source ON source.id = batch.source_file_id"
            f" WHERE batch.origin_id IS NULL AND {where}"
        )
        return [(str(name), str(number)) for name, number in rows]

    def endings(self) -> tuple[dict[str, str], list[str]]:
        """Fault → how its list ended; and what was set aside that no fault explains."""
        of = {number: self.kinds[name] for name, number in self.numbers() if name in self.kinds}
        rows = self.stage.rows(
            "SELECT fingerprint, sentence FROM jobs_quarantine"
            " WHERE id > %s AND kind <> ALL(%s) ORDER BY id",
            self.first, list(ROUTINE),
        )  # fmt: skip
        aside, unexplained = set(), []
        for fingerprint, sentence in rows:
            kind = culprit(NUMBER.findall(f"{fingerprint} {sentence}"), of)
            if kind is None:
                unexplained.append(str(sentence))
            else:
                aside.add(kind)
        left = self.not_paid()
        back = {name for name, states in left.items() if states == [RETURNED_AND_REDRAFTED]}
        open_ = set(self.unfinished()) | (set(left) - back)
        told = {
            kind: UNFINISHED
            if name in open_
            else SET_ASIDE
            if kind in aside
            else CAME_BACK
            if name in back
            else BOOKED
            for name, kind in self.kinds.items()
        }
        return told, unexplained

    def not_paid(self) -> dict[str, list[tuple[str, bool]]]:
        """List → each payment that is not paid: its state, and whether its line has a successor."""
        rows = self.stage.rows(
            "SELECT source.name, payment.state, EXISTS (SELECT FROM submission_line AS copy"
            " WHERE copy.origin_id = payment.line_id) FROM payout_payment AS payment"
            " JOIN payout_bankshare AS share ON share.id = payment.share_id"
            " JOIN submission_batch AS batch ON batch.id = share.batch_id"
            " JOIN submission_sourcefile AS source ON source.id = batch.source_file_id"
            " WHERE payment.state NOT IN ('PAID', 'WITHDRAWN')"
        )
        found: dict[str, list[tuple[str, bool]]] = {}
        for name, state, is_redrafted in rows:
            found.setdefault(str(name), []).append((str(state), bool(is_redrafted)))
        return found

    def is_finished(self) -> bool:
        """A 退汇 comes when the list is done already: what the bank holds as returned is too."""
        if not super().is_finished():
            return False
        ours = self.stage.rows("SELECT count(*) FROM payout_payment WHERE state = 'RETURNED'")
        return bool(ours[0][0] == len(self.stage.bank("GET", "/control/books")["returned"]))

    def not_hit(self) -> list[str]:
        """Faults that were not armed, or never happened."""
        hits = {
            row["id"]: row["hits"] for row in self.stage.bank("GET", "/control/faults")["faults"]
        }
        return [
            kind for name, kind in self.kinds.items() if not hits.get(self.armed.get(name, -1), 0)
        ]


def culprit(numbers: Sequence[str], of: Mapping[str, str]) -> str | None:
    """The fault that a thing set aside speaks of, by the numbers in it: the message's first.

    A row of another batch stands in the message of the one that has the fault; under a used
    number it is the row that has.
    """
    known = [of[number] for number in numbers if number in of]
    if "other_batch_row" in known[:1]:
        return "other_batch_row"
    return "reused_batch_no" if "reused_batch_no" in known else next(iter(known), None)


def run(stage: Stage, *, seed: int, cells: Sequence[Cell] | None = None) -> dict[str, Any]:
    """Play every cell (place, way); gives how each fault ended there and what is wrong.

    `{"kills": {cell: n}, "table": {fault: {place: ending}}, "wrong": [sentence]}`
    """
    chosen = list(itertools.product(PLACES, WAYS)) if cells is None else list(cells)
    each = len(ENDINGS) + SPARE_SHEETS
    payments = len(chosen) * each * LINES
    people = cast.people_for(payments)
    stage.build(people=people, seed=seed)
    writing = partial(cast.write_lists, stage.home.root / "lists", people=people, seed=seed)
    written = stage.ask(partial(writing, payments=payments, size=LINES + 1, failing_every=0))
    sheets = [Sheet(Path(path), code, when, n, ()) for path, code, when, n, _ in written]
    if len(sheets) < len(chosen) * len(ENDINGS):
        raise AssertionError(f"{len(sheets)} lists for {len(chosen)} cells")
    kills: dict[str, int] = {}
    wrong: list[str] = []
    table: Table = {}
    for number, cell in enumerate(chosen):
        here = sheets[number * len(ENDINGS) : (number + 1) * len(ENDINGS)]
        phase = Phase(stage, here, cell, seed=seed)
        name = "·".join(cell)
        found = _played(phase)
        told, unexplained = phase.endings()
        found += [f"没有故障能解释的挂账：{sentence}" for sentence in unexplained]
        found += [f"{kind} 没有发生" for kind in phase.not_hit()]
        for kind, how in told.items():
            if how != ending(kind, phase.place):
                found.append(f"{kind} {how}，应为 {ending(kind, phase.place)}")
            _keep(table, kind, phase.place, how)
        kills[name] = phase.tally.kills
        wrong += [f"{name}：{one}" for one in found]
        session.say(f"{name} 中断 {kills[name]} 次，不符 {len(found)} 处")
    return {"kills": kills, "table": table, "wrong": wrong}


def _keep(table: Table, kind: str, place: str, how: str) -> None:
    """One ending for all ways of a kill; where they differ, each is told."""
    row = table.setdefault(kind, {})
    row[place] = how if row.get(place, how) == how else f"{row[place]}／{how}"


def _played(phase: Phase) -> list[str]:
    """What is wrong with the books once this phase is drained."""
    found = []
    try:
        phase.run(lambda sentence: session.say(f"{phase.place}·{phase.by} {sentence}"))
        if not phase.drain():
            found.append(f"{UNFINISHED} {dict(phase.unfinished())}")
    finally:
        for player in list(phase.players.values()):
            phase.bury(player, signal.SIGKILL)
    if not phase.tally.kills:
        found.append("一次也没有中断")
    held = phase.stage.ask(oracle.ours)
    books = phase.stage.bank("GET", "/control/books")
    judged = oracle.judged(held["paid"], oracle.theirs(books), held["ledger_fen"])
    if not judged.is_sound or held["open"]:
        found.append(f"{judged}，在途 {held['open']} 笔")
    (set_aside,) = phase.stage.rows("SELECT count(*) FROM jobs_quarantine WHERE closed_at IS NULL")
    if (seen := phase.stage.ask(oracle.to_do)) != set_aside[0]:
        found.append(f"挂账 {set_aside[0]} 项，财政的待办里只有 {seen} 项")
    for invariant, sentences in phase.stage.ask(proof.prove)["breached"].items():
        found.append(f"{invariant} {sentences[:3]}")
    return found
