"""One server for one home: start, stop, look, and start again after a kill -9.

The server is entered by its working folder (`/proc/self/cwd`), not by its path. So it runs as a
service user even where the home lies below root's own 0700 folder, and all state stays at home.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from yikatong.cli.postgres import configuration, processes
from yikatong.cli.postgres.account import OWNER_ONLY, Account, account_for, current_name
from yikatong.cli.postgres.binaries import programs_for
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import Home

DATABASE = "yikatong"
SUPERUSER = "ykt_admin"
HERE = "/proc/self/cwd"
LONGEST_SOCKET = 100  # bytes; the kernel's own limit is 107
START_WAIT_S = 300.0  # a long log may have to be replayed
STOP_WAIT_S = 60.0
LOCK_WAIT_S = 360.0
LOG_TAIL = 12
INITDB = (
    *("--username", SUPERUSER, "--auth", "peer", "--encoding", "UTF8", "--locale", "C"),
    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
    *("--data-checksums", "--no-instructions"),
)
STATUS_LINE = 7  # of postmaster.pid, counted from 0
LAST_TEMP = Path("/") / "tmp"  # where $TMPDIR is too long or closed


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """`pid` is None where no server runs."""

    is_running: bool
    pid: int | None
    socket_dir: Path
    data: Path


class Server:
    """The embedded server of a home. `settings` adds to or replaces postgresql.conf's values."""

    def __init__(self, home: Home, *, settings: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.settings = dict(settings or {})

    @property
    def socket_dir(self) -> Path:
        """The folder of the socket: `host` for psycopg and Django. Fixed when the server starts."""
        try:
            return Path(self._pointer.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return self._home_socket

    @property
    def dbname(self) -> str:
        return DATABASE

    @property
    def log_file(self) -> Path:
        return self.home.logs / "postgres.log"

    def conninfo(self, *, user: str = SUPERUSER, dbname: str = DATABASE) -> str:
        return psycopg.conninfo.make_conninfo(
            host=str(self.socket_dir), port=configuration.PORT, user=user, dbname=dbname
        )

    def program(self, name: str) -> Path:
        """The path of `pg_dump`, `pg_basebackup`, … of the same version as the server."""
        return programs_for(account_for(self.home.data)) / name

    def pid(self) -> int | None:
        """The postmaster's number, if it lives."""
        try:
            pid = int(self._pid_lines()[0])
        except (OSError, ValueError, IndexError):
            return None
        return pid if processes.is_of_cluster(pid, self.home.data) else None

    def status(self) -> ServerStatus:
        pid = self.pid()
        return ServerStatus(
            pid is not None and self._is_ready(), pid, self.socket_dir, self.home.data
        )

    def ensure_running(self) -> None:
        """Start unless it runs already; any number of processes may call this at once.

        Raises:
            Refused: it could not be started; the sentence says why and names the log.
        """
        if not self._is_complete():
            self.start()

    def start(self) -> None:
        """Make the cluster at the first time, clear what a killed server left, start, wait."""
        with self._locked():
            if self.pid() is not None:
                self._wait_for_an_answer_or_an_end()
            if self.pid() is None:
                account = account_for(self.home.data)
                programs = programs_for(account)
                if not (self.home.data / "PG_VERSION").exists():
                    self._create(account, programs)
                self._clear_leftovers()
                self._launch(account, programs)
            self._wait_until_ready()
            self._make_database()
            _write(self._complete, str(self.pid()))

    def stop(self) -> None:
        """End sessions and stop (a fast shutdown). Nothing happens where no server runs."""
        self._stop_by(signal.SIGINT)

    def stop_at_once(self) -> None:
        """An immediate stop, as if the current were cut; the next start recovers."""
        self._stop_by(signal.SIGQUIT)

    def _stop_by(self, what: signal.Signals) -> None:
        with self._locked():
            pid = self.pid()
            if pid is None:
                return
            for sent, wait_s in ((what, STOP_WAIT_S), (signal.SIGQUIT, STOP_WAIT_S)):
                processes.send([pid], sent)
                if processes.wait_until_gone(self.home.data, wait_s):
                    self._leave_temp()
                    return
            raise Refused(f"数据库（进程 {pid}）没有停下，请查看 {self.log_file}。")

    # -- first time ---------------------------------------------------------------------------

    def _create(self, account: Account, programs: Path) -> None:
        """initdb beside, then rename: an interrupted first start leaves no half cluster."""
        half = self.home.data.with_name("data.half")
        shutil.rmtree(half, ignore_errors=True)
        account.own(half)
        done = account.run([str(programs / "initdb"), "--pgdata", HERE, *INITDB], cwd=half)
        if done.returncode != 0:
            raise Refused(f"建立数据库失败：{done.stdout.strip()[-600:]}")
        half.rename(self.home.data)

    def _make_database(self) -> None:
        with psycopg.connect(self.conninfo(dbname="postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if known.fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")

    # -- each time ----------------------------------------------------------------------------

    def _clear_leftovers(self) -> None:
        """After kill -9 orphans hold shared memory, and lock files name a number used anew."""
        if not processes.clear_orphans(self.home.data):
            raise Refused("上次的数据库进程还没有退出，请稍后再试，或重启机器后再启动。")
        (self.home.data / "postmaster.pid").unlink(missing_ok=True)
        name = f".s.PGSQL.{configuration.PORT}"
        for leftover in (name, f"{name}.lock"):
            (self.socket_dir / leftover).unlink(missing_ok=True)

    def _launch(self, account: Account, programs: Path) -> None:
        socket = self._choose_socket(account)
        configuration.write(
            self.home.data,
            socket=socket,
            key=self.home.key,
            os_names={"root", current_name(), account.name},
            more=self.settings,
        )
        self.home.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = os.open(self.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # started by a shell that ends at once, so that no later stop leaves us a zombie
            account.run(
                ["/bin/sh", "-c", '"$@" &', "sh", str(programs / "postgres"), "-D", HERE],
                cwd=self.home.data,
                output=log,
            )
        except PermissionError:
            raise Refused(
                f"没有权限以系统用户 {account.name} 运行数据库，请改用普通用户运行 ./ykt。"
            ) from None
        finally:
            os.close(log)

    def _wait_for_an_answer_or_an_end(self) -> None:
        """A server that was killed this instant is still in the process table for a while."""
        end = time.monotonic() + START_WAIT_S
        while self.pid() is not None and not self._answers():
            if time.monotonic() > end:
                raise Refused(
                    f"数据库进程在，但没有应答，{self.log_file} 的末尾是：\n{self._log_tail()}"
                )
            time.sleep(processes.POLL_S)

    def _answers(self) -> bool:
        conninfo = psycopg.conninfo.make_conninfo(
            self.conninfo(dbname="postgres"), connect_timeout=5
        )
        try:
            psycopg.connect(conninfo).close()
        except psycopg.OperationalError:
            return False
        return True

    def _wait_until_ready(self) -> None:
        began = time.monotonic()
        while not self._is_ready():
            waited = time.monotonic() - began
            if waited > START_WAIT_S or (waited > 1 and not processes.of_cluster(self.home.data)):
                raise Refused(
                    f"数据库没有启动成功，日志 {self.log_file} 的末尾是：\n{self._log_tail()}"
                )
            time.sleep(processes.POLL_S)

    def _is_ready(self) -> bool:
        """The eighth line of postmaster.pid says so, once the log has been replayed."""
        try:
            lines = self._pid_lines()
        except OSError:
            return False
        return (
            len(lines) > STATUS_LINE
            and lines[STATUS_LINE].strip() == "ready"
            and self.pid() is not None
        )

    def _is_complete(self) -> bool:
        """It answers, and the one who started this very server has made sure of our database."""
        try:
            served = self._complete.read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        return self._is_ready() and served == str(self.pid()) and self._answers()

    @property
    def _complete(self) -> Path:
        return self.home.run / "postgres.ready"

    def _pid_lines(self) -> list[str]:
        return (self.home.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()

    def _log_tail(self) -> str:
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL:])

    # -- the socket's folder ------------------------------------------------------------------

    @property
    def _pointer(self) -> Path:
        return self.home.run / "socket"

    @property
    def _home_socket(self) -> Path:
        return self.home.run / "pg"

    def _choose_socket(self, account: Account) -> Path:
        """In the home; else a short 0700 folder of the system's temp, the same for each start."""
        name = f"ykt-{self.home.key}"
        for folder in (self._home_socket, Path(tempfile.gettempdir()) / name, LAST_TEMP / name):
            file = folder / f".s.PGSQL.{configuration.PORT}"
            if len(os.fsencode(file)) > LONGEST_SOCKET:
                continue
            if self._is_ours(folder, account) and account.can_enter(folder):
                _write(self._pointer, str(folder))
                return folder
        raise Refused("找不到能放数据库套接字的目录，请把 YKT_HOME 设到较短、可进入的路径。")

    def _is_ours(self, folder: Path, account: Account) -> bool:
        """Made by us, or found as we would have made it: a stranger's folder or link is refused."""
        try:
            folder.mkdir(mode=0o700)
            account.own(folder)
        except FileExistsError:
            pass
        found = folder.lstat()
        return (
            stat.S_ISDIR(found.st_mode)
            and found.st_uid == account.uid
            and stat.S_IMODE(found.st_mode) == OWNER_ONLY
        )

    def _leave_temp(self) -> None:
        """Take away the folder that stood outside the home; the next start makes it again."""
        if self.socket_dir != self._home_socket:
            with suppress(OSError):
                self.socket_dir.rmdir()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One start or stop at a time; waits for the other, but not for ever."""
        for folder in (self.home.root, self.home.run):
            if not folder.exists():
                # the service user passes through to its socket; it can list neither
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o711)
        end = time.monotonic() + LOCK_WAIT_S
        with (self.home.run / "postgres.lock").open("a") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise Refused("另一个进程一直在启动或停止数据库，请稍后再试。") from None
                    time.sleep(processes.POLL_S)
            yield


def _write(file: Path, text: str) -> None:
    """Whole or not at all, for readers that hold no lock."""
    half = file.with_name(file.name + ".half")
    half.write_text(text, encoding="utf-8")
    half.replace(file)
