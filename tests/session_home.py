"""A home for this test session, named before Django reads its settings (`-p tests.session_home`).

All xdist workers share it: the first process makes it and takes it away again. What a killed
session left behind is cleared by the next one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from yikatong.cli.postgres import Server
from yikatong.kernel.home import Home

SHARED = "YKT_TEST_HOME"
PREFIX = "ykt-test-"
# the session's server may forget; the crash tests start servers of their own, with fsync on
SETTINGS = {"fsync": "off", "shared_buffers": "128MB", "max_connections": "60"}


def home() -> Home:
    return Home(Path(os.environ[SHARED]))


def server() -> Server:
    return Server(home(), settings=SETTINGS)


def _begin() -> None:
    if SHARED in os.environ:
        return
    _clear_leftovers()
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
    Path(folder).chmod(0o711)  # the server's user passes through to its socket
    os.environ[SHARED] = os.environ["YKT_HOME"] = folder
    for name in ("YKT_DATABASE_URL", "YKT_DATABASE_NAME", "YKT_ADMIN_URL", "YKT_PROCESS"):
        os.environ.pop(name, None)


def _clear_leftovers() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = folder.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists() and os.access(folder, os.W_OK):
            _remove(folder)


def _remove(folder: Path) -> None:
    Server(Home(folder)).stop()
    shutil.rmtree(folder, ignore_errors=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and f"{PREFIX}{os.getpid()}-" in os.environ[SHARED]:
        _remove(Path(os.environ.pop(SHARED)))


_begin()
