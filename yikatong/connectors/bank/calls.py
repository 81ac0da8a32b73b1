"""How a call of the API binding is signed: who says what, where and when (interfaces §2.6).

The text signed is ``METHOD\\nPATH\\nX-Timestamp\\nX-Nonce\\nSM3(body)``; an answer is signed in the
same way with its own instant and nonce, so that it cannot be taken for another question's.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from yikatong.connectors.bank.ports import Envelope
from yikatong.connectors.bank.refusals import BadSignature
from yikatong.kernel.digest import sm3

WINDOW: Final = timedelta(seconds=300)
SIGN, TIME, NONCE, CERT = "X-Sign", "X-Timestamp", "X-Nonce", "X-Cert-Sn"
KEY, BODY = "Idempotency-Key", "X-Body-SM3"
NONCE_MOST: Final = 64


@dataclass(frozen=True, slots=True)
class SignedCall:
    """What was signed beside the body; kept with it, so that the proof can be repeated later."""

    method: str
    path: str
    timestamp: str
    nonce: str
    sign: str

    @classmethod
    def of(
        cls, method: str, path: str, body: bytes, envelope: Envelope, *, now: datetime
    ) -> SignedCall:
        """Our own, with a nonce of its own at every try."""
        unsigned = cls(method, path, now.isoformat(timespec="seconds"), secrets.token_hex(16), "")
        sign = envelope.sign(unsigned.text(body)).decode()
        return cls(unsigned.method, unsigned.path, unsigned.timestamp, unsigned.nonce, sign)

    @classmethod
    def heard(cls, method: str, path: str, headers: Mapping[str, str]) -> SignedCall:
        """As it stands in the headers of a call or an answer; what is missing is ''."""
        return cls(
            method, path, headers.get(TIME, ""), headers.get(NONCE, ""), headers.get(SIGN, "")
        )

    @classmethod
    def parse(cls, kept: bytes, name: str) -> SignedCall:
        """Raises BadSignature where these are not the facts of a call."""
        try:
            return cls(**json.loads(kept))
        except (ValueError, TypeError):
            raise BadSignature(name, "没有签名。") from None

    def text(self, body: bytes) -> bytes:
        facts = (self.method, self.path, self.timestamp, self.nonce, sm3(body).hex())
        return "\n".join(facts).encode()

    def is_signed(self, body: bytes, envelope: Envelope) -> bool:
        return bool(self.sign) and envelope.verify(self.text(body), self.sign.encode())

    def is_fresh(self, now: datetime) -> bool:
        """Within ±300 s of now, with a nonce of a sensible length."""
        try:
            at = datetime.fromisoformat(self.timestamp)
        except ValueError:
            return False
        return (
            at.tzinfo is not None and abs(now - at) <= WINDOW and 0 < len(self.nonce) <= NONCE_MOST
        )

    def kept(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    def headers(self, certificate: str) -> dict[str, str]:
        return {SIGN: self.sign, TIME: self.timestamp, NONCE: self.nonce, CERT: certificate}
