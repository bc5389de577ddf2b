"""SQLite: a file, or a sample in a temporary file, with a thread for each connection."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from typing_extensions import override

from guacr.api import BadRequestError, BusyError, Check, NotFoundError, UpstreamError, shorten
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
from handlers.database.console.completion import (
    COLUMNS_MAX,
    SQL_KEYWORDS,
    TABLES_MAX,
    Names,
    Schema,
)
from handlers.database.console.portions import Portions
from handlers.database.listing import Listing
from handlers.database.params import DatabaseParams
from handlers.database.sql.statements import Dialect
from handlers.database.sqlite import catalog
from handlers.database.sqlite.bounds import authorizer, bound, vacuums
from handlers.database.sqlite.disk import DiskGuard
from handlers.database.sqlite.sample import SAMPLE, SCRIPT

BUSY_TIMEOUT = 5.0
"""Seconds that a statement waits for a locked database."""
BUSY_PAUSE = 0.05
"""Seconds between attempts, because SQLite's own wait cannot be interrupted."""
PROGRESS_STEPS = 10_000
"""Steps of SQLite's virtual machine between checks of the time."""

BLOB_SHOWN = 4096
"""Maximum bytes of a blob that are shown, followed by the number of remaining ones."""
Result = TypeVar("Result")

_COUNTED = {"INSERT", "UPDATE", "DELETE", "REPLACE"}


class SqliteAdapter(Adapter):
    """A file, opened only for this connection.

    Other files cannot be attached, because they would be the daemon's.
    """

    dialect: Dialect = Dialect(backticks=True, triggers=True)
    lexer: ClassVar[str] = "sql"
    keywords: ClassVar[tuple[str, ...]] = (*SQL_KEYWORDS, "PRAGMA", "VACUUM", "WITHOUT", "ROWID")
    lists: ClassVar[Mapping[str, Listing]] = catalog.LISTS
    describes: ClassVar[str] = "columns, indexes, references and triggers of a table"
    describes_more: ClassVar[str] = "the statement that makes it"

    _thread: ClientThread | None = None
    _connection: sqlite3.Connection | None = None
    """Only set and closed by the thread."""
    _deadline = 0.0
    _cancelled = False
    _vacuums = False
    """True if the statement is VACUUM."""
    _disk_is_short = False
    """True if the lack of disk space has ended the statement."""

    @property
    @override
    def title(self) -> str:
        names = {"": "memory", SAMPLE: "sample"}
        return names.get(self.database, Path(self.database).name)

    @property
    @override
    def prompt(self) -> str:
        return f"{self.title}{self.transaction.value}> "

    @property
    @override
    def transaction(self) -> Transaction:
        open_ = self._connection is not None and self._connection.in_transaction
        return Transaction.OPEN if open_ else Transaction.NONE

    @classmethod
    @override
    def checks(cls, params: DatabaseParams) -> Iterator[Check]:
        if params.database not in ("", SAMPLE):
            yield partial(_file, params.database)

    @override
    async def connect(self, password: str) -> str:
        """Open the file; the password is ignored."""
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
            self._address(),
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=0,  # each would keep its text and plan
        )
        connection.text_factory = lambda data: data.decode(errors="replace")
        bound(connection, self.limits, temporary=self.database in ("", SAMPLE))
        if self.database == SAMPLE:
            connection.executescript(SCRIPT)
        connection.execute("SELECT count(*) FROM sqlite_master")
        connection.execute("PRAGMA busy_timeout = 0")
        if self.params.read_only_session:
            connection.execute("PRAGMA query_only = on")
        connection.set_authorizer(
            authorizer(read_only=self.params.read_only_session, may_attach=lambda: self._vacuums)
        )
        connection.set_progress_handler(self._late, PROGRESS_STEPS)

    def _address(self) -> str:
        if self.database in ("", SAMPLE):
            return ""  # a temporary file, little of which is in memory
        path = _file(self.database)
        return f"{path.as_uri()}?mode={'ro' if self.params.read_only_session else 'rw'}"

    @override
    async def close(self) -> None:
        """End a running statement, and close the connection in its thread."""
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
        self._cancelled = True  # the statement may be about to start
        connection = self._connection
        if connection is not None:
            with suppress(sqlite3.ProgrammingError):  # already closed by its thread
                connection.interrupt()

    @override
    def complete(self, text: str) -> bool:
        """Return whether a text can be run; commands of SQLite's shell count as complete, too."""
        return text.lstrip().startswith(".") or super().complete(text)

    @override
    async def execute(self, statement: str) -> AsyncGenerator[Event, None]:
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
            if self._thread is not None:  # not awaited: what runs may need to be interrupted
                self._thread.submit(cursor.close)

    def _start(self, statement: str) -> sqlite3.Cursor:
        assert self._connection is not None  # noqa: S101 - the console connects first
        until = time.monotonic() + BUSY_TIMEOUT
        self._vacuums = vacuums(statement)
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

    @override
    async def cancel(self) -> None:
        self._interrupt()

    @override
    async def schema(self) -> Schema:
        try:
            return await self._call(self._names)
        except StatementError as error:
            raise UpstreamError(f"names cannot be fetched: {error}") from None

    def _names(self) -> Schema:
        if self._connection is None:
            return Schema()
        names = Names()
        rows = self._connection.execute(
            "SELECT m.name, p.name FROM (SELECT name FROM sqlite_master "
            "WHERE type IN ('table', 'view') ORDER BY name LIMIT ?) m, pragma_table_info(m.name) p "
            "WHERE p.cid < ?",
            (TABLES_MAX, COLUMNS_MAX),
        )
        names.add(rows)
        functions = self._connection.execute("SELECT DISTINCT name FROM pragma_function_list")
        return names.schema(name for (name,) in functions)

    @override
    def describe(self, name: str, *, more: bool) -> list[str]:
        return catalog.describe(name, more=more)


def _file(database: str) -> Path:
    """The file of a database.

    Raises:
        BadRequestError: the path is not absolute.
        NotFoundError: the file does not exist.
    """
    path = Path(database)
    if not path.is_absolute():
        raise BadRequestError("parameter database must be an absolute path")
    if not path.is_file():
        raise NotFoundError(f"there is no file {shorten(database)} to open as a database")
    return path


def _fetch(cursor: sqlite3.Cursor, portions: Portions) -> tuple[list[tuple[object, ...]], bool]:
    """The next rows, none at the end; and whether they are known to be the last."""
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
    """Format a value like SQLite's shell; bytes in its blob notation."""
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
