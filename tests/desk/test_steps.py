"""办理 by the form: the seat, the other person, the reason, and no half of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import psycopg
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
    assert f"/batches/{draft}/steps/" not in check.get("/").content.decode()
    form = clerk.get(f"/batches/{draft}/steps/compile").content.decode()
    assert "元整" in form or "分" in form
    assert step(clerk, draft, "compile") == 302
    assert f"/batches/{draft}/steps/report" in check.get("/").content.decode()
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


def rows_of(page: str) -> list[str]:
    return re.findall(r'name="rows"\s+value="(\d+)"', page)


def test_a_clerk_takes_a_line_out_of_a_draft_with_a_reason(sign_in: SignIn, draft: str) -> None:
    clerk = sign_in("pengshui-town-clerk")
    here = f"/batches/{draft}/lines"
    rows = rows_of(clerk.get(here).content.decode())
    assert len(rows) > 2
    assert clerk.post(f"{here}/remove", {"rows": rows[0], "reason": ""}).status_code == 422
    assert clerk.post(f"{here}/remove", {"reason": "本人已迁出"}).status_code == 422
    assert clerk.post(f"{here}/remove", {"rows": rows[0], "reason": "错"}).status_code == 422
    assert clerk.post(f"{here}/remove", {"rows": "x", "reason": "本人已迁出"}).status_code == 422
    assert rows_of(clerk.get(here).content.decode()) == rows
    gone = {"rows": rows[:2], "reason": "本人已迁出"}
    assert clerk.post(f"{here}/remove", gone).status_code == 302
    left = rows_of(clerk.get(here).content.decode())
    assert left[: len(rows) - 2] == rows[2:], "the next ones move up from the second page"
    assert "本人已迁出" in clerk.get(f"/batches/{draft}").content.decode()
    assert clerk.post(f"{here}/remove", gone).status_code == 422, "they are gone already"


def test_only_the_drafting_unit_takes_lines_out_and_only_of_a_draft(
    sign_in: SignIn, draft: str
) -> None:
    clerk = sign_in("pengshui-town-clerk")
    here = f"/batches/{draft}/lines"
    rows = rows_of(clerk.get(here).content.decode())
    gone = {"rows": rows[0], "reason": "本人已迁出"}
    assert sign_in("dadukou-town-clerk").post(f"{here}/remove", gone).status_code == 404
    assert sign_in("pengshui-town-check").post(f"{here}/remove", gone).status_code == 403
    for post in ("town-check", "dept-clerk", "finance"):
        assert not rows_of(sign_in(f"pengshui-{post}").get(here).content.decode()), post
    assert sign_in("pengshui-dept-clerk").post(f"{here}/remove", gone).status_code == 422
    assert step(clerk, draft, "compile") == 302
    assert clerk.post(f"{here}/remove", gone).status_code == 422
    assert not rows_of(clerk.get(here).content.decode())


def offered(client: Client) -> set[str]:
    return set(re.findall(r'<option value="(P\d\d)"', client.get("/import").content.decode()))


def test_a_unit_is_offered_what_it_may_draft_and_refused_the_rest(
    sign_in: SignIn, county: str
) -> None:
    town = sign_in("dadukou-town-clerk")
    assert offered(town) == {"P01", "P04", "P12", "P17"}, "the others are the departments' own"
    assert len(offered(sign_in("pengshui-town-clerk"))) == 18, "its departments only submit"
    assert "P01" not in offered(sign_in("dadukou-dept-clerk")), "the townships' own"
    with LISTS["pengshui"].open("rb") as file:
        answer = town.post("/import", {"programme": "P10", "period": "2026-09", "file": file})
    assert answer.status_code == 422
    assert "不由本单位编制" in answer.content.decode()


def test_an_exception_is_closed_with_a_note_by_finance(
    sign_in: SignIn, county: str, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    worker = connect("ykt_worker", autocommit=True)
    worker.execute("SELECT set_config('ykt.county', '500243', false)")
    worker.execute("SELECT set_config('ykt.unit_lo', '0', false)")
    worker.execute("SELECT set_config('ykt.unit_hi', '2147483647', false)")
    found = worker.execute(
        "INSERT INTO jobs_quarantine (county, unit_no, kind, fingerprint, sentence, opened_at,"
        " closed_by, closing_reason) VALUES ('500243', 0, '到账不符', 'test-1',"
        " '到账少 1.00 元', now(), '', '') RETURNING id"
    ).fetchone()
    assert found
    here = f"/exceptions/{found[0]}"
    finance = sign_in("pengshui-finance")
    assert here in finance.get("/").content.decode(), "it stands on the desk of who can clear it"
    assert "确认销账" not in sign_in("pengshui-audit").get(here).content.decode()
    assert sign_in("pengshui-audit").post(here, {"reason": "已核对无误"}).status_code == 409
    assert sign_in("dadukou-finance").get(here).status_code == 404
    assert sign_in("pengshui-dept-clerk").get(here).status_code == 404, "not of this department"
    assert finance.post(here, {"reason": ""}).status_code == 422
    assert finance.post(here, {"reason": "已核对国库回单，次日补到 1.00 元"}).status_code == 302
    assert here not in finance.get("/exceptions").content.decode()
    assert finance.post(here, {"reason": "再来一次试试"}).status_code == 409
    told = sign_in("pengshui-audit").get("/events").content.decode()
    assert "异常销账" in told
    assert "已核对国库回单" in told
