"""新建项目 without code, from the first draft to lines that pass: as the people who do it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError
from django.test import Client
from openpyxl import load_workbook

from tests.desk.conftest import SignIn
from yikatong.audit.models import AuditEvent
from yikatong.catalogue import actions
from yikatong.catalogue.models import (
    BenefitStandard,
    Definition,
    Programme,
    Relation,
    RequiredRoster,
)
from yikatong.cli import lists, setup
from yikatong.kernel.actor import ALL_UNITS
from yikatong.kernel.errors import Refused
from yikatong.kernel.period import Period
from yikatong.organisation.machines import machine
from yikatong.organisation.queries import actor_of, actors_of
from yikatong.organisation.scoping import acting
from yikatong.validation import trials
from yikatong.validation.actions import run_check
from yikatong.validation.models import CheckRun, Trial
from yikatong.validation.queries import check_run_with_file, trial_with_file
from yikatong.validation.rules import Bands
from yikatong.validation.views import drafted_by

TOLD_IN_ORDER = True
HERE = "500243"
CLERK, CHIEF = "pengshui-dept-clerk", "pengshui-dept-chief"
LogIn = Callable[[str], AbstractContextManager[None]]

ITEM: dict[str, Any] = {
    "name": "高山蔬菜种植补贴",
    "short_name": "高山蔬菜",
    "target": "种植户",
    "note": "彭水农发〔2026〕1号",
    "payee_kind": "person",
    "paying_unit": "department",
    "frequency": "yearly",
    "unit": "亩",
    "object_kind": "plot",
    "disclosure": "named",
    "formula": "rate",
    "formula_text": "补贴金额＝补贴标准×种植面积",
    "rounding": "half_up",
    "months": "0",
    "use_quantity": "required",
    "word_quantity": "种植面积（亩）",
    "use_object_key": "required",
    "word_object_key": "地块号",
    "use_standard": "optional",
    "extra_columns": "品种\n验收人",
    "standard_0_amount": "123.4567891",
    "standard_0_from": "2026-01-01",
    "relation_0_b": "P01",
    "relation_0_kind": "SAME_ASSET",
    "relation_0_scope": "plot",
    "relation_0_since": "2026-01-01",
    "roster_vehicle_owner": "optional_rosters",
    "days_vehicle_owner": "90",
    "check_amount_change_percent": "on",
    "check_quantity_jump_percent": "on",
    "check_yearly_repeat_asks": "on",
}


@pytest.fixture(autouse=True)
def _here(county: str) -> None:
    """Everything below happens in the county of `county`."""


def sample(amount: str = "246.91", *, people: int = 2) -> bytes:
    """A sample of registered people, each with two 亩 at 123.4567891."""
    population = setup.sample_population(setup.pack_of("pengshui"), people=300, seed=7)
    dead = {row.id_number for row in population.rosters["deceased"]}
    living = [one for one in population.people if one.id_number not in dead]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["姓名", "身份证号", "种植面积（亩）", "地块号", "品种", "金额"])
    for n, one in enumerate(living[:people]):
        writer.writerow([one.name, one.id_number, "2", f"地{n}", "辣椒", amount])
    return out.getvalue().encode()


def told(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()
    return str(answer.content.decode())


def asked(client: Client, definition: int, content: bytes, name: str = "样表.csv") -> int:
    answer = client.post(
        f"/definitions/{definition}/trials",
        {"period": "2026-09", "file": SimpleUploadedFile(name, content)},
    )
    assert answer.status_code == 302, answer.content.decode()
    return int(answer.headers["Location"].rpartition("/")[2])


def tried(log_in: LogIn, trial: int) -> Trial:
    with log_in("ykt_worker"):
        with acting(machine(HERE)) as actor:
            one = trial_with_file(trial, scope=actor.scope)
            trials.run_trial(one, bands=Bands(*ALL_UNITS), actor=actor)
        with acting(machine(HERE)) as actor:
            return trial_with_file(trial, scope=actor.scope)


def definition(version: int = 1) -> Definition:
    with acting(actor_of(CLERK, via="web")):
        return Definition.objects.get(county=HERE, code="NA01", version=version)


def decide(client: Client, one: Definition, decision: str, reason: str = "") -> Any:
    facts = {"decision": decision, "reason": reason, "digest": bytes(one.digest).hex()}
    return client.post(f"/definitions/{one.pk}/decide", facts)


def listed() -> list[str]:
    with acting(actor_of(CLERK, via="web")) as actor:
        return [one.code for one in drafted_by(actor)] + list(
            Programme.objects.filter(county=HERE, valid_to=None).values_list("code", flat=True)
        )


def test_a_wrong_formula_is_refused_at_its_place(sign_in: SignIn) -> None:
    clerk = sign_in(CLERK)
    assert "新建项目" in told(clerk.get("/programmes"))
    page = told(
        clerk.post("/definitions/new", ITEM | {"formula_text": "补贴金额=补贴标准×面识"}), 422
    )
    assert "第 11 个字起的“面识”不是本项的列" in page
    page = told(
        clerk.post("/definitions/new", ITEM | {"formula_text": "补贴金额=（补贴标准×2"}), 422
    )
    assert "第 6 个字“（”没有对应的“）”" in page
    page = told(clerk.post("/definitions/new", ITEM | {"standard_0_amount": "1.12345678"}), 422)
    assert "标准最多 7 位小数" in page
    assert "高山蔬菜种植补贴" in page, "what was typed stays"


def test_a_clerk_defines_an_item_of_her_own_department(sign_in: SignIn) -> None:
    clerk = sign_in(CLERK)
    answer = clerk.post("/definitions/new", ITEM)
    assert answer.status_code == 302, answer.content.decode()
    one = definition()
    assert (one.state, one.department_no, one.editors) == ("DRAFT", 1, [CLERK])
    assert one.content["programme"]["checks"] == {"village_top": 0}
    page = told(clerk.get(answer.headers["Location"]))
    for words in ("试填", "123.4567891 元/亩", "种植面积（亩）", "同一标的不重复", "只存文字"):
        assert words in page
    book = load_workbook(io.BytesIO(clerk.get(f"/definitions/{one.pk}/template").content))
    head = [cell.value for cell in book["名单"][1]]
    assert {"种植面积（亩）*", "地块号*", "品种", "验收人", "补贴标准"} <= set(head)


def test_nobody_submits_under_a_draft_and_it_is_nobodys_item_yet(sign_in: SignIn) -> None:
    one = definition()
    assert "NA01" not in listed()
    with pytest.raises(Refused, match="清单里没有"):
        lists.drafting_clerk(None, "pengshui", HERE, "NA01")
    page = told(decide(sign_in(CHIEF), one, "confirm"), 409)
    assert "请先由经办用样表试查" in page


def test_finance_and_another_department_cannot_touch_it(sign_in: SignIn) -> None:
    one = definition()
    finance = sign_in("pengshui-finance")
    assert "高山蔬菜种植补贴" in told(finance.get(f"/definitions/{one.pk}")), "finance may read"
    assert finance.get("/definitions/new").status_code == 403
    assert decide(finance, one, "confirm").status_code == 403
    assert sign_in("pengshui-town-clerk").get(f"/definitions/{one.pk}").status_code == 403
    posts = [a for a in actors_of(CLERK, via="web") if a.scope.department_no != 1]
    assert posts, "the sample posts sit in every department"
    with acting(posts[0]):
        assert not Definition.objects.filter(pk=one.pk).exists()
    with acting(actor_of("pengshui-finance", via="web")), pytest.raises(DatabaseError):
        Definition.objects.filter(pk=one.pk).update(reason="x")


def test_a_sample_is_judged_by_the_very_rules_and_nothing_of_it_stays(
    sign_in: SignIn, log_in: LogIn
) -> None:
    clerk = sign_in(CLERK)
    one = definition()
    first = asked(clerk, one.pk, b"a,b\n1,2\n")
    assert "正在用现在这一稿" in told(clerk.get(f"/trials/{first}"))
    assert tried(log_in, first).state == CheckRun.State.FAILED
    assert definition().state == "DRAFT", "an unreadable sample proves nothing"
    second = asked(clerk, one.pk, sample("246.92"))
    trial = tried(log_in, second)
    assert (trial.report["rows"], trial.report["blocked"]) == (2, 2)
    assert {"AM-1"} <= {finding["rule"] for finding in trial.report["findings"]}
    assert "按标准 123.4567891 元、种植面积 2 应为 246.91 元" in told(
        clerk.get(f"/trials/{second}")
    )
    assert definition().state == "TESTED"
    assert "NA01" not in listed()
    with acting(actor_of(CLERK, via="web")):
        assert not BenefitStandard.objects.filter(county=HERE, programme_code="NA01").exists()


def test_what_is_edited_after_its_sample_must_be_tried_again(
    sign_in: SignIn, log_in: LogIn
) -> None:
    clerk, chief = sign_in(CLERK), sign_in(CHIEF)
    before = definition()
    answer = clerk.post(f"/definitions/{before.pk}/edit", ITEM | {"name": "高山蔬菜补贴"})
    assert answer.status_code == 302, answer.content.decode()
    one = definition()
    assert one.state == "DRAFT"
    assert bytes(one.digest) != bytes(before.digest)
    assert decide(chief, one, "confirm").status_code == 409
    page = told(clerk.get(f"/definitions/{one.pk}"))
    assert "旧稿" in page
    # not even past the actions: the database has seen no trial of this text
    with acting(actor_of(CHIEF, via="web")), pytest.raises(DatabaseError, match="样表试查"):
        Definition.objects.filter(pk=one.pk).update(state="TESTED")
    tried(log_in, asked(clerk, one.pk, sample()))
    assert definition().state == "TESTED"
    page = told(chief.get(f"/definitions/{one.pk}"))
    assert "确认生效" in page
    assert "现在这一稿" in page


def test_who_wrote_it_never_confirms_it(sign_in: SignIn) -> None:
    one = definition()
    assert "不在您的岗位职责内" in told(decide(sign_in(CLERK), one, "confirm"), 422)
    clerk = actor_of(CLERK, via="web")
    with acting(clerk), pytest.raises(DatabaseError, match="不能自己确认"):
        Definition.objects.filter(pk=one.pk).update(state="LIVE", confirmed_by=CLERK)
    # nor in another's name
    with acting(clerk), pytest.raises(DatabaseError, match="不能自己确认"):
        Definition.objects.filter(pk=one.pk).update(state="LIVE", confirmed_by=CHIEF)
    page = told(
        sign_in(CHIEF).post(
            f"/definitions/{one.pk}/decide", {"decision": "confirm", "digest": "00"}
        ),
        409,
    )
    assert "刚刚被改写过" in page


def test_no_item_stands_in_the_list_without_a_live_definition() -> None:
    one = definition()
    clerk = actor_of(CLERK, via="web")
    with pytest.raises(DatabaseError, match="没有生效"), acting(clerk):
        actions.put_in_force(one, actor=clerk)
    with pytest.raises(DatabaseError, match="不能这样改"), acting(clerk):
        Programme.objects.filter(county=HERE, code="P01").update(valid_to="2026-01-01")
    with pytest.raises(DatabaseError, match="不能这样改"), acting(clerk):
        BenefitStandard.objects.filter(county=HERE, programme_code="P01").delete()


def test_the_second_person_confirms_and_the_item_is_like_any_other(
    sign_in: SignIn, log_in: LogIn, capsys: pytest.CaptureFixture[str]
) -> None:
    one = definition()
    answer = decide(sign_in(CHIEF), one, "confirm")
    assert answer.status_code == 302, answer.content.decode()
    one = definition()
    assert (one.state, one.confirmed_by) == ("LIVE", CHIEF)
    assert "NA01" in listed()
    with acting(actor_of(CLERK, via="web")):
        item = Programme.objects.get(county=HERE, code="NA01")
        assert (item.definition_id, item.serial, item.version) == (one.pk, 19, 1)
        assert Relation.objects.get(county=HERE, code_a="NA01").code_b == "P01"
        wanted = RequiredRoster.objects.filter(county=HERE, programme_code="NA01")
        assert set(wanted.values_list("kind", "severity", "max_age_days")) == {
            ("vehicle_owner", "optional", 90)
        }
    town = sign_in("pengshui-town-clerk")
    book = town.post("/import/template", {"programme": "NA01", "period": "2026-09"})
    head = [cell.value for cell in load_workbook(io.BytesIO(book.content))["名单"][1]]
    assert "种植面积（亩）*" in head
    assert "NA01" in told(town.get("/programmes"))
    events = _events(log_in)
    for action, user in (
        ("programme.define", CLERK),
        ("programme.edit", CLERK),
        ("programme.confirm", CHIEF),
    ):
        assert (action, user) in events
    assert any(action == "programme.try" for action, _ in events)


def _events(log_in: LogIn) -> list[tuple[str, str]]:
    with log_in("ykt_worker"), acting(machine(HERE)):
        found = AuditEvent.objects.filter(action__startswith="programme.").order_by("seq")
        return list(found.values_list("action", "username"))


def test_lines_pass_and_fail_under_it_as_under_any_item(
    sign_in: SignIn, log_in: LogIn, tmp_path: Any
) -> None:
    path = tmp_path / "名单.csv"
    path.write_bytes(sample())
    clerk = actor_of("pengshui-town-clerk", via="cli")
    number = lists.store_list(path, clerk, "NA01", Period(2026, 9))
    assert number.startswith("PE202609NA01")
    town = sign_in("pengshui-town-clerk")
    for content, passed in ((sample(), 2), (sample("246.92"), 0)):
        answer = town.post(
            "/import",
            {
                "programme": "NA01",
                "period": "2026-09",
                "file": SimpleUploadedFile(f"{passed}.csv", content),
            },
        )
        run = int(answer.headers["Location"].rpartition("/")[2])
        with log_in("ykt_worker"), acting(machine(HERE)) as actor:
            found = check_run_with_file(run, scope=actor.scope)
            run_check(found, bands=Bands(*ALL_UNITS), actor=actor)
            report = CheckRun.objects.get(pk=run, county=HERE).report
        assert report["passed"] == passed, json.dumps(report, ensure_ascii=False)[:2000]


def test_a_new_version_waits_beside_the_live_one_and_then_replaces_it(
    sign_in: SignIn, log_in: LogIn
) -> None:
    clerk, chief = sign_in(CLERK), sign_in(CHIEF)
    one = definition()
    assert clerk.get(f"/definitions/{one.pk}/edit").status_code == 409
    with acting(actor_of(CLERK, via="web")), pytest.raises(DatabaseError, match="另起新版本"):
        Definition.objects.filter(pk=one.pk).update(content={})
    answer = clerk.post(f"/definitions/{one.pk}/revise")
    assert answer.status_code == 302
    assert clerk.post(f"/definitions/{one.pk}/revise").status_code == 409
    second = definition(2)
    facts = ITEM | {"standard_0_to": "2026-06-30"}
    facts |= {"standard_1_amount": "100", "standard_1_from": "2026-07-01"}
    assert clerk.post(f"/definitions/{second.pk}/edit", facts).status_code == 302
    assert definition().state == "LIVE"
    trial = tried(log_in, asked(clerk, second.pk, sample("200.00")))
    assert trial.report["blocked"] == 0, trial.report["findings"]
    page = told(chief.get(f"/definitions/{second.pk}"))
    assert "与第 1 版相比" in page
    assert decide(chief, definition(2), "confirm").status_code == 302
    assert (definition().state, definition(2).state) == ("RETIRED", "LIVE")
    with acting(actor_of(CLERK, via="web")):
        rates = BenefitStandard.objects.filter(county=HERE, programme_code="NA01")
        assert sorted(str(one.rate) for one in rates) == ["100.0000000", "123.4567891"]
        versions = Programme.objects.filter(county=HERE, code="NA01").order_by("version")
        assert [item.valid_to is None for item in versions] == [False, True]


def test_a_stopped_item_takes_no_more_lists(sign_in: SignIn) -> None:
    chief = sign_in(CHIEF)
    assert decide(chief, definition(2), "retire", "短").status_code == 422
    assert decide(chief, definition(2), "retire", "政策到期，不再执行").status_code == 302
    assert definition(2).state == "RETIRED"
    assert "NA01" not in listed()
    assert decide(chief, definition(2), "retire", "再停一次试试").status_code == 409
    with acting(actor_of(CLERK, via="web")):  # batches on their way are still judged by them
        assert BenefitStandard.objects.filter(county=HERE, programme_code="NA01").count() == 2


def test_a_tried_draft_may_be_returned_or_dropped(sign_in: SignIn, log_in: LogIn) -> None:
    clerk, chief = sign_in(CLERK), sign_in(CHIEF)
    clerk.post(f"/definitions/{definition(2).pk}/revise")
    tried(log_in, asked(clerk, definition(3).pk, sample("200.00")))
    assert decide(chief, definition(3), "return", "面积要取两位小数").status_code == 302
    assert (definition(3).state, definition(3).reason) == ("DRAFT", "面积要取两位小数")
    assert decide(clerk, definition(3), "drop", "并入下一年度方案").status_code == 302
    assert definition(3).state == "RETIRED"
