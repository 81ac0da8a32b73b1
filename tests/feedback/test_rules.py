"""What one row of a bank's result does to a payment: the whole table, then whatever may come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.feedback.rules import Effect, effect_of
from yikatong.payout.rules import PAYMENT_MOVES, PaymentState

APPLY, NOTHING, ASIDE = Effect.APPLY, Effect.NOTHING, Effect.SET_ASIDE
OWED = 10_000
S = PaymentState

# of a right row: SUCCESS and RETURNED with the whole amount, FAILED with none and a final code
TABLE = {
    ("SUCCESS", S.SENT): (APPLY, S.PAID),
    ("SUCCESS", S.UNKNOWN): (APPLY, S.PAID),
    ("SUCCESS", S.PAID): (NOTHING, S.PAID),
    ("SUCCESS", S.RETURNED): (NOTHING, S.RETURNED),
    ("SUCCESS", S.FAILED): (ASIDE, S.FAILED),
    ("SUCCESS", S.STOPPED): (ASIDE, S.STOPPED),
    ("SUCCESS", S.WITHDRAWN): (ASIDE, S.WITHDRAWN),
    ("FAILED", S.SENT): (APPLY, S.FAILED),
    ("FAILED", S.UNKNOWN): (APPLY, S.FAILED),
    ("FAILED", S.FAILED): (NOTHING, S.FAILED),
    ("FAILED", S.PAID): (ASIDE, S.PAID),
    ("FAILED", S.RETURNED): (ASIDE, S.RETURNED),
    ("FAILED", S.STOPPED): (ASIDE, S.STOPPED),
    ("FAILED", S.WITHDRAWN): (ASIDE, S.WITHDRAWN),
    ("RETURNED", S.PAID): (APPLY, S.RETURNED),
    ("RETURNED", S.RETURNED): (NOTHING, S.RETURNED),
    ("RETURNED", S.SENT): (ASIDE, S.SENT),
    ("RETURNED", S.UNKNOWN): (ASIDE, S.UNKNOWN),
    ("RETURNED", S.FAILED): (ASIDE, S.FAILED),
    ("RETURNED", S.STOPPED): (ASIDE, S.STOPPED),
    ("RETURNED", S.WITHDRAWN): (ASIDE, S.WITHDRAWN),
    **{("PENDING", state): (NOTHING, state) for state in S},
}


def of(
    result: str, state: str, *, paid_fen: int | None = None, is_final: bool = True
) -> tuple[Effect, str]:
    whole = OWED if result in {"SUCCESS", "RETURNED"} else 0
    return effect_of(
        result,
        state,
        paid_fen=whole if paid_fen is None else paid_fen,
        amount_fen=OWED,
        is_final=is_final,
    )


def test_the_table_names_every_result_in_every_state() -> None:
    assert len(TABLE) == 4 * len(S)


@pytest.mark.parametrize(("result", "state"), TABLE)
def test_a_right_row(result: str, state: PaymentState) -> None:
    assert of(result, state) == TABLE[result, state]


@pytest.mark.parametrize("wrong", [0, 1, OWED - 1, OWED + 1, -OWED])
@pytest.mark.parametrize("state", [S.SENT, S.UNKNOWN])
def test_a_success_off_by_a_fen_is_set_aside(state: PaymentState, wrong: int) -> None:
    assert of("SUCCESS", state, paid_fen=wrong) == (ASIDE, state)


def test_a_failure_that_paid_something_is_set_aside() -> None:
    assert of("FAILED", S.SENT, paid_fen=1) == (ASIDE, S.SENT)


def test_a_code_that_is_not_final_leaves_it_unknown_never_failed() -> None:
    assert of("FAILED", S.SENT, is_final=False) == (APPLY, S.UNKNOWN)
    assert of("FAILED", S.UNKNOWN, is_final=False) == (NOTHING, S.UNKNOWN)
    assert of("FAILED", S.PAID, is_final=False) == (ASIDE, S.PAID)


rows = st.tuples(
    st.sampled_from(["SUCCESS", "FAILED", "RETURNED", "PENDING"]),
    st.sampled_from([0, 1, OWED - 1, OWED, OWED + 1]),
    st.booleans(),
)


@given(st.lists(rows, max_size=12))
def test_whatever_comes_in_whatever_order_money_is_counted_once(
    told: list[tuple[str, int, bool]],
) -> None:
    """States move along the table only; PAID is entered at most once and left only by a return."""
    edges = {(move.at, move.to) for move in PAYMENT_MOVES}
    state, entered_paid = str(S.SENT), 0
    for result, paid_fen, is_final in told:
        effect, after = effect_of(
            result, state, paid_fen=paid_fen, amount_fen=OWED, is_final=is_final
        )
        if effect is APPLY:
            assert (state, after) in edges
            entered_paid += after == S.PAID
            if after == S.PAID:
                assert paid_fen == OWED
        else:
            assert after == state
        state = after
    assert entered_paid <= 1
    assert (state in {S.PAID, S.RETURNED}) == (entered_paid == 1)


@given(st.lists(rows, max_size=6), rows)
def test_the_same_row_again_has_no_second_effect(
    before: list[tuple[str, int, bool]], row: tuple[str, int, bool]
) -> None:
    state = str(S.SENT)
    for result, paid_fen, is_final in (*before, row):
        _, state = effect_of(result, state, paid_fen=paid_fen, amount_fen=OWED, is_final=is_final)
    effect, after = effect_of(row[0], state, paid_fen=row[1], amount_fen=OWED, is_final=row[2])
    assert effect is not APPLY
    assert after == state
