"""Consoles for databases."""

from handlers.database.handler import (
    MysqlHandler,
    OracleHandler,
    PostgresHandler,
    PostgresqlHandler,
    RedisHandler,
    SqliteHandler,
    SqlServerHandler,
    SqlserverHandler,
)

__all__ = [
    "MysqlHandler",
    "OracleHandler",
    "PostgresHandler",
    "PostgresqlHandler",
    "RedisHandler",
    "SqlServerHandler",
    "SqliteHandler",
    "SqlserverHandler",
]
