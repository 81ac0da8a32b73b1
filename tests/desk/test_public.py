"""公开: masked rows in their period, 410 after it, small pages without a script."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from django.db import connections
from django.test import Client
from django.utils import timezone

from tests import database

PAGE = re.compile(r"<script|\son\w+=|\sstyle=")
ONE_EACH = "disclosure_disclosure_batch_id_key"  # here one batch has several notices
INSERT = (
    "INSERT INTO disclosure_disclosure (county, unit_no, department_no, batch_id, slug,"
    " programme_name, period, unit_name, department_name, profile, lines, amount_fen, from_on,"
    " until_on, supervision_phone, digest, channels, published_by, published_at)"
    " SELECT county, unit_no, department_no, id, %(slug)s, %(name)s, '2026-10', '汉葭街道',"
    " '彭水县民政局', %(profile)s, 60, 123450, %(from_on)s, %(until_on)s, '023-12345678', '\\x00',"
    " '[]', 'pengshui-dept-clerk', %(at)s FROM submission_batch WHERE number = %(number)s"
    " RETURNING id"
)
ROW = (
    "INSERT INTO disclosure_disclosurerow (disclosure_id, county, seq, village, name_masked,"
    " people, quantity, standard, amount_fen)"
    " VALUES (%s, '500243', %s, '滨江社区1组', %s, 1, '1.2', '96.5', 11580)"
)


def publish(number: str, slug: str, *, until_on: date, profile: str = "named") -> None:
    """As the publishing step would, but with a date of ours; rolled into the module's database."""
    name = str(connections["default"].settings_dict["NAME"])
    with database.connect("ykt_admin", name) as admin:
        admin.execute(f"ALTER TABLE disclosure_disclosure DROP CONSTRAINT IF EXISTS {ONE_EACH}")
        row = admin.execute(
            INSERT,
            {
                "slug": slug,
                "name": "耕地地力保护补贴资金",
                "profile": profile,
                "from_on": until_on - timedelta(days=7),
                "until_on": until_on,
                "at": datetime.now(UTC),
                "number": number,
            },
        ).fetchone()
        assert row is not None
        for seq in range(1, 61):
            admin.execute(ROW, [row[0], seq, "冉*荣" if profile == "named" else ""])


def test_a_notice_is_shown_in_its_period_and_gone_after_it(county: str, citizen: Client) -> None:
    today = timezone.localdate()
    publish(county, "open1", until_on=today)
    publish(county, "over1", until_on=today - timedelta(days=1))
    home = citizen.get("/").content.decode()
    assert "/notices/open1" in home
    assert "/notices/over1" not in home
    assert "/notices/open1" not in citizen.get("/?county=dadukou").content.decode()
    page = citizen.get("/notices/open1").content.decode()
    assert "冉*荣" in page
    assert "023-12345678" in page
    gone = citizen.get("/notices/over1")
    assert gone.status_code == 410
    assert "公示期已满" in gone.content.decode()
    assert citizen.get("/notices/never").status_code == 404


def test_a_sensitive_notice_gives_totals_only(county: str, citizen: Client) -> None:
    publish(county, "total1", until_on=timezone.localdate(), profile="totals")
    page = citizen.get("/notices/total1").content.decode()
    assert "姓名" not in page
    assert "人（户）数" in page


def test_public_pages_are_small_and_need_no_script(county: str, citizen: Client) -> None:
    publish(county, "small1", until_on=timezone.localdate())
    for path in ("/", "/notices/small1", "/policies?county=pengshui", "/policies?county=dadukou"):
        answer = citizen.get(path)
        assert answer.status_code == 200
        assert len(answer.content) <= 30_000, path
        assert not PAGE.search(answer.content.decode()), path
        assert answer.headers["Cache-Control"] == "no-store"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert not answer.cookies


def test_the_public_finds_no_page_of_the_officials(county: str, citizen: Client) -> None:
    for path in ("/batches", f"/batches/{county}", "/people", "/sign-in"):
        answer = citizen.get(path)
        assert answer.status_code == 404
        assert county not in answer.content.decode()


def test_the_list_of_policies_names_every_item_and_its_standard(
    county: str, citizen: Client
) -> None:
    page = citizen.get("/policies?county=pengshui").content.decode()
    assert page.count("<details") == 18
    assert "元/" in page
