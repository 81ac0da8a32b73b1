"""The processes of a home: started with their number written down, ended by that number."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from yikatong.cli import session
from yikatong.cli.postgres import Server
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT

PATIENCE_S: Final = 30.0
POLL_S: Final = 0.05


def start(
    name: str,
    command: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
) -> int:
    """Start a program of this checkout beside us; its output goes to the home's logs."""
    home = session.home()
    log = (home.logs / f"{name}.log").open("ab")
    process = subprocess.Popen(
        list(command),
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **(environ or {})},
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    log.close()
    if stdin is not None and process.stdin is not None:
        process.stdin.write(stdin)
        process.stdin.close()
    note(name, process.pid)
    return process.pid


def note(name: str, pid: int) -> None:
    """Write a process's number down, with its start time: a number may be anybody's later."""
    _file(name).write_text(json.dumps({"pid": pid, "started": _started(pid)}), encoding="utf-8")


def forget(name: str) -> None:
    _file(name).unlink(missing_ok=True)


def running(name: str) -> int | None:
    """The number of the noted process, if it is still that one."""
    try:
        noted = json.loads(_file(name).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return noted["pid"] if noted["started"] and noted["started"] == _started(noted["pid"]) else None


def stop(name: str) -> bool:
    """End one noted process and wait for it; whether there was one."""
    pid = running(name)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + PATIENCE_S
        while running(name) is not None and time.monotonic() < end:
            _reap(pid)
            time.sleep(POLL_S)
        if running(name) is not None:
            os.kill(pid, signal.SIGKILL)
            _reap(pid)
    forget(name)
    return pid is not None


def stop_all() -> None:
    """Everything of this home: sites, worker, simulators, then the database."""
    home = session.home()
    for file in sorted(home.run.glob("*.pid.json")):
        name = file.name.removesuffix(".pid.json")
        if stop(name):
            session.say(f"已停止 {name}")
    if home.data.exists():
        Server(home).stop()
    session.say("已停止。")


def wait_for(path: Path, name: str) -> dict[str, Any]:
    """Wait for a program's ready file.

    Raises:
        Refused: it ended, or did not get ready in time; the log is named.
    """
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return found
        if running(name) is None:
            break
        time.sleep(POLL_S)
    raise Refused(f"{name} 没有启动成功，请查看 {session.home().logs / (name + '.log')}。")


def python(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", *words]


def _file(name: str) -> Path:
    return session.home().run / f"{name}.pid.json"


def _started(pid: int) -> str:
    try:
        fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
