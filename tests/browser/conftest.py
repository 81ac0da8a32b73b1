"""A real Chromium of Debian's: one per session, a fresh context per test, a quiet console."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer
from django.core.wsgi import get_wsgi_application
from django.test.testcases import QuietWSGIRequestHandler
from playwright.sync_api import ConsoleMessage, Page, expect

from yikatong.cli.testing import chromium
from yikatong.kernel.home import CHECKOUT

# playwright keeps an event loop in the test's thread, where Django then refuses to query
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
# what a page must show is waited for as long as a busy machine may take
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_type_launch_args,
        "executable_path": chromium(),
        "args": [
            "--no-sandbox",  # needed as root
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--font-render-hinting=none",
            "--hide-scrollbars",
        ],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_context_args,
        "locale": "zh-CN",
        "timezone_id": "Asia/Shanghai",
        "viewport": {"width": 1366, "height": 768},
    }


@pytest.fixture
def quiet_page(page: Page) -> Iterator[Page]:
    """A page whose console must stay silent: a refused script or style is a failure."""
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            said.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    assert said == []


@pytest.fixture(scope="session")
def gallery() -> Iterator[str]:
    """The address of the gallery site (see gallery_site.py)."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.browser.gallery_site"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=10)
    process.stdout.close()


@pytest.fixture(scope="module")
def site(committing: str) -> Iterator[str]:
    """The address of the officials' site, as `ykt_web`, over this module's own database.

    In place of pytest-django's live_server, which truncates tables. The name of the database is
    `committing`; whatever a test commits there is what the site shows.
    """
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler)
    server.daemon_threads = True
    server.set_app(get_wsgi_application())
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


@pytest.fixture(scope="session")
def town_hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A whole home with both counties and everything that runs in it (see town_hall.py)."""
    folder = tmp_path_factory.mktemp("lists")
    home = Path(tempfile.mkdtemp(prefix="ykt-hall-"))
    home.chmod(0o711)  # the database's own user passes through to its socket
    kept = {name: word for name, word in os.environ.items() if not name.startswith("YKT_")}
    log = folder / "town_hall.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.browser.town_hall", str(folder)],
            cwd=CHECKOUT,
            env={**kept, "YKT_HOME": str(home), "PYTHONPATH": str(CHECKOUT), "PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    told = process.stdout.readline()
    try:
        assert told, log.read_text("utf-8")
        yield json.loads(told) | {"home": str(home)}
    finally:
        process.communicate(timeout=60)
        shutil.rmtree(home, ignore_errors=True)
