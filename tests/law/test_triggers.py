"""What the triggers refuse, to the owner of the tables himself."""

from __future__ import annotations

from itertools import product
from typing import Final

import pytest
from psycopg.errors import (
    RestrictViolation,
)

from tests.law.conftest import Enter
from tests.law.counties import EVERYTHING
from tests.law.owning import Owner, batch_in, force, refused, value
from tests.validation.cast import HERE, NOON
from yikatong.journey.steps import edges
from yikatong.kernel.steps import Status
from yikatong.law.apply import APPEND_ONLY

OTHER_TABLES_NEVER_TRUNCATED: Final = (
    "submission_line",
    "submission_batch",
    "payout_payment",
    "payout_bankshare",
)


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
            force(admin, "UPDATE submission_batch SET status = %s WHERE id = %s", start, batch)
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
