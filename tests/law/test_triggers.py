"""What the triggers refuse, to the owner of the tables himself."""

from __future__ import annotations

from itertools import product
from typing import Any, Final

import psycopg
import pytest
from psycopg.errors import RestrictViolation
from psycopg.types.json import Jsonb

from tests.law.conftest import Enter
from tests.law.counties import EVERYTHING
from tests.validation.cast import BANK, DEPARTMENT, HERE, NOON, TOWN
from yikatong.journey.steps import edges
from yikatong.kernel.steps import Status
from yikatong.law.apply import APPEND_ONLY
from yikatong.payout.rules import PAYMENT_MOVES, PaymentState

Owner = psycopg.Connection[Any]
OTHER_TABLES_NEVER_TRUNCATED: Final = (
    "submission_line",
    "submission_batch",
    "payout_payment",
    "payout_bankshare",
)


@pytest.fixture
def owner(admin: psycopg.Connection[Any]) -> Owner:
    """The owner in this county; the triggers are all that is left to stop him."""
    admin.execute("SET LOCAL ROLE ykt_owner")
    for name, value in {"county": HERE, **EVERYTHING, "department_no": DEPARTMENT}.items():
        admin.execute("SELECT set_config(%s, %s, true)", [f"ykt.{name}", str(value)])
    return admin


def refused(connection: Owner, statement: str, *arguments: object, match: str = "") -> None:
    with pytest.raises(RestrictViolation, match=match), connection.transaction():
        connection.execute(statement, arguments)  # type: ignore[call-overload]


def value(connection: Owner, query: str, *arguments: object) -> Any:
    row = connection.execute(query, arguments).fetchone()  # type: ignore[call-overload]
    assert row is not None, query
    return row[0]


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_history_is_never_edited(table: str, owner: Owner) -> None:
    refused(owner, f"UPDATE {table} SET county = county", match="只能追加")  # noqa: S608 - our own names
    refused(owner, f"DELETE FROM {table}", match="只能追加")  # noqa: S608 - our own names
    refused(owner, f"TRUNCATE {table} CASCADE", match="只能追加")


@pytest.mark.parametrize("table", OTHER_TABLES_NEVER_TRUNCATED)
def test_money_is_never_truncated(table: str, owner: Owner) -> None:
    refused(owner, f"TRUNCATE {table} CASCADE", match="只能追加")


# -- 明细 ---------------------------------------------------------------------------------------

LINE_COPY: Final = """
INSERT INTO submission_line SELECT (line).* FROM (
    SELECT jsonb_populate_record(line, jsonb_build_object('id', 999000, 'origin_id', NULL)) AS line
    FROM submission_line AS line WHERE line.batch_id = %s LIMIT 1) AS copied
"""


def batch_in(connection: Owner, status: str) -> int:
    return int(
        value(
            connection,
            "SELECT id FROM submission_batch WHERE status = %s AND EXISTS (SELECT FROM"
            " submission_line AS line WHERE line.batch_id = submission_batch.id)"
            " ORDER BY id DESC LIMIT 1",
            status,
        )
    )


def test_lines_of_a_draft_are_written(owner: Owner) -> None:
    draft = batch_in(owner, "DRAFT")
    for statement in (
        LINE_COPY,
        "UPDATE submission_line SET amount_fen = 1 WHERE batch_id = %s",
        "DELETE FROM submission_line WHERE id = 999000 AND batch_id = %s",
    ):
        assert owner.execute(statement, [draft]).rowcount > 0


def test_lines_are_frozen_once_sent_up(owner: Owner, enter: Enter) -> None:
    compiled = batch_in(owner, "COMPILED")
    town = enter("ykt_web", "ykt_town", county=HERE, **EVERYTHING)
    for connection in (owner, town):
        for statement in (
            LINE_COPY,
            "UPDATE submission_line SET amount_fen = 1 WHERE batch_id = %s",
            "DELETE FROM submission_line WHERE batch_id = %s",
        ):
            refused(connection, statement, compiled, match="明细不能再增改")


def test_a_line_is_not_carried_into_a_batch_that_was_sent_up(owner: Owner) -> None:
    draft, compiled = batch_in(owner, "DRAFT"), batch_in(owner, "COMPILED")
    move = "UPDATE submission_line SET batch_id = %s WHERE batch_id = %s"
    refused(owner, move, compiled, draft, match="明细不能再增改")


# -- 批次 ---------------------------------------------------------------------------------------


def test_a_batch_moves_along_the_edges_of_its_county_only(owner: Owner, admin: Owner) -> None:
    """Every pair of statuses: what the trigger lets through is what the journey's table says."""
    batch = batch_in(owner, "COMPILED")
    allowed = {(start, to) for _, start, to, _ in edges(HERE)}
    passed = set()
    for start, to in product(Status, Status):
        if start == to:
            continue
        with admin.transaction(force_rollback=True):
            _force(admin, "UPDATE submission_batch SET status = %s WHERE id = %s", start, batch)
            try:
                with owner.transaction():
                    owner.execute(
                        "UPDATE submission_batch SET status = %s WHERE id = %s", [to, batch]
                    )
            except RestrictViolation:
                continue
            passed.add((start.value, to.value))
            moves = value(
                owner,
                "SELECT count(*) FROM submission_batchmove WHERE batch_id = %s AND from_status = %s"
                " AND to_status = %s",
                batch,
                start,
                to,
            )
            assert moves > 0, "and the move is written down by the database itself"
    assert passed == {(start, to) for start, to in allowed if start != to}


def test_a_batch_is_born_a_draft_and_keeps_its_facts(owner: Owner) -> None:
    for column, other in (("period", "'2026-10'"), ("made_by", "'x'"), ("unit_no", "7")):
        refused(owner, f"UPDATE submission_batch SET {column} = {other}", match="不能修改")  # noqa: S608 - our own names
    refused(
        owner,
        "INSERT INTO submission_batch SELECT (born).* FROM (SELECT jsonb_populate_record(batch,"
        " jsonb_build_object('id', 999000, 'number', 'X', 'status', 'FUNDED')) AS born"
        " FROM submission_batch AS batch LIMIT 1) AS one",
        match="只能是草稿",
    )


def _force(admin: Owner, statement: str, *arguments: object) -> None:
    """Past the triggers, as only the administrator can; then the owner again."""
    admin.execute("RESET ROLE")
    admin.execute("SET LOCAL session_replication_role = replica")
    admin.execute(statement, arguments)  # type: ignore[call-overload]
    admin.execute("SET LOCAL session_replication_role = origin")
    admin.execute("SET LOCAL ROLE ykt_owner")


# -- 代发 ---------------------------------------------------------------------------------------


def test_a_payment_moves_as_its_table_says_and_no_other_way(owner: Owner, admin: Owner) -> None:
    payment = value(owner, "SELECT min(id) FROM payout_payment")
    set_state = "UPDATE payout_payment SET state = %s WHERE id = %s"
    passed = set()
    for start, to in product(PaymentState, PaymentState):
        with admin.transaction(force_rollback=True):
            _force(admin, set_state, start, payment)
            try:
                with owner.transaction():
                    owner.execute(set_state, [to, payment])
            except RestrictViolation:
                continue
            passed.add((start, to))
    # what has ended is not even written again as it is: the ledger counts every row it is shown
    stays = {(state, state) for state in ("SENT", "UNKNOWN", "WITHDRAWN")}
    assert passed == stays | {(move.at, move.to) for move in PAYMENT_MOVES}


@pytest.mark.parametrize("column", ["amount_fen", "account_version_id", "obligee_id", "attempt"])
def test_a_payment_keeps_all_but_its_state(column: str, owner: Owner) -> None:
    refused(owner, f"UPDATE payout_payment SET {column} = {column} + 100", match="不能修改")  # noqa: S608 - our own names


def test_every_column_of_a_payment_but_its_state_is_kept(owner: Owner) -> None:
    columns = owner.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'payout_payment'::regclass"
        " AND attnum > 0 AND NOT attisdropped AND attname <> 'state'"
    ).fetchall()
    assert len(columns) == 20
    for (column,) in columns:
        if column != "id":  # generated always: refused before any trigger
            refused(owner, f"UPDATE payout_payment SET {column} = {column}", match="不能修改")  # noqa: S608 - our own names


def test_a_payment_is_never_removed(owner: Owner) -> None:
    refused(owner, "DELETE FROM payout_payment WHERE state = 'SENT'", match="不能修改")


PAYMENT_COPY: Final = """
INSERT INTO payout_payment SELECT (fresh).* FROM (
    SELECT jsonb_populate_record(payment, jsonb_build_object('id', 999000, 'detail_id', 'X',
        'state', 'SENT') || %s) AS fresh FROM payout_payment AS payment WHERE id = %s) AS one
"""


@pytest.fixture
def paid_and_drafted(owner: Owner) -> tuple[int, int]:
    """A paid payment, and a line of a draft whose verdict says that it passed."""
    payment = value(owner, "SELECT min(id) FROM payout_payment WHERE state = 'PAID'")
    line = value(
        owner, "SELECT id FROM submission_line WHERE batch_id = %s", batch_in(owner, "DRAFT")
    )
    owner.execute(
        "INSERT INTO validation_lineverdict (county, unit_no, department_no, batch_id, line_id,"
        " passed, worst, at) SELECT county, unit_no, department_no, batch_id, id, true, '', %s"
        " FROM submission_line WHERE id = %s",
        [NOON, line],
    )
    return payment, line


def test_a_second_attempt_waits_for_the_first_to_fail(
    owner: Owner, admin: Owner, paid_and_drafted: tuple[int, int]
) -> None:
    payment, line = paid_and_drafted
    again = Jsonb({"line_id": line, "attempt": 2})
    for state in PaymentState:
        with admin.transaction(force_rollback=True):
            _force(admin, "UPDATE payout_payment SET state = %s WHERE id = %s", state, payment)
            if state in {PaymentState.FAILED, PaymentState.RETURNED, PaymentState.WITHDRAWN}:
                assert owner.execute(PAYMENT_COPY, [again, payment]).rowcount == 1
            else:
                refused(owner, PAYMENT_COPY, again, payment, match="尚无失败结论")


def test_a_payment_is_of_its_lines_amount_and_of_a_line_that_passed(
    owner: Owner, admin: Owner, paid_and_drafted: tuple[int, int]
) -> None:
    payment, line = paid_and_drafted
    first = {"line_id": line, "attempt": 1, "object_key": "机9"}
    refused(owner, PAYMENT_COPY, Jsonb({**first, "amount_fen": 9_999}), payment, match="不符")
    with admin.transaction(force_rollback=True):
        _force(admin, "UPDATE validation_lineverdict SET passed = false WHERE line_id = %s", line)
        refused(owner, PAYMENT_COPY, Jsonb(first), payment, match="不符")
    assert owner.execute(PAYMENT_COPY, [Jsonb(first), payment]).rowcount == 1


# -- 两线会合 -----------------------------------------------------------------------------------

SHARE: Final = """
INSERT INTO payout_bankshare (county, unit_no, department_no, bank_no, batch_id, batch_no, state,
    reason, fence) VALUES (%s, %s, %s, %s, %s, 'NEW', 'FUNDED', '', 0) RETURNING id
"""
REQUEST: Final = """
INSERT INTO funding_fundingrequest (county, unit_no, department_no, batch_id, bank_no, number,
    indicator, lines, amount_fen, payee_account, state, budget_number, voucher_number,
    return_reason, requested_by, requested_at, seq_from, seq_to)
VALUES (%s, %s, %s, %s, %s, 'NEW', '', 1, 10000, '', 'PAID', '', '', '', '', %s, 0, 9) RETURNING id
"""
MONEY: Final = """
INSERT INTO funding_treasuryconfirmation (county, unit_no, department_no, request_id, bank_no,
    amount_fen, bank_serial, voucher_number, payee_account, is_ours, at)
VALUES (%s, %s, %s, %s, %s, %s, %s, '', '', true, %s)
"""
MATCH: Final = """
INSERT INTO funding_fundingmatch (county, unit_no, department_no, batch_id, bank_no, batch_no,
    applications, amount_fen, at) VALUES (%s, %s, %s, %s, %s, 'NEW', 'NEW', 10000, %s)
"""
INSTRUCTION: Final = """
INSERT INTO payout_paymentinstruction (county, unit_no, department_no, bank_no, share_id, key,
    lines, amount_fen, voucher_number, digest, at)
VALUES (%s, %s, %s, %s, %s, 'NEW', 1, %s, '', '', %s)
"""


@pytest.mark.parametrize(
    ("received", "ordered", "meets"),
    [
        ([], 10_000, False),
        ([9_999], 10_000, False),
        ([10_000], 9_999, False),
        ([10_000], 10_001, False),
        ([10_001], 10_000, False),
        ([10_000], 10_000, True),
        ([4_000, 6_000], 10_000, True),
    ],
)
def test_an_instruction_equals_the_payments_and_the_money(
    received: list[int],
    ordered: int,
    meets: bool,
    owner: Owner,
    paid_and_drafted: tuple[int, int],
) -> None:
    payment, line = paid_and_drafted
    batch = value(owner, "SELECT batch_id FROM submission_line WHERE id = %s", line)
    here = (HERE, TOWN, DEPARTMENT)
    share = value(owner, SHARE, *here, BANK, batch)
    facts = {"line_id": line, "share_id": share, "batch_id": batch, "object_key": "机9"}
    owner.execute(PAYMENT_COPY, [Jsonb(facts), payment])
    request = value(owner, REQUEST, *here, batch, BANK, NOON)
    for number, fen in enumerate(received):
        owner.execute(MONEY, [*here, request, BANK, fen, f"NEW{number}", NOON])
    order = (*here, BANK, share, ordered, NOON)
    if sum(received) == 10_000:
        refused(owner, INSTRUCTION, *order, match="不能下达")  # equal, and nobody has matched it
        owner.execute(MATCH, [*here, batch, BANK, NOON])
    else:
        refused(owner, MATCH, *here, batch, BANK, NOON, match="不能匹配")
    if meets:
        assert owner.execute(INSTRUCTION, order).rowcount == 1
    else:
        refused(owner, INSTRUCTION, *order, match="不能下达")


# -- 凭证、四眼、留痕 ---------------------------------------------------------------------------


def test_a_voucher_balances_in_each_book(owner: Owner) -> None:
    voucher = value(owner, "SELECT min(id) FROM accounting_voucher")
    owner.execute(
        "INSERT INTO accounting_voucherentry (county, voucher_id, book, is_debit, account,"
        " auxiliary, amount_fen) VALUES (%s, %s, 'BUDGETARY', true, '', '', 1)",
        [HERE, voucher],
    )
    refused(owner, "SET CONSTRAINTS ALL IMMEDIATE", match="借贷不平")


EVENT: Final = """
INSERT INTO audit_auditevent (seq, at, county, unit_no, action, batch_id, username, person_name,
    duty, via, result, from_status, to_status, note, touched, prev, hash)
VALUES (999, %s, %s, 0, %s, %s, %s, '某人', '', 'web', %s, '', '', '', '', '', '')
"""


@pytest.mark.parametrize(
    ("action", "username", "result", "is_refused"),
    [
        ("batch.report", "pengshui-town-clerk", "passed", True),
        ("batch.approve", "pengshui-town-clerk", "passed", True),
        ("batch.review", "pengshui-town-clerk", "passed", True),
        ("batch.report", "pengshui-town-check", "passed", False),
        ("batch.report", "pengshui-town-clerk", "returned", False),
        ("batch.request", "pengshui-town-clerk", "passed", False),
    ],
)
def test_who_made_a_batch_does_not_check_it(
    action: str, username: str, result: str, is_refused: bool, owner: Owner
) -> None:
    facts = (NOON, HERE, action, batch_in(owner, "COMPILED"), username, result)
    if is_refused:
        refused(owner, EVENT, *facts, match="不能再审核本批")
    else:
        assert owner.execute(EVENT, facts).rowcount == 1


@pytest.mark.parametrize(("step", "prev"), [(2, "head"), (0, "head"), (1, "other")])
def test_an_event_follows_the_head_of_the_chain(step: int, prev: str, owner: Owner) -> None:
    row = owner.execute("SELECT seq, hash FROM audit_audithead").fetchone()
    assert row is not None
    before = bytes(row[1]) if prev == "head" else b"\x01" * 32
    event = f'{{"seq": {row[0] + step}}}'
    refused(owner, "SELECT audit_append(%s::jsonb, '', %s, '')", event, before, match="前值不符")
