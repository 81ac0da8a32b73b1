"""What a provider of text messages must do for us; which one it is, is the home's choice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class NotSent(Exception):
    """The provider did not take it. The same message may be sent again under the same key."""


@dataclass(frozen=True, slots=True)
class OfficerText:
    """One message. `to` are accounts, not telephone numbers: those stay with the provider."""

    key: str
    to: tuple[str, ...]
    text: str
    at: datetime


class TextSender(Protocol):
    """Sends each key once, however often it is asked to."""

    def send(self, message: OfficerText) -> None:
        """Raises NotSent."""
