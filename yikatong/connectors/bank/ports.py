"""What the bank's messages need from a key holder. `vault.wire.WireEnvelope` has this shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from yikatong.connectors.bank.files import InboundFile, SealedPart


class FieldKey(Protocol):
    """The data key of one JSON body: each personal field is sealed at its own place."""

    @property
    def wrapped(self) -> str: ...

    @property
    def kid(self) -> str: ...

    def seal(self, value: str, place: bytes, /) -> str: ...

    def open(self, sealed: str, place: bytes, /) -> str:
        """Raises Refused where the field is not for this place, or was changed."""
        ...


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

    def new_field_key(self) -> FieldKey:
        """A fresh data key, wrapped for the bank."""
        ...

    def field_key(self, wrapped: str, /) -> FieldKey:
        """The data key that the bank wrapped for us. Raises Refused where it is not ours."""
        ...


class Channel(Protocol):
    """A way to a bank: SFTP folders, or its API. Every method raises Unreachable when the line
    does not hold; what was asked may then be done or not, and is simply asked again.
    """

    def put(self, parts: Sequence[SealedPart]) -> list[InboundFile]:
        """Hand parts over; gives what the bank answered at once, if anything."""
        ...

    def fetch(self, most: int = ...) -> list[InboundFile]:
        """What the bank has for us; it stays there until `archive` or `reject`."""
        ...

    def archive(self, files: Sequence[InboundFile]) -> None: ...

    def reject(self, files: Sequence[InboundFile]) -> None: ...
