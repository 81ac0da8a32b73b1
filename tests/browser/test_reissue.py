"""By clicking: what is mended is gathered in one draft, on a wide screen and on a narrow one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Browser, expect

from tests.browser.desk import Desk
from tests.browser.test_before_the_money import looked_at
from tests.feedback.test_reissues import failed, mend
from tests.funding.keeping import admin_of, policy
from tests.payout.funded import plant_funded
from tests.validation.cast import HERE, LI_XIA
from tests.validation.world import Planter
from yikatong.organisation.models import Post, User

TOLD_IN_ORDER = True
pytestmark = [pytest.mark.browser]
LogIn = Callable[[str], AbstractContextManager[None]]
PASSWORD = "Xi4-guan!dao-bao"  # noqa: S105 - of a made-up clerk


@pytest.fixture(scope="module")
def mended(committing: str) -> str:
    """The county and its clerk; what failed is planted by the test, as the worker."""
    with admin_of(committing) as admin:
        plant_funded(admin, "2026-00000000")
        planter = Planter(admin)
        with planter.county(HERE):
            user = planter.put(
                User, username=LI_XIA.username, name=LI_XIA.name, password=make_password(PASSWORD)
            )
            unit = planter._value(
                "SELECT id FROM organisation_unit WHERE unit_no = %s", LI_XIA.unit_no
            )
            planter.put(Post, user=user, unit=unit, duty=LI_XIA.duty.value)
    policy(committing, "refund")
    return committing


def test_the_clerk_gathers_what_is_mended(
    browser: Browser, site: str, mended: str, log_in: LogIn
) -> None:
    with log_in("ykt_worker"):
        for number in ("2026-00000085", "2026-00000086"):
            failed(mended, number)
            mend(mended, number, 1)
    desk = Desk(browser, {"site": site, "passwords": {LI_XIA.username: PASSWORD}}, LI_XIA.username)
    desk.open("/failures")
    expect(desk.page.get_by_text("已更正，可补发").first).to_be_visible()
    looked_at(desk, "failures-ready")
    desk.page.set_viewport_size({"width": 1366, "height": 768})
    desk.page.get_by_role("button", name="生成补发批次（2 笔）").click()
    expect(desk.page.get_by_text("已生成补发批次，2 笔")).to_be_visible()
    expect(desk.page.get_by_role("heading", level=1)).to_contain_text("补发，第2次")
    looked_at(desk, "reissue-batch")
    desk.open("/failures")
    expect(desk.page.get_by_role("button", name="生成补发批次")).to_have_count(0)
    desk.leave()
