"""What the database itself refuses of payments and of their release."""

from __future__ import annotations

from itertools import product
from typing import Final

import pytest
from psycopg.errors import (
    ForeignKeyViolation,
    InsufficientPrivilege,
    RestrictViolation,
    UniqueViolation,
)
from psycopg.types.json import Jsonb

from tests.law.owning import Owner, batch_in, force, refused, value
from tests.validation.cast import BANK, DEPARTMENT, HERE, NOON, TOWN
from yikatong.payout.rules import PAYMENT_MOVES, PaymentState

# -- 代发 ---------------------------------------------------------------------------------------


def test_a_payment_moves_as_its_table_says_and_no_other_way(owner: Owner, admin: Owner) -> None:
    payment = value(owner, "SELECT min(id) FROM payout_payment")
    set_state = "UPDATE payout_payment SET state = %s WHERE id = %s"
    passed = set()
    for start, to in product(PaymentState, PaymentState):
        with admin.transaction(force_rollback=True):
            force(admin, set_state, start, payment)
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


SHARE: Final = """
INSERT INTO payout_bankshare (county, unit_no, department_no, bank_no, batch_id, batch_no, state,
    reason, fence) VALUES (%s, %s, %s, %s, %s, 'NEW', 'FUNDED', '', 0) RETURNING id
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


VERDICTS: Final = """
INSERT INTO validation_lineverdict (county, unit_no, department_no, batch_id, line_id, passed,
    worst, at)
SELECT county, unit_no, department_no, %s, id, true, '', %s FROM submission_line WHERE id = ANY(%s)
"""


@pytest.mark.parametrize("beside", [True, False])
def test_a_verdict_is_of_a_line_of_its_own_batch(beside: bool, owner: Owner, admin: Owner) -> None:
    """Alone, and between lines that are its batch's."""
    batch = batch_in(owner, "DRAFT")
    own = value(owner, "SELECT min(id) FROM submission_line WHERE batch_id = %s", batch)
    force(admin, "DELETE FROM validation_lineverdict")
    foreign = value(owner, "SELECT min(id) FROM submission_line WHERE batch_id <> %s", batch)
    named = [own, foreign] if beside else [foreign]
    with pytest.raises(ForeignKeyViolation, match="不在这一批"), owner.transaction():
        owner.execute(VERDICTS, [batch, NOON, named])
    assert owner.execute(VERDICTS, [batch, NOON, [own]]).rowcount == 1


def of_its_batch(owner: Owner, line: int) -> dict[str, int]:
    """What a payment of this line points at, with a share of its batch at a bank."""
    batch = batch_in(owner, "DRAFT")
    share = value(owner, SHARE, HERE, TOWN, DEPARTMENT, BANK, batch)
    return {"line_id": line, "batch_id": batch, "share_id": share, "bank_no": BANK}


def test_a_second_attempt_waits_for_the_first_to_fail(
    owner: Owner, admin: Owner, paid_and_drafted: tuple[int, int]
) -> None:
    payment, line = paid_and_drafted
    again = Jsonb({**of_its_batch(owner, line), "attempt": 2})
    for state in PaymentState:
        with admin.transaction(force_rollback=True):
            force(admin, "UPDATE payout_payment SET state = %s WHERE id = %s", state, payment)
            if state in {PaymentState.FAILED, PaymentState.RETURNED, PaymentState.WITHDRAWN}:
                assert owner.execute(PAYMENT_COPY, [again, payment]).rowcount == 1
            else:
                refused(owner, PAYMENT_COPY, again, payment, match="尚无失败结论")


def test_a_payment_is_of_its_lines_amount_and_of_a_line_that_passed(
    owner: Owner, admin: Owner, paid_and_drafted: tuple[int, int]
) -> None:
    payment, line = paid_and_drafted
    first = {**of_its_batch(owner, line), "attempt": 1, "object_key": "机9"}
    refused(owner, PAYMENT_COPY, Jsonb({**first, "amount_fen": 9_999}), payment, match="不符")
    with admin.transaction(force_rollback=True):
        force(admin, "UPDATE validation_lineverdict SET passed = false WHERE line_id = %s", line)
        refused(owner, PAYMENT_COPY, Jsonb(first), payment, match="不符")
    assert owner.execute(PAYMENT_COPY, [Jsonb(first), payment]).rowcount == 1


@pytest.mark.parametrize(
    "other",
    ["batch_id", "share_id", "line_id", "bank_no", "county", "no such share", "no such line"],
)
def test_a_payment_is_of_one_batch_with_its_line_and_share_and_of_the_shares_bank(
    other: str, owner: Owner, paid_and_drafted: tuple[int, int]
) -> None:
    """The three have no foreign key: the statement that makes payments is judged as a whole."""
    payment, line = paid_and_drafted
    fresh = {**of_its_batch(owner, line), "attempt": 1, "object_key": "机9"}
    elsewhere = owner.execute(
        "SELECT line_id, batch_id, share_id FROM payout_payment WHERE id = %s", [payment]
    ).fetchone()
    assert elsewhere is not None
    wrong = {
        "line_id": {"line_id": elsewhere[0]},
        "batch_id": {"batch_id": elsewhere[1]},
        "share_id": {"share_id": elsewhere[2]},
        "bank_no": {"bank_no": BANK + 1},
        "county": {"county": "999999"},
        "no such share": {"share_id": 10**12},
        "no such line": {"line_id": 10**12},
    }[other]
    refusal: type[Exception] = ForeignKeyViolation
    if other == "line_id":  # a line has one payment
        refusal = UniqueViolation
    if other == "county":  # not in the owner's scope
        refusal = InsufficientPrivilege
    with pytest.raises(refusal), owner.transaction():
        owner.execute(PAYMENT_COPY, [Jsonb({**fresh, **wrong}), payment])
    assert owner.execute(PAYMENT_COPY, [Jsonb(fresh), payment]).rowcount == 1


def test_what_a_payment_points_at_is_never_removed(owner: Owner, admin: Owner) -> None:
    renumbered = "UPDATE submission_line SET id = DEFAULT"
    refused(owner, renumbered, match="不能修改")
    refused(owner, "DELETE FROM payout_bankshare", match="不能修改")
    refused(owner, "DELETE FROM submission_batch", match="不能修改")
    batch = value(owner, "SELECT min(batch_id) FROM payout_payment WHERE state = 'SENT'")
    force(admin, "UPDATE submission_batch SET status = 'DRAFT' WHERE id = %s", batch)
    with pytest.raises(ForeignKeyViolation, match="已有代发记录"), owner.transaction():
        owner.execute("DELETE FROM submission_line WHERE batch_id = %s", [batch])


# -- 两线会合 -----------------------------------------------------------------------------------

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
