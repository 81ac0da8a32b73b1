"""The template of an item goes out with the last list in it, masked, and comes back whole."""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests import database
from tests.validation.cast import SUN_MEI
from tests.validation.world import (
    DEPARTMENT,
    HERE,
    LI_XIA,
    OTHER_TOWN,
    PERIOD,
    TOWN,
    Planter,
    index_of,
)
from yikatong.audit.models import AuditEvent
from yikatong.catalogue.queries import programme_by_code
from yikatong.kernel.errors import Refused
from yikatong.kernel.period import Period
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting
from yikatong.submission import actions
from yikatong.submission.handing_out import make_template
from yikatong.submission.list_template import (
    HELP,
    LISTS,
    MASK,
    SHEET,
    EarlierLine,
    Item,
    fields_of,
    mark_of_template,
    write_template,
)
from yikatong.submission.models import Batch, ColumnMapping, Line
from yikatong.submission.queries import remembered_mapping
from yikatong.validation import intake
from yikatong.validation.models import LineVerdict
from yikatong.vault.cipher import Vault
from yikatong.vault.keys import KeyRing

LogIn = Callable[[str], AbstractContextManager[None]]
NEXT = Period.parse("2026-10")
ITEM = Item("P01", "耕地地力保护补贴", "2026-10", ("quantity", "grade"), is_household=True)
MASKED, ID = "500243********1234", "11010519491231002X"


@pytest.fixture(autouse=True)
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    KeyRing.create(tmp_path / "keys", [HERE])
    opened = Vault.open(tmp_path / "keys")
    monkeypatch.setattr(intake, "the_vault", lambda: opened)
    return opened


@pytest.fixture(scope="module")
def world(committing: str, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, int]]:
    """Three batches of one town: two periods ago, the last one, and one that came back."""
    lines: dict[str, int] = {}
    moved: list[tuple[str, int]] = []
    with database.connect("ykt_admin", committing) as admin:
        planter = Planter(admin)
        with planter.county(HERE):
            planter.offices()
            planter.officials([LI_XIA, SUN_MEI])
            programme = planter.programme("P01", department_no=DEPARTMENT)
            plan = (
                ("older", "2026-08", "PUBLISHED", {}),
                ("last", PERIOD, "PAYING", {}),
                ("back", PERIOD, "RETURNED", {}),
                ("elsewhere", PERIOD, "PAYING", {"unit_no": OTHER_TOWN}),
            )
            for name, period, status, where in plan:
                at = {"unit_no": TOWN, "period": period} | where
                batch = planter.put(Batch, number=f"B-{name}", programme=programme, **at)
                moved.append((status, batch))
                for person, passed in (("钱大娘", True), ("冉未过", False)):
                    line = planter.put(
                        Line, batch=batch, programme_code="P01", **_of(person), **at
                    )  # fmt: skip
                    planter.put(LineVerdict, batch=batch, line=line, passed=passed, **where)
                    lines[f"{name} {person}"] = line
        admin.execute("RESET ROLE")
        admin.execute("SET LOCAL session_replication_role = replica")
        for status, batch in moved:
            admin.execute("UPDATE submission_batch SET status = %s WHERE id = %s", [status, batch])
    with django_db_blocker.unblock(), database.pointed_at(committing):
        yield lines


def _of(person: str) -> dict[str, Any]:
    return {
        **dict.fromkeys(("payee_name", "beneficiary_name"), person),
        **dict.fromkeys(("payee_index", "beneficiary_index"), index_of(person)),
        "id_masked": MASKED,
        "village": "鼓楼",
        "quantity": "3.25",
        "amount_fen": 32500,
    }


def made() -> bytes:
    with acting(LI_XIA) as actor:
        programme = programme_by_code("P01", scope=actor.scope)
        return make_template(programme, NEXT, actor=actor)


def opened(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content))


def test_columns_formats_checks_and_properties() -> None:
    content = write_template(ITEM, [], villages=["鼓楼社区", "大青村"], grades=["一级"])
    book = opened(content)
    assert book.sheetnames == [SHEET, HELP, LISTS]
    assert book[LISTS].sheet_state == "hidden"
    page = book[SHEET]
    head = {cell.value: cell.column_letter for cell in page[1]}
    needed = {"享受人姓名*", "享受人身份证号*", "数量*", "等级*", "补贴金额*"}
    assert {"户主姓名", *needed} <= set(head)
    for title in ("享受人身份证号*", "收款人身份证号*", "联系电话"):
        assert page.column_dimensions[head[title]].number_format == "@"
    checks = {str(rule.sqref).split("2:")[0]: rule for rule in page.data_validations.dataValidation}
    assert checks[head["村居委会"]].formula1 == f"{LISTS}!$A$1:$A$2"
    assert '&"*")=1' in checks[head["享受人身份证号*"]].formula1
    assert checks[head["补贴金额*"]].type == "decimal"
    mark = mark_of_template(content)
    assert mark is not None
    assert (mark.programme_code, mark.period, mark.version) == ("P01", "2026-10", "1")
    assert mark_of_template(b"PK\x03\x04") is None
    assert "head_name" not in fields_of(Item("P01", "", "2026-10", (), is_household=False))


def test_what_looks_like_a_formula_stays_a_text() -> None:
    line = EarlierLine(7, {"beneficiary_name": "=1+1", "remark": "@SUM(A1)", "amount": "5.00"})
    page = opened(write_template(ITEM, [line], villages=["=cmd"], grades=[]))[SHEET]
    told = {cell.value: cell.data_type for cell in page[2] if cell.value is not None}
    assert told["=1+1"] == told["@SUM(A1)"] == "s"
    assert told[5] == "n"


def test_the_unit_s_last_list_goes_out_masked_and_the_export_is_recorded(
    world: Any, log_in: LogIn
) -> None:
    page = opened(made())[SHEET]
    head = {cell.value: cell.column for cell in page[1]}
    assert page.max_row == 2, "what did not pass, came back or is older stays at home"
    assert page.cell(2, head["享受人姓名*"]).value == "钱大娘"
    assert page.cell(2, head["享受人身份证号*"]).value == MASKED
    assert page.cell(2, head["行标识（系统填写）"]).value == f"L{world['last 钱大娘']}"
    with log_in("ykt_worker"), acting(machine(HERE)):
        event = AuditEvent.objects.filter(action="list.template").latest("seq")
    assert (event.username, event.result) == (LI_XIA.username, "done")
    assert "带出上期 1 行" in event.note


def test_a_returned_template_recalls_whom_it_hid(world: Any, vault: Vault, log_in: LogIn) -> None:
    book = opened(made())
    page = book[SHEET]
    head = {cell.value: cell.column for cell in page[1]}

    def add(row: int, name: str, number: str, key: str | None) -> None:
        for title, value in (
            ("享受人姓名*", name), ("享受人身份证号*", number), ("收款人姓名*", name),
            ("收款人身份证号*", number), ("补贴金额*", 5), ("行标识（系统填写）", key),
        ):  # fmt: skip
            page.cell(row, head[title], value)

    add(3, "新来的", ID, None)
    add(4, "换了号", ID, f"L{world['last 钱大娘']}")
    add(5, "无此行", MASKED, "L999999")
    add(6, "全遮掩", MASK, None)
    out = io.BytesIO()
    book.save(out)
    with log_in("ykt_worker"), acting(machine(HERE)) as actor:
        programme = programme_by_code("P01", scope=actor.scope)
        found = intake.read_list(out.getvalue(), "a.xlsx", programme, NEXT, today=NEXT.last_day)
        other = intake.read_list(
            out.getvalue(), "a.xlsx", programme, Period.parse("2026-12"), today=NEXT.last_day
        )
    lines = {line["beneficiary_name"]: line for line in found.rows.whole().iter_rows(named=True)}
    typed = vault.blind_index(HERE, ID).hex()
    assert lines["钱大娘"]["beneficiary_index"] == index_of("钱大娘").hex()
    assert lines["钱大娘"]["payee_index"] == index_of("钱大娘").hex()
    assert (lines["钱大娘"]["id_masked"], lines["钱大娘"]["faults"]) == (MASKED, "[]")
    assert lines["新来的"]["beneficiary_index"] == lines["换了号"]["beneficiary_index"] == typed
    for name in ("无此行", "全遮掩"):
        assert "ID-1" in lines[name]["faults"]
    assert [notice.rule for notice in found.notices] == []
    assert [notice.rule for notice in other.notices] == ["TP-1"]


def test_what_a_person_said_of_a_column_is_remembered_only_where_it_was_unsure(
    world: Any, log_in: LogIn
) -> None:
    with acting(LI_XIA) as actor:
        programme = programme_by_code("P01", scope=actor.scope)
        facts: dict[str, Any] = {
            "programme": programme, "unit_no": actor.unit_no, "actor": actor, "asked": {"核定数"},
        }  # fmt: skip
        said = {"核定数": "amount", "姓名": "person_name"}
        assert actions.remember_mapping(said, **facts) == 1
        assert actions.remember_mapping({"核定数": "quantity"}, **facts) == 1
        for wrong in ({"核定数": "nothing"},):
            with pytest.raises(Refused, match="没有“nothing”"):
                actions.remember_mapping(wrong, **facts)
        with pytest.raises(Refused, match="同一个字段"):
            actions.remember_mapping(
                {"a": "amount", "b": "amount"}, **{**facts, "asked": {"a", "b"}}
            )
    with log_in("ykt_worker"), acting(machine(HERE)) as actor:
        kept = remembered_mapping(LI_XIA.unit_no, "P01", scope=actor.scope)
        assert kept == {"核定数": "quantity"}
        assert remembered_mapping(LI_XIA.unit_no, "P02", scope=actor.scope) == {}
        assert ColumnMapping.objects.get().remembered_by == LI_XIA.username
