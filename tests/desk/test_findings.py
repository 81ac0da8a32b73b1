"""What the rules found, as the clerk who answers and the people who review read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.desk.conftest import SignIn, page
from yikatong.kernel.actor import ALL_UNITS
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch
from yikatong.validation.actions import examine
from yikatong.validation.models import Finding
from yikatong.validation.queries import findings_of, last_run
from yikatong.validation.rules import Bands
from yikatong.validation.titles import title_of

TOLD_IN_ORDER = True
HERE = "500243"
LogIn = Callable[[str], AbstractContextManager[None]]
REASON = "户主外出，村委会证明由本人代领"
ASKED = "本项按户发放，应发到户主的一卡通；收款人不是登记的户主。"


def group(told: str, rule: str) -> str:
    """The box of one rule on the batch page."""
    boxes = re.findall(r'<div class="finding .*?</div>', told, re.S)
    (found,) = [box for box in boxes if f"{rule} · " in box]
    return str(found)


def row(told: str, row_no: int) -> str:
    rows = re.findall(r'<tr id="line-.*?</tr>', told, re.S)
    (found,) = [one for one in rows if f'<td class="right">{row_no}</td>' in one]
    return str(found)


def test_a_line_tells_what_the_run_found_in_it(sign_in: SignIn, county: str, log_in: LogIn) -> None:
    with log_in("ykt_worker"), acting(machine(HERE)) as actor:
        batch = Batch.objects.select_related("programme").get(county=HERE, number=county)
        examine(batch, bands=Bands(*ALL_UNITS), actor=actor)
        found = findings_of(batch, scope=actor.scope)
        twice = found.filter(rule="DU-1").order_by("row_no").first()
        assert twice is not None
        told_once = found.filter(rule="AC-1").first()
        assert told_once is not None
        Finding.objects.create(
            county=HERE,
            unit_no=batch.unit_no,
            department_no=batch.department_no,
            batch=batch,
            line_id=twice.line_id,
            run_no=last_run(batch, scope=actor.scope),
            row_no=twice.row_no,
            field="payee_name",
            rule="AC-3",
            severity="confirm",
            verdict="待核",
            sentence=f"第 {twice.row_no} 行：{ASKED}",
            evidence=b"e" * 32,
            obligation="500243|P01|somebody",
        )
    told = page(sign_in("pengshui-town-clerk"), f"/batches/{county}/lines")
    bad = row(told, twice.row_no)
    assert "在本批出现 2 次" in bad
    assert ASKED in bad
    assert "data-error" in bad, "F8 stops here"
    info = row(told, told_once.row_no)
    assert "尚无有效的银行核验结果" in info


def test_findings_are_called_by_what_they_are(sign_in: SignIn, county: str) -> None:
    told = page(sign_in("pengshui-town-clerk"), f"/batches/{county}")
    assert "<strong>银行尚无核验结果</strong>" in group(told, "AC-1"), "no bank said no"
    rule = page(sign_in("pengshui-town-clerk"), f"/batches/{county}/lines?rule=AC-1")
    assert "<h1>银行尚无核验结果</h1>" in rule
    assert title_of("DU-2", "info") != title_of("DU-2", "block")
    assert title_of("AC-3", "info", "已确认") == title_of("AC-3", "confirm"), "as it was asked"


def test_what_was_answered_says_so_at_once_and_why(sign_in: SignIn, county: str) -> None:
    clerk = sign_in("pengshui-town-clerk")
    assert "确认这 1 处" in group(page(clerk, f"/batches/{county}"), "AC-3")
    facts = {"rule": "AC-3", "reason": REASON}
    assert clerk.post(f"/batches/{county}/answers", facts).status_code == 302
    for post in ("town-clerk", "town-check", "dept-chief", "finance", "audit"):
        told = group(page(sign_in(f"pengshui-{post}"), f"/batches/{county}"), "AC-3")
        assert f"已说明：{REASON}" in told, post
        assert "已确认" in told
        assert "<form" not in told, "nothing is left to press"
    rows = page(clerk, f"/batches/{county}/lines?rule=AC-3")
    assert "已确认" in rows
    assert "待核" not in rows
    again = clerk.post(f"/batches/{county}/answers", facts | {"reason": "另一个理由"})
    assert again.status_code == 422, "a second reason would be lost"


def test_an_answer_about_a_roster_calls_it_by_its_name(sign_in: SignIn, county: str) -> None:
    clerk = sign_in("pengshui-town-clerk")
    facts = {"rule": "SY-1", "kind": "deceased", "reason": "民政局下月才有新名册"}
    assert clerk.post(f"/batches/{county}/answers", facts).status_code == 302
    told = page(clerk, f"/batches/{county}")
    assert "SY-1 死亡" in told
    assert "deceased" not in told.replace('value="deceased"', "")


def test_a_refusal_leads_back_to_the_form(sign_in: SignIn, county: str) -> None:
    clerk = sign_in("pengshui-town-clerk")
    form = f"/batches/{county}/lines?rule=DU-1"

    def refused(came_from: str) -> str:
        answer = clerk.post(
            f"/batches/{county}/lines/remove", {"reason": "重复申报"}, HTTP_REFERER=came_from
        )
        assert answer.status_code == 422
        return answer.content.decode()

    assert f'href="{form}">返回刚才的页面' in refused(f"http://testserver{form}")
    assert "返回刚才的页面" not in refused("")
    assert "返回刚才的页面" not in refused("https://elsewhere.example/batches")
    assert "elsewhere" not in refused("https://elsewhere.example/batches")
    assert "elsewhere" not in refused("http://testserver//elsewhere.example/batches")
