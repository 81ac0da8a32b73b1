"""Every page by every duty; what is another county's does not exist; nothing is shown in full."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from config import urls
from tests.desk.conftest import LISTS, PERIOD, SignIn
from tests.house.registers import policy_of, views
from yikatong.cli.lists import store_list
from yikatong.kernel.actor import Duty
from yikatong.organisation.policy import ANYONE
from yikatong.organisation.queries import actor_of

DIGITS = re.compile(r"(?<![\dA-Za-z])\d{15,19}[Xx]?(?![\dA-Za-z])")
PEOPLE = tuple(duty for duty in Duty if duty.value.count("-message") == 0)[:11]
LISTS_OF_PAGES = ("/batches", "/people", "/account-changes", "/events", "/exceptions", "/notices")
EMPTY = "没有"


def concrete(path: str, number: str) -> str:
    """A pattern of the URL table with something in its places."""
    path = path.replace("<slug:number>", number).replace("<slug:name>", "compile")
    return "/" + re.sub(r"<(int|slug):\w+>", "1", path)


@pytest.mark.parametrize("duty", PEOPLE)
def test_each_page_opens_to_the_duties_of_its_policy_and_to_no_other(
    sign_in: SignIn, county: str, duty: Duty
) -> None:
    client = sign_in(f"pengshui-{duty.value}")
    for path, view in views(urls.urlpatterns):
        policy = policy_of(view)
        if policy == ANYONE:
            continue
        answer = client.get(concrete(path, county))
        if duty not in policy:
            assert answer.status_code == 403, path
        else:
            assert answer.status_code in {200, 302, 404, 405, 409}, path
            assert not DIGITS.search(answer.content.decode()), path


def test_what_is_of_another_county_does_not_exist(sign_in: SignIn, county: str) -> None:
    """吴外 sits in 大渡口 and must see nothing of 彭水."""
    for post in ("town-clerk", "town-check", "dept-clerk", "finance", "audit"):
        client = sign_in(f"dadukou-{post}")
        for path in ("", "/lines", "/payments", "/steps/compile"):
            assert client.get(f"/batches/{county}{path}").status_code == 404, (post, path)
        assert county not in client.get("/batches").content.decode()
    clerk = sign_in("dadukou-town-clerk")
    assert clerk.post(f"/batches/{county}/steps/compile").status_code == 404
    assert (
        clerk.post(f"/batches/{county}/answers", {"rule": "DU-1", "reason": "没有问题"}).status_code
        == 404
    )
    assert clerk.get("/people/1").status_code == 404
    assert "共 0 人" not in clerk.get("/people").content.decode()
    assert "没有找到" in clerk.get("/people").content.decode()


def test_another_department_does_not_see_the_batch(sign_in: SignIn, county: str) -> None:
    client = sign_in("pengshui-dept-clerk")
    assert client.get(f"/batches/{county}").status_code == 200
    client.post("/post", {"unit_no": "900004"})
    assert "彭水县民政局" in client.get("/").content.decode()
    assert client.get(f"/batches/{county}").status_code == 404
    client.post("/post", {"unit_no": "999999"})
    assert client.get(f"/batches/{county}").status_code == 404


def test_lists_take_no_more_queries_for_more_rows(sign_in: SignIn, county: str) -> None:
    client = sign_in("pengshui-town-clerk")

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as counted:
            assert client.get(path).status_code == 200
        return len(counted)

    before = queries("/batches")
    clerk = actor_of("pengshui-town-clerk", via="cli")
    for _ in range(3):
        store_list(LISTS["pengshui"], clerk, "P01", PERIOD)
    assert queries("/batches") == before <= 20
    assert queries("/people") <= 20
    assert queries(f"/batches/{county}/lines") <= 16
    assert queries(f"/batches/{county}") <= 40


def test_lists_are_walked_by_key_and_back(sign_in: SignIn, county: str) -> None:
    client = sign_in("pengshui-town-clerk")
    page = client.get(f"/batches/{county}/lines").content.decode()
    found = re.search(r'rel="next" href="(\?after=\d+)"', page)
    assert found is not None
    second = client.get(f"/batches/{county}/lines{found[1]}").content.decode()
    rows = re.compile(r'id="line-(\d+)"')
    assert not set(rows.findall(page)) & set(rows.findall(second))
    back = re.search(r'rel="prev" href="(\?before=\d+)"', second)
    assert back is not None
    again = client.get(f"/batches/{county}/lines{back[1]}").content.decode()
    assert rows.findall(again) == rows.findall(page)
    assert 'rel="prev"' not in again


def test_a_nonsense_page_number_is_the_first_page(sign_in: SignIn, county: str) -> None:
    client = sign_in("pengshui-town-clerk")
    for word in ("abc", "-1", "9" * 30, "²"):
        assert client.get("/batches", {"after": word}).status_code == 200


def test_filters_stand_in_the_address(sign_in: SignIn, county: str) -> None:
    client = sign_in("pengshui-town-clerk")
    for query, is_there in (
        ("programme=P01", True),
        ("programme=P10", False),
        ("status=draft", True),
        ("status=PAYING", False),
        (f"period={PERIOD}", True),
        ("period=2020-01", False),
        ("status=nonsense", True),
    ):
        assert (county in client.get(f"/batches?{query}").content.decode()) == is_there, query


def test_officials_pages_are_not_kept_and_run_no_foreign_script(
    sign_in: SignIn, county: str
) -> None:
    answer = sign_in("pengshui-town-clerk").get(f"/batches/{county}")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    page = answer.content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\son\w+=|\sstyle=", page)


def test_finance_finds_no_way_to_change_anything(sign_in: SignIn, county: str) -> None:
    client = sign_in("pengshui-finance")
    for path in ("/", "/batches", f"/batches/{county}", f"/batches/{county}/lines"):
        page = client.get(path).content.decode()
        forms = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', page)
        assert set(forms) <= {"/size", "/sign-out"}, path


def test_a_form_without_its_token_is_refused(sign_in: SignIn, county: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = sign_in("pengshui-town-clerk").cookies
    answer = client.post(f"/batches/{county}/steps/compile")
    assert answer.status_code == 403
    assert "页面已过期" in answer.content.decode()


def test_an_unknown_address_is_a_chinese_page(sign_in: SignIn) -> None:
    answer = sign_in("pengshui-town-clerk").get("/no-such-page")
    assert answer.status_code == 404
    assert "没有找到" in answer.content.decode()


def test_the_large_size_is_kept_in_a_cookie(sign_in: SignIn) -> None:
    client = sign_in("pengshui-town-clerk")
    answer = client.post("/size", {"size": "large", "next": "/batches"})
    assert answer.headers["Location"] == "/batches"
    assert 'data-size="large"' in client.get("/batches").content.decode()
    client.post("/size", {"size": "normal", "next": "//example.org"})
    assert 'data-size="normal"' in client.get("/").content.decode()


def test_the_url_table_is_whole() -> None:
    assert len(list(views(get_resolver("config.urls").url_patterns))) > 20
