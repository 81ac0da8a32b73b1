"""The batch page by difference, by rule."""

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
from yikatong.validation.models import PeriodChange
from yikatong.validation.queries import last_run, rule_outcomes_of
from yikatong.validation.rules import Bands, ChangeKind

TOLD_IN_ORDER = True
HERE = "500243"
LogIn = Callable[[str], AbstractContextManager[None]]
NEW, AMOUNT = 60, 2
INFO = '<span class="tag tag--info">'


def test_a_batch_that_was_never_checked_has_neither_section(sign_in: SignIn, county: str) -> None:
    told = page(sign_in("pengshui-dept-chief"), f"/batches/{county}")
    assert "各规则结论" not in told
    assert 'id="changes"' not in told
    assert 'id="forecast"' not in told
    assert "没有这一类变化" in page(sign_in("pengshui-town-clerk"), f"/batches/{county}/changes")


def test_who_approves_sees_what_differs_by_kind_and_each_row_behind_it(
    sign_in: SignIn, county: str, log_in: LogIn
) -> None:
    with log_in("ykt_worker"), acting(machine(HERE)) as actor:
        batch = Batch.objects.select_related("programme").get(county=HERE, number=county)
        examine(batch, bands=Bands(*ALL_UNITS), actor=actor)
        _differ(batch, last_run(batch, scope=actor.scope))
        outcomes = rule_outcomes_of(batch, scope=actor.scope)
    for post in ("town-clerk", "town-check", "dept-clerk", "dept-chief", "finance", "audit"):
        client = sign_in(f"pengshui-{post}")
        told = page(client, f"/batches/{county}")
        assert re.search(rf'\?kind=NEW">本期新增 <strong class="number">{NEW}</strong>', told), post
        assert re.search(rf'\?kind=AMOUNT">金额变化 <strong class="number">{AMOUNT}</strong>', told)
        assert "?kind=GONE" not in told, "nobody is gone: no link that leads to nothing"
    changed = page(client, f"/batches/{county}/changes?kind=AMOUNT")
    assert changed.count(INFO) == AMOUNT
    assert "￥90.00" in changed
    assert "￥100.00" in changed
    assert "本期新增" not in changed
    first = page(client, f"/batches/{county}/changes?kind=NEW")
    (after,) = re.findall(r'rel="next" href="\?(.*?)"', first)
    assert "kind=NEW" in after, "the second page is of the same kind"
    second = page(client, f"/batches/{county}/changes?{after.replace('&amp;', '&')}")
    assert first.count(INFO) + second.count(INFO) == NEW
    every = page(client, f"/batches/{county}/changes?kind=nonsense")
    assert f"共 {NEW + AMOUNT} 条" in every
    assert len(outcomes) > 20
    section = told[told.index('id="outcomes"') :]
    assert "<details" in section
    assert not re.search(r"<details[^>]*\bopen", section[: section.index("</details>")])
    for verdict in {one.verdict for one in outcomes.values()}:
        times = sum(one.verdict == verdict for one in outcomes.values())
        assert f"{verdict} {times} 条" in section


def _differ(batch: Batch, run_no: int) -> None:
    facts = {
        "county": batch.county,
        "unit_no": batch.unit_no,
        "department_no": batch.department_no,
        "batch": batch,
        "run_no": run_no,
    }
    changes = [
        PeriodChange(kind=ChangeKind.NEW, name=f"新{n}", now_fen=100, **facts) for n in range(NEW)
    ]
    changes += [
        PeriodChange(
            kind=ChangeKind.AMOUNT, name=f"变{n}", before_fen=9_000, now_fen=10_000, **facts
        )
        for n in range(AMOUNT)
    ]
    # of an earlier run: not shown any more
    earlier = facts | {"run_no": run_no - 1}
    changes.append(PeriodChange(kind=ChangeKind.GONE, name="前次", before_fen=100, **earlier))
    PeriodChange.objects.bulk_create(changes)
