"""A file's rows as a frame: judged once per kind, as `effect_of` judges each."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from yikatong.connectors.bank.codes import REASONS
from yikatong.connectors.bank.messages import ResultRow
from yikatong.feedback import results
from yikatong.feedback.rules import Effect, effect_of
from yikatong.payout.rules import PaymentState

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KINDS = st.tuples(
    st.sampled_from(["SUCCESS", "FAILED", "PENDING", "RETURNED"]), st.sampled_from(sorted(REASONS))
)


def told(*rows: ResultRow) -> list[dict[str, object]]:
    return results.frame_of(rows, bank="ABC", now=NOW).to_dicts()


def test_whether_a_failure_is_final_stands_in_its_class() -> None:
    """What is stored of a row, result and F class, is enough to say the state that follows."""
    finals: dict[str, set[bool]] = {}
    for reason in REASONS.values():
        finals.setdefault(reason.failure, set()).add(reason.is_final)
    assert all(len(said) == 1 for said in finals.values()), finals


@given(KINDS, st.sampled_from(PaymentState), st.integers(0, 3), st.integers(1, 3))
def test_a_kind_of_row_is_judged_as_each_of_its_rows(
    kind: tuple[str, str], state: PaymentState, paid: int, owed: int
) -> None:
    result, code = kind
    row = ResultRow(detail_id="D", result=result, reason_code=code, paid_fen=paid)
    frame = results.frame_of([row], bank="ABC", now=NOW)
    is_right = paid == (0 if result == "FAILED" else owed)
    (judged,) = [
        one for one in results.judgements(frame) if one.state == state and one.is_right is is_right
    ]
    is_final = result != "FAILED" or REASONS[code].is_final
    what, to = effect_of(result, state, paid_fen=paid, amount_fen=owed, is_final=is_final)
    assert judged.what is what
    if what is Effect.APPLY:
        assert judged.to == to


def test_what_is_kept_of_a_row() -> None:
    paid, failed, own = told(
        ResultRow(detail_id="1", result="SUCCESS", reason_code="A02", paid_fen=5, bank_serial="S"),
        ResultRow(detail_id="2", result="FAILED", reason_code="A02", paid_fen=0),
        ResultRow(
            detail_id="3", result="FAILED", bank_reason_code="XX", bank_reason_text="无", paid_fen=0
        ),
    )
    assert (paid["row_no"], paid["code"], paid["bank_serial"], paid["at"]) == (1, "", "S", NOW)
    assert (failed["code"], failed["bank_code"], failed["bank_serial"]) == ("F03", "A02", None)
    assert (own["code"], own["bank_code"], own["bank_text"]) == ("F99", "XX", "无")


def test_a_payment_comes_once_a_turn_in_the_order_of_the_file() -> None:
    rows = [
        ResultRow(detail_id=name, result="SUCCESS", paid_fen=1)
        for name in ("A", "B", "A", "C", "A")
    ]
    frame = results.frame_of(rows, bank="ABC", now=NOW)
    assert [wave["row_no"].to_list() for wave in results.waves(frame)] == [[1, 2, 4], [3], [5]]
    (whole,) = results.waves(frame.head(2))
    assert whole.height == 2
    assert list(results.waves(frame.head(0))) == []
