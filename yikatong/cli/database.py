"""The home's database: server up, roles made, migrations and the law applied, start-up checked."""

from __future__ import annotations

import os
from dataclasses import dataclass

import psycopg

from yikatong.cli.postgres import Server
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import Home
from yikatong.law import apply as law

ADVISORY_KEY = 500_000_001


@dataclass(frozen=True, slots=True)
class Connected:
    """How this process reaches its database: exported to Django before it is set up."""

    process: str

    def enter(self) -> None:
        os.environ["YKT_PROCESS"] = self.process


def is_embedded() -> bool:
    return "YKT_DATABASE_URL" not in os.environ


def bring_up(home: Home) -> None:
    """Start the embedded server if that is what this home uses, and say where its socket is."""
    if is_embedded():
        server = Server(home)
        server.ensure_running()
        os.environ["YKT_SOCKET_DIR"] = str(server.socket_dir)


def setup_django(process: str) -> None:
    """Configure Django for one process: web, worker, public or owner. Once per process."""
    import django  # noqa: PLC0415 - settings are read at import, after the environment is ready

    os.environ["YKT_PROCESS"] = process
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()


def make_roles(admin_conninfo: str, database: str) -> None:
    """Create the roles and give the database to the owner. Needs an administrator's login."""
    from pathlib import Path  # noqa: PLC0415

    script = (Path(law.FOLDER) / "roles.sql").read_text(encoding="utf-8")
    with psycopg.connect(admin_conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_KEY])
        connection.execute(script)  # type: ignore[call-overload]
        name = psycopg.sql.Identifier(database)
        connection.execute(psycopg.sql.SQL("ALTER DATABASE {} OWNER TO ykt_owner").format(name))
        connection.execute(psycopg.sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
        connection.execute(
            psycopg.sql.SQL(
                "GRANT CONNECT ON DATABASE {} TO ykt_web, ykt_worker, ykt_public, ykt_backup"
            ).format(name)
        )
        connection.execute(
            psycopg.sql.SQL(
                "GRANT TEMPORARY ON DATABASE {} TO ykt_web, ykt_worker, ykt_town, ykt_department"
            ).format(name)
        )
        connection.execute("ALTER SCHEMA public OWNER TO ykt_owner")
        connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")


def migrate() -> None:
    """Tables, then the law over them, as the owner; Django must be set up as process `owner`."""
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection, transaction  # noqa: PLC0415

    call_command("migrate", verbosity=0, interactive=False)
    with transaction.atomic(), connection.cursor() as cursor:
        law.apply(cursor)


def refuse_powerful_login(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """The program does not run with a login that row security does not bind (trust.md §2)."""
    row = connection.execute(
        "SELECT rolsuper OR rolbypassrls, EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid)"
        " FROM pg_roles WHERE rolname = session_user"
    ).fetchone()
    if row is None or row[0] or row[1]:
        raise Refused(
            "数据库登录权限过大（超级用户、可绕过行级安全或拥有表），拒绝启动。请按手册改用 ykt_web、ykt_worker 等账号。"
        )
