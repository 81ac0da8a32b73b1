"""The budget group of faults, each switched on while both programs run, each really hit."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from yikatong.connectors.budget import mof_pay
from yikatong.connectors.budget.client import BudgetRefused
from yikatong.connectors.budget.messages import ApplicationState, DetailRow, State
from yikatong.connectors.budget.mof import MofRefused, MofVoucher, seal, unseal

from .conftest import World, until
from .shares import COUNTY, TODAY, application, both, funded, new_batch_no, pay

DIVISION = f"{COUNTY}000"


@pytest.fixture
def world(shared_world: World) -> World:
    made = both(shared_world)
    made.batch_no = new_batch_no()
    return made


def control(world: World, path: str, content: dict[str, Any] | None = None) -> Any:
    url = world.ready("budget")["url"] + path
    with httpx.Client(trust_env=False, timeout=10) as client:
        told = client.get(url) if content is None else client.post(url, json=content)
    told.raise_for_status()
    return told.json()


def switch_on(world: World, kind: str, **options: Any) -> None:
    control(world, "/control/faults", {"kind": kind, **options})


def hits(world: World, kind: str) -> int:
    found = control(world, "/control/faults")["faults"]
    return sum(one["hits"] for one in found if one["kind"] == kind)


def filed(world: World) -> ApplicationState:
    message = pay(world.batch_no)
    world.send(message)
    until(lambda: world.books()["batches"])
    return world.budget.apply(application(world, message))


def waited(world: World, number: str, *states: State) -> ApplicationState:
    return until(lambda: ((s := world.budget.application(number)).status in states and s) or None)


def refund(world: World, paid: ApplicationState, fen: int) -> None:
    asked = {
        "refund_no": f"RF{time.monotonic_ns()}", "application_no": paid.pay_app_no,
        "voucher_no": paid.pay_cert_no, "amount_fen": fen, "reason": "失败",
    }  # fmt: skip
    control(world, "/v1/refunds", asked)


def paid(world: World) -> ApplicationState:
    message = pay(world.batch_no)
    funding = funded(world, message)
    return waited(world, funding.application_no, State.PAID)


def test_the_balance_is_too_small(world: World) -> None:
    switch_on(world, "balance_too_small")
    with pytest.raises(BudgetRefused, match="不足以支付"):
        filed(world)
    assert hits(world, "balance_too_small") == 1


def test_it_is_returned_with_a_reason(world: World) -> None:
    switch_on(world, "returned_with_reason", reason="经济分类有误")
    told = waited(world, filed(world).pay_app_no, State.RETURNED)
    assert (told.return_reason, told.is_withdrawn) == ("经济分类有误", False)


def test_the_voucher_comes_late_and_nothing_is_lost(world: World) -> None:
    switch_on(world, "voucher_late", delay_s=0.8)
    number = filed(world).pay_app_no
    assert waited(world, number, State.APPROVED).pay_cert_no == ""
    assert waited(world, number, State.VOUCHERED, State.PAID).pay_cert_no
    assert hits(world, "voucher_late") == 1


def test_a_wrong_payee_account_is_sent_back_by_the_bank(world: World) -> None:
    switch_on(world, "wrong_payee", acct_no="6229999999999999")
    told = waited(world, filed(world).pay_app_no, State.RETURNED)
    assert "不是本行的内部代发户" in told.return_reason


@pytest.mark.parametrize(
    ("kind", "options", "booked"),
    [("partial_refund", {"by_fen": 100}, 900), ("double_refund", {}, 2_000), ("", {}, 1_000)],
)
def test_a_refund_is_booked_in_part_or_twice_and_reconciliation_shows_it(
    world: World, kind: str, options: dict[str, Any], booked: int
) -> None:
    one = paid(world)
    if kind:
        switch_on(world, kind, **options)
    refund(world, one, 1_000)
    told = world.budget.reconciliation(mof_div_code=DIVISION, day=f"{TODAY:%Y-%m-%d}")
    row = next(row for row in told.rows if row.tracking_id == one.tracking_id)
    assert (row.refunded_fen, row.xpay_amt_fen) == (booked, 100_004)


def test_a_difference_in_the_reconciliation_is_answered_with_its_reason(world: World) -> None:
    one = paid(world)
    switch_on(world, "recon_difference", by_fen=7)
    told = world.budget.reconciliation(mof_div_code=DIVISION, day=f"{TODAY:%Y-%m-%d}")
    again = world.budget.reconciliation(mof_div_code=DIVISION, day=f"{TODAY:%Y-%m-%d}")
    off = [a.xpay_amt_fen - b.xpay_amt_fen for a, b in zip(told.rows, again.rows, strict=True)]
    assert sorted(off)[-1] == 7
    own = next(row for row in told.rows if row.tracking_id == one.tracking_id)
    answer = replace(own, result="1", reason="差7分")
    assert world.budget.answer_reconciliation(told.check_no, [answer]) == 1
    kept = control(world, "/control/books")["recon"]
    assert {"tracking_id": one.tracking_id, "result": "1", "reason": "差7分"} in [
        {name: row[name] for name in ("tracking_id", "result", "reason")} for row in kept
    ]


def detail(fen: int, number: int) -> DetailRow:
    return DetailRow(
        tracking_id="", payee_acct_name="钱大娘", payee_acct_no=f"62{number:010d}",
        payee_acct_bank_name="农行", pay_amt_fen=fen, per_name="钱大娘", iden_no="",
        detail_id=f"D{number}",
    )  # fmt: skip


def test_five_hundred_rows_at_once_are_refused_and_the_client_never_sends_them(
    world: World,
) -> None:
    number = filed(world).pay_app_no
    rows = [detail(100, n) for n in range(599)] + [detail(100_004 - 59_900, 599)]
    assert world.budget.details(number, rows) == 600
    kept = control(world, "/control/books")["details"][number]
    assert len(kept) == 600
    assert sum(row["pay_amt_fen"] for row in kept) == 100_004
    body = json.dumps({"rows": [{"pay_amt_fen": 1}] * 500})
    with pytest.raises(BudgetRefused, match="少于 500"):
        world.budget._send(
            "POST", f"/v1/applications/{number}/details", body=body.encode(), key=f"x{number}"
        )
    switch_on(world, "rows_refused")
    with pytest.raises(BudgetRefused, match="少于 500"):
        world.budget.details(number, rows[:1])


# -- 信封 ---------------------------------------------------------------------------------------


def envelope(*fens: int, sum_fen: int | None = None, number: str = "V1") -> MofVoucher:
    return MofVoucher(
        adm_div_code=COUNTY, st_year="2026", vt_code="8207", voucher_no=number,
        fields={"SumAmt": mof_pay.yuan_of(sum(fens) if sum_fen is None else sum_fen)},
        details=tuple(
            {"Id": f"{number}{n}", "PayAmt": mof_pay.yuan_of(fen)} for n, fen in enumerate(fens)
        ),
    )  # fmt: skip


def test_an_envelope_is_signed_for_and_its_receipt_tells_every_line(world: World) -> None:
    (receipt,) = unseal(world.budget.exchange(seal([envelope(100, 250)])))
    assert [line.paid_fen for line in mof_pay.paid_lines(receipt)] == [100, 250]


def test_a_receipt_whose_inner_number_is_another_is_refused_here(world: World) -> None:
    switch_on(world, "voucher_no_mismatch")
    with pytest.raises(MofRefused, match="VoucherNo 不一致"):
        unseal(world.budget.exchange(seal([envelope(333)])))
    assert hits(world, "voucher_no_mismatch") == 1


def test_the_other_side_refuses_a_mismatched_number_and_five_hundred_rows(world: World) -> None:
    sealed = seal([envelope(77)])
    with pytest.raises(BudgetRefused, match="VoucherNo 不一致"):
        world.budget.exchange(sealed.replace(b'VoucherNo="V1"', b'VoucherNo="V9"'))
