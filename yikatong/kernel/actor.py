"""谁在办: a person at a post, and the part of a county that the post can see."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

ALL_UNITS = (0, 2_147_483_647)


class Duty(StrEnum):
    """岗位职责. The value is the post's name in user names and the suffix of its database role."""

    VILLAGE = "village"
    TOWN_CLERK = "town-clerk"
    TOWN_CHECK = "town-check"
    DEPT_CLERK = "dept-clerk"
    DEPT_CHIEF = "dept-chief"
    FINANCE = "finance"
    BANK = "bank"
    AUDIT = "audit"
    SYSADMIN = "sysadmin"
    SECADMIN = "secadmin"
    AUDITADMIN = "auditadmin"
    # machines: they wait for the queue, a bank's message, the treasury's, the calendar's day
    SYSTEM = "system"
    BANK_MESSAGE = "bank-message"
    TREASURY = "treasury"
    CLOCK = "clock"


DUTY_WORD = {
    Duty.VILLAGE: "村（社区）",
    Duty.TOWN_CLERK: "镇街经办",
    Duty.TOWN_CHECK: "镇街审核",
    Duty.DEPT_CLERK: "部门经办",
    Duty.DEPT_CHIEF: "部门审批",
    Duty.FINANCE: "财政复核",
    Duty.BANK: "代发银行",
    Duty.AUDIT: "纪检审计",
    Duty.SYSADMIN: "系统管理员",
    Duty.SECADMIN: "安全管理员",
    Duty.AUDITADMIN: "审计管理员",
    Duty.SYSTEM: "系统",
    Duty.BANK_MESSAGE: "银行回执",
    Duty.TREASURY: "国库",
    Duty.CLOCK: "到期",
}

# trust.md §2: which NOLOGIN role a request takes. Machines act as the worker itself.
DATABASE_ROLE = {
    Duty.VILLAGE: "ykt_village",
    Duty.TOWN_CLERK: "ykt_town",
    Duty.TOWN_CHECK: "ykt_town",
    Duty.DEPT_CLERK: "ykt_department",
    Duty.DEPT_CHIEF: "ykt_department",
    Duty.FINANCE: "ykt_finance",
    Duty.BANK: "ykt_bank",
    Duty.AUDIT: "ykt_audit",
    Duty.SYSADMIN: "ykt_sysadmin",
    Duty.SECADMIN: "ykt_secadmin",
    Duty.AUDITADMIN: "ykt_auditadmin",
    Duty.SYSTEM: "ykt_worker",
    Duty.BANK_MESSAGE: "ykt_worker",
    Duty.TREASURY: "ykt_worker",
    Duty.CLOCK: "ykt_worker",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a post sees: a county, and in it a range of units, one department or one bank.

    `units` is inclusive on both ends; None where the scope is a department's or a bank's.
    """

    county: str
    units: tuple[int, int] | None = ALL_UNITS
    department_no: int | None = None
    bank_no: int | None = None

    @property
    def is_whole_county(self) -> bool:
        return self.units == ALL_UNITS


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (or a machine) at a post. `user_id` is 0 for machines."""

    user_id: int
    username: str
    name: str
    duty: Duty
    scope: Scope
    unit_no: int = 0
    unit_name: str = ""
    via: str = field(default="web")

    @property
    def database_role(self) -> str:
        return DATABASE_ROLE[self.duty]

    @property
    def is_machine(self) -> bool:
        return self.user_id == 0
