"""Consoles for databases."""

from handlers.database.handler import (
    MysqlHandler,
    PostgresHandler,
    PostgresqlHandler,
    SqliteHandler,
)

__all__ = ["MysqlHandler", "PostgresHandler", "PostgresqlHandler", "SqliteHandler"]
