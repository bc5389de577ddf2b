"""Consoles for databases."""

from handlers.database.handler import (
    MongodbHandler,
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
    "MongodbHandler",
    "MysqlHandler",
    "OracleHandler",
    "PostgresHandler",
    "PostgresqlHandler",
    "RedisHandler",
    "SqlServerHandler",
    "SqliteHandler",
    "SqlserverHandler",
]
