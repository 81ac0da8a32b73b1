"""How often a party outside is asked: soon after something moved, ever later while nothing does.

A bank that waits for its money for days is not called five times a second meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SLOWER: Final = 1.5


@dataclass
class Pace:
    """Seconds between two questions, from `soonest` to `latest`; instants are of one clock."""

    soonest: float
    latest: float
    wait: float = 0.0
    due_at: float = 0.0

    def is_due(self, now: float) -> bool:
        return now >= self.due_at

    def asked(self, now: float, *, has_moved: bool) -> None:
        """A question was put at `now`; the next waits longer, unless this one brought something."""
        slower = max(self.wait * SLOWER, self.soonest)
        self.wait = self.soonest if has_moved else min(slower, max(self.latest, self.soonest))
        self.due_at = now + self.wait

    def hurry(self, now: float) -> None:
        """Something was done here that may have asked for an answer."""
        self.wait = self.soonest
        self.due_at = min(self.due_at, now + self.soonest)
