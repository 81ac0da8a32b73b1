"""失败通知: told once to each unit that must act, on the platform and by text, naming nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st

from tests import database
from tests.feedback.test_reconciling import opened
from tests.funding.keeping import admin_of, plant_failed, policy
from tests.payout.funded import NAMES, Funded, plant_funded
from tests.validation.cast import CAST, HERE, LI_XIA, SUN_MEI, TOWN, WU_WAI
from tests.validation.world import Planter
from yikatong.connectors.sms.file_outbox import FileOutbox
from yikatong.connectors.sms.ports import OfficerText
from yikatong.desk import workbench
from yikatong.feedback import notices
from yikatong.feedback.actions import settle
from yikatong.feedback.models import OfficerNotice
from yikatong.feedback.queries import notices_of
from yikatong.feedback.rules import SIGNATURE, TEXT_MOST, officer_text
from yikatong.kernel.errors import TryAgain
from yikatong.organisation.machines import machine
from yikatong.organisation.rules import department_unit
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch

LogIn = Callable[[str], AbstractContextManager[None]]
US = machine(HERE)
NUMBER = "2026-00000021"
SENT_AT = datetime(2026, 11, 22, 12, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def told(own_database: str, log_in: LogIn) -> Iterator[Funded]:
    """Two of three have failed, and the batch is settled."""
    with log_in("ykt_worker"):
        with admin_of(own_database) as admin:
            plant_funded(admin, "2026-00000000")
            planter = Planter(admin)
            with planter.county(HERE):
                planter.officials([one for one in CAST if one.scope.county == HERE])
        policy(own_database, "refund")
        found = plant_failed(own_database, NUMBER)
        for _ in range(2):  # asked twice, told once
            with acting(US):
                settle(Batch.objects.select_related("programme").get(pk=found.batch), actor=US)
        yield found


def all_notices() -> list[OfficerNotice]:
    with acting(US):
        return list(OfficerNotice.objects.order_by("id"))


def test_town_and_department_are_told_once_and_nobody_is_named(told: Funded) -> None:
    found = all_notices()
    assert {one.unit_no for one in found} == {
        TOWN,
        department_unit(SUN_MEI.scope.department_no or 0),
    }
    assert len(found) == 2
    for one in found:
        assert "2 笔发放失败，500.51 元" in one.sentence
        assert one.text.startswith(SIGNATURE)
        assert "2笔发放失败" in one.text
        for name in NAMES:
            assert name not in one.text + one.sentence
        assert not re.search(r"\\d{11,}", one.text)


def test_the_clerks_see_it_on_their_workbench_and_others_do_not(
    told: Funded, log_in: LogIn
) -> None:
    with log_in("ykt_web"):
        for actor, sees in ((LI_XIA, True), (SUN_MEI, True), (WU_WAI, False)):
            with acting(actor):
                rows = list(notices_of(actor.unit_no, since=SENT_AT.date(), scope=actor.scope))
            assert bool(rows) is sees, actor.name
        page = opened(workbench.home, LI_XIA).content.decode()
    assert "失败通知" in page
    assert "2 笔发放失败，500.51 元" in page


def test_the_text_goes_once_into_the_file_of_the_day(
    told: Funded, tmp_path: Path, settings: LazySettings
) -> None:
    settings.OFFICER_TEXTS = tmp_path / "sms"
    for one in all_notices():
        for _ in range(2):
            notices.send(one.pk, actor=US)
    (file,) = (tmp_path / "sms").iterdir()
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert sorted(line["to"] for line in lines) == [[SUN_MEI.username], [LI_XIA.username]]
    assert all(len(line["text"]) <= TEXT_MOST for line in lines)
    assert file.stat().st_mode & 0o077 == 0
    assert {(one.text_state, one.tries) for one in all_notices()} == {("SENT", 1)}


def test_five_tries_then_it_stands_as_not_sent(
    told: Funded, tmp_path: Path, settings: LazySettings
) -> None:
    blocked = tmp_path / "sms"
    blocked.write_text("no folder")
    settings.OFFICER_TEXTS = blocked
    one = all_notices()[0]
    for _ in range(4):
        with pytest.raises(TryAgain):
            notices.send(one.pk, actor=US)
    notices.send(one.pk, actor=US)
    notices.send(one.pk, actor=US)
    after = next(two for two in all_notices() if two.pk == one.pk)
    assert (after.text_state, after.tries) == ("FAILED", 5)
    assert "没有写入" in after.trouble


def test_a_killed_worker_leaves_no_second_line(tmp_path: Path) -> None:
    """Written, and killed before it is noted: the same key is not written again."""
    outbox = FileOutbox(tmp_path)
    for _ in range(3):
        outbox.send(OfficerText("500243-1", ("甲",), "【一卡通】试", SENT_AT))
    outbox.send(OfficerText("500243-2", ("乙",), "【一卡通】试", SENT_AT))
    (file,) = tmp_path.iterdir()
    assert [json.loads(one)["key"] for one in file.read_text("utf-8").splitlines()] == [
        "500243-1", "500243-2",
    ]  # fmt: skip


def test_a_clerk_changes_no_notice(told: Funded, own_database: str) -> None:
    for statement in (
        "UPDATE feedback_officernotice SET sentence = ''",
        "UPDATE feedback_officernotice SET text_state = 'SENT'",
        "DELETE FROM feedback_officernotice",
    ):
        for role in ("ykt_town", "ykt_department", "ykt_finance"):
            with database.connect("ykt_web", own_database) as web:
                web.execute("SELECT set_config('role', %s, true)", [role])
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    web.execute(statement)  # type: ignore[call-overload]
                web.rollback()


@given(
    short=st.text(st.characters(categories=["Lo"]), min_size=1, max_size=7),
    month=st.integers(1, 12),
    lines=st.integers(1, 10**7),
    days=st.integers(1, 99),
    what=st.sampled_from(["发放失败", "退汇"]),
)
def test_every_text_fits_into_one_message(
    short: str, month: int, lines: int, days: int, what: str
) -> None:
    assert len(officer_text(short, f"2026-{month:02d}", lines, days, what)) <= TEXT_MOST


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="超过 70 字"):
        officer_text("名" * 40, "2026-09", 1, 5, "发放失败")
