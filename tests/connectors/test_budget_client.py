"""The budget client: clear answers are answers, everything else is unknown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from yikatong.connectors.budget.client import (
    BudgetClient,
    BudgetRefused,
    KeyReused,
    OutcomeUnknown,
)
from yikatong.connectors.budget.messages import FundingApplication, Manifest, State
from yikatong.kernel.digest import sm3

ASKED = FundingApplication(
    tracking_id="FR1", bgt_id="B1", mof_div_code="500243000", fiscal_year="2026",
    agency_code="205001", pro_code="P1", use_des="耕地地力 2026-03", pay_app_amt_fen=100,
    payee_acct_name="代发户", payee_acct_no="99", payee_acct_bank_name="农行",
    manifest=Manifest(batch_no="X", count=1, amount_fen=100, sm3="0" * 64),
)  # fmt: skip
TOLD: dict[str, Any] = {
    "pay_app_no": "SQ-1", "tracking_id": "FR1", "status": "PART_REFUNDED", "pay_app_amt_fen": 100,
    "return_reason": "", "is_withdrawn": False, "pay_cert_no": "V1", "vou_date": "2026-03-01",
    "xpay_amt_fen": 100, "xpay_date": "2026-03-01", "agent_business_no": "S1", "refunded_fen": 30,
    "refunds": [
        {"refund_no": "R1", "amount_fen": 30, "reason": "失败", "at": "2026-03-02T09:00:00+08:00"}
    ],
}  # fmt: skip


def client(answer: Callable[[httpx.Request], httpx.Response]) -> BudgetClient:
    return BudgetClient("http://budget", transport=httpx.MockTransport(answer))


def says(status: int, content: Any) -> BudgetClient:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return client(lambda _: httpx.Response(status, content=body))


def test_a_write_carries_its_key_and_the_digest_of_its_bytes() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json=TOLD)

    for _ in range(2):
        state = client(answer).apply(ASKED)
    assert seen[0].headers["Idempotency-Key"] == "B02:FR1:1"
    assert seen[0].headers["X-Body-SM3"] == sm3(seen[0].content).hex()
    assert seen[0].content == seen[1].content
    assert state.status is State.PART_REFUNDED
    assert (state.is_paid, state.is_returned, state.refunds[0].amount_fen) == (True, False, 30)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 302, 408, 429])
def test_no_clear_answer_is_unknown_never_failed(status: int) -> None:
    with pytest.raises(OutcomeUnknown):
        says(status, {"code": "E", "reason": "忙"}).apply(ASKED)


@pytest.mark.parametrize(
    "content",
    [
        b"<html>", [], {}, TOLD | {"status": "LOST"}, TOLD | {"pay_app_amt_fen": 1.0},
        TOLD | {"pay_app_amt_fen": "100"}, TOLD | {"refunds": [{}]},
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_read_is_unknown(content: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        says(200, content).application("SQ-1")


def test_a_broken_line_is_unknown() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    with pytest.raises(OutcomeUnknown):
        client(answer).withdraw("SQ-1", "撤销")


def test_a_no_is_told_in_the_budget_systems_words() -> None:
    with pytest.raises(BudgetRefused, match="余额不足"):
        says(422, {"code": "E-BALANCE", "reason": "余额不足"}).apply(ASKED)
    with pytest.raises(KeyReused):
        says(409, {"code": "E-KEY", "reason": "内容不同"}).apply(ASKED)
    with pytest.raises(BudgetRefused, match="没有说明原因"):
        says(400, b"no").apply(ASKED)


def test_an_indicator_says_what_is_left() -> None:
    quota = {
        "bgt_id": "B1", "mof_div_code": "500243000", "fiscal_year": "2026", "agency_code": "1",
        "pro_code": "P1", "pro_name": "耕地", "cor_bgt_doc_no": "", "fund_type_code": "1111",
        "exp_func_code": "213", "gov_bgt_eco_code": "50903", "dep_bgt_eco_code": "30310",
        "amount_fen": 1000, "cur_amt_fen": 900, "pay_app_amt_fen": 200, "bgt_exe_flag": True,
    }  # fmt: skip
    told = {
        "as_of": "2026-03-01T09:00:00+08:00",
        "quotas": [quota, quota | {"bgt_id": "B2", "bgt_exe_flag": False}],
    }
    found = says(200, told).quotas(mof_div_code="500243000", fiscal_year="2026")
    assert [one.available_fen for one in found] == [700, 0]
