"""How units are numbered and which seats a duty may take. Pure."""

from __future__ import annotations

from typing import Final

from yikatong.kernel.actor import Actor, Duty
from yikatong.kernel.steps import Seat

UNITS_PER_TOWN: Final = 1_000
FINANCE_UNIT: Final = 1
DEPARTMENT_BASE: Final = 900_000
BANK_BASE: Final = 950_000
AUDIT_UNIT: Final = 990_001
ADMIN_UNIT: Final = 990_002

PEOPLE_OF_SEAT: Final = {
    Seat.DEPT_CLERK: Duty.DEPT_CLERK,
    Seat.DEPT_CHIEF: Duty.DEPT_CHIEF,
    Seat.FINANCE: Duty.FINANCE,
}
MACHINE_OF_SEAT: Final = {
    Seat.SYSTEM: Duty.SYSTEM,
    Seat.BANK: Duty.BANK_MESSAGE,
    Seat.TREASURY: Duty.TREASURY,
    Seat.CLOCK: Duty.CLOCK,
}


def town_unit(place: int) -> int:
    """The number of the `place`-th town, counted from 1; its villages follow it."""
    return place * UNITS_PER_TOWN


def department_unit(department_no: int) -> int:
    return DEPARTMENT_BASE + department_no


def bank_unit(bank_no: int) -> int:
    return BANK_BASE + bank_no


def is_department_unit(unit_no: int) -> bool:
    return DEPARTMENT_BASE <= unit_no < BANK_BASE


def sits_on(actor: Actor, seat: Seat, *, unit_no: int, department_no: int) -> bool:
    """Whether this post is that duty in a party of the batch drafted by `unit_no`.

    编制单位 is a township (经办, 审核) or a department (经办, 审批): 彭水's correction batches and
    大渡口's department items are the department's own.
    """
    if seat in MACHINE_OF_SEAT:
        return actor.duty == MACHINE_OF_SEAT[seat]
    if seat in PEOPLE_OF_SEAT:
        if actor.duty != PEOPLE_OF_SEAT[seat]:
            return False
        return seat == Seat.FINANCE or actor.scope.department_no == department_no
    if is_department_unit(unit_no):
        wanted = Duty.DEPT_CLERK if seat == Seat.UNIT_CLERK else Duty.DEPT_CHIEF
        return actor.duty == wanted and department_unit(actor.scope.department_no or 0) == unit_no
    wanted = Duty.TOWN_CLERK if seat == Seat.UNIT_CLERK else Duty.TOWN_CHECK
    return actor.duty == wanted and actor.unit_no == unit_no
