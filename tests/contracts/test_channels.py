"""What the lines do: the budget system says no or nothing, a port is silent, a door is locked."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import asyncssh
import pytest

from yikatong.connectors.bank.endpoint import BankEndpoint
from yikatong.connectors.bank.files import InboundFile
from yikatong.connectors.bank.messages import Msg
from yikatong.connectors.bank.refusals import Unreachable
from yikatong.connectors.bank.sftp import SftpChannel
from yikatong.connectors.budget.client import BudgetClient, BudgetRefused, KeyReused, OutcomeUnknown
from yikatong.connectors.budget.messages import FundingApplication, State

from .conftest import World, until
from .shares import (
    application,
    both,
    httpx_post,
    only,
    pay,
)


@pytest.fixture
def world(shared_world: World) -> World:
    return both(shared_world)


def test_the_budget_system_returns_refuses_and_is_asked_again(world: World) -> None:
    message = pay(world.batch_no)
    world.send(message)
    only(world, Msg.ACK)
    budget = world.budget
    url = world.ready("budget")["url"]
    httpx_post(url + "/control/return-next", {"reason": "用途不规范"})
    first = budget.apply(application(world, message, "FR1"))
    returned = until(lambda: (s := budget.application(first.pay_app_no)).is_returned and s)
    assert returned.return_reason == "用途不规范"

    httpx_post(url + "/control/faults", {"kind": "5xx_after"})
    asked = application(world, message, "FR2")
    with pytest.raises(OutcomeUnknown):
        budget.apply(asked)
    found = budget.find("FR2")
    assert found is not None
    assert budget.apply(asked).pay_app_no == found.pay_app_no
    assert budget.find("FR3") is None
    with pytest.raises(KeyReused):
        budget.apply(_other(asked, use_des="别的用途"))
    until(lambda: budget.application(found.pay_app_no).is_paid)
    with pytest.raises(BudgetRefused, match="不能撤回"):
        budget.withdraw(found.pay_app_no, "试试")
    with pytest.raises(BudgetRefused, match="余额"):
        budget.apply(_other(asked, tracking_id="FR4", pay_app_amt_fen=10_000_000))
    with pytest.raises(OutcomeUnknown):
        BudgetClient("http://127.0.0.1:1", wait_s=1).application(found.pay_app_no)


def test_an_application_is_withdrawn_before_its_voucher(world: World) -> None:
    mode = world.ready("budget")["url"] + "/control/mode"
    httpx_post(mode, {"approve": "manual"})
    message = pay(world.batch_no)
    filed = world.budget.apply(application(world, message))
    (held,) = world.budget.quotas(mof_div_code="500243000", fiscal_year="2026", pro_code="")
    assert held.pay_app_amt_fen == 100_004
    gone = world.budget.withdraw(filed.pay_app_no, "批次撤销")
    assert (gone.status, gone.is_withdrawn) == (State.RETURNED, True)
    (free,) = world.budget.quotas(mof_div_code="500243000", fiscal_year="2026")
    assert free.pay_app_amt_fen == 0
    httpx_post(mode, {"approve": "auto"})


def test_each_bank_is_locked_into_its_own_folders(world: World) -> None:
    own, other = world.bank("ABC"), world.bank("ICB")
    stranger = BankEndpoint(
        "ICB", other.host, other.port, "ICB", own.client_key, other.host_public_key,
        other.sm2_public,
    )  # fmt: skip
    with pytest.raises(Unreachable):
        SftpChannel(stranger, wait_s=3).fetch()
    wrong_host = BankEndpoint(
        "ABC", own.host, own.port, "ABC", own.client_key, _other_host_key(), own.sm2_public
    )
    with pytest.raises(Unreachable):
        SftpChannel(wrong_host, wait_s=3).fetch()
    outside = InboundFile("books.sqlite", b"", b"", "../../..")
    SftpChannel(own).archive([outside])
    assert (world.home / "bank/books.sqlite").exists()


def test_a_silent_port_is_unreachable_within_the_wait(world: World) -> None:
    own = world.bank()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        deaf = BankEndpoint(
            "ABC", "127.0.0.1", port, "ABC", own.client_key, own.host_public_key, own.sm2_public
        )
        with pytest.raises(Unreachable):
            SftpChannel(deaf, wait_s=0.5).fetch()


def _other(asked: FundingApplication, **changes: Any) -> FundingApplication:
    return replace(asked, **changes)


def _other_host_key() -> str:
    key = asyncssh.generate_private_key("ssh-ed25519")
    return key.export_public_key().decode().strip()
