"""The play: batches are carried through; whoever stands at a named point may be killed there."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx

from yikatong.cli import session, setup
from yikatong.cli.faults import cast
from yikatong.cli.faults.cast import Sheet
from yikatong.cli.faults.stage import COUNTY, LONGEST_S, Player, Stage
from yikatong.kernel.errors import Refused
from yikatong.kernel.points import POINTS

IN_FLIGHT: Final = 16
FULL_KILLS, FULL_HITS = 1000, 30
LOOK_S: Final = 0.3
RECON_S: Final = 3.0
WORD_S: Final = 10.0
DRAIN_S: Final = 420.0
QUIET_S: Final = 180.0
STILLBORN: Final = 30  # so many players in a row that ended before their first point
REST_S: Final = 0.2
ENCORE_S: Final = 45.0  # day accounts go on being told, where a point was passed too seldom
TIMEOUTS: Final = 0.05
# of a hundred kills: so many take one session of the database, so many the whole server
BACKEND, SERVER = 0.15, 0.03
# however few the kills are, the database is among them
BY_FORCE: Final = ("backend", "server")
FIRST_BY_PROCESS: Final = 3
EARLY: Final = 0.8  # all kills are made over the first lists: the last ones hold what is short
# how likely a kill is at a point: hit too seldom yet, due by the course of things, neither
WANTED, DUE, SELDOM = 0.6, 0.3, 0.02
LOGINS: Final = {"worker": "ykt_worker", "web": "ykt_web"}
ENDS: Final = frozenset({"BOOKED", "PUBLISHED", "CLOSED", "DROPPED"})
# beside the kills: answers that get lost, and results that come twice
BESIDE: Final = ("timeout_after_accept", "result_duplicate", "result_other_file")


@dataclass
class Tally:
    """What really happened."""

    kills: int = 0
    points: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    stuck: int = 0


class Play:
    """One run. `kills` are made over the `sheets`; `chance` decides where and how."""

    in_flight = IN_FLIGHT

    def __init__(self, stage: Stage, sheets: Sequence[Sheet], *, kills: int, seed: int) -> None:
        cast.learn()
        self.stage, self.sheets, self.kills = stage, list(sheets), kills
        self.chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
        self.least = max(1, FULL_HITS * kills // FULL_KILLS)
        self.tally = Tally()
        self.players: dict[str, Player] = {}
        self.board: dict[str, str] = {}
        self.done = 0
        self.is_over = False
        self._next_look = self._next_recon = 0.0
        self._stillborn = 0
        self._asked_for: set[str] = set()

    # -- kills ------------------------------------------------------------------------------------

    @property
    def is_killed_enough(self) -> bool:
        return self.tally.kills >= self.kills and not self.missing

    @property
    def missing(self) -> list[str]:
        return [name for name in POINTS if self.tally.points[name] < self.least]

    def way(self, name: str) -> str:
        """How who stands at this point dies; '' lets it go on."""
        if self.is_over or self.is_killed_enough:
            return ""
        early = EARLY * max(len(self.sheets), 1)
        due = self.kills * min(1.0, (self.done + self.in_flight) / early)
        likely = DUE if self.tally.kills < due else SELDOM
        if self.tally.points[name] < self.least:
            likely = WANTED if self.tally.points[name] else 1.0
        if self.chance.random() > likely:
            return ""
        missed = next((way for way in BY_FORCE if not self.tally.ways[way]), "")
        if missed and self.tally.kills >= FIRST_BY_PROCESS:
            return missed
        drawn = self.chance.random()
        return "server" if drawn < SERVER else "backend" if drawn < SERVER + BACKEND else "process"

    def at_point(self, player: Player, name: str) -> None:
        way = self.way(name)
        if way:
            self.tally.kills += 1
            self.tally.points[name] += 1
            self.tally.ways[player.who if way == "process" else way] += 1
        if way == "process":
            self.bury(player, signal.SIGKILL)
            return
        if way == "backend":
            self.stage.end_sessions(LOGINS[player.who])
        elif way == "server":
            self.stage.cut_the_current()
        player.go_on()

    def bury(self, player: Player, number: signal.Signals | None = None) -> None:
        player.end(number)
        del self.players[player.who]
        self._next_look = 0.0

    def mourn(self, player: Player) -> None:
        """It ended by itself: a web player is done, a worker's database was taken away.

        Raises:
            Refused: no worker comes to anything any more.
        """
        self.bury(player)
        if player.who == "worker":
            self._stillborn = 0 if player.points else self._stillborn + 1
            if self._stillborn > STILLBORN:
                raise Refused(f"后台办理起不来，请看 {self.stage.home.logs / 'players.log'}。")
            time.sleep(REST_S)

    # -- the rounds -------------------------------------------------------------------------------

    def round(self) -> None:
        """Everyone who is missing comes on; everyone who speaks is heard."""
        if "worker" not in self.players:
            self.start("worker", cast.work)
        now = time.monotonic()
        if now >= self._next_look:
            self.look()
            self._next_look = time.monotonic() + LOOK_S
        if now >= self._next_recon and not self.is_over:
            self._next_recon = now + RECON_S
            self.ask_day_accounts()
        for player in self.stage.listen(list(self.players.values()), LOOK_S):
            name = player.told()
            if name:
                self.at_point(player, name)
            else:
                self.mourn(player)
        for player in list(self.players.values()):
            if player.who == "web" and time.monotonic() - player.since > LONGEST_S:
                self.tally.stuck += 1
                self.bury(player, signal.SIGKILL)

    def start(self, who: str, work: Callable[[], Any]) -> None:
        self.players[who] = self.stage.fork(who, work)

    def look(self) -> None:
        """Where the batches stand; people come on where something waits for them."""
        rows = self.stage.rows(
            "SELECT batch.number, batch.status, source.name FROM submission_batch AS batch"
            " JOIN submission_sourcefile AS source ON source.id = batch.source_file_id"
            " WHERE batch.origin_id IS NULL"
        )
        mine = {sheet.path.name for sheet in self.sheets}
        rows = [row for row in rows if row[2] in mine]
        self.board = {name: status for _, status, name in rows}
        self.done = sum(status in ENDS for status in self.board.values())
        if "web" in self.players:
            return
        waiting = [(number, status) for number, status, _ in rows if status in cast.STEPS]
        room = self.in_flight - (len(rows) - self.done)
        fresh = [one for one in self.sheets if one.path.name not in self.board][: max(room, 0)]
        for sheet in fresh:
            self.prepare(sheet)
        if fresh or waiting:
            self.start("web", partial(cast.attend, fresh, waiting))

    def prepare(self, sheet: Sheet) -> None:
        """What the bank does wrong with a list, decided once."""
        if sheet.path.name in self._asked_for:
            return
        self._asked_for.add(sheet.path.name)
        for number in sheet.failing:
            self.stage.bank("POST", "/control/faults", {"kind": "fail_account", "acct_no": number})
        for kind in BESIDE:
            if self.chance.random() < TIMEOUTS * len(cast.PAIRS):
                self.stage.bank("POST", "/control/faults", {"kind": kind})

    def ask_day_accounts(self) -> None:
        day = setup.today().isoformat()
        for (code3,) in self.stage.rows(
            "SELECT DISTINCT left(batch_no, 3) FROM payout_bankshare WHERE state = 'DONE'"
        ):
            try:
                self.stage.bank("GET", f"/recon/{code3}/{COUNTY}/{day}")
            except httpx.HTTPError:
                continue  # asked again in the next round

    def run(self, tell: Callable[[str], None]) -> None:
        """Until every list is done and enough was killed, or nothing moves any more."""
        started = time.monotonic()
        seen: dict[str, str] = {}
        quiet_since = next_word = started
        encore = 0.0
        while self.done < len(self.sheets) or (self.missing and time.monotonic() < encore):
            self.round()
            now = time.monotonic()
            if self.done < len(self.sheets) or not encore:
                encore = now + ENCORE_S
            if self.board != seen:
                seen, quiet_since = self.board, now
            if now > next_word:
                next_word, passed = now + WORD_S, now - started
                tell(
                    f"{passed:.0f} 秒：{self.done}/{len(self.sheets)} 批，{self.tally.kills} 次中断"
                )
            if now - quiet_since > QUIET_S:
                tell(f"{QUIET_S:.0f} 秒没有一个批次前进，停止：{dict(self.unfinished())}")
                break

    def drain(self) -> bool:
        """No more kills: what is unknown is asked, the day is reconciled; whether all is done."""
        self.is_over = True
        self.stage.bank("POST", "/control/faults/disarm")
        end = time.monotonic() + DRAIN_S
        while time.monotonic() < end and not self.is_finished():
            self.round()
        self.ask_day_accounts()
        before = time.monotonic()
        while time.monotonic() < end and not self.is_reconciled():
            self.round()
            if time.monotonic() - before > RECON_S:
                before = time.monotonic()
                self.ask_day_accounts()
        is_whole = self.is_finished() and self.is_reconciled()
        for player in list(self.players.values()):
            self.bury(player, signal.SIGKILL)
        return is_whole

    def is_finished(self) -> bool:
        if self.done < len(self.sheets):
            return False
        jobs = self.stage.rows(
            "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
            " AND (scheduled_at IS NULL OR scheduled_at < now() + interval '10 minutes')"
        )
        unread = self.stage.rows("SELECT count(*) FROM jobs_inbox WHERE applied_at IS NULL")
        return bool(jobs[0][0] == 0 and unread[0][0] == 0)

    def is_reconciled(self) -> bool:
        """The last day account of every bank that paid speaks of all that we hold as paid."""
        rows = self.stage.rows(
            "SELECT count(*) FROM (SELECT bank_no, count(*) AS n FROM feedback_paymentresult"
            " WHERE result = 'SUCCESS' GROUP BY bank_no) AS paid LEFT JOIN (SELECT DISTINCT ON"
            " (bank_no) bank_no, paid_lines FROM feedback_dayaccount ORDER BY bank_no, id DESC)"
            " AS day USING (bank_no) WHERE day.paid_lines IS DISTINCT FROM paid.n"
        )
        return bool(rows[0][0] == 0) and self.is_finished()

    def unfinished(self) -> Mapping[str, str]:
        names = {sheet.path.name: "没有提交" for sheet in self.sheets}
        return {
            name: self.board.get(name, word)
            for name, word in names.items()
            if self.board.get(name) not in ENDS
        }


def carried(stage: Stage, sheets: Sequence[Sheet], *, kills: int, seed: int) -> tuple[Play, bool]:
    """A play from the first list to the reconciled day; whether all of it came to an end."""
    play = Play(stage, sheets, kills=kills, seed=seed)
    try:
        play.run(session.say)
        is_whole = play.drain()
    finally:
        for player in list(play.players.values()):
            play.bury(player, signal.SIGKILL)
    if play.tally.stuck:
        session.say(f"有 {play.tally.stuck} 次网页办理超过 {LONGEST_S:.0f} 秒，已中断。")
    if not play.sheets:
        raise Refused("没有名单。")
    return play, is_whole
