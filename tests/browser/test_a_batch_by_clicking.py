"""A list becomes money on cards, by nothing but clicking: township, department, finance, bank.

Behind it run a bank and a treasury in processes of their own, and the worker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.desk import Desk

TOLD_IN_ORDER = True
pytestmark = [pytest.mark.browser]

Sit = Callable[[str], Desk]
ID_NUMBER = re.compile(r"(?<![\dA-Za-z])\d{17}[\dXx](?![\dA-Za-z])")

# who takes which step of their county's journey, in order
DESKS = {
    "pengshui": (
        ("town-clerk", "编制送审"),
        ("town-check", "审核上报"),
        ("dept-chief", "部门审批"),
        ("dept-clerk", "提交数据"),
        ("dept-clerk", "拨款申请"),
        ("finance", "财政拨付"),
        ("dept-clerk", "公开公示"),
    ),
    "dadukou": (
        ("town-clerk", "编制送审"),
        ("town-check", "审核提交"),
        ("town-clerk", "发送数据"),
        ("finance", "程序性复核"),
        ("town-clerk", "拨款申请"),
        ("town-clerk", "公开公示"),
    ),
}
ANSWER = "已与名册核对，情况属实"


@pytest.fixture
def sit(browser: Browser, town_hall: dict[str, Any]) -> Iterator[Sit]:
    desks: dict[str, Desk] = {}

    def sit(username: str) -> Desk:
        if username not in desks:
            desks[username] = Desk(browser, town_hall, username)
        return desks[username]

    yield sit
    for desk in desks.values():
        desk.leave()


def imported(desk: Desk, file: Path) -> str:
    """Upload, wait for the check, store as a draft; gives the batch's number."""
    page = desk.open("/import")
    page.get_by_label("补贴项目").select_option("P01")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="上传并检查").click()
    expect(page.get_by_role("button", name="存为草稿")).to_be_visible(timeout=60_000)
    desk.shoot(f"检查结果-{file.stem}")
    assert not ID_NUMBER.search(page.content())
    page.get_by_role("button", name="存为草稿").click()
    number = page.locator(".page__lead .code").inner_text()
    assert number in page.get_by_text("已存为草稿").inner_text()
    return number


@pytest.mark.parametrize("county", DESKS)
def test_a_batch_travels_from_a_spreadsheet_to_the_public_notice(
    sit: Sit, town_hall: dict[str, Any], county: str, page: Page
) -> None:
    clerk = sit(f"{county}-town-clerk")
    number = imported(clerk, Path(town_hall["lists"][county]))
    for post, title in DESKS[county]:
        sit(f"{county}-{post}").take(number, title)
    clerk.wait_for_status(number, "公示中")
    clerk.shoot(f"批次详情-{county}")
    verdict = clerk.page.locator(".equation__verdict")
    expect(verdict).to_have_text(re.compile("平"))
    for path in (f"/batches/{number}", f"/batches/{number}/lines", f"/batches/{number}/payments"):
        clerk.open(path)
        assert not ID_NUMBER.search(clerk.page.content()), path
    bank = sit(f"{county}-bank")
    expect(bank.open("/").get_by_text("耕地地力").first).to_be_visible()
    page.goto(f"{town_hall['public']}/?county={county}")
    page.get_by_role("link", name=re.compile("耕地地力")).first.click()
    expect(page.get_by_role("table")).to_contain_text("*")
    assert not ID_NUMBER.search(page.content())
    assert len(page.content().encode()) <= 30_000


def test_the_same_file_again_leads_to_the_earlier_result(
    sit: Sit, town_hall: dict[str, Any]
) -> None:
    clerk = sit("pengshui-town-clerk")
    page = clerk.open("/import")
    page.get_by_label("补贴项目").select_option("P04")
    page.locator("input[type=file]").set_input_files(town_hall["lists"]["pengshui"])
    page.get_by_role("button", name="上传并检查").click()
    first = page.url
    clerk.open("/import")
    page.get_by_label("补贴项目").select_option("P04")
    page.locator("input[type=file]").set_input_files(town_hall["lists"]["pengshui"])
    page.get_by_role("button", name="上传并检查").click()
    expect(page.get_by_text("这个文件已经导入过")).to_be_visible()
    assert page.url == first


PAGES = {
    "town-clerk": ("/", "/import", "/batches", "/people", "/account-changes"),
    "dept-clerk": ("/", "/programmes", "/notices", "/exceptions"),
    "finance": ("/", "/batches"),
    "bank": ("/",),
    "village": ("/", "/people", "/village/lines", "/programmes"),
    "audit": ("/events",),
    "sysadmin": ("/",),
}
WIDTHS = (360, 390, 768, 1366, 1920)
AXE_WIDTH = {"normal": 1366, "large": 390}
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def paths_of(post: str, desk: Desk) -> tuple[str, ...]:
    """The pages of a duty; for the clerk also those of the oldest batch and of one person."""
    if post != "town-clerk":
        return PAGES[post]
    batch = desk.open("/batches").locator("#batches .code").last.inner_text()
    person = desk.open("/people").locator("#people a").first.get_attribute("href") or ""
    own = (f"/batches/{batch}", f"/batches/{batch}/lines", f"/batches/{batch}/payments")
    return (*PAGES[post], person, *own)


@pytest.mark.parametrize("size", ["normal", "large"])
@pytest.mark.parametrize("post", PAGES)
def test_every_page_fits_every_window_and_axe_finds_nothing(sit: Sit, post: str, size: str) -> None:
    """Runs after the stories above, so that the lists hold something."""
    desk = sit(f"pengshui-{post}")
    desk.context.add_cookies([{"name": "size", "value": size, "url": desk.base}])
    for path in paths_of(post, desk):
        desk.open(path)
        for width in WIDTHS:
            desk.page.set_viewport_size({"width": width, "height": 800})
            assert desk.page.evaluate("document.documentElement.scrollWidth") <= width, (
                path,
                width,
            )
        width = AXE_WIDTH[size]
        desk.page.set_viewport_size({"width": width, "height": 800})
        found = Axe().run(desk.page, options=AXE)
        assert found.violations_count == 0, f"{path} {width}\n{found.generate_report()}"
