"""The budget system's own call (interfaces §2.6, §5): proved, stored whole, answered; applied by
the queue. It is heard like a bank, under number 0, which no bank has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from yikatong.api.banks import CONFLICT, OK, UNPROVED, UNUSABLE, Heard, Unheard
from yikatong.connectors.bank.calls import BODY, CERT, KEY, SignedCall
from yikatong.jobs.actions import keep_incoming, use_nonce
from yikatong.jobs.queries import of_name
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor, Duty, Scope
from yikatong.kernel.digest import sm3
from yikatong.organisation.queries import counties_of_home
from yikatong.organisation.scoping import acting
from yikatong.vault.wire import WireEnvelope, WireKeys, key_id

DOORS: Final = {
    "reviews": "B11",
    "vouchers": "B12",
    "payments": "B13",
    "refunds": "B14",
    "recon": "B15",
}
BUDGET: Final = 0
NAMED: Final[dict[str, type]] = {"mof_div_code": str}
ONE: Final[dict[str, type]] = NAMED | {"tracking_id": str, "pay_app_no": str}
# what each message says, by its name and kind; amounts are whole fen
SAYS: Final[dict[str, dict[str, type]]] = {
    "B11": ONE | {"status": str, "return_reason": str, "is_withdrawn": bool,
                  "pay_app_amt_fen": int},
    "B12": ONE | {"pay_cert_no": str, "vou_date": str},
    "B13": ONE | {"pay_cert_no": str, "xpay_amt_fen": int, "xpay_date": str,
                  "agent_business_no": str},
    "B14": ONE | {"refund_no": str, "amount_fen": int, "reason": str, "at": str},
    "B15": NAMED | {"check_no": str, "rows": list},
}  # fmt: skip
KEYED: Final = re.compile(r"(B1[1-5]):[0-9A-Za-z-]{1,100}:[0-9]{1,6}")
DIVISION: Final = re.compile(r"([0-9]{6})000")


def hear(door: str, path: str, headers: Mapping[str, str], body: bytes) -> Heard:
    """Take one call. 200 also for a replay; 409 other content under a known key; 401 not proved;
    422 not usable, with its reason.
    """
    try:
        return _heard(DOORS[door], path, headers, body)
    except Unheard as error:
        return error.answer


def proof(path: str, body: bytes) -> dict[str, str]:
    """The headers that sign our answer; none where nobody is registered to sign towards."""
    envelope = _envelope()
    if envelope is None:
        return {}
    call = SignedCall.of("POST", path, body, envelope, now=timezone.localtime())
    return call.headers(f"YKT-{key_id(envelope.own.public)}")


def _heard(message: str, path: str, headers: Mapping[str, str], body: bytes) -> Heard:
    call = _proved(path, headers, body)
    key = headers.get(KEY, "")
    named = KEYED.fullmatch(key)
    if named is None or named[1] != message:
        raise Unheard(UNUSABLE, "E-KEY", "幂等键与地址不一致。")
    county = _county(_said(message, body))
    actor = Actor(
        0, "", "预算系统接口", Duty.BANK, Scope(county, units=None, bank_no=BUDGET), via="api"
    )
    with acting(actor):
        if not use_nonce(BUDGET, call.nonce, actor=actor):
            raise Unheard(UNPROVED, "E-NONCE", "随机数已经用过。")
    # the nonce is used up, whatever becomes of the call
    with acting(actor):
        before = of_name(BUDGET, key, scope=actor.scope)
        if any(bytes(one.sm3) != sm3(body) for one in before):
            raise Unheard(CONFLICT, "E-DUP-CONTENT", "同一幂等键此前收到过不同的内容。")
        if not before:
            kept = keep_incoming(
                bank_no=BUDGET, kind=message, name=key, payload=body, signature=call.kept(),
                actor=actor,
            )  # fmt: skip
            if kept is not None:
                defer("funding.hear", lock=f"budget-{county}", inbox_id=kept.pk, county=county)
    return Heard(OK, {"key": key, "status": "ACCEPTED"})


def _proved(path: str, headers: Mapping[str, str], body: bytes) -> SignedCall:
    """The call's facts, signed by the registered system over these bytes, within its time."""
    envelope = _envelope()
    if envelope is None or headers.get(CERT) != f"BGT-{key_id(envelope.peer)}":
        raise Unheard(UNPROVED, "E-SIGN", "没有登记这个预算系统。")
    call = SignedCall.heard("POST", path, headers)
    if not call.is_signed(body, envelope):
        raise Unheard(UNPROVED, "E-SIGN", "签名不正确。")
    if not call.is_fresh(timezone.now()):
        raise Unheard(UNPROVED, "E-TIME", "时间不在允许的五分钟之内。")
    if headers.get(BODY) != sm3(body).hex():
        raise Unheard(UNUSABLE, "E-SM3", "摘要与内容不一致。")
    return call


def _envelope() -> WireEnvelope | None:
    """Our keys facing the registered system's; None where none is registered, or has no key."""
    try:
        registered = json.loads(settings.BUDGET_ENDPOINT.read_text(encoding="utf-8"))
        public = str(registered["sm2_public"])
    except (OSError, ValueError, KeyError):
        return None
    return WireKeys.load(settings.HOME.keys).facing(public)


def _said(message: str, body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Unheard(UNUSABLE, "E-ROW", "内容不是 JSON 对象。")
    for name, kind in SAYS[message].items():
        if type(said.get(name)) is not kind:
            raise Unheard(UNUSABLE, "E-ROW", f"缺少 {name}，或写法不正确。")
    return said


def _county(said: Mapping[str, Any]) -> str:
    found = DIVISION.fullmatch(said["mof_div_code"])
    if found is None or found[1] not in {one.county for one in counties_of_home()}:
        raise Unheard(UNUSABLE, "E-ROW", "mof_div_code 不是本系统的区县。")
    return found[1]
