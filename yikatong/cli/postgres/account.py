"""Under whose name the server runs. PostgreSQL refuses to run as root, so root steps down."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from yikatong.kernel.errors import Refused

SERVICE_USER = "ykt-postgres"
WAIT_S = 120.0
OWNER_ONLY = 0o700
USERADD = (
    *("--system", "--no-create-home", "--home-dir", "/nonexistent"),
    *("--shell", "/usr/sbin/nologin"),
)
# no locale, no PG* variable and no library path of the caller reaches the server
PLAIN_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system. `steps_down`: we are root and must become this user."""

    name: str
    uid: int
    gid: int
    steps_down: bool

    def run(
        self,
        command: list[str],
        *,
        cwd: Path,
        output: int = subprocess.PIPE,
        wait_s: float = WAIT_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end as this user, in `cwd`, which is entered before stepping down.

        Both outputs go to `output`, a file's number, or come back as `stdout`.
        """
        return subprocess.run(  # noqa: S603 - the words are ours, no shell splits them
            command,
            cwd=cwd,
            user=self.uid if self.steps_down else None,
            group=self.gid if self.steps_down else None,
            extra_groups=[] if self.steps_down else None,
            env=PLAIN_ENVIRONMENT,
            umask=0o077,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            timeout=wait_s,
            check=False,
        )

    def can_enter(self, folder: Path) -> bool:
        """Whether this user can reach the folder by its name, through every folder above it."""
        tried = self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)], cwd=Path("/"))
        return tried.returncode == 0

    def own(self, folder: Path) -> None:
        """Make the folder if need be, and give it to this user alone (0700)."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.steps_down:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(OWNER_ONLY)


def account_for(data: Path) -> Account:
    """The user for this cluster: its owner if it exists; else ourselves, or as root a service user.

    Raises:
        Refused: the cluster belongs to somebody else, or no user can be had.
    """
    us = os.geteuid()
    if data.exists() and (owner := data.stat().st_uid) != 0:
        if us not in (0, owner):
            raise Refused(
                f"数据库目录 {data} 属于另一个系统用户（uid {owner}），请改用该用户或 root 运行。"
            )
        return _known(owner, steps_down=us == 0)
    return _service_user() if us == 0 else _known(us, steps_down=False)


def current_name() -> str:
    return _known(os.geteuid(), steps_down=False).name


def _known(uid: int, *, steps_down: bool) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise Refused(
            f"系统里没有 uid {uid} 的用户名，数据库无法识别身份，请先用 useradd 建立该用户。"
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, steps_down)


def _service_user() -> Account:
    """A system user of our own, so that no other daemon shares the right to read the cluster.

    Where /etc cannot be written (a read-only image) `nobody` serves: worse, but never root.
    """
    for name in (SERVICE_USER, "nobody"):
        if name == SERVICE_USER:
            _make_service_user()
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, steps_down=True)
    raise Refused(f"root 不能直接运行数据库，请先建立系统用户：useradd --system {SERVICE_USER}。")


def _make_service_user() -> None:
    tool = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin")
    if tool is None or any(entry.pw_name == SERVICE_USER for entry in pwd.getpwall()):
        return
    # a failure is no matter: a second start may have been quicker, else `nobody` serves
    _known(0, steps_down=False).run(
        [tool, *USERADD, SERVICE_USER],
        cwd=Path("/"),
    )
