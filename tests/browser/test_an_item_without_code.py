"""新建项目 by clicking: a clerk defines and tries an item, her chief confirms it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.desk import Desk

TOLD_IN_ORDER = True
pytestmark = [pytest.mark.browser]

Sit = Callable[[str], Desk]
NAME = "高山蔬菜种植补贴"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1366, "height": 768}
RATE, AREA, RIGHT, WRONG = "123.4567891", "2", "246.91", "246.92"


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


def photographed(desk: Desk, name: str) -> None:
    """At a desk and on a phone; nothing may stick out."""
    for size, width in ((DESK, "1366"), (PHONE, "390")):
        desk.page.set_viewport_size(size)  # type: ignore[arg-type]
        wide = desk.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"], f"{name} {wide} > {width}"
        desk.shoot(f"{name}-{width}")
    desk.page.set_viewport_size(DESK)  # type: ignore[arg-type]


def people(hall: dict[str, Any]) -> list[tuple[str, str]]:
    """Two registered people, out of the hall's own list."""
    page = openpyxl.load_workbook(hall["lists"]["pengshui"]).active
    assert page is not None
    rows = [[str(cell or "") for cell in row] for row in page.iter_rows(values_only=True)]
    head = next(row for row in rows if any("身份证" in cell for cell in row))
    name = next(n for n, cell in enumerate(head) if "姓名" in cell)
    number = next(n for n, cell in enumerate(head) if "身份证" in cell)
    found = [(row[name], row[number]) for row in rows if re.fullmatch(r"\d{17}[\dX]", row[number])]
    return list(dict.fromkeys(found))[5:7]


def written(hall: dict[str, Any], folder: Path, amounts: tuple[str, str]) -> Path:
    path = folder / f"样表{amounts[1]}.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["姓名", "身份证号", "种植面积（亩）", "地块号", "品种", "金额"])
        for n, ((name, number), amount) in enumerate(zip(people(hall), amounts, strict=True)):
            writer.writerow([name, number, AREA, f"地{n}", "辣椒", amount])
    return path


def fill(page: Page) -> None:
    page.get_by_label("项目名称").fill(NAME)
    page.get_by_label("简称").fill("高山蔬菜")
    page.get_by_label("补贴对象", exact=True).fill("种植户")
    page.get_by_label("政策依据").fill("彭水农发〔2026〕1号")
    page.get_by_label("发放频次").select_option("yearly")
    page.get_by_label("计量单位").fill("亩")
    page.locator("#id_object_kind").select_option("plot")
    page.locator("#id_use_quantity").select_option("required")
    page.locator("#id_word_quantity").fill("种植面积（亩）")
    page.locator("#id_use_object_key").select_option("required")
    page.locator("#id_word_object_key").fill("地块号")
    page.get_by_label("只存文字的列").fill("品种")
    page.get_by_label("计算公式").fill("补贴金额=补贴标准×面识")
    page.locator("#id_standard_0_amount").fill(RATE)
    page.locator("#id_standard_0_from").fill("2026-01-01")
    page.locator("#id_relation_0_b").select_option("P01")
    page.locator("#id_relation_0_kind").select_option("SAME_ASSET")
    page.locator("#id_relation_0_scope").select_option("plot")
    page.locator("#id_relation_0_since").fill("2026-01-01")


def test_from_an_empty_form_to_lines_that_pass(
    sit: Sit, town_hall: dict[str, Any], tmp_path: Path
) -> None:
    clerk = sit("pengshui-dept-clerk")
    page = clerk.open("/programmes")
    page.get_by_role("link", name="新建项目").click()
    photographed(clerk, "新建项目")
    fill(page)
    page.get_by_role("button", name="存为试填").click()
    expect(page.get_by_text("第 11 个字起的“面识”不是本项的列").first).to_be_visible()
    photographed(clerk, "新建项目-公式有误")
    page.get_by_label("计算公式").fill("补贴金额＝补贴标准×种植面积")
    page.get_by_role("button", name="存为试填").click()
    expect(page.get_by_text("已存为试填")).to_be_visible()
    photographed(clerk, "项目定义-试填")
    address = page.url

    page.locator("input[type=file]").set_input_files(written(town_hall, tmp_path, (RIGHT, WRONG)))
    page.get_by_role("button", name="上传并试查").click()
    expect(page.get_by_text("应为 246.91 元")).to_be_visible(timeout=60_000)
    photographed(clerk, "样表试查")
    page.get_by_role("link", name="返回项目定义").click()
    expect(page.get_by_text("等待本部门另一人确认生效")).to_be_visible()
    assert page.get_by_role("button", name="确认生效").count() == 0, "nobody confirms their own"

    finance = sit("pengshui-finance")
    finance.page.goto(address)
    expect(finance.page.get_by_text(NAME).first).to_be_visible()
    assert finance.page.locator("main form").count() == 0, "finance reads"

    chief = sit("pengshui-dept-chief")
    row = chief.open("/").get_by_role("row").filter(has_text="项目定义待您确认生效")
    row.get_by_role("link").click()
    photographed(chief, "项目定义-待确认")
    chief.page.get_by_role("button", name="确认生效").click()
    expect(chief.page.get_by_text("已生效，可以下载模板、导入名单")).to_be_visible()
    photographed(chief, "项目定义-生效")

    town = sit("pengshui-town-clerk")
    page = town.open("/import")
    page.get_by_label("补贴项目").select_option("NA01")
    page.locator("input[type=file]").set_input_files(written(town_hall, tmp_path, (RIGHT, RIGHT)))
    page.get_by_role("button", name="上传并检查").click()
    expect(page.get_by_text("2 行 = 通过 2 + 错误 0 + 提醒 0")).to_be_visible(timeout=60_000)
    page = clerk.open("/programmes")
    expect(page.locator("#definitions")).to_contain_text("生效")
    photographed(clerk, "项目与标准")
