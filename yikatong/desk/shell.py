"""The frame of every page: who sits here, and the menu that this duty sees (screens.md §9)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse

from yikatong.kernel.actor import DUTY_WORD, Actor, Duty
from yikatong.organisation.policy import (
    BATCH_READERS,
    BOOK_READERS,
    CHANGE_READERS,
    CLERKS,
    OFFICIALS,
    QUARANTINE_READERS,
    TOWN,
)
from yikatong.organisation.queries import county_settings

SYSTEM_NAME: Final = "惠民惠农“一卡通”发放管理平台"
SIZES: Final = ("normal", "large")
SIZE_COOKIE: Final = "size"
ITEM_PAGES: Final = ("definition", "new-definition", "edit-definition", "trial")
READERS: Final = BATCH_READERS | {Duty.VILLAGE}
BATCH_PAGES: Final = ("batch", "lines", "payments", "step", "stop-payment")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu. `covers` are the names of the pages that belong to it."""

    group: str
    label: str
    url: str
    icon: str
    duties: Collection[Duty]
    covers: frozenset[str]


def _entry(
    group: str, label: str, url: str, icon: str, duties: Collection[Duty], *covers: str
) -> Entry:
    return Entry(group, label, url, icon, duties, frozenset({url, *covers}))


MENU: Final = (
    _entry("", "工作台", "home", "home", OFFICIALS, "share"),
    _entry("发放办理", "名单导入", "import", "upload", CLERKS, "check-run"),
    _entry("发放办理", "发放批次", "batches", "list", BATCH_READERS, *BATCH_PAGES),
    _entry("发放办理", "失败处理", "failures", "warn", BATCH_READERS),
    _entry("发放办理", "异常挂账", "exceptions", "warn", QUARANTINE_READERS, "exception"),
    _entry("资金与核算", "预算指标", "indicators", "chart", BOOK_READERS),
    _entry("资金与核算", "三方对账", "reconciliation", "swap", BOOK_READERS, "difference"),
    _entry("资金与核算", "资金台账", "ledger", "book", BOOK_READERS, "postings"),
    _entry("资金与核算", "凭证草稿", "vouchers", "list", BOOK_READERS, "recovery"),
    _entry("对象与账户", "补贴对象", "people", "users", TOWN | {Duty.VILLAGE}, "person"),
    _entry("对象与账户", "本村明细", "village-lines", "list", {Duty.VILLAGE}),
    _entry("对象与账户", "账户变更", "account-changes", "swap", CHANGE_READERS, "account-change"),
    _entry(
        "清单与公开",
        "项目与标准",
        "programmes",
        "book",
        BATCH_READERS | {Duty.VILLAGE},
        *ITEM_PAGES,
    ),
    _entry("清单与公开", "公示公告", "notices", "megaphone", BATCH_READERS, "notice"),
    _entry("监督", "留痕", "events", "shield", {Duty.AUDIT, Duty.AUDITADMIN}),
)


class Shell:
    """What shell.html and the pages that stand alone ask for. Reads nothing before it is asked."""

    system_name = SYSTEM_NAME

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.actor: Actor | None = getattr(request, "actor", None)

    @property
    def size(self) -> str:
        size = self.request.COOKIES.get(SIZE_COOKIE, "")
        return size if size in SIZES else SIZES[0]

    @cached_property
    def county_name(self) -> str:
        return county_settings(scope=self.actor.scope).name if self.actor else ""

    @property
    def user_line(self) -> str:
        if self.actor is None:
            return ""
        return f"{self.actor.unit_name} · {DUTY_WORD[self.actor.duty]} {self.actor.name}"

    @property
    def posts(self) -> list[dict[str, Any]]:
        """The posts to switch between; none for who holds only one."""
        posts: list[Actor] = getattr(self.request, "posts", [])
        if self.actor is None or len(posts) == 1:
            return []
        here = self.actor.unit_no
        return [
            {"unit_no": post.unit_no, "label": post.unit_name, "is_current": post.unit_no == here}
            for post in posts
        ]

    @property
    def size_url(self) -> str:
        return reverse("size")

    @property
    def sign_out_url(self) -> str:
        return reverse("sign-out") if self.actor else ""

    @cached_property
    def menu(self) -> list[dict[str, Any]]:
        if self.actor is None:
            return []
        match = self.request.resolver_match
        here = match.url_name if match else ""
        groups: dict[str, list[dict[str, Any]]] = {}
        for entry in MENU:
            if self.actor.duty in entry.duties:
                groups.setdefault(entry.group, []).append(
                    {
                        "label": entry.label,
                        "url": reverse(entry.url),
                        "icon": entry.icon,
                        "is_current": here in entry.covers,
                    }
                )
        return [{"title": title, "items": items} for title, items in groups.items()]


def shell(request: HttpRequest) -> dict[str, Shell]:
    """The context processor."""
    return {"shell": Shell(request)}
