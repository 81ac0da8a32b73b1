"""停发 and 账户变更: one asks, another answers, by nothing but clicking; and 剔除 from a draft."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import ledger
from tests.browser.desk import Desk
from yikatong.cli import setup
from yikatong.kernel.period import Period

TOLD_IN_ORDER = True
pytestmark = [pytest.mark.browser]

Sit = Callable[[str], Desk]

# the steps that bring a batch to its banks, and where it then waits for the next person
TO_THE_BANKS = {
    "pengshui": (
        ("town-clerk", "编制送审"),
        ("town-check", "审核上报"),
        ("dept-chief", "部门审批"),
        ("dept-clerk", "提交数据"),
    ),
    "dadukou": (
        ("town-clerk", "编制送审"),
        ("town-check", "审核提交"),
        ("town-clerk", "发送数据"),
    ),
}
THEN = {"pengshui": ("dept-clerk", "拨款申请"), "dadukou": ("finance", "程序性复核")}
WHY_STOPPED = "本人于本月去世，家属已告知"
WHY_CHANGED = "原存折遗失，本人重新开户"
WHY_REMOVED = "本人已迁出本镇，核实后剔除"
NEW_NUMBER = "6222 0000 0000 1234 561"


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


def drafted(desk: Desk, file: Path) -> str:
    """A draft of the month before last: the other tale of this hall pays the last one."""
    today = setup.today()
    page = desk.open("/import")
    page.get_by_label("补贴项目").select_option("P01")
    page.get_by_label("期次").select_option(str(Period(today.year, today.month).previous.previous))
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="上传并检查").click()
    page.get_by_role("button", name="存为草稿").click(timeout=60_000)
    return page.locator(".page__lead .code").inner_text()


@pytest.mark.parametrize("county", TO_THE_BANKS)
def test_a_line_leaves_a_draft_and_a_payment_is_stopped_before_its_release(
    sit: Sit, town_hall: dict[str, Any], county: str
) -> None:
    clerk = sit(f"{county}-town-clerk")
    number = drafted(clerk, Path(town_hall["lists"][county]))
    _a_line_is_taken_out(clerk, town_hall, county, number)
    for post, title in TO_THE_BANKS[county]:
        sit(f"{county}-{post}").take(number, title)
    post, title = THEN[county]
    sit(f"{county}-{post}").wait_for_work(number, title)

    page = clerk.open(f"/batches/{number}/payments")
    page.get_by_role("link", name=re.compile("^停发")).first.click()
    page.get_by_label("停发原因").fill(WHY_STOPPED)
    page.get_by_role("button", name="提出停发").click()
    expect(page.get_by_text("停发待复核")).to_be_visible()
    page.get_by_role("row").filter(has_text="停发待复核").get_by_role("link").first.click()
    assert page.get_by_role("button", name="复核停发").count() == 0, "nobody confirms their own"

    checker = sit(f"{county}-town-check")
    row = checker.open("/").get_by_role("row").filter(has_text="停发待您复核")
    row.get_by_role("link").click()
    expect(checker.page.get_by_text(WHY_STOPPED)).to_be_visible()
    checker.page.get_by_role("button", name="复核停发").click()
    expect(checker.page.get_by_text("已复核停发")).to_be_visible()
    checker.shoot(f"停发-{county}")

    books = ledger.of(town_hall, county)
    (stop,) = [one for one in books["stops"] if one["batch"] == number]
    assert stop["state"] == "STOPPED"
    assert stop["asked_by"] == f"{county}-town-clerk"
    assert stop["confirmed_by"] == f"{county}-town-check"
    told = [
        (event["action"], event["username"])
        for event in books["events"]
        if event["note"].startswith(stop["detail_id"])
    ]
    assert told == [
        ("payment.stop", f"{county}-town-clerk"),
        ("payment.stopped", f"{county}-town-check"),
    ]
    parts = clerk.open(f"/batches/{number}").locator(".equation__part")
    expect(parts.filter(has_text="停发")).to_contain_text("1 人次")
    expect(clerk.page.locator(".equation__verdict")).to_contain_text("平")


def _a_line_is_taken_out(clerk: Desk, hall: dict[str, Any], county: str, number: str) -> None:
    page = clerk.open(f"/batches/{number}/lines")
    before = sorted(ledger.of(hall, county)["lines"][number])
    page.locator("#lines input[name=rows]").first.check()
    page.get_by_label("剔除原因").fill(WHY_REMOVED)
    page.get_by_role("button", name="剔除").click()
    expect(page.get_by_text("已剔除 1 行")).to_be_visible()
    clerk.shoot(f"剔除-{county}")
    books = ledger.of(hall, county)
    assert sorted(books["lines"][number]) == before[1:]
    (event,) = [one for one in books["events"] if one["action"] == "batch.remove"]
    assert event["username"] == f"{county}-town-clerk"
    assert WHY_REMOVED in event["note"]


@pytest.mark.parametrize("county", TO_THE_BANKS)
def test_an_account_is_changed_by_one_who_declares_and_one_who_confirms(
    sit: Sit, town_hall: dict[str, Any], county: str
) -> None:
    clerk, checker = sit(f"{county}-town-clerk"), sit(f"{county}-town-check")
    page = clerk.open("/people")
    held = page.get_by_role("row").filter(has_text="尾号").nth(5)
    old = re.search(r"尾号\s*(\w{4})", held.inner_text())
    assert old
    held.get_by_role("link").click()
    page.get_by_label("新账号").fill(NEW_NUMBER)
    page.get_by_label("账户种类").select_option("PASSBOOK")
    page.get_by_label("代发银行").select_option(index=1)
    page.get_by_label("变更原因").fill(WHY_CHANGED)
    page.get_by_role("button", name="提出变更").click()
    expect(page.get_by_text("已提出账户变更")).to_be_visible()
    assert "1234561" not in page.content(), "the number is not shown again"
    (change,) = [c for c in ledger.of(town_hall, county)["changes"] if c["last4"] == "4561"]
    assert (change["state"], change["in_force"]) == ("PROPOSED", old[1]), "the old one still pays"

    row = checker.open("/").get_by_role("row").filter(has_text="账户变更待您复核")
    row.get_by_role("link").click()
    expect(checker.page.get_by_role("row").filter(has_text="账号末四位")).to_contain_text("4561")
    checker.page.get_by_label("同意变更").check()
    checker.shoot(f"账户变更-{county}")
    checker.page.get_by_role("button", name="确认").click()
    expect(checker.page.get_by_text("已办理")).to_be_visible()

    books = ledger.of(town_hall, county)
    (change,) = [one for one in books["changes"] if one["last4"] == "4561"]
    assert change == {
        "state": "CONFIRMED",
        "proposed_by": f"{county}-town-clerk",
        "decided_by": f"{county}-town-check",
        "last4": "4561",
        "in_force": "4561",
    }
    told = [
        (event["action"], event["username"], event["result"])
        for event in books["events"]
        if event["action"].startswith("account.")
    ]
    assert told == [
        ("account.propose", f"{county}-town-clerk", "done"),
        ("account.confirm", f"{county}-town-check", "passed"),
    ]
    shown = checker.open("/account-changes").get_by_role("row").filter(has_text="4561")
    expect(shown).to_contain_text(old[1])
