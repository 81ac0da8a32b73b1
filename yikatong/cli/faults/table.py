"""Every fault × every place of a kill: one list per fault in each phase, one phase per place and
way. Each phase is drained and reconciled before the next begins.
"""

from __future__ import annotations

import itertools
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from yikatong.cli import proof, session
from yikatong.cli.faults import cast, oracle
from yikatong.cli.faults.cast import Sheet
from yikatong.cli.faults.matrix import ENDINGS, PLACES, SET_ASIDE, WAYS
from yikatong.cli.faults.play import Play
from yikatong.cli.faults.stage import Stage

LINES: Final = 6
MOST_KILLS: Final = {"process": 12, "backend": 6, "server": 2}
# these meet the line itself, before a batch is named
OF_THE_LINE: Final = frozenset(
    {"timeout_after_accept", "timeout_before_accept", "server_error", "cut_mid_body", "ack_lost"}
)
Cell = tuple[str, str]


class Phase(Play):
    """One place and one way: the sheets' batches get one fault each, in the order of `kinds`."""

    def __init__(self, stage: Stage, sheets: Sequence[Sheet], cell: Cell, *, seed: int) -> None:
        self.place, self.by = cell
        super().__init__(stage, sheets, kills=MOST_KILLS[self.by], seed=seed)
        self.kinds = dict(zip([sheet.path.name for sheet in sheets], ENDINGS, strict=False))

    def way(self, name: str) -> str:
        if self.is_over or name != self.place or self.tally.kills >= self.kills:
            return ""
        return self.by

    def prepare(self, sheet: Sheet) -> None:
        """Faults are armed for a batch once its numbers are known."""

    def look(self) -> None:
        for name, batch_no in self.stage.rows(
            "SELECT source.name, min(share.batch_no) FROM payout_bankshare AS share"
            " JOIN submission_batch AS batch ON batch.id = share.batch_id"
            " JOIN submission_sourcefile AS source ON source.id = batch.source_file_id"
            " WHERE batch.origin_id IS NULL AND batch.status IN ('SENDING', 'IN_REVIEW')"
            " GROUP BY source.name"
        ):
            if name in self.kinds and name not in self._asked_for:
                self._asked_for.add(name)
                kind = self.kinds[name]
                bank = {"bank_no3": batch_no[:3]}
                at = bank if kind in OF_THE_LINE else bank | {"batch_no": batch_no}
                self.stage.bank("POST", "/control/faults", {"kind": kind} | at)
        super().look()


def run(stage: Stage, *, seed: int, cells: Sequence[Cell] | None = None) -> dict[str, Any]:
    """Play every cell (place, way); gives what was hit and what was found wrong, by name.

    `{"kills": {cell: n}, "hits": {kind: n}, "wrong": [sentence], "set_aside": {kind: n}}`
    """
    chosen = list(itertools.product(PLACES, WAYS)) if cells is None else list(cells)
    payments = len(chosen) * len(ENDINGS) * LINES
    people = cast.people_for(payments)
    stage.build(people=people, seed=seed)
    writing = partial(cast.write_lists, stage.home.root / "lists", people=people, seed=seed)
    written = stage.ask(partial(writing, payments=payments, size=LINES + 1))
    sheets = [Sheet(Path(path), code, when, n, ()) for path, code, when, n, _ in written]
    kills: dict[str, int] = {}
    wrong: list[str] = []
    done = 0
    for cell in chosen:
        here, done = sheets[done : done + len(ENDINGS)], done + len(ENDINGS)
        phase = Phase(stage, here, cell, seed=seed)
        kills["·".join(cell)] = _played(phase, wrong)
    hits = {
        kind: sum(
            one["hits"]
            for one in stage.bank("GET", "/control/faults")["faults"]
            if one["kind"] == kind
        )
        for kind in ENDINGS
    }
    aside = stage.rows("SELECT kind, count(*) FROM jobs_quarantine GROUP BY kind")
    return {"kills": kills, "hits": hits, "wrong": wrong, "set_aside": dict(aside)}


def expected_aside() -> list[str]:
    """The faults that must leave something for a person."""
    return [kind for kind, (_, ending) in ENDINGS.items() if ending == SET_ASIDE]


def _played(phase: Phase, wrong: list[str]) -> int:
    name = f"{phase.place}·{phase.by}"
    try:
        phase.run(lambda sentence: session.say(f"{name} {sentence}"))
        if not phase.drain():
            wrong.append(f"{name}：没有办完 {dict(phase.unfinished())}")
    finally:
        for player in list(phase.players.values()):
            phase.bury(player, signal.SIGKILL)
    held = phase.stage.ask(oracle.ours)
    books = phase.stage.bank("GET", "/control/books")
    found = oracle.judged(held["paid"], oracle.theirs(books), held["ledger_fen"])
    if not found.is_sound or held["open"]:
        wrong.append(f"{name}：{found}，在途 {held['open']} 笔")
    for invariant, sentences in phase.stage.ask(proof.prove)["breached"].items():
        wrong.append(f"{name}：{invariant} {sentences[:3]}")
    return phase.tally.kills
