"""Both simulators as real processes on free ports, and the platform's side of the wire."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from yikatong.connectors.bank.api import ApiChannel
from yikatong.connectors.bank.endpoint import BankEndpoint, load_endpoints
from yikatong.connectors.bank.files import InboundFile, Received, SealedPart, decode, encode
from yikatong.connectors.bank.messages import Message, Msg
from yikatong.connectors.bank.profiles import FILE, HTTP, BankProfile, load_profiles
from yikatong.connectors.bank.refusals import FileRefused
from yikatong.connectors.bank.sftp import SftpChannel
from yikatong.connectors.budget.client import BudgetClient
from yikatong.vault.wire import WireEnvelope, WireKeys

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ROOT / "packs" / "banks"
SHANGHAI = timezone(timedelta(hours=8))
WAIT_S = 60.0
T = TypeVar("T")


def until(ask: Callable[[], T | None], why: Callable[[], str] = str) -> T:
    """Ask until there is an answer; fail loudly after a bounded wait."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = ask()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"no answer in time {why()}")


@dataclass
class World:
    """Two running programs, their ready files, and the platform's side of the wire."""

    home: Path
    keys: WireKeys
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    files: list[Received] = field(default_factory=list)
    batch_no: str = ""
    refused: list[tuple[str, str]] = field(default_factory=list)

    def start_bank(self, *, accounts: str = "", more: tuple[str, ...] = ()) -> None:
        self._start("bank", accounts, "--peer-pub", str(self.home / "keys/wire.pub"), *more)

    def start_budget(self, indicators: str = "") -> None:
        ready = str(self.home / "bank.json")
        self._start(
            "budget", indicators, "--bank-ready", ready, "--tick", "0.05", "--indicators", "-"
        )

    def _start(self, name: str, stdin: str, *options: str) -> None:
        ready = self.home / f"{name}.json"
        with (self.home / f"{name}.err").open("ab") as errors:
            process = subprocess.Popen(
                [
                    sys.executable, "-m", f"simulators.{name}", "serve",
                    "--books", str(self.home / name), "--ready", str(ready), *options,
                ],
                cwd=ROOT, stdin=subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(stdin.encode())
        process.stdin.close()
        self.running[name] = process
        until(lambda: ready.exists() and self.ready(name)["pid"] == process.pid)

    def kill(self, name: str) -> None:
        """kill -9, as a crash would."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def stop_all(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            assert process.wait(10) == 0

    def ready(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.home / f"{name}.json").read_text())
        return content

    def bank(self, bank: str = "ABC") -> BankEndpoint:
        return load_endpoints(self.home / "bank.json")[bank]

    @property
    def channel(self) -> SftpChannel:
        return SftpChannel(self.bank(), wait_s=5)

    @property
    def budget(self) -> BudgetClient:
        return BudgetClient(self.ready("budget")["url"], wait_s=5)

    def of(self, bank: str, profiles: Path = PROFILES) -> Desk:
        """Our side of the wire towards one bank, as its profile wants it."""
        return Desk(self, bank, load_profiles(profiles)[bank])

    def send(self, message: Message, **how: Any) -> None:
        parts = encode(message, created=datetime.now(SHANGHAI), envelope=self.envelope, **how)
        self.channel.put(parts)

    @property
    def envelope(self) -> Any:
        return self.keys.facing(self.bank().sm2_public)

    def collect(self) -> list[Received]:
        """Everything new: decoded, archived, kept in `files`."""
        fetched = self.channel.fetch()
        new = [decode(file, self.envelope) for file in fetched]
        self.channel.archive(fetched)
        self.files += new
        return new

    def wait_for(self, msg: Msg, count: int = 1, batch_no: str = "") -> list[Received]:
        """That many messages of a kind about the share, since they were last waited for."""
        wanted = (msg, batch_no or self.batch_no)

        def of(file: Received) -> tuple[Msg, str]:
            return file.name.msg, file.name.batch_no

        def found() -> list[Received] | None:
            self.collect()
            these = [file for file in self.files if of(file) == wanted]
            return these if len(these) >= count else None

        these = until(found)
        self.files = [file for file in self.files if of(file) != wanted]
        return these

    def books(self, batch_no: str = "") -> dict[str, Any]:
        """What the bank's books say about a share."""
        return self.control(f"/control/books?batch_no={batch_no or self.batch_no}")

    def hits(self, kind: str) -> int:
        faults = self.control("/control/faults")["faults"]
        return sum(fault["hits"] for fault in faults if fault["kind"] == kind)

    def control(self, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        url = self.ready("bank")["control_url"] + path
        told = httpx.get(url) if content is None else httpx.post(url, json=content)
        told.raise_for_status()
        answer: dict[str, Any] = told.json()
        return answer


@dataclass
class Desk:
    """One bank by its profile: both bindings, one way to speak and to listen."""

    world: World
    bank: str
    profile: BankProfile
    heard: list[Received] = field(default_factory=list)

    @property
    def endpoint(self) -> BankEndpoint:
        return self.world.bank(self.bank)

    @property
    def envelope(self) -> WireEnvelope:
        return self.world.keys.facing(self.endpoint.sm2_public, distid=self.profile.distid)

    @property
    def api(self) -> ApiChannel:
        return ApiChannel(self.endpoint, self.envelope, "YKT-test", self.profile, wait_s=5)

    def channel(self, binding: str) -> Any:
        return self.api if binding == HTTP else SftpChannel(self.endpoint, wait_s=5)

    def encode(self, message: Message, **how: Any) -> tuple[SealedPart, ...]:
        how = {"created": datetime.now(SHANGHAI), "profile": self.profile} | how
        return encode(message, envelope=self.envelope, **how)

    def put(self, parts: Sequence[SealedPart], msg: Msg) -> None:
        """Hand over; what is answered at once is heard like everything else."""
        self._hear(self.channel(self.profile.binding(msg)).put(parts))

    def send(self, message: Message, **how: Any) -> tuple[SealedPart, ...]:
        parts = self.encode(message, **how)
        self.put(parts, message.msg)
        return parts

    def collect(self) -> None:
        for binding in (FILE, HTTP):
            if self.profile.speaks(binding):
                channel = self.channel(binding)
                found = channel.fetch()
                self._hear(found)
                channel.archive(found)

    def _hear(self, files: Sequence[InboundFile]) -> None:
        for file in files:
            try:
                self.heard.append(decode(file, self.envelope, profile=self.profile))
            except FileRefused as refused:
                self.world.refused.append((str(refused), refused.code))

    def wait_for(self, msg: Msg, batch_no: str, count: int = 1) -> list[Received]:
        """That many messages of a kind about a batch, since they were last waited for."""

        def of(one: Received) -> bool:
            return (one.name.msg, one.name.batch_no) == (msg, batch_no)

        def found() -> list[Received] | None:
            self.collect()
            these = [one for one in self.heard if of(one)]
            return these if len(these) >= count else None

        these = until(found, lambda: str(self.world.refused))
        self.heard = [one for one in self.heard if not of(one)]
        return these


def closing(home: Path) -> Iterator[World]:
    made = World(home, WireKeys.load_or_create(home / "keys"))
    yield made
    made.stop_all()
    for name in ("bank", "budget"):
        errors = home / f"{name}.err"
        assert not errors.exists() or "Traceback" not in errors.read_text()


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[World]:
    """Nothing runs yet; this test may start, kill and spoil what it likes."""
    yield from closing(tmp_path)


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from closing(tmp_path_factory.mktemp("world"))
