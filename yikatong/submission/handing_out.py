"""What goes out to the clerks of a unit to be filled in; recorded, for names leave the platform."""

from __future__ import annotations

from yikatong.audit.actions import record
from yikatong.catalogue.definitions import columns_of, read_definition
from yikatong.catalogue.models import Definition, Programme
from yikatong.catalogue.queries import standards_in_force
from yikatong.kernel.actor import ALL_UNITS, Actor
from yikatong.kernel.period import Period
from yikatong.organisation.queries import units_of_kind
from yikatong.submission.list_template import FEN, MASK, EarlierLine, Item, write_template
from yikatong.submission.queries import last_list


def make_template(programme: Programme, period: Period, *, actor: Actor) -> bytes:
    """下载模板: the item's .xlsx with this unit's last list in it; recorded, for names go out."""
    scope = actor.scope
    earlier = [
        EarlierLine(
            line.pk,
            {
                "beneficiary_name": line.beneficiary_name,
                "beneficiary_id": line.id_masked,
                "payee_name": line.payee_name,
                "payee_id": line.id_masked if line.payee_index == line.beneficiary_index else MASK,
                "head_name": line.head_name,
                "head_id": MASK if line.head_index else "",
                "village": line.village,
                "group": line.village_group,
                "object_key": line.object_key,
                "grade": line.grade,
                "quantity": "" if line.quantity is None else str(line.quantity),
                "months": "" if line.months is None else str(line.months),
                "standard": "" if line.standard is None else str(line.standard),
                "amount": _yuan(line.amount_fen),
                "supplement": _yuan(line.supplement_fen),
                "remark": line.remark,
            },
        )
        for line in last_list(programme, str(period), actor.unit_no, scope=scope).iterator(2_000)
    ]
    low, high = scope.units or ALL_UNITS
    villages = units_of_kind(("village",), scope=scope).filter(unit_no__range=(low, high))
    standards = standards_in_force(programme.code, period.first_day, scope=scope)
    item = Item(
        programme.code,
        programme.name,
        str(period),
        tuple(programme.required_columns),
        programme.payee_kind == Programme.PayeeKind.HOUSEHOLD,
        tuple(programme.columns),
    )
    made = write_template(
        item,
        earlier,
        villages=[unit.name for unit in villages],
        grades=[standard.grade for standard in standards if standard.grade],
    )
    record(
        actor=actor,
        action="list.template",
        result="done",
        department_no=programme.department_no,
        note=f"{programme.code} {period} 模板，带出上期 {len(earlier)} 行",
    )
    return made


def make_sample_template(definition: Definition, period: Period) -> bytes:
    """样表模板 of an item that is not in force yet: its headers and dropdowns, and nobody in it."""
    spec = read_definition(
        definition.content, code=definition.code, department_no=definition.department_no
    ).spec
    item = Item(
        spec.code,
        spec.name,
        str(period),
        spec.required_columns,
        spec.is_household,
        tuple(columns_of(spec)),
    )
    return write_template(item, (), villages=(), grades=spec.grades)


def _yuan(fen: int | None) -> str:
    return "" if fen is None else str(fen / FEN)
