"""What a SQLite session may do: nothing that reaches another session, another file or the process.

SQLite runs within the daemon. Several of its pragmas and functions concern the whole process, and
some hand raw pointers to C; a session gets those alone that are known to be its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from guacr.settings import DatabaseSettings

PAGE = 4096
"""Bytes of a page of a new database."""
MEMORY_SHARE = 4
"""A database in memory may have one part in so many of SQLite's memory."""

READABLE = frozenset({
    "application_id", "analysis_limit", "auto_vacuum", "automatic_index", "busy_timeout",
    "cache_size", "cache_spill", "case_sensitive_like", "cell_size_check",
    "checkpoint_fullfsync", "collation_list", "compile_options", "data_version",
    "database_list", "defer_foreign_keys", "encoding", "foreign_key_check", "foreign_key_list",
    "foreign_keys", "freelist_count", "fullfsync", "function_list", "ignore_check_constraints",
    "incremental_vacuum", "index_info", "index_list", "index_xinfo", "integrity_check",
    "journal_mode", "journal_size_limit", "legacy_alter_table", "locking_mode",
    "max_page_count", "mmap_size", "module_list", "optimize", "page_count", "page_size",
    "pragma_list", "query_only", "quick_check", "read_uncommitted", "recursive_triggers",
    "reverse_unordered_selects", "schema_version", "secure_delete", "shrink_memory",
    "synchronous", "table_info", "table_list", "table_xinfo", "temp_store", "trusted_schema",
    "user_version", "wal_autocheckpoint", "wal_checkpoint",
})  # fmt: skip
"""Pragmas that may be asked. Left out are those of the whole process (heap limits, threads,
directories) and writable_schema, which makes damaged schemas."""
FIXED = frozenset(
    [
        "busy_timeout",
        "cache_spill",
        "cache_size",
        "max_page_count",
        "mmap_size",
        "schema_version",
        "temp_store",
    ]
)
"""Those of them that may not be set: they bound what the session takes, or damage its database."""
FORBIDDEN_FUNCTIONS = frozenset({"fts3_tokenizer", "load_extension"})
"""They take pointers, and run code of files."""

Authorizer = Callable[[int, str | None, str | None, str | None, str | None], int]


def bound(connection: sqlite3.Connection, limits: DatabaseSettings, *, in_memory: bool) -> None:
    """Bound what a connection takes. The heap's limit holds for the process, and can be lowered
    alone."""
    connection.execute(f"PRAGMA hard_heap_limit = {limits.sqlite_memory}")
    connection.execute(f"PRAGMA cache_size = -{limits.sqlite_cache // 1024}")
    connection.execute(f"PRAGMA temp.cache_size = -{limits.sqlite_cache // 1024}")
    connection.execute("PRAGMA temp_store = FILE")
    connection.execute("PRAGMA mmap_size = 0")
    if in_memory:
        pages = limits.sqlite_memory // MEMORY_SHARE // PAGE
        connection.execute(f"PRAGMA max_page_count = {pages}")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.max_value)
    connection.setlimit(sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0)


def authorizer(*, read_only: bool) -> Authorizer:
    """What SQLite asks before it does something
    (https://www.sqlite.org/c3ref/set_authorizer.html)."""
    fixed = FIXED | {"query_only"} if read_only else FIXED

    def allows(action: int, name: str | None, value: str | None) -> bool:
        if action == sqlite3.SQLITE_ATTACH:
            return name == ""  # as VACUUM does: it spills to a file, unlike one in memory
        if action == sqlite3.SQLITE_PRAGMA:
            pragma = (name or "").lower()
            return pragma in READABLE and (value is None or pragma not in fixed)
        if action == sqlite3.SQLITE_FUNCTION:
            return (value or "").lower() not in FORBIDDEN_FUNCTIONS
        return True

    def authorize(action: int, name: str | None, value: str | None, *_: str | None) -> int:
        return sqlite3.SQLITE_OK if allows(action, name, value) else sqlite3.SQLITE_DENY

    return authorize
