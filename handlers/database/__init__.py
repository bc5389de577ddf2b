"""Consoles for databases."""

from handlers.database.handler import (
    MysqlHandler,
    PostgresHandler,
    PostgresqlHandler,
    RedisHandler,
    SqliteHandler,
    SqlServerHandler,
    SqlserverHandler,
)

__all__ = [
    "MysqlHandler",
    "PostgresHandler",
    "PostgresqlHandler",
    "RedisHandler",
    "SqlServerHandler",
    "SqliteHandler",
    "SqlserverHandler",
]
