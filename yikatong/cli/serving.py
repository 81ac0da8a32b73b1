"""`serve`: the officials' site and the public's, two processes with two logins."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from typing import Final

from yikatong.cli import processes, session
from yikatong.kernel.home import CHECKOUT

LOOPBACK: Final = "127.0.0.1"
THREADS: Final = "4"


def serve(port: int) -> None:
    """Both sites in the foreground until stopped; the public one listens on the next free port."""
    session.log_in("web")
    officials = port or free_port()
    public = free_port()
    with _site("web", officials) as site, _site("public", public) as open_site:
        session.say(f"工作人员：http://{LOOPBACK}:{officials}/")
        session.say(f"公众查询：http://{LOOPBACK}:{public}/")
        session.say("按 Ctrl+C 停止网站；./ykt stop 停止全部。")

        def end(*_: object) -> None:
            site.terminate()
            open_site.terminate()

        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, end)
        site.wait()
        open_site.terminate()
    for name in ("web", "public"):
        processes.forget(name)


def _site(process: str, port: int) -> subprocess.Popen[bytes]:
    home = session.home()
    started = subprocess.Popen(
        processes.python(
            "gunicorn", "config.wsgi:application", "--bind", f"{LOOPBACK}:{port}", "--workers", "1",
            "--threads", THREADS, "--no-control-socket",
            "--error-logfile", str(home.logs / f"{process}.log"),
        ),
        cwd=CHECKOUT,
        env={
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "YKT_PROCESS": process,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
    )  # fmt: skip
    processes.note(process, started.pid)
    return started


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
