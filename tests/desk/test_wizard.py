"""The import wizard: the template, columns said once, the marked workbook, what was cured."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from tests.desk.conftest import LISTS, SignIn, page
from yikatong.audit.models import AuditEvent
from yikatong.kernel.actor import ALL_UNITS
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission.models import ColumnMapping
from yikatong.validation.actions import run_check
from yikatong.validation.models import CheckRun
from yikatong.validation.queries import check_run_with_file
from yikatong.validation.rules import Bands

HERE = "500243"
LogIn = Callable[[str], AbstractContextManager[None]]
PEOPLE = "冉一,500243199001010018,{},{}\n冉二,500243199001010026,{},{}\n"


def upload(client: Client, name: str, content: bytes, **words: str) -> str:
    facts = {"programme": "P01", "period": "2026-08", **words}
    answer = client.post("/import", {**facts, "file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 302, answer.content.decode()
    return answer.headers["Location"]


def checked(log_in: LogIn, where: str) -> str:
    """The job of this check, done as the worker does it; gives the same address."""
    with log_in("ykt_worker"), acting(machine(HERE)) as actor:
        run = check_run_with_file(int(where.rpartition("/")[2]), scope=actor.scope)
        run_check(run, bands=Bands(*ALL_UNITS), actor=actor)
    return where


def columns(told: str) -> dict[str, tuple[str, str]]:
    """The mapping screen: header → (name of the select, value chosen beforehand)."""
    found = {}
    for name, label in re.findall(r'<label for="id_(column_\d+)">(.*?)</label>', told):
        select = told[told.index(f'<select name="{name}"') :]
        chosen = re.search(r'value="(\w*)" selected', select[: select.index("</select>")])
        found[label] = (name, chosen[1] if chosen else "")
    return found


def test_the_template_is_a_button_beside_the_upload(sign_in: SignIn, county: str) -> None:
    clerk = sign_in("pengshui-town-clerk")
    told = page(clerk, "/import")
    (action,) = re.findall(r'formaction="([^"]*)"', told)
    answer = clerk.post(action, {"programme": "P01", "period": "2026-11"})
    assert answer.status_code == 200
    assert "模板" in page(clerk, "/import")
    assert load_workbook(io.BytesIO(answer.content)).sheetnames
    assert clerk.post(action, {"programme": "", "period": "2026-11"}).status_code == 422
    far = clerk.post(action, {"programme": "P01", "period": "2099-06"})
    assert far.status_code == 422
    assert "最多提前 12 个月" in far.content.decode()


def test_a_missing_column_is_said_by_a_person_once(
    sign_in: SignIn, county: str, log_in: LogIn
) -> None:
    clerk = sign_in("pengshui-town-clerk")
    sheet = "姓名,身份证号,面积,款项\n" + PEOPLE.format(2, 146.4, 3, 219.6)
    where = checked(log_in, upload(clerk, "缺金额.csv", sheet.encode()))
    told = page(clerk, where)
    asked = columns(told)
    assert "还缺 <strong>补贴金额</strong>" in told
    assert asked["姓名"][1] == "person_name"
    assert asked["面积"][1] == "quantity"
    assert asked["款项"] == ("column_3", "")
    said = dict(asked.values())
    twice = clerk.post(f"{where}/columns", {**said, "column_3": "quantity"})
    assert twice.status_code == 422
    assert "两列不能对应同一个字段" in twice.content.decode()
    strange = clerk.post(f"{where}/columns", {**said, "column_3": "nonsense"})
    assert strange.status_code == 422
    assert "请从列出的字段里选" in strange.content.decode()
    assert sign_in("dadukou-town-clerk").post(f"{where}/columns", said).status_code == 404
    assert sign_in("pengshui-town-check").post(f"{where}/columns", said).status_code == 403
    assert sign_in("pengshui-dept-clerk").post(f"{where}/columns", said).status_code == 422
    answer = clerk.post(f"{where}/columns", {**said, "column_3": "amount"})
    assert answer.status_code == 302
    again = answer.headers["Location"]
    assert again != where
    told = page(clerk, checked(log_in, again))
    assert "￥366.00" in told, "the sum of what the person called the amount"
    assert 'id="columns"' not in told, "nothing is left to ask"
    with log_in("ykt_worker"), acting(machine(HERE)):
        kept = ColumnMapping.objects.filter(programme_code="P01", header__in=asked)
        assert list(kept.values_list("header", "field")) == [("款项", "amount")], "and no sure one"
    later = "姓名,身份证号,面积,款项\n" + PEOPLE.format(1, 73.2, 1, 73.2)
    told = page(clerk, checked(log_in, upload(clerk, "下月.csv", later.encode())))
    assert "￥146.40" in told
    assert 'id="columns"' not in told, "said once for this unit and programme"
    other = checked(log_in, upload(clerk, "别项.csv", later.encode(), programme="P04"))
    assert 'id="columns"' in page(clerk, other), "another programme has not been told"


def test_a_guess_is_shown_and_nothing_is_asked_where_all_is_sure(
    sign_in: SignIn, county: str, log_in: LogIn
) -> None:
    clerk = sign_in("pengshui-town-clerk")
    guessed = "姓名,身份证号,面积,金额,家庭备注情况\n冉一,500243199001010018,2,146.4,好\n"
    where = checked(log_in, upload(clerk, "拿不准.csv", guessed.encode(), period="2026-07"))
    told = page(clerk, where)
    assert "有 1 列拿不准" in told
    asked = columns(told)
    assert next(iter(asked)) == "家庭备注情况", "what is unsure stands first"
    assert asked["家庭备注情况"][1] == "remark"
    said = dict(asked.values())
    no = clerk.post(f"{where}/columns", {**said, asked["家庭备注情况"][0]: ""})
    told = page(clerk, checked(log_in, no.headers["Location"]))
    assert 'id="columns"' not in told, "a no is remembered too"
    sure = "姓名,身份证号,面积,金额\n冉一,500243199001010018,2,146.4\n"
    where = checked(log_in, upload(clerk, "都认得.csv", sure.encode(), period="2026-07"))
    assert 'id="columns"' not in page(clerk, where)
    assert clerk.post(f"{where}/columns", said).status_code == 422


def test_the_marked_workbook_comes_back_and_the_next_upload_tells_what_was_cured(
    sign_in: SignIn, county: str, log_in: LogIn
) -> None:
    clerk = sign_in("pengshui-town-clerk")
    where = checked(
        log_in, upload(clerk, "名单.xlsx", LISTS["pengshui"].read_bytes(), period="2026-06")
    )
    first = page(clerk, where)
    assert "与上次相比" not in first
    assert "下载标注后的工作簿" in first
    assert clerk.get(f"{where}/marked").status_code == 405, "what goes out is asked for by a POST"
    assert sign_in("dadukou-town-clerk").post(f"{where}/marked").status_code == 404
    answer = clerk.post(f"{where}/marked")
    assert answer.status_code == 200
    assert "filename*=UTF-8''%E5%90%8D%E5%8D%95-" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    book = load_workbook(io.BytesIO(answer.content))
    assert "错误汇总" in book.sheetnames
    with log_in("ykt_worker"), acting(machine(HERE)):
        assert AuditEvent.objects.filter(
            action="list.marked", username="pengshui-town-clerk"
        ).exists()
        report = CheckRun.objects.get(pk=int(where.rpartition("/")[2])).report
    twice = sorted({one["row"] for one in report["findings"] if one["rule"] == "DU-1"} - {0})
    assert len(twice) == 2
    faults = {(one["row"], one["rule"]) for one in report["findings"] if one["severity"] != "info"}
    others = [fault for fault in faults if fault[0] > 0 and fault[0] != twice[1]]
    listed = book[next(name for name in book.sheetnames if name != "错误汇总")]
    listed.delete_rows(twice[1])
    out = io.BytesIO()
    book.save(out)
    again = checked(log_in, upload(clerk, "名单改.xlsx", out.getvalue(), period="2026-06"))
    told = page(clerk, again)
    assert f"与上次相比：修好 1 条，仍有 {len(others) - 1} 条。" in told


def test_an_unfinished_check_gives_no_workbook(sign_in: SignIn, county: str) -> None:
    clerk = sign_in("pengshui-town-clerk")
    where = upload(clerk, "等着.csv", "姓名,身份证号,金额\n冉一,1,2\n".encode(), period="2026-05")
    assert clerk.post(f"{where}/marked").status_code == 422
    assert clerk.post(f"{where}/columns").status_code == 422


def test_a_waiting_check_is_cancelled_by_its_own_unit_and_stays_so(
    sign_in: SignIn, county: str, log_in: LogIn
) -> None:
    clerk = sign_in("pengshui-town-clerk")
    sheet = "姓名,身份证号,面积,补贴金额\n" + PEOPLE.format(4, 292.8, 5, 366)
    where = upload(clerk, "不查了.csv", sheet.encode())
    assert "取消这次检查" in page(clerk, where)
    assert 'id="cancel"' in page(clerk, where), "without it each renewal takes the focus away"
    assert sign_in("dadukou-town-clerk").post(f"{where}/cancel").status_code == 404
    assert clerk.post(f"{where}/cancel").status_code == 302
    assert "已由本单位取消" in page(clerk, checked(log_in, where))
    assert clerk.post(f"{where}/cancel").status_code == 422


def test_the_same_file_is_checked_again_when_something_was_put_right(
    sign_in: SignIn, county: str, log_in: LogIn
) -> None:
    clerk = sign_in("pengshui-town-clerk")
    sheet = ("姓名,身份证号,面积,金额\n" + PEOPLE.format(1, 73.6, 3, 220.8)).encode()
    first = checked(log_in, upload(clerk, "再查.csv", sheet, period="2026-05"))
    assert upload(clerk, "再查.csv", sheet, period="2026-05") == first
    told = page(clerk, first)
    assert "没有上期可比" in told
    assert re.search(r"已经导入过，下面是 \d\d-\d\d \d\d:\d\d 的结果", told), "when it was"
    (action,) = re.findall(r'formaction="([^"]*/again)"', told)
    assert sign_in("pengshui-dept-clerk").post(action).status_code == 422
    assert sign_in("dadukou-town-clerk").post(action).status_code == 404
    answer = clerk.post(action)
    assert answer.status_code == 302
    second = answer.headers["Location"]
    assert second != first
    assert clerk.post(f"{second}/again").status_code == 422, "not before it has ended"
    assert "2 行" in page(clerk, checked(log_in, second))
    assert clerk.post(f"{second}/save").status_code == 302
    assert "重新检查" not in page(clerk, second), "it is a batch that goes on"
    assert clerk.post(f"{second}/again").status_code == 422


def test_a_csv_file_is_not_called_by_a_sheet_that_it_has_not(
    sign_in: SignIn, county: str, log_in: LogIn
) -> None:
    clerk = sign_in("pengshui-town-clerk")
    where = checked(log_in, upload(clerk, "缺列.csv", "姓名,金额\n冉一,73.2\n".encode()))
    told = page(clerk, where)
    assert "这个表格缺少必需的列" in told
    assert "“csv”" not in told


def test_which_of_two_amounts_counts_is_said_before_anything_is_stored(
    sign_in: SignIn, county: str, log_in: LogIn
) -> None:
    clerk = sign_in("pengshui-town-clerk")
    header = "姓名,身份证号,面积,应发金额,实发金额\n"
    sheet = header + "冉一,500243199001010018,3,220.8,200\n"
    where = checked(log_in, upload(clerk, "两个金额.csv", sheet.encode(), period="2026-06"))
    told = page(clerk, where)
    assert "“应发金额”和“实发金额”两列都像是补贴金额，第 2 行内容不同" in told
    assert "请在下面选定各是什么" in told
    assert "不确认也可以" not in told
    assert clerk.post(f"{where}/save").status_code == 422
    selects = columns(told)
    facts = dict(selects.values()) | {selects["应发金额"][0]: "", selects["实发金额"][0]: "amount"}
    (action,) = re.findall(r'action="([^"]*)"[^>]*>(?:(?!</form>).)*column_', told, re.S)
    again = clerk.post(action, facts)
    assert again.status_code == 302
    assert "￥200.00" in page(clerk, checked(log_in, again.headers["Location"]))
