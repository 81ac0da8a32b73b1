"""The stage of a crash test: a home with a real server and real simulators, and players that are
forked, listened to at the named points, and killed there.

The parent opens no database connection of Django's and starts no threads, so that a fork is whole.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import psycopg

from yikatong.cli import processes, session, simulated
from yikatong.cli.postgres import Server
from yikatong.kernel import points
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT, Home

SLUG: Final = "dadukou"
COUNTY: Final = "500104"
ANSWER_WAIT_S: Final = "4"
LEFT_OUT: Final = ("YKT_", "DJANGO_")
LONGEST_S: Final = 60.0
READ: Final = 4096


@dataclass
class Player:
    """A forked process of ours. `wire` tells its points, `answers` what its work gave."""

    who: str
    pid: int
    wire: socket.socket
    answers: int
    heard: bytes = b""
    since: float = field(default_factory=time.monotonic)
    points: int = 0
    is_alive: bool = True

    def go_on(self) -> None:
        try:
            self.wire.sendall(points.ANSWER)
        except OSError:
            return  # it ended meanwhile

    def told(self) -> str:
        """The point at which it waits; '' where it has ended."""
        try:
            name = self.wire.recv(READ)
        except OSError:
            name = b""
        self.since = time.monotonic()
        self.points += bool(name)
        return name.decode("ascii").strip()

    def end(self, number: signal.Signals | None = None) -> bytes:
        """Kill it, or see it end; gives what it answered."""
        if number is not None:
            os.kill(self.pid, number)
        # before the wait: a long answer must find a reader
        while number is None and (more := os.read(self.answers, READ)):
            self.heard += more
        os.waitpid(self.pid, 0)
        self.is_alive = False
        self.wire.close()
        os.close(self.answers)
        return self.heard


class Stage:
    """The home and everything that runs in it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.server = Server(home)
        self.control_url = ""

    def build(self, *, people: int, seed: int) -> None:
        """A new home with made-up people, its bank and its budget system.

        Raises:
            Refused: it could not be made.
        """
        if any(os.environ.get(name, "0") not in ("", "0") for name in points.PRODUCTION):
            raise Refused("断点演练只在样例数据目录里做，正式环境（YKT_DATABASE_URL）不做。")
        os.environ["YKT_HOME"] = str(self.home.root)
        os.environ["YKT_ANSWER_WAIT_S"] = ANSWER_WAIT_S
        os.environ["YKT_ASK_MOST_S"] = "1"  # its bank answers at once
        os.environ["PYTHONPATH"] = str(CHECKOUT)
        if self.home.root.exists():
            self.close()
        self.home.root.mkdir(parents=True)
        self.home.root.chmod(0o711)  # the database server's user passes through
        words = ("init", "--county", SLUG, "--people", str(people), "--seed", str(seed))
        done = subprocess.run(
            [sys.executable, "-P", "-m", "yikatong.cli", *words],
            cwd=CHECKOUT, env=os.environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Refused(f"演练用的数据目录没有建成：{done.stderr.strip()[-800:]}")
        bank, _ = simulated.start_both(seed=seed)
        self.control_url = str(bank["control_url"])
        self._leave_the_database()

    def close(self) -> None:
        """Everything of the home ends, and the home is taken away."""
        self.stop()
        shutil.rmtree(self.home.root, ignore_errors=True)

    def stop(self) -> None:
        for name in ("worker", simulated.BANK, simulated.BUDGET):
            processes.stop(name)
        if self.home.data.exists():
            self.server.stop()

    @staticmethod
    def _leave_the_database() -> None:
        from django.db import connections

        connections.close_all()

    # -- players ----------------------------------------------------------------------------------

    def fork(self, who: str, work: Callable[[], Any], *, is_armed: bool = True) -> Player:
        ours, theirs = socket.socketpair()
        answers, answer = os.pipe()
        pid = os.fork()
        if pid == 0:
            ours.close()
            os.close(answers)
            self._play(work, theirs if is_armed else None, answer)
        theirs.close()
        os.close(answer)
        return Player(who, pid, ours, answers)

    def _play(self, work: Callable[[], Any], wire: socket.socket | None, answer: int) -> None:
        """The child's whole life; it never returns."""
        code = 1
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            log = os.open(self.home.logs / "players.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            if wire is not None:
                os.environ[points.VARIABLE] = str(wire.fileno())
            value = work()
            with os.fdopen(answer, "wb") as stream:
                stream.write(json.dumps(value, default=str).encode())
            code = 0
        finally:
            if code:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def ask(self, work: Callable[[], Any]) -> Any:
        """What a child that nobody kills finds out.

        Raises:
            Refused: it ended otherwise.
        """
        heard = self.fork("", work, is_armed=False).end()
        if not heard:
            raise Refused(f"演练中的一项查询没有办成，请看 {self.home.logs / 'players.log'}。")
        return json.loads(heard)

    @staticmethod
    def listen(players: Sequence[Player], wait_s: float) -> list[Player]:
        """Who has something to say: it waits at a point, or has ended."""
        ready, _, _ = select.select([one.wire for one in players], [], [], wait_s)
        return [one for one in players if one.wire in ready]

    # -- kills ------------------------------------------------------------------------------------

    def end_sessions(self, login: str) -> None:
        """pg_terminate_backend of every session of that login."""
        with psycopg.connect(self.server.conninfo(), autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [login]
            )

    def cut_the_current(self) -> None:
        """An immediate stop of the server, which then recovers from its log."""
        self.server.stop_at_once()
        self.server.ensure_running()

    # -- looking ----------------------------------------------------------------------------------

    def rows(self, query: str, *facts: Any) -> list[tuple[Any, ...]]:
        """As the administrator, whom no row policy binds."""
        with psycopg.connect(self.server.conninfo(), autocommit=True) as admin:
            return admin.execute(query, facts).fetchall()

    def bank(self, method: str, path: str, content: object = None) -> Any:
        answer = httpx.request(
            method, self.control_url + path, json=content, timeout=60, trust_env=False
        )
        answer.raise_for_status()
        return answer.json()


def enter() -> Home:
    """The home of a crash test: below the caller's own, made anew each time."""
    return Home(session.home().root / "faults")
