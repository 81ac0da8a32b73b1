"""Databases for tests: migrated once as administrator, copied, and used as the real roles."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
from django.db import connections

from tests import session_home
from yikatong.cli.database import make_roles
from yikatong.kernel.home import CHECKOUT

TEMPLATE = "ykt_template"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
_numbers = count(1)

# what `init` runs too: roles, migrations as the owner, then the database's own law
MIGRATE = "from yikatong.cli import database; database.setup_django('owner'); database.migrate()"


def connect(role: str, name: str, **options: Any) -> psycopg.Connection[Any]:
    """A connection of its own, outside Django: for races, and for the administrator's hand."""
    return psycopg.connect(session_home.server().conninfo(user=role, dbname=name), **options)


def template() -> str:
    """The migrated template; the first worker that comes makes it, the others wait for it."""
    server = session_home.server()
    server.ensure_running()
    marker = session_home.home().run / "template.ready"
    with _one_at_a_time():
        if not marker.exists():
            _command(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
            _command(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
            make_roles(server.conninfo(dbname=TEMPLATE), TEMPLATE)
            _migrate(TEMPLATE)
            marker.touch()
    return TEMPLATE


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Among xdist's workers: roles belong to the whole server, not to one database."""
    with (session_home.home().run / "template.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _migrate(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", MIGRATE],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "YKT_PROCESS": "owner",
            "YKT_DATABASE_NAME": name,
            "YKT_SOCKET_DIR": str(session_home.server().socket_dir),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _command(sql: str) -> None:
    with connect("ykt_admin", "postgres", autocommit=True) as connection:
        connection.execute(sql)  # type: ignore[call-overload]


@contextmanager
def copied() -> Iterator[str]:
    """A database of its own, from the template; gone afterwards."""
    name = f"ykt_{WORKER}_{next(_numbers)}"
    _command(f"CREATE DATABASE {name} TEMPLATE {template()}")
    with _one_at_a_time():  # a copy has the tables' grants, but not the database's own
        make_roles(session_home.server().conninfo(dbname=name), name)
    try:
        yield name
    finally:
        _command(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def pointed_at(name: str, *, role: str = "ykt_web") -> Iterator[None]:
    """Django's one connection logs in to this database as this role, until the block ends."""
    connection = connections["default"]
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(
        NAME=name, USER=role, HOST=str(session_home.server().socket_dir), PORT="", PASSWORD=""
    )
    try:
        assert_is_no_superuser()
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


def assert_is_no_superuser() -> None:
    """Row security does not bind a superuser: a test that is one proves nothing."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR rolbypassrls, rolname FROM pg_roles WHERE rolname = session_user"
        )
        is_free, name = cursor.fetchone()
    assert not is_free, f"测试不得以超级用户 {name} 登录"
