"""Wire codes and F classes, as the interface page has them."""

from __future__ import annotations

import pytest

from simulators.bank.accounts import REASONS as SAID_BY_THE_BANK
from yikatong.connectors.bank.codes import (
    FAILURES,
    FILE_CODES,
    NOT_A_REFUSAL,
    REASONS,
    failure_of,
    reason_of,
    translated,
)

CLASS_OF = {
    "A01": "F01", "A02": "F03", "A03": "F04", "A04": "F02", "A05": "F02", "A06": "F07",
    "A07": "F05", "A08": "F04", "A09": "F06", "A10": "F08", "A11": "F99", "A12": "F12",
    "T01": "F10", "T02": "F09", "S01": "F11", "S99": "F99",
}  # fmt: skip


@pytest.mark.parametrize(("code", "failure"), CLASS_OF.items())
def test_each_wire_code_has_its_class(code: str, failure: str) -> None:
    assert failure_of(code).code == failure


def test_only_final_codes_fail_a_payment() -> None:
    assert {code for code, one in REASONS.items() if not one.is_final} == {
        "T01", "S01", "M01", "R01",
    }  # fmt: skip


def test_a_dead_payee_and_the_unknown_are_a_to_do_and_never_redraft() -> None:
    assert {code for code, one in REASONS.items() if one.is_todo} == {"A11", "S99"}
    assert not any(one.redrafts for one in REASONS.values() if not one.is_final or one.is_todo)


def test_duplicates_and_system_errors_stay_unknown() -> None:
    for code in ("T01", "S01"):
        assert not REASONS[code].is_final
        assert "不得重发" in failure_of(code).retry


def test_an_unknown_code_is_kept_as_s99() -> None:
    assert reason_of("ZZZ").code == "S99"
    assert translated("CCB", "0130Z0100005").code == "A04"
    assert translated("CCB", "nonsense").code == "S99"
    assert translated("ABC", "A02").code == "A02"


def test_every_class_is_complete_and_every_bank_text_known() -> None:
    assert set(FAILURES) == {f"F{n:02}" for n in range(1, 13)} | {"F99"}
    assert all(one.reason and one.fixes and one.retry for one in FAILURES.values())
    assert set(SAID_BY_THE_BANK) <= set(REASONS)
    assert set(FILE_CODES) >= NOT_A_REFUSAL
