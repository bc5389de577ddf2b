"""SQLite: a file, or a sample in memory, on a thread of each connection's own."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from guacr.errors import BadRequestError, BusyError, NotFoundError, UpstreamError, shorten
from handlers.database import sqlite_catalog
from handlers.database.adapter import (
    Adapter,
    Column,
    Columns,
    Done,
    Event,
    LostError,
    Row,
    Rows,
    StatementError,
    Transaction,
)
from handlers.database.client_thread import ClientThread
from handlers.database.completion import COLUMNS_MAX, SQL_KEYWORDS, TABLES_MAX, Schema
from handlers.database.listing import Listing
from handlers.database.portions import Portions
from handlers.database.sample import SAMPLE, SCRIPT
from handlers.database.sqlite_bounds import authorizer, bound
from handlers.database.sqlite_disk import DiskGuard
from handlers.database.statements import Dialect

BUSY_TIMEOUT = 5.0
"""Seconds for which a statement waits for a database that somebody else has locked."""
BUSY_PAUSE = 0.05
"""Seconds between two attempts: SQLite's own wait cannot be interrupted."""
PROGRESS_STEPS = 10_000
"""Steps of SQLite's machine between two looks at the time."""

BLOB_SHOWN = 4096
"""Bytes of a blob that are shown; its length says that there are more."""
Result = TypeVar("Result")

_COUNTED = {"INSERT", "UPDATE", "DELETE", "REPLACE"}


class SqliteAdapter(Adapter):
    """A file, opened for this connection alone.

    Other files cannot be attached, since they would be the daemon's own.
    """

    dialect: Dialect = Dialect(backticks=True, triggers=True)
    lexer: ClassVar[str] = "sql"
    keywords: ClassVar[tuple[str, ...]] = (*SQL_KEYWORDS, "PRAGMA", "VACUUM", "WITHOUT", "ROWID")
    lists: ClassVar[Mapping[str, Listing]] = sqlite_catalog.LISTS
    describes: ClassVar[str] = "columns, indexes, references and triggers of a table"
    describes_more: ClassVar[str] = "the statement that makes it"

    _thread: ClientThread | None = None
    _connection: sqlite3.Connection | None = None
    """Set and closed by the thread alone."""
    _deadline = 0.0
    _cancelled = False
    _disk_is_short = False
    """Whether that has ended the statement."""

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
        await self.close()
        self._cancelled = False
        self._disk = DiskGuard(self.limits.min_free_disk)
        self._thread = ClientThread("sqlite", self.limits.max_threads)
        try:
            await self._thread.call(self._open)
        except MemoryError:
            raise BusyError(
                "SQLite's memory is in use by other sessions (databases.sqlite_memory): "
                "try again later"
            ) from None
        except sqlite3.Error as error:
            raise UpstreamError(
                f"database {shorten(self.database)} cannot be opened: {error}"
            ) from None
        return f"SQLite {sqlite3.sqlite_version}, database {self.title}."

    def _open(self) -> None:
        connection = self._connection = sqlite3.connect(
            self._address(), uri=True, isolation_level=None, check_same_thread=False
        )
        connection.text_factory = lambda data: data.decode(errors="replace")
        bound(connection, self.limits, in_memory=self.database in ("", SAMPLE))
        if self.database == SAMPLE:
            connection.executescript(SCRIPT)
        connection.execute("SELECT count(*) FROM sqlite_master")
        connection.execute("PRAGMA busy_timeout = 0")
        if self.params.read_only_session:
            connection.execute("PRAGMA query_only = on")
        connection.set_authorizer(authorizer(read_only=self.params.read_only_session))
        connection.set_progress_handler(self._late, PROGRESS_STEPS)

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
        """See `Adapter.close`; a statement that runs is ended, and the connection closed by its own
        thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._interrupt()
        closed = thread.submit(self._disconnect)
        thread.close()
        await asyncio.wrap_future(closed)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _interrupt(self) -> None:
        self._cancelled = True  # the statement may be about to begin
        connection = self._connection
        if connection is not None:
            with suppress(sqlite3.ProgrammingError):  # its thread has just closed it
                connection.interrupt()

    def complete(self, text: str) -> bool:
        """See `Adapter.complete`; what would be a command of SQLite's shell is whole, too."""
        return text.lstrip().startswith(".") or super().complete(text)

    async def execute(self, statement: str) -> AsyncGenerator[Event, None]:
        """See `Adapter.execute`."""
        if statement.startswith("."):
            raise StatementError("commands begin with a backslash here: \\? lists them all")
        self._cancelled = self._disk_is_short = False
        seconds = self.params.statement_timeout
        self._deadline = time.monotonic() + seconds if seconds else 0.0
        cursor = await self._call(self._start, statement)
        try:
            if cursor.description is None:
                yield Done(_tag(statement, cursor.rowcount))
                return
            portions = Portions()
            rows, last = await self._call(_fetch, cursor, portions)
            first = rows[0] if rows else ()
            yield Columns(_columns(cursor, first))
            while rows:
                yield Rows([_texts(row) for row in rows], last=last)
                portions.took(rows)
                rows, last = await self._call(_fetch, cursor, portions)
            yield Done("")
        finally:
            if self._thread is not None:  # not waited for: what runs may have to be interrupted
                self._thread.submit(cursor.close)

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

    async def _call(self, function: Callable[..., Result], *args: Any) -> Result:
        if self._thread is None:
            raise LostError("the database is closed")
        try:
            return await self._thread.call(function, *args)
        except MemoryError:
            raise StatementError(
                "error: out of memory: SQLite may use "
                f"{self.limits.sqlite_memory} bytes here (databases.sqlite_memory)"
            ) from None
        except (sqlite3.Error, sqlite3.Warning) as error:
            if self._disk_is_short:
                raise StatementError(
                    "error: the disk of the daemon's machine is nearly full: temporary files leave "
                    f"less than {self.limits.min_free_disk} bytes (databases.min_free_disk)"
                ) from None
            raise StatementError(f"error: {error}") from None
        except UnicodeEncodeError:
            raise StatementError("error: the statement is not text in UTF-8") from None

    def _late(self) -> bool:
        if self._cancelled or 0 < self._deadline < time.monotonic():
            return True
        self._disk_is_short = self._disk.is_short()
        return self._disk_is_short

    async def cancel(self) -> None:
        """See `Adapter.cancel`."""
        self._interrupt()

    async def schema(self) -> Schema:
        """See `Adapter.schema`."""
        try:
            return await self._call(self._names)
        except StatementError as error:
            raise UpstreamError(f"names cannot be had: {error}") from None

    def _names(self) -> Schema:
        if self._connection is None:
            return Schema()
        found: dict[str, tuple[str, ...]] = {}
        rows = self._connection.execute(
            "SELECT m.name, p.name FROM (SELECT name FROM sqlite_master "
            "WHERE type IN ('table', 'view') ORDER BY name LIMIT ?) m, pragma_table_info(m.name) p "
            "WHERE p.cid < ?",
            (TABLES_MAX, COLUMNS_MAX),
        )
        for table, column in rows:
            found[table] = (*found.get(table, ()), column)
        functions = self._connection.execute("SELECT DISTINCT name FROM pragma_function_list")
        return Schema(found, tuple(name for (name,) in functions))

    def describe(self, name: str, *, more: bool) -> list[str]:
        """See `Adapter.describe`."""
        return sqlite_catalog.describe(name, more=more)


def _fetch(cursor: sqlite3.Cursor, portions: Portions) -> tuple[list[tuple[object, ...]], bool]:
    """The next rows, none at the end; and whether it is known that no more follow."""
    rows: list[tuple[object, ...]] = []
    for row in cursor:
        rows.append(row)
        if portions.is_full(rows):
            return rows, False
    return rows, True


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
        shown = value[:BLOB_SHOWN].hex().upper()
        rest = len(value) - BLOB_SHOWN
        return f"X'{shown}'" if rest <= 0 else f"X'{shown}…' ({rest} more bytes)"
    if isinstance(value, float):
        text = f"{value:.15g}"
        return text if any(c in text for c in ".en") else text + ".0"
    return str(value)


def _tag(statement: str, count: int) -> str:
    word = statement.split(None, 1)[0].upper().rstrip(";")
    return f"{word} {count}" if word in _COUNTED and count >= 0 else word
