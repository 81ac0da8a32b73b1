"""Every component in every state: nothing overflows, axe finds nothing, keys and files work."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from yikatong.kernel.home import CHECKOUT

pytestmark = pytest.mark.browser

STATIC = CHECKOUT / "yikatong" / "desk" / "static" / "ykt"
PAGES = ("/", "/?size=large", "/sign-in?bad=1", "/public", "/error/404", "/error/409")
QUIET = ("/", "/?size=large", "/sign-in?bad=1", "/public")
WIDTHS = (360, 390, 768, 1366, 1920)
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
RESULTS = CHECKOUT / "test-results"


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_wider_than_the_window(page: Page, gallery: str, path: str) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(gallery + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width


@pytest.mark.parametrize("path", QUIET)
@pytest.mark.parametrize("width", [390, 1366])
def test_axe_finds_nothing(quiet_page: Page, gallery: str, path: str, width: int) -> None:
    quiet_page.set_viewport_size({"width": width, "height": 800})
    quiet_page.goto(gallery + path)
    found = Axe().run(quiet_page, options=AXE)
    assert found.violations_count == 0, found.generate_report()
    RESULTS.mkdir(exist_ok=True)
    name = "".join(letter if letter.isalnum() else "-" for letter in path)
    quiet_page.screenshot(path=RESULTS / f"gallery{name}{width}.png", full_page=True)


def test_the_menu_opens_on_a_phone_without_any_script(page: Page, gallery: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(gallery)
    menu = page.get_by_role("navigation", name="主菜单")
    expect(menu).to_be_hidden()
    page.get_by_role("link", name="打开菜单").click()
    expect(menu.get_by_role("link", name="名单导入")).to_be_visible()
    page.get_by_role("link", name="关闭菜单").click()
    expect(menu).to_be_hidden()


def test_a_dialog_opens_and_closes(quiet_page: Page, gallery: str) -> None:
    quiet_page.goto(gallery)
    quiet_page.get_by_role("button", name="导入名单").click()
    dialog = quiet_page.get_by_role("dialog", name="确认送审")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="返回").click()
    expect(dialog).to_be_hidden()


def test_a_file_is_looked_at_before_it_is_sent(
    quiet_page: Page, gallery: str, tmp_path: Path
) -> None:
    quiet_page.goto(gallery)
    chosen = quiet_page.locator("[data-chosen]")
    for name, content, sentence in (
        ("名单.et", b"x", "请先另存为 .xlsx"),
        ("名单.pdf", b"x", "不是可用的格式"),
        ("空名单.xlsx", b"", "空文件"),
        ("名单.xlsx", b"x" * 3000, "名单.xlsx（3 KB）"),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        quiet_page.set_input_files("#id_file", file)
        expect(chosen).to_contain_text(sentence)


def test_keys_walk_the_table_and_find_the_next_error(quiet_page: Page, gallery: str) -> None:
    quiet_page.goto(gallery)
    lines = quiet_page.locator("#lines")
    lines.get_by_label("选择本页").focus()
    quiet_page.keyboard.press("F8")
    expect(quiet_page.locator("#row-3")).to_be_focused()
    quiet_page.keyboard.press("ArrowDown")
    expect(quiet_page.locator("#row-10")).to_be_focused()
    quiet_page.keyboard.press("Space")
    expect(quiet_page.locator("[data-counts=lines]")).to_have_text("已选本页 1 条")
    quiet_page.keyboard.press("/")
    expect(quiet_page.locator("[data-search]")).to_be_focused()


def test_chinese_is_drawn_in_a_font_that_is_there(page: Page, gallery: str) -> None:
    """Boxes instead of characters would all be equally wide as a missing one."""
    page.goto(gallery)
    width = "(t) => { const c = document.createElement('canvas').getContext('2d');"
    width += " c.font = '40px ' + getComputedStyle(document.body).fontFamily;"
    drawn = page.evaluate(
        width + " c.fillText(t, 0, 40); return [...c.getImageData(0, 0, 60, 60).data].join() }",
        "惠",
    )
    missing = page.evaluate(
        width + " c.fillText(t, 0, 40); return [...c.getImageData(0, 0, 60, 60).data].join() }",
        "\U0010fffd",
    )
    assert drawn != missing


def test_the_pages_keep_their_budgets() -> None:
    css = b"".join(file.read_bytes() for file in STATIC.glob("*.css"))
    assert len(gzip.compress(css)) <= 20_000
    assert len((STATIC / "ykt.js").read_bytes()) <= 8_000
    public = sum((STATIC / f"{name}.css").stat().st_size for name in ("tokens", "base", "public"))
    assert public <= 20_000
