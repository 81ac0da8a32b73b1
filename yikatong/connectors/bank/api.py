"""The API of one bank: signed JSON over HTTPS (interfaces §2, §2.6, §2.7).

Each call carries a fresh instant and nonce, while its body and `Idempotency-Key` are those of the
first try. An answer counts only with the bank's signature over it; anything else, a 5xx and a
broken line included, is no answer. What the bank has to tell lies with it as messages that we fetch
and confirm, whether or not it also calls us.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from yikatong.connectors.bank.calls import BODY, KEY, SignedCall
from yikatong.connectors.bank.endpoint import BankEndpoint
from yikatong.connectors.bank.files import InboundFile, SealedPart, decode
from yikatong.connectors.bank.messages import BATCH_NO, Msg, Standing
from yikatong.connectors.bank.names import API, CHINA, PartName
from yikatong.connectors.bank.ports import Envelope
from yikatong.connectors.bank.profiles import QUERY, STANDARD, BankProfile
from yikatong.connectors.bank.refusals import FileRefused, Unreachable
from yikatong.kernel.digest import sm3
from yikatong.kernel.errors import Refused

WAIT_S: Final = 20.0
FETCH_AT_MOST: Final = 200
BODY_AT_MOST: Final = 16 * 1024 * 1024
SERVER_ERROR: Final = 500
MESSAGE: Final = "X-Message"  # MSG:batch_no:part:parts
MESSAGES, RETURNS = "/v1/messages", "/v1/returns"
ACTION: Final = {Msg.REL: "release", Msg.CAN: "cancel"}
NOT_AN_ANSWER: Final = "没有签名正确的答复"


def address(name: PartName, *, rows: int) -> str:
    """Where a message of ours is posted."""
    if name.msg is Msg.VRQ:
        return "/v1/verify" if rows == 1 and name.parts == 1 else "/v1/verify-batches"
    if name.msg is Msg.PAY:
        return "/v1/batches" if name.parts == 1 else f"/v1/batches/{name.batch_no}/parts"
    if name.msg is Msg.DZR:
        return f"/v1/recon/{name.batch_no[9:17]}/answer"
    if name.msg in ACTION:
        return f"/v1/batches/{name.batch_no}/{ACTION[name.msg]}"
    raise ValueError(f"{name.msg} is not ours to say")


def named(bank_no3: str, said: str, today: date) -> PartName:
    """Our name for a message of the API. Raises FileRefused where it does not say what it is."""
    try:
        msg, batch_no, part, parts = said.split(":")
        county = batch_no[3:9] if BATCH_NO.fullmatch(batch_no) else ""
        name = PartName(
            bank_no3, Msg(msg), county, today, batch_no, int(part), int(parts), API
        )  # fmt: skip
    except ValueError:
        raise FileRefused("（接口报文）", "没有说明是哪个报文。") from None
    return PartName.parse(str(name))


@dataclass(frozen=True, slots=True)
class Answer:
    """A signed answer: its status, what it says it is, its bytes and the proof of them."""

    status: int
    message: str
    body: bytes
    call: SignedCall


@dataclass(frozen=True, slots=True)
class ApiChannel:
    """Synchronous, for jobs; a connection per call, with a bounded wait."""

    endpoint: BankEndpoint
    envelope: Envelope
    certificate: str
    profile: BankProfile = STANDARD
    wait_s: float = WAIT_S

    def put(self, parts: Sequence[SealedPart]) -> list[InboundFile]:
        """Post each part; gives the bank's answers. A known key is answered as the first time."""
        answers = []
        for part in parts:
            name = PartName.parse(part.name)
            body = json.loads(part.sealed)
            rows = len(body.get("rows", ())) if isinstance(body, dict) else 0
            answer = self._call("POST", address(name, rows=rows), part.sealed, part.key)
            answers.append(self._inbound(answer))
        return answers

    def fetch(self, most: int = FETCH_AT_MOST) -> list[InboundFile]:
        """The messages that wait for us, oldest first; 退票 are asked for where a bank wants it."""
        found: list[InboundFile] = []
        lists = [MESSAGES] + ([RETURNS] if self.profile.returns_by == QUERY else [])
        for where in lists:
            listed = self._list(where)
            for number in listed[: most - len(found)]:
                answer = self._call("GET", f"{where}/{number}")
                found.append(self._inbound(answer, folder=f"{where}/{number}"))
        return found

    def archive(self, files: Sequence[InboundFile]) -> None:
        """Tell the bank that these are kept; it does not offer them again."""
        for file in files:
            if file.folder.startswith("/v1/"):
                self._call("POST", f"{file.folder}/taken")

    def reject(self, files: Sequence[InboundFile]) -> None:
        """What cannot be used is taken all the same: the quarantine has it."""
        self.archive(files)

    def ask(self, batch_no: str) -> Standing:
        """The way out of UNKNOWN: where a batch stands. A bank that knows it then offers its
        messages about it once more. Raises Unreachable, FileRefused.
        """
        answer = self._call("GET", f"/v1/batches/{batch_no}")
        (row,) = decode(self._inbound(answer), self.envelope, profile=self.profile).rows
        if not isinstance(row, Standing):
            raise FileRefused(batch_no, "状态查询的答复不是批次状态。")
        return row

    def day(self, day: date) -> InboundFile:
        """The day account (DZ) of one day."""
        return self._inbound(self._call("GET", f"/v1/recon/{day:%Y%m%d}"))

    def _list(self, where: str) -> list[str]:
        try:
            listed = json.loads(self._call("GET", where).body)["messages"]
            numbers = [str(one["id"]) for one in listed]
        except (ValueError, KeyError, TypeError):
            raise Unreachable(f"银行 {self.endpoint.bank_no3} 的报文清单读不出来。") from None
        return [number for number in numbers if number.isascii() and number.isdecimal()]

    def _inbound(self, answer: Answer, folder: str = "") -> InboundFile:
        name = named(self.endpoint.bank_no3, answer.message, datetime.now(CHINA).date())
        return InboundFile(str(name), answer.body, answer.call.kept(), folder)

    def _call(self, method: str, path: str, body: bytes = b"", key: str = "") -> Answer:
        """One signed call. Raises Unreachable without a signed answer: nothing is known then."""
        url = self.endpoint.api_url.rstrip("/") + path
        at = urlsplit(url).path
        asked = SignedCall.of(method, at, body, self.envelope, now=datetime.now(CHINA))
        headers = asked.headers(self.certificate)
        if body:
            headers |= {"Content-Type": "application/json", BODY: sm3(body).hex(), KEY: key}
        try:
            with (
                httpx.Client(verify=self._trust(), timeout=self.wait_s, trust_env=False) as client,
                client.stream(method, url, content=body, headers=headers) as response,
            ):
                content = _bounded(response)
        except (httpx.HTTPError, OSError) as error:
            raise Unreachable(
                f"银行 {self.endpoint.bank_no3} 的接口连接不上：{type(error).__name__}"
            ) from error
        answered = SignedCall.heard(method, at, response.headers)
        is_true = answered.is_signed(content, self.envelope)
        if (
            response.status_code >= SERVER_ERROR
            or not is_true
            or not answered.is_fresh(datetime.now(CHINA))
        ):
            raise Unreachable(
                f"银行 {self.endpoint.bank_no3} 的接口{NOT_AN_ANSWER}（{response.status_code}）"
            )
        return Answer(response.status_code, response.headers.get(MESSAGE, ""), content, answered)

    def _trust(self) -> ssl.SSLContext:
        """The registered certificate authority, and our own certificate where the bank asks."""
        at = self.endpoint
        context = ssl.create_default_context(cafile=at.tls_ca or None)
        if at.tls_cert:
            try:
                context.load_cert_chain(at.tls_cert, at.tls_key or None)
            except (OSError, ssl.SSLError):
                raise Refused(f"银行 {at.bank_no3} 的 TLS 证书读不出来，请核对。") from None
        return context


def _bounded(response: httpx.Response) -> bytes:
    """Past the limit a body is cut: its signature then fails."""
    content = b""
    for piece in response.iter_bytes():
        content += piece
        if len(content) > BODY_AT_MOST:
            break
    return content
