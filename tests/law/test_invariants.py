"""每个不变量视图: empty over a sound world, and never over the breach that it is there to see."""

# ruff: noqa: S608 - the statements are this file's own, and plant what must never be

from __future__ import annotations

from typing import Any, Final

import psycopg
import pytest

from tests.law.conftest import Enter
from tests.law.counties import EVERYTHING
from tests.validation.cast import HERE
from yikatong.audit.queries import ChainProof

VIEWS: Final = (
    "inv_money_conserved",
    "inv_paid_once",
    "inv_bank_agrees",
    "inv_result_once",
    "inv_paid_is_final",
    "inv_sent_as_approved",
    "inv_funded",
    "inv_finance_cannot_write",
    "inv_four_eyes",
    "inv_audit_linked",
    "inv_reissue_traced",
    "inv_change_is_audited",
    "inv_ledger_balanced",
    "inv_ledger_agrees",
    "inv_indicator_held",
)
PAID: Final = "(SELECT min(id) FROM payout_payment WHERE state = 'PAID')"
FAILED: Final = "(SELECT min(id) FROM payout_payment WHERE state = 'FAILED')"
AGAIN: Final = "(SELECT min(id) FROM payout_payment WHERE attempt = 2)"
PAID_LINE: Final = f"(SELECT line_id FROM payout_payment WHERE id = {PAID})"
AGAIN_LINE: Final = f"(SELECT line_id FROM payout_payment WHERE id = {AGAIN})"
COPIED_RESULT: Final = """
INSERT INTO feedback_paymentresult SELECT (again).* FROM (
    SELECT jsonb_populate_record(held, jsonb_build_object({other})) AS again
    FROM feedback_paymentresult AS held WHERE bank_serial IS NOT NULL
    ORDER BY file_row LIMIT 1) AS one
"""
EVENT: Final = """
INSERT INTO audit_auditevent (seq, at, county, unit_no, action, batch_id, username, person_name,
    duty, via, result, from_status, to_status, note, touched, prev, hash)
SELECT max(seq) + 1, now(), '500243', 0, 'batch.{step}', (SELECT min(id) FROM submission_batch),
    'pengshui-town-clerk', '李霞', '', 'web', 'passed', '{start}', '{end}', '', '', '', ''
FROM audit_auditevent
"""

# view, what went wrong, how: past every trigger, as only the administrator could
BREACHES: Final = (
    ("inv_money_conserved", "a payment of another amount than its line's",
     f"UPDATE payout_payment SET amount_fen = 9999 WHERE id = {PAID}"),
    ("inv_money_conserved", "a payment has vanished",
     f"DELETE FROM payout_payment WHERE id = {PAID}",
     "INSERT INTO validation_lineverdict"
     " SELECT (more).* FROM (SELECT jsonb_populate_record(verdict,"
     " jsonb_build_object('id', 999000, 'batch_id', (SELECT batch_id FROM payout_payment LIMIT 1),"
     " 'line_id', 999000)) AS more FROM validation_lineverdict AS verdict LIMIT 1) AS one",
     "INSERT INTO submission_line SELECT (more).* FROM (SELECT jsonb_populate_record(line,"
     " jsonb_build_object('id', 999000, 'origin_id', NULL)) AS more"
     " FROM submission_line AS line LIMIT 1) AS one"),
    ("inv_money_conserved", "a line failed and was not drafted again",
     f"UPDATE validation_lineverdict SET passed = false WHERE line_id = {PAID_LINE}"),
    ("inv_money_conserved", "an instruction of another amount than its payments'",
     "UPDATE payout_paymentinstruction SET amount_fen = amount_fen + 1"),
    ("inv_paid_once", "an obligation is paid twice",
     f"UPDATE payout_payment SET state = 'PAID' WHERE id = {FAILED}"),
    ("inv_bank_agrees", "the bank paid one fen more than we know of",
     "UPDATE feedback_dayaccount SET out_fen = out_fen + 1, closing_fen = closing_fen - 1"),
    ("inv_bank_agrees", "the bank counts a payment more, of nothing",
     "UPDATE feedback_dayaccount SET paid_lines = paid_lines + 1"),
    ("inv_bank_agrees", "a payment of that day was lost from our results",
     "DELETE FROM feedback_paymentresult WHERE result = 'SUCCESS'",
     "UPDATE feedback_dayaccount SET our_out_fen = 0, our_lines = 0"),
    ("inv_bank_agrees", "the bank's own balances do not add up",
     "UPDATE feedback_dayaccount SET closing_fen = closing_fen + 1"),
    ("inv_result_once", "a result row was applied twice",
     COPIED_RESULT.format(other=f"'bank_serial', 'another', 'payment_id', {FAILED}")),
    ("inv_result_once", "a payment entered a state twice",
     "ALTER TABLE feedback_paymentresult DROP CONSTRAINT feedback_paymentresult_pkey",
     COPIED_RESULT.format(other="'bank_serial', 'another', 'file_row', 999000")),
    ("inv_result_once", "a bank's serial was applied twice",
     "ALTER TABLE feedback_paymentresult DROP CONSTRAINT one_effect_per_bank_serial",
     COPIED_RESULT.format(other=f"'file_row', 999000, 'payment_id', {FAILED}")),
    ("inv_paid_is_final", "the bank said paid, our book says failed",
     f"UPDATE payout_payment SET state = 'FAILED' WHERE id = {PAID}"),
    ("inv_paid_is_final", "our book says paid, no bank did",
     f"DELETE FROM feedback_paymentresult WHERE payment_id = {PAID}"),
    ("inv_sent_as_approved", "nobody approved what was sent",
     "DELETE FROM submission_approval WHERE kind = 'APPROVED'"),
    ("inv_sent_as_approved", "no digest of what passed",
     "DELETE FROM submission_approval WHERE kind = 'PASSING'"),
    ("inv_sent_as_approved", "a line was sent that had not passed",
     f"UPDATE validation_lineverdict SET passed = false WHERE line_id = {PAID_LINE}"),
    ("inv_funded", "released without the money",
     "UPDATE funding_treasuryconfirmation SET amount_fen = amount_fen - 1"),
    ("inv_funded", "what stayed of one failed line paid two",
     "DROP INDEX residue_is_used_once", "DROP INDEX one_residue_per_payment",
     "INSERT INTO funding_keptresidue SELECT (more).* FROM (SELECT jsonb_populate_record(used,"
     " jsonb_build_object('id', 999000)) AS more FROM funding_keptresidue AS used LIMIT 1) AS one"),
    ("inv_funded", "what stayed was used and sent back too",
     "INSERT INTO feedback_refund SELECT (more).* FROM (SELECT jsonb_populate_record(refund,"
     " jsonb_build_object('id', 999000, 'share_id', source.share_id, 'detail_id', source.detail_id,"
     " 'amount_fen', 1)) AS more FROM feedback_refund AS refund, funding_keptresidue AS used"
     " JOIN payout_payment AS source ON source.id = used.source_id LIMIT 1) AS one"),
    ("inv_funded", "what stayed paid another person",
     "UPDATE payout_payment SET obligee_id = obligee_id + 1"
     " WHERE id = (SELECT payment_id FROM funding_keptresidue LIMIT 1)"),
    ("inv_ledger_agrees", "what stayed was used and nothing posted",
     "DELETE FROM accounting_ledgerposting WHERE kind = 'RESIDUE_USED'"),
    ("inv_finance_cannot_write", "finance may change lines",
     "GRANT UPDATE (amount_fen) ON submission_line TO ykt_finance"),
    ("inv_finance_cannot_write", "audit may delete payments",
     "GRANT DELETE ON payout_payment TO ykt_audit"),
    ("inv_four_eyes", "the maker of a batch approved it",
     EVENT.format(step="approve", start="", end="")),
    ("inv_four_eyes", "one person changed an account alone",
     "ALTER TABLE registry_accountchange DROP CONSTRAINT two_people_change_an_account",
     "UPDATE registry_accountchange SET decided_by = proposed_by"),
    ("inv_four_eyes", "one person stopped a payment alone",
     "ALTER TABLE payout_stop DROP CONSTRAINT two_people_stop_a_payment",
     "UPDATE payout_stop SET confirmed_by = asked_by"),
    ("inv_audit_linked", "an event is gone",
     "DELETE FROM audit_auditevent WHERE seq = 1"),
    ("inv_audit_linked", "an event was put in place of another",
     "UPDATE audit_auditevent SET hash = '\\x00' WHERE seq = 1"),
    ("inv_reissue_traced", "a second attempt points at nothing",
     f"UPDATE submission_line SET origin_id = NULL WHERE id = {AGAIN_LINE}"),
    ("inv_reissue_traced", "a second attempt pays more than failed",
     f"UPDATE payout_payment SET amount_fen = 9999 WHERE id = {FAILED}"),
    ("inv_reissue_traced", "a second attempt pays someone else",
     f"UPDATE payout_payment SET obligee_id = obligee_id + 1 WHERE id = {AGAIN}"),
    ("inv_change_is_audited", "a status changed and nobody is named",
     "DELETE FROM audit_auditevent WHERE county = '500243'"),
    ("inv_change_is_audited", "an event tells of a change that never was",
     EVENT.format(step="pay", start="FUNDED", end="PAYING")),
    ("inv_ledger_balanced", "a leg says a fen more than its other side",
     "UPDATE accounting_ledgerleg SET amount_fen = amount_fen + 1 WHERE is_debit"),
    ("inv_ledger_balanced", "a posting has lost its legs", "DELETE FROM accounting_ledgerleg"),
    ("inv_ledger_agrees", "a payment was never posted",
     "DELETE FROM accounting_ledgerposting WHERE kind = 'LINE_PAID'"),
    ("inv_ledger_agrees", "money was posted that never came",
     "UPDATE accounting_ledgerposting SET amount_fen = amount_fen + 1"
     " WHERE kind = 'MONEY_RECEIVED'"),
    ("inv_ledger_agrees", "the payout account holds a fen too much",
     "UPDATE accounting_ledgerleg SET amount_fen = amount_fen + 1"
     " WHERE account = '1001' AND is_debit"),
    ("inv_indicator_held", "an application came back and its indicator is still frozen",
     "UPDATE funding_indicatorhold SET state = 'FROZEN'"),
    ("inv_indicator_held", "released without a match", "DELETE FROM funding_fundingmatch"),
)  # fmt: skip


def rows_seen(connection: psycopg.Connection[Any], view: str) -> list[tuple[Any, ...]]:
    """As the worker of this county sees it: `verify` runs as that login."""
    return connection.execute(f"SELECT county, batch_id, fen, sentence FROM {view}").fetchall()  # type: ignore[call-overload]


@pytest.mark.parametrize("view", VIEWS)
def test_a_sound_world_breaks_no_invariant(view: str, enter: Enter) -> None:
    assert rows_seen(enter("ykt_worker", county=HERE, **EVERYTHING), view) == []


@pytest.mark.parametrize("breach", BREACHES, ids=lambda one: f"{one[0]}: {one[1]}")
def test_a_breach_is_seen_and_told(breach: tuple[str, ...], admin: psycopg.Connection[Any]) -> None:
    view, _, *statements = breach
    admin.execute("SET LOCAL session_replication_role = replica")
    for statement in statements:
        admin.execute(statement)  # type: ignore[call-overload]
    admin.execute("SET LOCAL ROLE ykt_worker")
    for name, value in {"county": HERE, **EVERYTHING}.items():
        admin.execute("SELECT set_config(%s, %s, true)", [f"ykt.{name}", str(value)])
    seen = rows_seen(admin, view)
    assert seen
    assert all(sentence for *_, sentence in seen)


def test_every_view_has_its_breach(admin: psycopg.Connection[Any]) -> None:
    held = admin.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'v' AND relname LIKE 'inv\\_%'"
    ).fetchall()
    assert {name for (name,) in held} == set(VIEWS) == {breach[0] for breach in BREACHES}


def test_the_chain_is_proved_by_its_content(planted: str) -> None:
    """I10 in full: SM3 is recomputed, so one changed letter is found (the server has no SM3)."""
    from tests import database  # noqa: PLC0415
    from yikatong.audit.queries import prove_chain  # noqa: PLC0415

    with database.pointed_at(planted, role="ykt_worker"):
        assert prove_chain() == ChainProof(2)
    with database.connect("ykt_admin", planted) as admin:
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute("UPDATE audit_auditevent SET note = '2 行' WHERE seq = 2")
    with database.pointed_at(planted, role="ykt_worker"):
        proof = prove_chain()
    assert proof.events == 2
    assert "第 2 号" in proof.trouble
