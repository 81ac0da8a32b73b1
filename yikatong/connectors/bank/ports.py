"""What the bank's files need from a key holder. `vault.wire.WireEnvelope` has this shape."""

from __future__ import annotations

from typing import Protocol


class Envelope(Protocol):
    """Between us and one bank: our private key, the bank's public key."""

    def seal(self, plain: bytes, /) -> bytes:
        """Encrypt one whole part for the bank."""
        ...

    def open(self, sealed: bytes, /) -> bytes:
        """Decrypt what the bank sealed for us. Raises Refused where it cannot be trusted."""
        ...

    def sign(self, data: bytes, /) -> bytes:
        """Our detached signature: base64 of DER."""
        ...

    def verify(self, data: bytes, signature: bytes, /) -> bool:
        """Whether the bank signed exactly these bytes."""
        ...
