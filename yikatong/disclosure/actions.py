"""公开公示: writes the redacted projection once; every channel shows the same bytes."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Final

from django.utils import timezone

from yikatong.disclosure.models import Disclosure, DisclosureRow
from yikatong.disclosure.queries import paid_facts
from yikatong.disclosure.rules import named_rows, shown_fen, total_rows
from yikatong.kernel.actor import Actor
from yikatong.kernel.calendar import add_natural_days
from yikatong.kernel.digest import canonical, sm3
from yikatong.kernel.money import Money
from yikatong.kernel.steps import NOTHING, Inputs, Passed, Verdict
from yikatong.organisation.queries import county_settings, department_units, unit_by_number
from yikatong.submission.models import Batch

NOTICE_DAYS: Final = 7
NAMED: Final = "named"


def publish(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """公开公示 of what was paid, by the item's profile (彭 四(五), 渡 四(六))."""
    scope = actor.scope
    settings = county_settings(scope=scope).settings
    facts = paid_facts(batch, scope=scope)
    programme = batch.programme
    rows = named_rows(facts) if programme.disclosure_profile == NAMED else total_rows(facts)
    paid_fen = sum(fact.amount_fen for fact in facts)
    own = settings.get("deadlines", {}).get("close", {})
    today = timezone.localdate()
    department = department_units(scope=scope)[batch.department_no]
    notice = Disclosure.objects.create(
        county=batch.county,
        unit_no=batch.unit_no,
        department_no=batch.department_no,
        batch=batch,
        slug=secrets.token_hex(8),
        programme_name=programme.name,
        period=batch.period,
        unit_name=unit_by_number(batch.unit_no, scope=scope).name,
        department_name=department.name,
        profile=programme.disclosure_profile,
        lines=len(facts),
        amount_fen=shown_fen(rows),
        from_on=today,
        until_on=add_natural_days(today, own.get("days", NOTICE_DAYS)),
        supervision_phone=settings.get("hotline", ""),
        digest=sm3(canonical([asdict(row) for row in rows])),
        channels=settings.get("channels", []),
        published_by=actor.username,
        published_at=timezone.now(),
    )
    DisclosureRow.objects.bulk_create(
        (
            DisclosureRow(disclosure=notice, county=batch.county, seq=seq, **asdict(row))
            for seq, row in enumerate(rows, start=1)
        ),
        batch_size=2000,
    )
    return Passed(note=f"公示 {notice.slug}，涉及 {notice.lines} 笔 {Money(paid_fen)} 元")


def close(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """公示期满: the public page answers 410 from its last day on; here only the journey ends."""
    return Passed(note="公示期满")
