"""The embedded server, for real: what a kill -9, a neighbour and a strange place do to it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from yikatong.cli.postgres import Server, processes
from yikatong.cli.postgres.account import Account, account_for
from yikatong.cli.postgres.binaries import programs_for
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT, Home

SMALL = {"shared_buffers": "16MB"}
ORDINARY_UID = 65534


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(Home(tmp_path / "home"), settings=SMALL)
    yield server
    server.stop()


def ask(server: Server, sql: str) -> object:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        row = connection.execute(sql).fetchone()
    return row[0] if row else None


def tell(server: Server, sql: str) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute(sql)


def test_it_starts_answers_and_stops(server: Server) -> None:
    assert not server.status().is_running
    server.ensure_running()
    assert server.status().is_running
    assert ask(server, "SELECT current_database()") == "yikatong"
    assert ask(server, "SELECT current_user") == "ykt_admin"
    server.stop()
    status = server.status()
    assert not status.is_running
    assert status.pid is None
    server.stop()  # a second time is no error


def test_it_keeps_every_promise_to_the_disk_and_listens_on_no_network(server: Server) -> None:
    server.ensure_running()
    for name, value in {
        "listen_addresses": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "TimeZone": "Asia/Shanghai",
        "max_connections": "60",
    }.items():
        assert ask(server, f"SHOW {name}") == value
    provider = "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname='yikatong'"
    assert ask(server, provider) == "bC.UTF-8"


def test_names_are_known_by_peer_and_a_stranger_is_refused(server: Server) -> None:
    server.ensure_running()
    tell(server, "CREATE ROLE ykt_web LOGIN")
    tell(server, "CREATE ROLE stranger LOGIN SUPERUSER")
    with psycopg.connect(server.conninfo(user="ykt_web")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("ykt_web",)
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba.conf entry"):
        psycopg.connect(server.conninfo(user="stranger"))


def test_after_kill_9_the_first_attempt_recovers_and_nothing_is_lost(server: Server) -> None:
    server.ensure_running()
    tell(server, "CREATE TABLE paid AS SELECT n, n * 100 AS fen FROM generate_series(1, 5000) n")
    tell(server, "INSERT INTO paid VALUES (5001, 1)")
    pid = server.pid()
    assert pid is not None
    # a backend that is busy and does not notice that its postmaster is gone
    busy = psycopg.connect(server.conninfo(), autocommit=True)
    slow = "SELECT sum(a) FROM generate_series(1, 400000000) a"
    thread = threading.Thread(target=_run_until_broken, args=(busy, slow))
    thread.start()
    os.kill(pid, signal.SIGKILL)
    server.ensure_running()  # at once: the killed process may not even have left its table yet
    assert server.pid() not in (None, pid)
    assert ask(server, "SELECT count(*) || ' ' || sum(fen) FROM paid") == "5001 1250250001"
    thread.join(timeout=30)
    assert not thread.is_alive()
    busy.close()


def _run_until_broken(connection: psycopg.Connection, sql: str) -> None:
    try:
        connection.execute(sql)
    except psycopg.OperationalError:
        return


def test_a_lock_file_that_names_another_process_is_seen_through(server: Server) -> None:
    server.ensure_running()
    pid = server.pid()
    assert pid is not None
    lines = (server.home.data / "postmaster.pid").read_text().splitlines()
    os.kill(pid, signal.SIGKILL)
    assert processes.wait_until_gone(server.home.data, 20)
    lines[0] = str(os.getpid())  # the number is in use again, by someone else
    (server.home.data / "postmaster.pid").write_text("\n".join(lines) + "\n")
    assert server.pid() is None
    server.ensure_running()
    assert ask(server, "SELECT 1") == 1


def test_a_start_that_was_cut_short_leaves_no_half_cluster(server: Server) -> None:
    half = server.home.root / "data.half"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server.ensure_running()
    assert ask(server, "SELECT 1") == 1
    assert not half.exists()


def test_two_homes_side_by_side_never_meet(server: Server, tmp_path: Path) -> None:
    other = Server(Home(tmp_path / "neighbour"), settings=SMALL)
    try:
        server.ensure_running()
        other.ensure_running()
        tell(server, "CREATE TABLE only_here (n int)")
        assert ask(other, "SELECT to_regclass('only_here')") is None
        assert server.socket_dir != other.socket_dir
        server.stop()
        assert ask(other, "SELECT 1") == 1
    finally:
        other.stop()


def test_processes_that_start_it_at_once_get_the_same_server(server: Server) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from yikatong.kernel.home import Home; from yikatong.cli.postgres import Server\n"
        "s = Server(Home(Path(sys.argv[1])), settings={'shared_buffers': '16MB'})\n"
        "s.ensure_running(); print(s.pid())"
    )
    command = [sys.executable, "-c", program, str(server.home.root)]
    started = [
        subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    pids = {process.communicate(timeout=120)[0] for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert pids == {f"{server.pid()}\n"}


def test_a_socket_path_that_is_too_long_moves_to_the_systems_temp(tmp_path: Path) -> None:
    server = Server(Home(tmp_path / ("很长的目录名" * 6) / "home"), settings=SMALL)
    try:
        server.ensure_running()
        assert ask(server, "SELECT 1") == 1
        assert str(server.socket_dir).startswith(tempfile.gettempdir())
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        again = server.socket_dir
        server.stop()
        server.ensure_running()
        assert server.socket_dir == again
    finally:
        server.stop()


def test_a_strangers_folder_in_temp_is_not_used(tmp_path: Path) -> None:
    server = Server(Home(tmp_path / ("x" * 100)), settings=SMALL)
    planted = Path(tempfile.gettempdir()) / f"ykt-{server.home.key}"
    planted.mkdir(mode=0o755)
    try:
        with pytest.raises(Refused, match="YKT_HOME"):
            server.ensure_running()
    finally:
        planted.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a 0700 home that others cannot enter")
def test_root_may_keep_its_home_where_the_service_user_cannot_go(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = Server(Home(closed / "home"), settings=SMALL)
    try:
        server.ensure_running()
        assert not account_for(server.home.data).can_enter(closed)
        assert ask(server, "SELECT 1") == 1
        assert server.home.data.stat().st_uid != 0
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root steps down to a service user")
def test_programs_that_the_service_user_cannot_reach_are_copied_and_run(tmp_path: Path) -> None:
    open_to_all = Path(tempfile.mkdtemp(prefix="ykt-programs-"))
    open_to_all.chmod(0o755)
    try:
        account = account_for(tmp_path / "none")
        hidden = _Blind(account.name, account.uid, account.gid, steps_down=True)
        programs = programs_for(hidden, shared=open_to_all)
        assert programs.is_relative_to(open_to_all)
        shown = account.run([str(programs / "initdb"), "--version"], cwd=Path("/"))
        assert "PostgreSQL" in shown.stdout
        assert not list(open_to_all.glob("half-*"))
    finally:
        shutil.rmtree(open_to_all)


class _Blind(Account):
    """A service user who cannot enter the installed environment."""

    def can_enter(self, folder: Path) -> bool:
        return "site-packages" not in folder.parts and super().can_enter(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_an_ordinary_user_needs_no_root() -> None:
    place = Path(tempfile.mkdtemp(prefix="ykt-ordinary-"))
    os.chown(place, ORDINARY_UID, ORDINARY_UID)
    program = (
        "import sys, os; from pathlib import Path\n"
        "from yikatong.kernel.home import Home; from yikatong.cli.postgres import Server\n"
        "s = Server(Home(Path(sys.argv[1])), settings={'shared_buffers': '16MB'})\n"
        "s.ensure_running(); print(os.stat(s.home.data).st_uid); s.stop(); print(s.pid())"
    )
    try:
        done = subprocess.run(
            [_python_for_everyone(), "-c", program, str(place / "home")],
            cwd=CHECKOUT,
            user=ORDINARY_UID,
            group=ORDINARY_UID,
            extra_groups=[],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.stdout, done.stderr) == (f"{ORDINARY_UID}\nNone\n", "")
    finally:
        shutil.rmtree(place)


def _python_for_everyone() -> str:
    """Ours may lie in root's own folder; the system's is open to all."""
    return (
        sys.executable if Path(sys.executable).resolve().parts[1] != "root" else "/usr/bin/python3"
    )
