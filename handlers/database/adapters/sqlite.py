"""SQLite: a file, or a sample in memory, on threads of the daemon."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from guacr.errors import BadRequestError, NotFoundError, UpstreamError, shorten
from handlers.database import sqlite_catalog
from handlers.database.adapter import (
    Adapter,
    Column,
    Columns,
    Done,
    Event,
    Row,
    Rows,
    StatementError,
    Transaction,
)
from handlers.database.completion import NAMES_MAX, SQL_KEYWORDS, Schema
from handlers.database.listing import Listing
from handlers.database.portions import Portions
from handlers.database.sample import SAMPLE, SCRIPT
from handlers.database.statements import Dialect

BUSY_TIMEOUT = 5.0
"""Seconds for which a statement waits for a database that somebody else has locked."""
BUSY_PAUSE = 0.05
"""Seconds between two attempts: SQLite's own wait cannot be interrupted."""
PROGRESS_STEPS = 10_000
"""Steps of SQLite's machine between two looks at the time."""

_COUNTED = {"INSERT", "UPDATE", "DELETE", "REPLACE"}


class SqliteAdapter(Adapter):
    """A file, opened for this connection alone.

    Other files cannot be attached, since they would be the daemon's own.
    """

    dialect: Dialect = Dialect(backticks=True, whole=sqlite3.complete_statement)
    lexer: ClassVar[str] = "sql"
    keywords: ClassVar[tuple[str, ...]] = (*SQL_KEYWORDS, "PRAGMA", "VACUUM", "WITHOUT", "ROWID")
    lists: ClassVar[Mapping[str, Listing]] = sqlite_catalog.LISTS
    describes: ClassVar[str] = "columns, indexes, references and triggers of a table"
    describes_more: ClassVar[str] = "the statement that makes it"

    _connection: sqlite3.Connection | None = None
    _deadline = 0.0
    _cancelled = False

    @property
    def title(self) -> str:
        """See `Adapter.title`."""
        names = {"": "memory", SAMPLE: "sample"}
        return names.get(self.database, Path(self.database).name)

    @property
    def prompt(self) -> str:
        """See `Adapter.prompt`."""
        return f"{self.title}{self.transaction.value}> "

    @property
    def transaction(self) -> Transaction:
        """See `Adapter.transaction`."""
        open_ = self._connection is not None and self._connection.in_transaction
        return Transaction.OPEN if open_ else Transaction.NONE

    async def connect(self, password: str) -> str:
        """See `Adapter.connect`; there is no password."""
        self._lock = asyncio.Lock()
        try:
            self._connection = await asyncio.to_thread(self._open)
        except sqlite3.Error as error:
            raise UpstreamError(
                f"database {shorten(self.database)} cannot be opened: {error}"
            ) from None
        return f"SQLite {sqlite3.sqlite_version}, database {self.title}."

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._address(), uri=True, isolation_level=None, check_same_thread=False
        )
        connection.text_factory = lambda data: data.decode(errors="replace")
        if self.database == SAMPLE:
            connection.executescript(SCRIPT)
        connection.execute("SELECT count(*) FROM sqlite_master")
        connection.execute("PRAGMA busy_timeout = 0")
        if self.params.read_only_session:
            connection.execute("PRAGMA query_only = on")
        connection.set_authorizer(self._authorize)
        connection.set_progress_handler(self._late, PROGRESS_STEPS)
        return connection

    def _authorize(self, action: int, name: str | None, value: str | None, *_: str | None) -> int:
        """Whether it may be done: no other file, and nothing that lets a session write."""
        if action == sqlite3.SQLITE_ATTACH and name not in ("", ":memory:"):
            return sqlite3.SQLITE_DENY
        sets = action == sqlite3.SQLITE_PRAGMA and value is not None
        if sets and name == "query_only" and self.params.read_only_session:
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    def _address(self) -> str:
        if self.database in ("", SAMPLE):
            return "file::memory:"
        path = Path(self.database)
        if not path.is_absolute():
            raise BadRequestError("parameter database must be an absolute path")
        if not path.is_file():
            raise NotFoundError(f"there is no file {shorten(self.database)} to open as a database")
        return f"{path.as_uri()}?mode={'ro' if self.params.read_only_session else 'rw'}"

    async def close(self) -> None:
        """See `Adapter.close`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.interrupt()
            async with self._lock:
                await asyncio.to_thread(connection.close)

    def complete(self, text: str) -> bool:
        """See `Adapter.complete`; what would be a command of SQLite's shell is whole, too."""
        return text.lstrip().startswith(".") or super().complete(text)

    async def execute(self, statement: str) -> AsyncGenerator[Event, None]:
        """See `Adapter.execute`."""
        if statement.startswith("."):
            raise StatementError("commands begin with a backslash here: \\? lists them all")
        self._cancelled = False
        seconds = self.params.statement_timeout
        self._deadline = time.monotonic() + seconds if seconds else 0.0
        cursor = await self._call(self._start, statement)
        try:
            if cursor.description is None:
                yield Done(_tag(statement, cursor.rowcount))
                return
            portions = Portions()
            rows = await self._call(cursor.fetchmany, portions.rows)
            first = rows[0] if rows else ()
            yield Columns(_columns(cursor, first))
            while rows:
                yield Rows([_texts(row) for row in rows], last=len(rows) < portions.rows)
                portions.took(rows)
                rows = await self._call(cursor.fetchmany, portions.rows)
            yield Done("")
        finally:
            await self._call(cursor.close)

    def _start(self, statement: str) -> sqlite3.Cursor:
        assert self._connection is not None  # noqa: S101 - the console connects first
        until = time.monotonic() + BUSY_TIMEOUT
        while True:
            try:
                return self._connection.execute(statement)
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or self._late() or time.monotonic() > until:
                    raise
            time.sleep(BUSY_PAUSE)

    async def _call(self, function: Any, *args: Any) -> Any:
        async with self._lock:
            try:
                return await asyncio.to_thread(function, *args)
            except (sqlite3.Error, sqlite3.Warning) as error:
                raise StatementError(f"error: {error}") from None

    def _late(self) -> bool:
        return self._cancelled or 0 < self._deadline < time.monotonic()

    async def cancel(self) -> None:
        """See `Adapter.cancel`."""
        self._cancelled = True  # the statement may be about to begin
        if self._connection is not None:
            self._connection.interrupt()

    async def schema(self) -> Schema:
        """See `Adapter.schema`."""
        async with self._lock:
            try:
                return await asyncio.to_thread(self._names)
            except sqlite3.Error as error:
                raise UpstreamError(f"names cannot be had: {error}") from None

    def _names(self) -> Schema:
        if self._connection is None:
            return Schema()
        found: dict[str, tuple[str, ...]] = {}
        rows = self._connection.execute(
            "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p "
            "WHERE m.type IN ('table', 'view') LIMIT ?",
            (NAMES_MAX,),
        )
        for table, column in rows:
            found[table] = (*found.get(table, ()), column)
        functions = self._connection.execute("SELECT DISTINCT name FROM pragma_function_list")
        return Schema(found, tuple(name for (name,) in functions))

    def describe(self, name: str, *, more: bool) -> list[str]:
        """See `Adapter.describe`."""
        return sqlite_catalog.describe(name, more=more)


def _columns(cursor: sqlite3.Cursor, first: tuple[object, ...]) -> tuple[Column, ...]:
    values = first or (None,) * len(cursor.description)
    pairs = zip(cursor.description, values, strict=True)
    return tuple(Column(d[0], right=isinstance(value, int | float)) for d, value in pairs)


def _texts(row: tuple[object, ...]) -> Row:
    return tuple(map(_text, row))


def _text(value: object) -> str | None:
    """A value as SQLite's own shell prints it; bytes in its notation for them."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return f"X'{value[:4096].hex().upper()}'"
    if isinstance(value, float):
        text = f"{value:.15g}"
        return text if any(c in text for c in ".en") else text + ".0"
    return str(value)


def _tag(statement: str, count: int) -> str:
    word = statement.split(None, 1)[0].upper().rstrip(";")
    return f"{word} {count}" if word in _COUNTED and count >= 0 else word
