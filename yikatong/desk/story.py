"""The story of a batch: the steps of its county's journey, and what happened so far. Pure.

Coming and past are told apart, and a person's press from what then ran by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final, Protocol

from django.utils import timezone

from yikatong.kernel.actor import DUTY_WORD, Duty
from yikatong.kernel.steps import SEAT_WORD, Status, Step

A_MINUTE: Final = 60
AN_HOUR: Final = 60 * A_MINUTE
A_DAY: Final = 24 * AN_HOUR


class Event(Protocol):
    """What the story needs of an audit event."""

    at: datetime
    action: str
    username: str
    person_name: str
    duty: str
    result: str
    from_status: str
    to_status: str
    note: str


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of the timeline, in the shape of cotton/timeline.html."""

    title: str
    kind: str
    by: str = ""
    at: str = ""
    remark: str = ""
    gap: str = ""
    deadline: str = ""
    parts: tuple[str, ...] = field(default=())


def main_path(journey: Mapping[str, Step]) -> list[Step]:
    """From the draft to the end, where nothing is returned: the first row of each status."""
    path: list[Step] = []
    at = Status.DRAFT
    while len(path) < len(journey):
        following = next((step for step in journey.values() if at in step.starts_at), None)
        if following is None:
            break
        path.append(following)
        at = following.passes
    return path


def progress(
    journey: Mapping[str, Step], status: Status, events: Sequence[Event], *, chip: str = ""
) -> list[dict[str, str]]:
    """The horizontal bar, as cotton/steps.html wants it; `chip` stands under the current step."""
    path = main_path(journey)
    place = _place(path, status, events)
    has_failed = _left_the_path(path, status)
    passed_on = {
        event.action.removeprefix("batch."): timezone.localtime(event.at).strftime("%m-%d")
        for event in events
        if event.result == "passed"
    }
    bar = []
    for n, step in enumerate(path):
        state, note = "todo", ""
        if n < place:
            state, note = "done", passed_on.get(step.name, "")
        elif n == place:
            state, note = ("failed", "") if has_failed else ("current", chip)
        bar.append({"title": step.title, "state": state, "note": note})
    return bar


def _place(path: Sequence[Step], status: Status, events: Sequence[Event]) -> int:
    """How many steps are done; where a batch left the path, the step at which it left."""
    starts = {start: n for n, step in reversed(list(enumerate(path))) for start in step.starts_at}
    if status in starts:
        return starts[status]
    if path and status == path[-1].passes:
        return len(path)
    for event in reversed(events):
        if event.from_status and Status(event.from_status) in starts:
            return starts[Status(event.from_status)]
    return 0


def _left_the_path(path: Sequence[Step], status: Status) -> bool:
    return status not in {start for step in path for start in step.starts_at} and (
        not path or status != path[-1].passes
    )


def timeline(
    journey: Mapping[str, Step],
    events: Sequence[Event],
    *,
    following: Sequence[Step] = (),
    due_on: date | None = None,
) -> list[Told]:
    """Newest on top; above it, grey, who comes next and until when."""
    coming = [
        Told(
            step.title,
            "coming",
            by=SEAT_WORD[step.seat],
            deadline=f"应于 {due_on:%m-%d} 前办结" if due_on else "",
        )
        for step in following
    ]
    told: list[Told] = []
    before: datetime | None = None
    for is_machine, group in groupby(events, key=lambda event: not event.username):
        run = list(group)
        if is_machine and len(run) > 1:
            told.append(_folded(journey, run, before))
        else:
            for event in run:
                told.append(_one(journey, event, before))
                before = event.at
        before = run[-1].at
    return [*coming, *reversed(told)]


def _one(journey: Mapping[str, Step], event: Event, before: datetime | None) -> Told:
    kind = "person" if event.username else "machine"
    if event.result == "returned":
        kind = "returned"
    by = event.person_name
    if event.username:
        by = f"{DUTY_WORD[Duty(event.duty)]} {event.person_name}"
    return Told(_title(journey, event), kind, by, _at(event.at), event.note, _gap(before, event.at))


def _folded(journey: Mapping[str, Step], run: Sequence[Event], before: datetime | None) -> Told:
    """Several machine events in a row: one entry, its parts beneath; a return stays in sight."""
    parts = tuple(
        f"{timezone.localtime(event.at):%H:%M:%S} {_title(journey, event)}"
        + (f"：{event.note}" if event.note else "")
        for event in reversed(run)
    )
    no = next((event for event in run if event.result == "returned"), None)
    return Told(
        "、".join(_title(journey, event) for event in run),
        "returned" if no else "machine",
        "系统自动",
        _at(run[-1].at),
        no.note if no else "",
        _gap(before, run[-1].at),
        parts=parts,
    )


def _title(journey: Mapping[str, Step], event: Event) -> str:
    name = event.action.removeprefix("batch.")
    title = (
        journey[name].title if name in journey else OTHER_ACTIONS.get(event.action, event.action)
    )
    return f"{title}（退回）" if event.result == "returned" else title


OTHER_ACTIONS: Final = {
    "batch.draft": "存为草稿",
    "batch.answer": "人工确认",
    "batch.remove": "剔除明细",
    "batch.gather": "集成补发",
    "quarantine.close": "异常销账",
    "recovery.enter": "追回登记",
    "ledger.download": "下载台账",
    "vouchers.download": "下载凭证",
    "payment.stop": "申请停发",
    "payment.stopped": "停发复核",
    "payment.unstopped": "停发不同意",
    "account.propose": "账户变更申请",
    "account.confirm": "账户变更复核",
    "account.return": "账户变更退回",
    "session.sign_in": "登录",
    "session.sign_out": "退出",
    "people.load": "导入补贴对象",
    "roster.load": "导入比对名册",
    "file.check": "导入名单检查",
    "programme.define": "新建项目定义",
    "programme.edit": "修改项目定义",
    "programme.try": "样表试查",
    "programme.confirm": "项目确认生效",
    "programme.return": "项目定义退回",
    "programme.retire": "项目停用",
    "programme.drop": "项目定义作废",
}


def action_word(journey: Mapping[str, Step], event: Event) -> str:
    """The action of any event in Chinese, for the list of 留痕."""
    return _title(journey, event)


def _at(when: datetime) -> str:
    return timezone.localtime(when).strftime("%Y-%m-%d %H:%M")


def _gap(before: datetime | None, after: datetime) -> str:
    if before is None:
        return ""
    return spoken(after - before)


def spoken(length: timedelta) -> str:
    """3 天 4 小时, 2 小时 10 分, 5 分钟; less than a minute in seconds."""
    seconds = int(length.total_seconds())
    if seconds < A_MINUTE:
        return f"{max(seconds, 1)} 秒"
    if seconds < AN_HOUR:
        return f"{seconds // A_MINUTE} 分钟"
    if seconds < A_DAY:
        hours, rest = divmod(seconds, AN_HOUR)
        return f"{hours} 小时 {rest // A_MINUTE} 分"
    days, rest = divmod(seconds, A_DAY)
    return f"{days} 天 {rest // AN_HOUR} 小时"
