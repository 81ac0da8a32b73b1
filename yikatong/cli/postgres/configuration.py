"""What the embedded server is told: its settings, who may enter, and under which names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

PORT = 5432  # only the name of the socket file: there is no TCP
LOGINS = ("ykt_admin", "ykt_web", "ykt_worker", "ykt_public", "ykt_backup")
SHM = Path("/dev") / "shm"
SHM_NEEDED = 256 * 1024 * 1024

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "60",
    "shared_buffers": "1GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    # bulk writes of two processes must not wait for each other to empty the log's buffers, and a
    # page is logged whole after each checkpoint: a long list is not to meet several
    "wal_buffers": "64MB",
    "checkpoint_timeout": "15min",
    # no spinning disk: an index look per key of a short list is cheap
    "random_page_cost": "1.5",
    "max_parallel_workers_per_gather": "1",
    # batches arrive in bulk: plans made before their statistics are known cost minutes
    "autovacuum_naptime": "5s",
    "jit": "off",
    # a promise given to the bank must be on disk
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
    "timezone": "Asia/Shanghai",
    "log_timezone": "Asia/Shanghai",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_min_messages": "warning",
    # values may hold personal data: a statement is logged without them, or not at all
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


def write(
    data: Path, *, socket: Path, key: str, os_names: set[str], more: Mapping[str, str]
) -> None:
    """Write the three files anew, so that a change of this program reaches an old cluster."""
    settings = {
        **SETTINGS,
        "unix_socket_directories": str(socket),
        "unix_socket_permissions": "0700",
        "cluster_name": f"ykt-{key}",
        "dynamic_shared_memory_type": _shared_memory(),
        **more,
    }
    lines = [f"{name} = '{_quoted(value)}'" for name, value in settings.items()]
    _replace(
        data / "postgresql.conf",
        "# 每次启动重写；本机另需的参数请写在 local.conf",
        *lines,
        "include_if_exists = 'local.conf'",
    )
    names = ",".join(LOGINS)
    _replace(
        data / "pg_hba.conf",
        f"local all {names} peer map=ykt",
        "local replication ykt_admin,ykt_backup peer map=ykt",
    )
    _replace(
        data / "pg_ident.conf",
        *(f'ykt "{os_name}" {login}' for os_name in sorted(os_names) for login in LOGINS),
    )


def _shared_memory() -> str:
    """Containers give /dev/shm 64 MB, too little for a parallel hash join: then files serve."""
    try:
        room = os.statvfs(SHM)
    except OSError:
        return "mmap"
    return "posix" if room.f_frsize * room.f_blocks >= SHM_NEEDED else "mmap"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _replace(file: Path, *lines: str) -> None:
    """Whole or not at all, and owned like the cluster."""
    half = file.with_suffix(".half")
    half.write_text("\n".join(lines) + "\n", encoding="utf-8")
    owner = file.parent.stat()
    if os.geteuid() == 0:
        os.chown(half, owner.st_uid, owner.st_gid)
    half.chmod(0o600)
    half.replace(file)
