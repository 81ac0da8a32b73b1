"""Where one installation keeps its state: everything below `$YKT_HOME`, and nothing elsewhere.

Two homes on one machine never meet. Only names are made here; nothing is created or read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from yikatong.kernel.digest import sm3

CHECKOUT = Path(__file__).resolve().parents[2]
KEY_LETTERS = 12


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one home. `root` is absolute."""

    root: Path

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Home:
        """`$YKT_HOME`, from the caller's folder if relative; else `var` in the checkout."""
        written = environ.get("YKT_HOME", "").strip()
        if not written:
            return cls(CHECKOUT / "var")
        return cls(Path(os.path.abspath(Path(written).expanduser())))

    @property
    def data(self) -> Path:
        """The database cluster of the embedded server."""
        return self.root / "data"

    @property
    def run(self) -> Path:
        """Locks, process numbers and the socket: nothing that has to survive a restart."""
        return self.root / "run"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def uploads(self) -> Path:
        """Received files under random names; never served as they stand."""
        return self.root / "uploads"

    @property
    def outbox(self) -> Path:
        """Files made for people: marked workbooks, vouchers, exports."""
        return self.root / "outbox"

    @property
    def simulators(self) -> Path:
        """The books of the simulated bank and budget system, apart from ours."""
        return self.root / "simulators"

    @property
    def key(self) -> str:
        """Twelve hex digits that tell this home from every other on the machine."""
        return sm3(os.fsencode(os.path.realpath(self.root))).hex()[:KEY_LETTERS]
