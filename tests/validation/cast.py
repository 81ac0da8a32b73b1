"""The cast, the same everywhere (house.md §6): 王强's county pays, 吴外's is the other one."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Final

from yikatong.kernel.actor import Actor, Duty, Scope
from yikatong.organisation.rules import department_unit, town_unit

HERE, ELSEWHERE = "500243", "500104"
PERIOD: Final = "2026-09"
NOON: Final = datetime(2026, 9, 15, 4, tzinfo=UTC)
TOWN, OTHER_TOWN = town_unit(1), town_unit(2)
DEPARTMENT, BANK = 3, 1
LONG_AGO, FAR_AHEAD = date(2020, 1, 1), date(2099, 12, 31)


def _actor(name: str, username: str, duty: Duty, scope: Scope, unit_no: int) -> Actor:
    return Actor(7, username, name, duty, scope, unit_no, via="web")


_TOWN = Scope(HERE, (TOWN, TOWN + 999))
_DEPARTMENT = Scope(HERE, None, department_no=DEPARTMENT)
LI_XIA = _actor("李霞", "pengshui-town-clerk", Duty.TOWN_CLERK, _TOWN, TOWN)
HE_FANG = _actor("何芳", "pengshui-town-check", Duty.TOWN_CHECK, _TOWN, TOWN)
SUN_MEI = _actor(
    "孙梅", "pengshui-dept-clerk", Duty.DEPT_CLERK, _DEPARTMENT, department_unit(DEPARTMENT)
)
WANG_QIANG = _actor(
    "王强", "pengshui-dept-chief", Duty.DEPT_CHIEF, _DEPARTMENT, department_unit(DEPARTMENT)
)
ZHAO_MIN = _actor("赵敏", "pengshui-finance", Duty.FINANCE, Scope(HERE), 1)
CHEN_HANG = _actor("陈行", "pengshui-bank", Duty.BANK, Scope(HERE, None, bank_no=BANK), 950_001)
ZHOU_ZHENG = _actor("周正", "pengshui-audit", Duty.AUDIT, Scope(HERE), 990_001)
VILLAGER_POST = _actor("钱村", "pengshui-village", Duty.VILLAGE, Scope(HERE, (1001, 1001)), 1001)
WU_WAI = _actor("吴外", "dadukou-town-clerk", Duty.TOWN_CLERK, Scope(ELSEWHERE), TOWN)
CAST: Final = (LI_XIA, HE_FANG, SUN_MEI, WANG_QIANG, ZHAO_MIN, CHEN_HANG, ZHOU_ZHENG, WU_WAI)


def index_of(text: str) -> bytes:
    """A stand-in for the blind index: 32 bytes that depend on the text alone."""
    return hashlib.sha256(text.encode()).digest()
