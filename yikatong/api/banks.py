"""A bank's own call (interfaces §2.6, §2.7): proved, stored whole, answered; applied by the queue.

Checks in order: who signs, when, which nonce, which bytes, which key, then the content. What passes
goes into the inbox and on by the very same path as a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from yikatong.connectors.bank.api import MESSAGE, named
from yikatong.connectors.bank.calls import BODY, CERT, KEY, SignedCall
from yikatong.connectors.bank.endpoint import load_endpoints
from yikatong.connectors.bank.files import InboundFile, decode
from yikatong.connectors.bank.messages import Msg
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.refusals import FileRefused
from yikatong.jobs.actions import use_nonce
from yikatong.jobs.queries import under_key
from yikatong.kernel.actor import Actor, Duty, Scope
from yikatong.kernel.digest import sm3
from yikatong.organisation.models import PayingBank
from yikatong.organisation.queries import paying_banks
from yikatong.organisation.scoping import acting
from yikatong.organisation.wire import envelope_of, keep, profile_of
from yikatong.vault.wire import key_id

DOORS: Final = {
    "receipts": Msg.ACK,
    "funding": Msg.FND,
    "results": Msg.RES,
    "returns": Msg.RET,
    "refunds": Msg.RFD,
    "recon": Msg.DZ,
    "sms": Msg.SMS,
}
OK, UNPROVED, CONFLICT, UNUSABLE = 200, 401, 409, 422
NO_BANK: Final = -1


@dataclass(frozen=True, slots=True)
class Heard:
    """What a bank is answered."""

    status: int
    content: dict[str, Any]


class Unheard(Exception):
    """A call that is not taken: status, code, a Chinese reason."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.answer = Heard(status, {"code": code, "reason": reason})


def hear(door: str, path: str, headers: Mapping[str, str], body: bytes) -> Heard:
    """Take one call. 200 also for a replay; 409 other content under a known key; 401 not proved;
    422 not usable, with the reason of the row.
    """
    try:
        return _heard(DOORS[door], path, headers, body)
    except Unheard as error:
        return error.answer
    except FileRefused as refused:
        return Heard(UNUSABLE, {"code": refused.code, "reason": str(refused)})


def proof(path: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The headers that sign our answer, as a bank signs its own (interfaces §2.6). A stranger gets
    none: there is no key to sign towards.
    """
    code3 = headers.get(CERT, "").partition("-")[0]
    if not settings.BANK_ENDPOINTS.exists() or code3 not in load_endpoints(settings.BANK_ENDPOINTS):
        return {}
    envelope = envelope_of(PayingBank(code3=code3, name=code3))
    call = SignedCall.of("POST", path, body, envelope, now=timezone.localtime())
    return call.headers(f"YKT-{key_id(envelope.own.public)}")


def _heard(msg: Msg, path: str, headers: Mapping[str, str], body: bytes) -> Heard:
    code3 = headers.get(CERT, "").partition("-")[0]
    name = named(code3, headers.get(MESSAGE, ""), timezone.localdate())
    if name.batch_no[:3] != code3:
        raise Unheard(UNUSABLE, "E-NAME", "批次号不是这家银行的。")
    bank = _bank(code3, name.county)
    call = _proved(bank, path, headers, body)
    if name.msg is not msg or headers.get(KEY) != name.key:
        raise Unheard(UNUSABLE, "E-KEY", "幂等键、报文与地址不一致。")
    actor = _as_bank(name.county, bank.bank_no)
    with acting(actor):
        if not use_nonce(bank.bank_no, call.nonce, actor=actor):
            raise Unheard(UNPROVED, "E-NONCE", "随机数已经用过。")
    return _kept(InboundFile(str(name), body, call.kept()), name, bank, actor)


def _proved(bank: PayingBank, path: str, headers: Mapping[str, str], body: bytes) -> SignedCall:
    """The call's facts, signed by this bank over these bytes, within its time."""
    envelope = envelope_of(bank)
    call = SignedCall.heard("POST", path, headers)
    is_own = headers.get(CERT) == f"{bank.code3}-{key_id(envelope.peer)}"
    if not is_own or not call.is_signed(body, envelope):
        raise Unheard(UNPROVED, "E-SIGN", "签名不正确。")
    if not call.is_fresh(timezone.now()):
        raise Unheard(UNPROVED, "E-TIME", "时间不在允许的五分钟之内。")
    if headers.get(BODY) != sm3(body).hex():
        raise Unheard(UNUSABLE, "E-SM3", "摘要与内容不一致。")
    return call


def _kept(file: InboundFile, name: PartName, bank: PayingBank, actor: Actor) -> Heard:
    """Stored, whatever it says: what cannot be used is then set aside by the inbox, not lost."""
    answer = Heard(OK, {"key": name.key, "status": "ACCEPTED"})
    try:
        decode(file, envelope_of(bank), profile=profile_of(bank))
    except FileRefused as refused:
        answer = Heard(UNUSABLE, {"code": refused.code, "reason": str(refused)})
    digest = sm3(file.sealed)
    with acting(actor):
        said = under_key(bank.bank_no, name.msg.value, name.batch_no, name.part, scope=actor.scope)
        before = [bytes(one.sm3) for one in said]
        if before and digest not in before:
            raise Unheard(CONFLICT, "E-DUP-CONTENT", "同一幂等键此前收到过不同的内容。")
        if not before:
            keep(file, name, bank.bank_no, actor=actor)
    return answer


def _bank(code3: str, county: str) -> PayingBank:
    """The paying bank of that county. One that we do not know cannot have proved itself."""
    nobody = _as_bank(county, NO_BANK)
    with acting(nobody):
        known = {bank.code3: bank for bank in paying_banks(scope=nobody.scope).values()}
    if code3 not in known or code3 not in load_endpoints(settings.BANK_ENDPOINTS):
        raise Unheard(UNPROVED, "E-SIGN", "没有登记这家银行。")
    return known[code3]


def _as_bank(county: str, bank_no: int) -> Actor:
    """Within the bank's own rows, by the role of the bank's post."""
    scope = Scope(county, units=None, bank_no=bank_no)
    return Actor(0, "", "银行接口", Duty.BANK, scope, via="api")
