"""The home's database: server up, roles made, migrations and the law applied, start-up checked."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import psycopg.sql

from yikatong.cli.postgres import Server
from yikatong.kernel.home import Home
from yikatong.law import apply as law

ADVISORY_KEY = 500_000_001
LOGIN_ROLES = ("ykt_web", "ykt_worker", "ykt_public", "ykt_backup")


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
    import django

    os.environ["YKT_PROCESS"] = process
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()


def make_roles(admin_conninfo: str, database: str) -> None:
    """Create the roles and give the database to the owner. Needs an administrator's login."""
    script = (Path(law.FOLDER) / "roles.sql").read_text(encoding="utf-8")
    with psycopg.connect(admin_conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_KEY])
        connection.execute(script)
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


def make_roles_at(admin_url: str, home: Home) -> None:
    """Production: roles and database once, with fresh passwords kept in the home (0600)."""
    url = os.environ["YKT_DATABASE_URL"]
    name = urlsplit(url).path.lstrip("/")
    with psycopg.connect(admin_url, autocommit=True, dbname="postgres") as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if known.fetchone() is None:
            connection.execute(
                psycopg.sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(
                    psycopg.sql.Identifier(name)
                )
            )
    make_roles(psycopg.conninfo.make_conninfo(admin_url, dbname=name), name)
    kept = home.keys / "database.json"
    if kept.exists():
        return
    passwords = {role: secrets.token_urlsafe(24) for role in LOGIN_ROLES}
    with psycopg.connect(admin_url, autocommit=True, dbname=name) as connection:
        for role, password in passwords.items():
            connection.execute(
                psycopg.sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    psycopg.sql.Identifier(role), psycopg.sql.Literal(password)
                )
            )
    descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(passwords, stream)


def migrate() -> None:
    """Tables, then the law over them, as the owner; Django must be set up as process `owner`.

    Where an older version's tables change its law is lifted first. If a migration then fails,
    nobody reads or writes anything until a second run has ended well.
    """
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        with transaction.atomic(), connection.cursor() as cursor:
            law.lift(cursor)
        call_command("migrate", verbosity=0, interactive=False)
    with transaction.atomic(), connection.cursor() as cursor:
        law.apply(cursor)
