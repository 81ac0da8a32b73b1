"""The SFTP server: one user per bank, each locked into the bank's own folders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import asyncssh

from simulators.loopback import HOST

Cut = Callable[[str, str], bool]
"""Given (kind of fault, bank): whether the line breaks now."""


class Gate(asyncssh.SSHServer):
    """Only a bank's own key opens its folders; no password, no shell."""

    def __init__(self, allowed: Mapping[str, asyncssh.SSHKey], cut: Cut) -> None:
        self._allowed, self._cut = allowed, cut
        self._line: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._line = conn

    def begin_auth(self, username: str) -> bool:
        if self._line is not None and self._cut("sftp_down", username):
            self._line.abort()
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        known = self._allowed.get(username)
        return known is not None and known.public_data == key.public_data


class Folders(asyncssh.SFTPServer):
    """A bank's folders as its root. Links are not made: they would lead out of it."""

    def __init__(self, channel: Any, folders: Path, cut: Cut) -> None:
        self._bank = str(channel.get_extra_info("username"))
        self._connection = channel.get_connection()
        self._cut = cut
        super().__init__(channel, chroot=str(folders / self._bank).encode())

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("no links")

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("no links")

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """The renaming of the flag is the moment at which a file is in: there the line breaks."""
        is_flag = newpath.endswith(b".ok") and b"in/" in newpath
        if is_flag and self._cut("timeout_before_accept", self._bank):
            self._connection.abort()
            raise asyncssh.SFTPConnectionLost("cut")
        super().posix_rename(oldpath, newpath)
        if is_flag and self._cut("timeout_after_accept", self._bank):
            self._connection.abort()


async def listen(
    folders: Path, host_key: Path, client_keys: Mapping[str, Path], port: int, cut: Cut
) -> asyncssh.SSHAcceptor:
    """A listening server on loopback."""
    allowed = {
        bank: asyncssh.read_private_key(str(path)).convert_to_public()
        for bank, path in client_keys.items()
    }
    return await asyncssh.listen(
        HOST,
        port,
        server_factory=lambda: Gate(allowed, cut),
        server_host_keys=[str(host_key)],
        sftp_factory=lambda channel: Folders(channel, folders, cut),
        allow_scp=False,
        x11_forwarding=False,
        agent_forwarding=False,
        config=None,
    )


def ssh_key(path: Path) -> str:
    """The public part of a key file in OpenSSH form; the file is made 0600 where there is none."""
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        apart = path.with_name(path.name + ".tmp")
        apart.touch(mode=0o600)
        apart.write_bytes(key.export_private_key())
        apart.replace(path)
    return asyncssh.read_private_key(str(path)).export_public_key().decode().strip()
