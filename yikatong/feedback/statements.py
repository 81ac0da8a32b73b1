"""对账月报: what the books say of a month, as PDF, with the SM3 of its content printed and kept."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import typst
from django.db.models import Max
from django.utils import timezone

from yikatong.audit.actions import record
from yikatong.feedback.models import DifferenceWord, MonthStatement
from yikatong.feedback.queries import day_accounts, differences, runs, sums_of, three_way
from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.digest import canonical, sm3
from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money
from yikatong.organisation.queries import county_settings, department_units, paying_banks

TEMPLATE: Final = Path(__file__).parent / "documents" / "statement.typ"
# one of these must be on the machine; the first there is used (screens.md §4)
FAMILIES: Final = (
    "Noto Serif CJK SC", "Source Han Serif SC", "Noto Sans CJK SC", "Source Han Sans SC", "SimSun",
    "FangSong", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
)  # fmt: skip
MOST_DIFFERENCES: Final = 2000
NO_FONT: Final = (
    "这台机器没有可用的中文字体，不能生成 PDF。请系统管理员安装 Debian 软件包 fonts-noto-cjk"
    "（或把思源宋体、宋体放进系统字体目录）后重试。"
)


def chinese_fonts() -> tuple[str, ...]:
    """The usable Chinese families of this machine, best first; empty where there is none."""
    there = set(typst.Fonts(include_system_fonts=True, include_embedded_fonts=False).families())
    return tuple(name for name in FAMILIES if name in there)


def make(month: str, *, actor: Actor) -> MonthStatement:
    """Make and keep the statement of a month that has begun; each time another number.

    Raises:
        Refused: not finance's, a month to come, nothing reconciled yet, no Chinese font.
    """
    if actor.duty != Duty.FINANCE:
        raise Refused("月报由财政生成。")
    if month > f"{timezone.localdate():%Y-%m}":
        raise Refused(f"{month} 还没有到。")
    fonts = chinese_fonts()
    if not fonts:
        raise Refused(NO_FONT)
    last = MonthStatement.objects.filter(county=actor.scope.county, month=month)
    number = (last.aggregate(most=Max("number"))["most"] or 0) + 1
    content = content_of(month, number, actor=actor)
    digest = sm3(canonical(content))
    document = printed(content, digest=digest, fonts=fonts)
    made = MonthStatement.objects.create(
        county=actor.scope.county,
        month=month,
        number=number,
        content=content,
        digest=digest,
        document=document,
        document_sm3=sm3(document),
        made_by=actor.username,
        made_at=timezone.now(),
    )
    record(
        actor=actor,
        action="statement.make",
        result="done",
        unit_no=actor.unit_no,
        note=f"{month} 第 {number} 份，SM3 {digest.hex()}",
        touched=digest,
    )
    return made


def printed(content: dict[str, Any], *, digest: bytes, fonts: tuple[str, ...]) -> bytes:
    """PDF/A-2b of a statement; its values are data, never pasted into the document's source."""
    told = {"content": content, "digest": digest.hex(), "fonts": list(fonts)}
    made = typst.compile(
        str(TEMPLATE),
        sys_inputs={"told": json.dumps(told, ensure_ascii=False)},
        pdf_standards="a-2b",
        timestamp=int(timezone.now().timestamp()),
    )
    if not isinstance(made, bytes):
        raise TypeError("one document was asked for")
    return made


def content_of(month: str, number: int, *, actor: Actor) -> dict[str, Any]:
    """What a statement says: amounts as written, so that the digest is of what is read."""
    scope = actor.scope
    first, following = _bounds(month)
    run = runs(scope=scope).filter(day__lt=following).first()
    if run is None:
        raise Refused(f"{month} 以前还没有对过账，请先发起对账。")
    banks, departments = paying_banks(scope=scope), department_units(scope=scope)
    whole = three_way(run, scope=scope)
    within = differences(scope=scope).filter(opened_at__date__lt=following)
    listed = list(within[: MOST_DIFFERENCES + 1])
    if len(listed) > MOST_DIFFERENCES:
        raise Refused(f"差异超过 {MOST_DIFFERENCES} 条，请先销号再生成月报。")
    return {
        "county": county_settings(scope=scope).name,
        "month": month,
        "number": number,
        "run": {"at": timezone.localtime(run.at).strftime("%Y-%m-%d %H:%M"), "id": run.pk},
        "made_on": timezone.localdate().isoformat(),
        "made_by": actor.name,
        "holds": whole.holds,
        "whole": {
            "voucher": _yuan(whole.voucher_fen),
            "account": _yuan(whole.account_fen),
            "kept": _yuan(whole.kept_fen),
            "lines": _yuan(whole.lines_fen),
        },
        "sums": [
            [
                departments[row.department_no].name,
                banks[row.bank_no].short_name,
                *(
                    _yuan(fen)
                    for fen in (
                        row.voucher_fen, row.account_fen, row.kept_fen, row.paid_fen,
                        row.failed_fen, row.in_transit_fen, row.stopped_fen, row.refunded_fen,
                    )
                ),
            ]
            for row in sums_of(run, scope=scope)
        ],
        "banks": _bank_months(first, following, actor=actor),
        "differences": [
            [
                one.rule,
                one.side,
                _yuan(one.amount_fen),
                one.since.isoformat(),
                one.owner,
                one.sentence,
                _state(list(one.words.all())),
            ]
            for one in listed
        ],
    }  # fmt: skip


def _bank_months(first: date, following: date, *, actor: Actor) -> list[list[str]]:
    """Each bank's month by its own day accounts: opening, in, returned, out, refunded, closing."""
    banks = paying_banks(scope=actor.scope)
    told = day_accounts(scope=actor.scope).filter(day__gte=first, day__lt=following)
    newest: dict[tuple[int, date], Any] = {}
    for one in told.order_by("bank_no", "day", "id"):
        newest[one.bank_no, one.day] = one
    rows = []
    for bank_no in dict.fromkeys(bank for bank, _ in newest):
        days = [one for (bank, _), one in newest.items() if bank == bank_no]
        moved = [
            sum(getattr(day, name) for day in days)
            for name in ("in_fen", "returned_fen", "out_fen", "refunded_fen")
        ]
        fens = (days[0].opening_fen, *moved, days[-1].closing_fen)
        rows.append([banks[bank_no].short_name, *(_yuan(fen) for fen in fens)])
    return rows


def _state(words: list[DifferenceWord]) -> str:
    closed = next((one for one in words if one.kind == DifferenceWord.Kind.CLOSE), None)
    if closed is not None:
        return f"已销号：{closed.reason}"
    answered = next((one for one in words if one.kind == DifferenceWord.Kind.ANSWER), None)
    return f"已答复：{answered.reason}" if answered else "待答复"


def _bounds(month: str) -> tuple[date, date]:
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=32)).replace(day=1)


def _yuan(fen: int) -> str:
    return f"{Money(fen)}"
