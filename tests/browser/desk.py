"""How the browser tests sit at a desk: sign in, find one's work, take it, look at the result."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

PATIENCE_S = 90
RESULTS = Path("test-results")


class Desk:
    """One person's browser, in a context of its own."""

    def __init__(self, browser: Browser, hall: dict[str, Any], username: str) -> None:
        self.context = browser.new_context(
            locale="zh-CN", timezone_id="Asia/Shanghai", viewport={"width": 1366, "height": 768}
        )
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.base = str(hall["site"])
        self.page.goto(f"{self.base}/sign-in")
        self.page.get_by_label("账号").fill(username)
        self.page.get_by_label("密码").fill(hall["passwords"][username])
        self.page.get_by_role("button", name="登录").click()
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    def _listen(self, message: Any) -> None:
        # a refused step answers 4xx on purpose; the browser says so in its console
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.said.append(message.text)

    def open(self, path: str) -> Page:
        self.page.goto(self.base + path)
        return self.page

    def leave(self) -> None:
        assert self.said == []
        self.context.close()

    def shoot(self, name: str) -> None:
        RESULTS.mkdir(exist_ok=True)
        self.page.screenshot(path=RESULTS / f"{name}.png", full_page=True)

    def wait_for_work(self, number: str, title: str) -> None:
        """Reload the 工作台 until this batch waits here for this very step."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            page = self.open("/")
            row = page.locator("#todos tr").filter(has_text=number).filter(has_text=title)
            if row.count():
                row.get_by_role("link", name=re.compile("去办理")).click()
                return
            time.sleep(0.5)
        raise AssertionError(f"{number} 没有等到“{title}”")

    def take(self, number: str, title: str, *, returns: str = "") -> None:
        """One step by clicking: pass it, or return it with this reason."""
        self.wait_for_work(number, title)
        page = self.page
        button = page.get_by_role("button", name=f"确认{title}")
        # the step's own page must stand before it is asked whether it offers a choice
        expect(button).to_be_visible()
        if page.get_by_role("radio", name="通过").count():
            page.get_by_role("radio", name="退回" if returns else "通过").check()
            page.get_by_label(re.compile("意见或退回原因")).fill(returns)
        button.click()
        expect(page.get_by_text(f"已办理“{title}”")).to_be_visible()

    def wait_for_status(self, number: str, *words: str) -> str:
        """Reload the batch until it shows one of these states."""
        end = time.monotonic() + PATIENCE_S
        state = ""
        while time.monotonic() < end:
            self.open(f"/batches/{number}")
            state = self.page.locator(".page__lead .tag").first.inner_text().strip()
            if state in words:
                return state
            time.sleep(0.5)
        raise AssertionError(f"{number} 停在“{state}”，没有到 {words}")
