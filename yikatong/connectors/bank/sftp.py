"""The SFTP channel to one bank: whole files there and back, with a bounded wait.

Each call opens and closes a connection of its own, so a job holds none between its steps, and a
broken line is over at the next call. A part goes `.tmp` → its name → `.ok`; without `.ok` a file
does not exist for the receiver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, TypeVar

import asyncssh

from yikatong.connectors.bank.endpoint import BankEndpoint
from yikatong.connectors.bank.files import InboundFile, SealedPart
from yikatong.connectors.bank.names import FLAG, SIGNATURE, UNFINISHED
from yikatong.connectors.bank.refusals import Unreachable

WAIT_S: Final = 20.0
FETCH_AT_MOST: Final = 200
BYTES_AT_MOST: Final = 16 * 1024 * 1024
SIGNATURE_AT_MOST: Final = 1024
LISTED_AT_MOST: Final = 5
BROKEN: Final = (OSError, asyncssh.Error, TimeoutError)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SftpChannel:
    """Synchronous, for jobs (a thread without an event loop of its own).

    Every method raises Unreachable when the line does not hold; what was asked may then be done
    or not, and is simply asked again.
    """

    endpoint: BankEndpoint
    wait_s: float = WAIT_S

    def put(self, parts: Sequence[SealedPart]) -> list[InboundFile]:
        """Place parts into the bank's in-folder. A part that waits there already is left alone:
        one name has one content. Nothing is answered at once."""

        async def place(sftp: asyncssh.SFTPClient) -> None:
            for part in parts:
                await self._place(sftp, part)

        self._within(place)
        return []

    def fetch(self, most: int = FETCH_AT_MOST) -> list[InboundFile]:
        """Complete files of the bank, oldest name first, receipts before results; at most `most`.

        They stay where they are until `archive` or `reject`: apply first, then move.
        """

        async def collect(sftp: asyncssh.SFTPClient) -> list[InboundFile]:
            found: list[InboundFile] = []
            for folder in (self.endpoint.receipts, self.endpoint.outbox):
                listed = await self._listed(sftp, folder)
                flagged = (name for name in listed if name.endswith(FLAG))
                for name in sorted(name.removesuffix(FLAG) for name in flagged):
                    if len(found) == most:
                        return found
                    file = await self._collect(sftp, folder, name, listed)
                    if file is not None:
                        found.append(file)
            return found

        return self._within(collect)

    def archive(self, files: Sequence[InboundFile]) -> None:
        """Move applied files to the archive. One that is gone was moved before: no error."""
        self._within(lambda sftp: self._move(sftp, files, self.endpoint.archive))

    def reject(self, files: Sequence[InboundFile]) -> None:
        """Move files that cannot be used to `bad`."""
        self._within(lambda sftp: self._move(sftp, files, self.endpoint.bad))

    async def _place(self, sftp: asyncssh.SFTPClient, part: SealedPart) -> None:
        path = f"{self.endpoint.inbox}/{part.name}"
        if await sftp.exists(path + FLAG):
            return
        for target, content in ((path, part.sealed), (path + SIGNATURE, part.signature)):
            async with sftp.open(target + UNFINISHED, "wb") as file:
                await file.write(content)
            await sftp.posix_rename(target + UNFINISHED, target)
        async with sftp.open(path + FLAG + UNFINISHED, "wb"):
            pass
        await sftp.posix_rename(path + FLAG + UNFINISHED, path + FLAG)

    async def _listed(self, sftp: asyncssh.SFTPClient, folder: str) -> set[str]:
        """Names in a folder. A server that looks at each file fails where the bank renames one
        meanwhile: listed again, a bounded number of times.
        """
        for _ in range(LISTED_AT_MOST - 1):
            try:
                return set(await sftp.listdir(folder))
            except asyncssh.SFTPNoSuchFile:
                continue
        return set(await sftp.listdir(folder))

    async def _collect(
        self, sftp: asyncssh.SFTPClient, folder: str, name: str, listed: set[str]
    ) -> InboundFile | None:
        """None where a piece is missing or the size still moves: not received yet."""
        if name not in listed or name + SIGNATURE not in listed:
            return None
        path = f"{folder}/{name}"
        try:
            before = (await sftp.stat(path)).size
            # Past the limit a file is read in part only: its signature then fails, in words.
            async with sftp.open(path, "rb") as file:
                sealed = await file.read(BYTES_AT_MOST)
            async with sftp.open(path + SIGNATURE, "rb") as file:
                signature = await file.read(SIGNATURE_AT_MOST)
            after = (await sftp.stat(path)).size
        except asyncssh.SFTPNoSuchFile:
            return None
        if before is None or before != after or len(sealed) != min(before, BYTES_AT_MOST):
            return None
        return InboundFile(name, _raw(sealed), _raw(signature), folder)

    async def _move(
        self, sftp: asyncssh.SFTPClient, files: Sequence[InboundFile], target: str
    ) -> None:
        for file in files:
            # The flag last: a bank that sends a name again waits for it to go, and what it writes
            # then must not be moved with the old. A file half moved has a flag and no content,
            # which is a file not there.
            for ending in ("", SIGNATURE, FLAG):
                name = file.name + ending
                try:
                    await sftp.posix_rename(f"{file.folder}/{name}", f"{target}/{name}")
                except asyncssh.SFTPNoSuchFile:
                    continue

    def _within(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]]) -> T:
        async def session() -> T:
            async with asyncio.timeout(self.wait_s):
                async with self._connection() as connection, connection.start_sftp_client() as sftp:
                    return await work(sftp)

        try:
            # a thread of its own: the caller's may have an event loop already
            with ThreadPoolExecutor(max_workers=1) as apart:
                return apart.submit(lambda: asyncio.run(session())).result()
        except BROKEN as error:
            raise Unreachable(
                f"银行 {self.endpoint.bank_no3} 的文件通道连接不上：{type(error).__name__}"
            ) from error

    def _connection(self) -> AbstractAsyncContextManager[asyncssh.SSHClientConnection]:
        """Strict: only the registered host key, only our key; no agent, no settings of the user."""
        at = self.endpoint
        known = asyncssh.import_known_hosts(f"[{at.host}]:{at.port} {at.host_public_key}\n")
        return asyncssh.connect(
            at.host,
            at.port,
            username=at.user,
            client_keys=[str(at.client_key)],
            known_hosts=known,
            agent_path=None,
            config=None,
            connect_timeout=self.wait_s,
            login_timeout=self.wait_s,
        )


def _raw(content: bytes | str) -> bytes:
    """A file opened as bytes gives bytes; the library's type allows text as well."""
    return content.encode() if isinstance(content, str) else content
