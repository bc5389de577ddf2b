"""Consoles for databases."""

from handlers.database.handler import (
    MysqlHandler,
    PostgresHandler,
    PostgresqlHandler,
    RedisHandler,
    SqliteHandler,
)

__all__ = [
    "MysqlHandler",
    "PostgresHandler",
    "PostgresqlHandler",
    "RedisHandler",
    "SqliteHandler",
]
