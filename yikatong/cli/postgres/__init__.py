"""内嵌数据库: start and stop the PostgreSQL server of one home, over a Unix socket only."""

from yikatong.cli.postgres.server import DATABASE, SUPERUSER, Server, ServerStatus

__all__ = ["DATABASE", "SUPERUSER", "Server", "ServerStatus"]
