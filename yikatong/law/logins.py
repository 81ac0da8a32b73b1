"""With which logins the program may run: none that row security does not bind (trust.md §2)."""

from __future__ import annotations

import psycopg

from yikatong.kernel.errors import Refused


def refuse_powerful_login(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Raises Refused for a superuser, one that bypasses row security, or an owner of tables."""
    row = connection.execute(
        "SELECT rolsuper OR rolbypassrls,"
        " EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid)"
        " FROM pg_roles WHERE rolname = session_user"
    ).fetchone()
    if row is None or row[0] or row[1]:
        raise Refused(
            "数据库登录权限过大（超级用户、可绕过行级安全或拥有表），拒绝启动。"
            "请按手册改用 ykt_web、ykt_worker 等账号。"
        )
