"""Confine SQLite sessions: nothing may affect other sessions, other files or the process.

SQLite runs inside the daemon. Several of its pragmas and functions affect the whole process, and
some pass raw pointers to C; a session may use only those that are known to affect nothing else.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

from guacr.api import DatabaseSettings
from handlers.database.sql.statements import LEADING

CACHES = 2
"""The number of page caches of a session: for its database and its temporary tables."""
CACHE_MIN = 65_536
"""Minimum bytes of a page cache."""
STATEMENTS = 4
"""The fraction (1/n) of SQLite's memory that is reserved for running statements."""
PAGE = 4096
"""The page size of a new database in bytes."""
FILE_SHARE = 4
"""The maximum size of a database in a temporary file, as a fraction (1/n) of SQLite's memory."""

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
"""Pragmas that may be read. Excluded are those of the whole process (heap limits, threads,
directories) and writable_schema, which can damage schemas."""
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
"""Pragmas that must not be set: they limit the session's resources, or can damage its database."""
FORBIDDEN_FUNCTIONS = frozenset({"fts3_tokenizer", "load_extension"})
"""Functions that accept pointers, or run code from files."""

_VACUUM = re.compile(LEADING + r"vacuum\b", re.IGNORECASE | re.DOTALL)

Authorizer = Callable[[int, str | None, str | None, str | None, str | None], int]


def cache_size(limits: DatabaseSettings) -> int:
    """The bytes of each page cache of a session, so that those of all allowed sessions fit."""
    share = (limits.sqlite_memory - limits.sqlite_memory // STATEMENTS) // limits.max_threads
    return max(min(limits.sqlite_cache, share // CACHES), CACHE_MIN)


def bound(connection: sqlite3.Connection, limits: DatabaseSettings, *, temporary: bool) -> None:
    """Limit the resources of a connection, whose database may be a temporary file. The heap limit
    applies to the process, and can only be lowered."""
    connection.execute(f"PRAGMA hard_heap_limit = {limits.sqlite_memory}")
    cache = cache_size(limits) // 1024
    connection.execute(f"PRAGMA cache_size = -{cache}")
    connection.execute(f"PRAGMA temp.cache_size = -{cache}")
    connection.execute("PRAGMA temp_store = FILE")
    connection.execute("PRAGMA mmap_size = 0")
    if temporary:
        pages = limits.sqlite_memory // FILE_SHARE // PAGE
        connection.execute(f"PRAGMA max_page_count = {pages}")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.max_value)
    connection.setlimit(sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0)


def vacuums(statement: str) -> bool:
    """Return whether a statement is VACUUM, which attaches a temporary database."""
    return _VACUUM.match(statement) is not None


def authorizer(*, read_only: bool, may_attach: Callable[[], bool]) -> Authorizer:
    """Create the callback that authorizes actions of SQLite
    (https://www.sqlite.org/c3ref/set_authorizer.html). `may_attach` decides about temporary
    databases, each of which has a page cache that is not limited here."""
    fixed = FIXED | {"query_only"} if read_only else FIXED

    def allows(action: int, name: str | None, value: str | None) -> bool:
        if action == sqlite3.SQLITE_ATTACH:
            return name == "" and may_attach()
        if action == sqlite3.SQLITE_PRAGMA:
            pragma = (name or "").lower()
            if pragma == "journal_mode" and value and "memory".startswith(value.lower()):
                return False  # SQLite also accepts prefixes
            return pragma in READABLE and (value is None or pragma not in fixed)
        if action == sqlite3.SQLITE_FUNCTION:
            return (value or "").lower() not in FORBIDDEN_FUNCTIONS
        return True

    def authorize(action: int, name: str | None, value: str | None, *_: str | None) -> int:
        return sqlite3.SQLITE_OK if allows(action, name, value) else sqlite3.SQLITE_DENY

    return authorize
