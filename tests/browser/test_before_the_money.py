"""By clicking: a column is said once, the files come down, and the batch tells what would fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from openpyxl import load_workbook
from playwright.sync_api import Browser, Page, expect

from tests import database
from tests.browser.desk import Desk
from tests.desk import conftest as desk_of
from tests.desk.conftest import LISTS, PASSWORDS
from yikatong.kernel.actor import ALL_UNITS
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.registry.models import AccountVerification, CardAccountVersion
from yikatong.submission.models import Batch
from yikatong.submission.queries import batch_by_number
from yikatong.validation.actions import conclude, examine, run_check
from yikatong.validation.models import LineVerdict, PeriodChange
from yikatong.validation.queries import check_run_with_file, last_run
from yikatong.validation.rules import Bands, ChangeKind

TOLD_IN_ORDER = True
county = desk_of.county  # the fixture: one county with a draft
pytestmark = [pytest.mark.browser]

HERE = "500243"
LogIn = Callable[[str], AbstractContextManager[None]]
Sit = Callable[[str], Desk]
WIDTHS = (390, 1366)
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
SHEET = "姓名,身份证号,面积,款项,家庭备注情况\n冉一,500243199001010018,2,146.4,无\n"


@pytest.fixture
def sit(browser: Browser, site: str, county: str) -> Iterator[Sit]:
    desks: dict[str, Desk] = {}

    def sit(username: str) -> Desk:
        if username not in desks:
            hall = {"site": site, "passwords": PASSWORDS}
            desks[username] = Desk(browser, hall, username)
        return desks[username]

    yield sit
    for desk in desks.values():
        desk.leave()


def looked_at(desk: Desk, name: str) -> None:
    """No sideways scrolling, nothing for axe, and a picture of it, wide and narrow."""
    page = desk.page
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        found = Axe().run(page, options=AXE)
        assert found.violations_count == 0, f"{name} {width}\n{found.generate_report()}"
        desk.shoot(f"{name}-{width}")


def checked(desk: Desk, log_in: LogIn) -> Page:
    """The job of the check that this page waits for, done as the worker does it."""
    page = desk.page
    page.wait_for_url(re.compile(r"/import/\d+$"))
    where = page.url
    page.goto("about:blank")  # nobody asks while the one connection is the worker's
    with log_in("ykt_worker"), acting(machine(HERE)) as actor:
        run = check_run_with_file(int(where.rpartition("/")[2]), scope=actor.scope)
        run_check(run, bands=Bands(*ALL_UNITS), actor=actor)
    page.goto(where)
    return page


def uploaded(desk: Desk, file: Path) -> None:
    page = desk.open("/import")
    page.get_by_label("补贴项目").select_option("P01")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="上传并检查").click()


def test_the_template_comes_down_and_the_form_can_still_be_sent(
    sit: Sit, log_in: LogIn, tmp_path: Path
) -> None:
    clerk = sit("pengshui-town-clerk")
    page = clerk.open("/import")
    page.get_by_label("补贴项目").select_option("P01")
    looked_at(clerk, "名单导入")
    with page.expect_download() as down:
        page.get_by_role("button", name="下载模板").click()
    assert down.value.suggested_filename.endswith("名单模板.xlsx")
    file = tmp_path / "模板.xlsx"
    down.value.save_as(file)
    assert load_workbook(file).sheetnames
    page.locator("input[type=file]").set_input_files(
        {"name": "缺.csv", "mimeType": "text/csv", "buffer": SHEET.encode()}
    )
    page.get_by_role("button", name="上传并检查").click()
    page = checked(clerk, log_in)
    expect(page.get_by_text("还缺 补贴金额")).to_be_visible()
    looked_at(clerk, "列的对应")
    page.get_by_label("款项").select_option(label="数量")
    page.get_by_role("button", name="确认对应并重新检查").click()
    expect(page.get_by_text("两列不能对应同一个字段")).to_be_visible()
    looked_at(clerk, "列的对应-两列")
    page.get_by_label("款项").select_option(label="补贴金额")
    page.get_by_role("button", name="确认对应并重新检查").click()
    page = checked(clerk, log_in)
    expect(page.get_by_text("￥146.40")).to_be_visible()
    expect(page.get_by_role("button", name="确认对应并重新检查")).to_have_count(0)


def test_the_marked_workbook_comes_down_and_the_next_upload_says_what_was_cured(
    sit: Sit, log_in: LogIn, tmp_path: Path
) -> None:
    clerk = sit("pengshui-town-clerk")
    uploaded(clerk, LISTS["pengshui"])
    page = checked(clerk, log_in)
    looked_at(clerk, "检查页")
    with page.expect_download() as down:
        page.get_by_role("button", name="下载标注后的工作簿").click()
    assert down.value.suggested_filename == "名单-标注.xlsx"
    file = tmp_path / "改.xlsx"
    down.value.save_as(file)
    book = load_workbook(file)
    listed = book[next(name for name in book.sheetnames if name != "错误汇总")]
    twice = [
        row
        for row in range(2, listed.max_row)
        if any("_DU-1" in str(cell.value or "") for cell in listed[row])
    ]
    assert len(twice) == 2
    listed.delete_rows(twice[1])  # the other one is no duplicate then
    book.save(file)
    uploaded(clerk, file)
    page = checked(clerk, log_in)
    expect(page.get_by_text(re.compile("与上次相比：修好 1 条，仍有"))).to_be_visible()
    looked_at(clerk, "改后再传")


def test_the_batch_tells_the_difference_and_what_would_fail(
    sit: Sit, log_in: LogIn, county: str, committing: str
) -> None:
    _judged(log_in, county)
    with database.connect("ykt_admin", committing) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE submission_batch SET status = 'READY' WHERE number = %s", [county])
        admin.commit()
    desk = sit("pengshui-dept-clerk")
    page = desk.open(f"/batches/{county}")
    foretold = page.locator("#forecast")
    expect(foretold).to_contain_text("12 行")
    expect(foretold).to_contain_text("最近一次银行核验没有结论")
    expect(foretold.locator("tbody tr")).to_have_count(10)
    assert page.locator("#outcomes details").get_attribute("open") is None
    page.get_by_text("展开看每条规则").click()
    expect(page.locator("#outcomes tbody tr").first).to_be_visible()
    looked_at(desk, "批次-拨款前")
    foretold.get_by_role("link", name="查看全部").click()
    expect(page.locator("tbody tr")).to_have_count(12)
    looked_at(desk, "预计可能失败")
    chief = sit("pengshui-dept-chief")
    page = chief.open(f"/batches/{county}")
    page.locator("#changes").get_by_role("link", name="金额变化").click()
    expect(page.locator("#changes tbody tr")).to_have_count(2)
    looked_at(chief, "金额变化")


def _judged(log_in: LogIn, number: str) -> None:
    """Every account is verified, the batch judged; then the bank takes twelve answers back."""
    with log_in("ykt_worker"):
        with acting(machine(HERE)) as actor:
            versions = list(CardAccountVersion.objects.filter(county=HERE))
            _answered(versions, "MATCH", days=200)
            batch = batch_by_number(number, scope=actor.scope)
            examine(batch, bands=Bands(*ALL_UNITS), actor=actor)
            _differ(batch, last_run(batch, scope=actor.scope) + 1)
            conclude(batch, actor=actor)
        with acting(machine(HERE)):
            passed = LineVerdict.objects.filter(batch__number=number, passed=True)
            ids = passed.order_by("pk").values_list("account_version_id", flat=True)[:12]
            _answered(
                list(CardAccountVersion.objects.filter(pk__in=list(ids))), "UNAVAILABLE", days=200
            )


def _answered(versions: list[CardAccountVersion], outcome: str, *, days: int) -> None:
    now = timezone.now()
    AccountVerification.objects.bulk_create(
        AccountVerification(
            county=one.county,
            unit_no=one.unit_no,
            version=one,
            bank_no=one.bank_no,
            outcome=outcome,
            verified_at=now,
            valid_until=timezone.localdate() + timedelta(days=days),
        )
        for one in versions
    )


def _differ(batch: Batch, run_no: int) -> None:
    facts = {
        "county": batch.county,
        "unit_no": batch.unit_no,
        "department_no": batch.department_no,
        "batch": batch,
        "run_no": run_no,
    }
    PeriodChange.objects.bulk_create(
        [
            *(
                PeriodChange(
                    kind=ChangeKind.AMOUNT,
                    name=name,
                    last_period="2025-10",
                    before_fen=9_000,
                    now_fen=10_000,
                    **facts,
                )
                for name in ("冉变一", "冉变二")
            ),
            PeriodChange(
                kind=ChangeKind.ACCOUNT, name="冉换", before_last4="1234", now_last4="5678", **facts
            ),
            PeriodChange(kind=ChangeKind.SHARED_PHONE, name="冉话", shared_by=4, **facts),
        ]
    )
