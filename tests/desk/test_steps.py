"""办理 by the form: the seat, the other person, the reason, and no half of it."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from tests.desk.conftest import LISTS, PERIOD, SignIn
from yikatong.cli.lists import store_list
from yikatong.organisation.queries import actor_of


@pytest.fixture
def draft(county: str) -> str:
    return store_list(LISTS["pengshui"], actor_of("pengshui-town-clerk", via="cli"), "P01", PERIOD)


def step(client: Client, number: str, name: str, **words: str) -> int:
    return client.post(f"/batches/{number}/steps/{name}", words).status_code


def test_a_draft_goes_up_by_two_people_and_comes_back_with_a_reason(
    sign_in: SignIn, draft: str
) -> None:
    clerk, check = sign_in("pengshui-town-clerk"), sign_in("pengshui-town-check")
    assert draft in clerk.get("/").content.decode()
    assert draft not in check.get("/").content.decode()
    form = clerk.get(f"/batches/{draft}/steps/compile").content.decode()
    assert "元整" in form or "分" in form
    assert step(clerk, draft, "compile") == 302
    assert draft in check.get("/").content.decode()
    assert step(check, draft, "report") == 422  # no decision
    assert step(check, draft, "report", decision="return") == 422  # no reason
    assert step(check, draft, "report", decision="return", reason="金额有误，请核对第 12 行") == 302
    page = clerk.get(f"/batches/{draft}").content.decode()
    assert "金额有误，请核对第 12 行" in page
    assert "timeline__item--returned" in page
    assert draft in clerk.get("/").content.decode()


def test_a_step_is_taken_by_its_own_seat_only(sign_in: SignIn, draft: str) -> None:
    for post in ("town-check", "dept-clerk", "dept-chief", "finance", "audit"):
        client = sign_in(f"pengshui-{post}")
        answer = client.post(f"/batches/{draft}/steps/compile")
        assert answer.status_code == 409, post
        assert "不在您的岗位职责内" in answer.content.decode()
    assert step(sign_in("pengshui-town-clerk"), draft, "compile") == 302


def test_a_step_that_does_not_start_from_here_says_so(sign_in: SignIn, draft: str) -> None:
    answer = sign_in("pengshui-town-check").get(f"/batches/{draft}/steps/report")
    assert answer.status_code == 409
    assert "现在是“草稿”" in answer.content.decode()
    assert sign_in("pengshui-town-check").get(f"/batches/{draft}/steps/fly").status_code == 404


def test_a_second_press_of_the_same_form_changes_nothing(sign_in: SignIn, draft: str) -> None:
    clerk = sign_in("pengshui-town-clerk")
    assert step(clerk, draft, "compile") == 302
    assert step(clerk, draft, "compile") == 409


def test_a_draft_is_dropped_with_a_reason(sign_in: SignIn, draft: str) -> None:
    check = sign_in("pengshui-town-check")
    assert step(check, draft, "drop", reason="错") == 422
    assert step(check, draft, "drop", reason="重复导入，作废") == 302
    page = check.get(f"/batches/{draft}").content.decode()
    assert "已作废" in page


def test_the_departments_chief_sees_work_of_his_own_department_only(
    sign_in: SignIn, draft: str
) -> None:
    step(sign_in("pengshui-town-clerk"), draft, "compile")
    step(sign_in("pengshui-town-check"), draft, "report", decision="pass")
    chief = sign_in("pengshui-dept-chief")
    assert draft in chief.get("/").content.decode()
    chief.post("/post", {"unit_no": "900004"})
    home = chief.get("/").content.decode()
    assert draft not in home
    assert "其他岗位的待办" in home
    assert "彭水县农业农村委" in home


def test_an_upload_is_kept_and_checked_by_a_job(sign_in: SignIn, county: str) -> None:
    clerk = sign_in("pengshui-town-clerk")
    with LISTS["pengshui"].open("rb") as file:
        answer = clerk.post("/import", {"programme": "P01", "period": "2026-09", "file": file})
    where = answer.headers["Location"]
    page = clerk.get(where).content.decode()
    assert 'hx-trigger="every 1s"' in page
    assert "刷新看进度" in page
    with LISTS["pengshui"].open("rb") as file:
        again = clerk.post("/import", {"programme": "P01", "period": "2026-09", "file": file})
    assert again.headers["Location"] == where
    other = sign_in("dadukou-town-clerk")
    assert other.get(where).status_code == 404
    assert clerk.post(f"{where}/save").status_code == 422


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("名单.et", b"x", "另存为 .xlsx"),
        ("名单.pdf", b"x", "不是可用的格式"),
        ("名单.csv", b"", "文件是空的"),
    ],
)
def test_a_file_that_is_no_list_is_refused_at_the_door(
    sign_in: SignIn, tmp_path: object, name: str, content: bytes, sentence: str
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415

    file = SimpleUploadedFile(name, content)
    answer = sign_in("pengshui-town-clerk").post(
        "/import", {"programme": "P01", "period": "2026-09", "file": file}
    )
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_a_refusal_reaches_htmx_as_a_toast(sign_in: SignIn, county: str) -> None:
    clerk = sign_in("pengshui-town-clerk")
    answer = clerk.post(
        f"/batches/{county}/answers",
        {"rule": "XX-1", "reason": "没有这一条"},
        headers={"HX-Request": "true"},
    )
    assert answer.status_code == 422
    assert "待确认" in json.loads(answer.headers["HX-Trigger"])["toast"]["text"]


def test_an_account_is_changed_by_two_people(sign_in: SignIn, county: str) -> None:
    clerk, check = sign_in("pengshui-town-clerk"), sign_in("pengshui-town-check")
    people = clerk.get("/people").content.decode()
    ids = re.findall(r'href="(/people/\d+)"', people)
    person = next(one for one in ids if "提出变更" in clerk.get(one).content.decode())
    facts = {
        "number": "6222 0000 0000 1234 561",
        "kind": "PASSBOOK",
        "bank_no": "1",
        "account_name": "冉光荣",
        "reason": "原存折遗失，已补办",
    }
    assert clerk.post(person, {**facts, "number": "12"}).status_code == 422
    answer = clerk.post(person, facts)
    assert answer.status_code == 302
    page = clerk.get("/account-changes").content.decode()
    assert "4561" in page
    assert "00001234561" not in page
    (where,) = re.findall(r'href="(/account-changes/\d+)"', page)
    assert "账户变更待您复核" in check.get("/").content.decode()
    assert clerk.post(where, {"decision": "confirm"}).status_code == 422
    assert sign_in("dadukou-town-check").get(where).status_code == 404
    assert check.post(where, {"decision": "return", "reason": ""}).status_code == 409
    assert check.post(where, {"decision": "confirm"}).status_code == 302
    assert check.post(where, {"decision": "confirm"}).status_code == 409
    assert "4561" in clerk.get(person).content.decode()


def test_a_person_is_found_by_the_whole_id_number_without_an_address_holding_it(
    sign_in: SignIn, county: str
) -> None:
    clerk = sign_in("pengshui-town-clerk")
    answer = clerk.post("/people", {"id_number": "500243190001019999"})
    page = answer.content.decode()
    assert "没有这个身份证号" in page
    assert "500243190001019999" not in page
