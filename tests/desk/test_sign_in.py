"""登录: nobody is told apart, nobody guesses in parallel, a success is recorded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from tests.desk.conftest import PASSWORDS, SignIn
from yikatong.organisation import throttle, views

WRONG = {"username": "pengshui-dept-chief", "password": "wrong"}


def test_a_right_password_opens_the_desk(sign_in: SignIn) -> None:
    page = sign_in("pengshui-town-clerk").get("/").content.decode()
    assert "汉葭街道 · 镇街经办 李霞" in page
    assert "彭水苗族土家族自治县" in page


def test_who_is_not_signed_in_goes_to_sign_in_and_comes_back(county: str) -> None:
    client = Client()
    answer = client.get(f"/batches/{county}")
    assert answer.headers["Location"] == f"/sign-in?next=%2Fbatches%2F{county}"
    facts = {
        "username": "pengshui-town-check",
        "password": PASSWORDS["pengshui-town-check"],
        "next": f"/batches/{county}",
    }
    assert client.post("/sign-in", facts).headers["Location"] == f"/batches/{county}"


def test_an_ended_session_sends_htmx_to_sign_in_as_a_whole(county: str) -> None:
    answer = Client().get("/batches", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/sign-in"


def test_nobody_is_sent_to_another_site(county: str) -> None:
    facts = {
        "username": "pengshui-audit",
        "password": PASSWORDS["pengshui-audit"],
        "next": "https://example.org/",
    }
    assert Client().post("/sign-in", facts).headers["Location"] == "/"


def test_a_wrong_name_and_a_wrong_password_read_the_same(county: str) -> None:
    def answer(username: str) -> tuple[int, str]:
        page = Client().post("/sign-in", {"username": username, "password": "wrong-password"})
        body = page.content.decode().replace(username, "")
        token = body.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        return page.status_code, body.replace(token, "")

    assert answer("dadukou-finance") == answer("nobody-of-that-name")


def test_the_sixth_try_is_not_looked_at_even_if_it_is_right(county: str) -> None:
    username = "dadukou-dept-clerk"
    for _ in range(5):
        answer = Client().post("/sign-in", {"username": username, "password": "wrong"})
        assert answer.status_code == 422
    right = {"username": username, "password": PASSWORDS[username]}
    assert Client().post("/sign-in", right).status_code == 429
    with time_machine.travel(timezone.now() + timedelta(minutes=31), tick=True):
        assert Client().post("/sign-in", right).status_code == 302


def test_a_success_begins_the_count_anew(county: str) -> None:
    username = "dadukou-dept-chief"
    for _ in range(3):
        for _ in range(4):
            Client().post("/sign-in", {"username": username, "password": "wrong"})
        right = {"username": username, "password": PASSWORDS[username]}
        assert Client().post("/sign-in", right).status_code == 302


def test_a_hundred_parallel_guesses_get_five_looks(
    county: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def look(request: HttpRequest, *, username: str, password: str) -> Any:
        looks.append(username)

    monkeypatch.setattr(views, "authenticate", look)

    def guess(number: int) -> int:
        try:
            facts = {**WRONG, "username": "pengshui-secadmin"}
            return Client(REMOTE_ADDR=f"10.0.{number}.1").post("/sign-in", facts).status_code
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(guess, range(100)))
    assert len(looks) == 5
    assert answers.count(429) == 95


def test_an_address_has_a_higher_limit_than_a_name(county: str) -> None:
    admitted = [throttle.admits(f"nobody-{n}", "10.9.9.9") for n in range(60)]
    assert sum(admitted) == 50


def test_signing_in_and_failing_are_kept_in_the_trail(sign_in: SignIn) -> None:
    Client().post("/sign-in", {"username": "pengshui-finance", "password": "wrong"})
    sign_in("pengshui-finance")
    page = sign_in("pengshui-auditadmin").get("/events").content.decode()
    assert "密码不符" in page
    assert "财政复核 赵敏" in page


def test_signing_out_ends_the_session(sign_in: SignIn) -> None:
    client = sign_in("pengshui-village")
    assert client.get("/").status_code == 200
    assert client.post("/sign-out").status_code == 302
    assert client.get("/").status_code == 302
