"""Consoles for databases."""

from handlers.database.handler import PostgresHandler, PostgresqlHandler, SqliteHandler

__all__ = ["PostgresHandler", "PostgresqlHandler", "SqliteHandler"]
