"""SQL Server, through python-tds, with a thread for each connection."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import socket
import struct
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, TypeVar

import pytds
from pytds.tds_session import _TdsSession
from typing_extensions import override

from guacr.api import (
    GuacrError,
    NotFoundError,
    UnauthorizedError,
    UpstreamError,
    shorten,
)
from handlers.database.adapter import (
    Adapter,
    Column,
    Columns,
    Done,
    Event,
    LostError,
    Notice,
    Rows,
    StatementError,
    Transaction,
    no_answer,
)
from handlers.database.client_thread import ClientThread
from handlers.database.console.completion import (
    COLUMNS_MAX,
    NAMES_AT_ONCE,
    SQL_KEYWORDS,
    TABLES_MAX,
    Names,
    Schema,
)
from handlers.database.console.portions import Portions
from handlers.database.listing import Listing
from handlers.database.sql.batches import is_complete, split_batches
from handlers.database.sql.statements import Dialect
from handlers.database.sqlserver import routes
from handlers.database.sqlserver.messages import bound_messages
from handlers.database.sqlserver.tls import TlsError, Trust
from handlers.dial import dial

_NUMBERS = (int, float, decimal.Decimal)
_BROKEN = (AssertionError, AttributeError, LookupError, TypeError, ValueError, struct.error)
"""The exceptions that the library raises for unexpected data."""
_LOGIN_FAILED = {18456, 18452, 18470, 18486, 18487, 18488}
_NO_DATABASE = {911, 4060, 4063, 4064}
_TABLES = """SELECT s.name AS [Schema], o.name AS [Name],
CASE o.type WHEN 'U' THEN 'table' ELSE 'view' END AS [Type] FROM sys.objects o
JOIN sys.schemas s ON s.schema_id = o.schema_id WHERE o.type IN (TYPES){matching}
ORDER BY 1, 2"""
_COLUMNS = """SELECT c.name AS [Column], t.name AS [Type], c.max_length AS [Bytes],
CASE WHEN c.is_nullable = 0 THEN 'not null' ELSE '' END AS [Nullable], d.definition AS [Default]
FROM sys.columns c JOIN sys.types t ON t.user_type_id = c.user_type_id
LEFT JOIN sys.default_constraints d ON d.object_id = c.default_object_id
WHERE c.object_id = OBJECT_ID({}) ORDER BY c.column_id"""
_INDEXES = """SELECT name AS [Index], type_desc AS [Kind], is_unique AS [Unique],
is_primary_key AS [Primary] FROM sys.indexes WHERE object_id = OBJECT_ID({}) AND name IS NOT NULL
ORDER BY 1"""
_NAMES = f"""SELECT o.name, c.name FROM (
  SELECT TOP {TABLES_MAX} name, object_id FROM sys.objects WHERE type IN ('U', 'V') ORDER BY name) o
JOIN sys.columns c ON c.object_id = o.object_id
WHERE c.column_id <= {COLUMNS_MAX} ORDER BY 1, c.column_id"""  # noqa: S608 - constants

Result = TypeVar("Result")

bound_messages(_TdsSession)


def _once(
    work: Callable[[float], Any],
    ex_handler: object,
    max_time_sec: float,
    first_attempt_time_sec: float,
) -> Any:
    """Connect in one attempt. The library would sleep until the time-out before it reports a lost
    connection, although it cannot use the given socket again."""
    return work(first_attempt_time_sec)


pytds.utils.exponential_backoff = _once


def _tables(about: str, types: str) -> Listing:
    return Listing(about, _TABLES.replace("TYPES", types), name="o.name", schema="s.name")


class SqlserverAdapter(Adapter):
    """A connection to SQL Server. There is no maintained asynchronous library, so each connection
    has a thread, which fetches no more than requested."""

    dialect: Dialect = Dialect(splits=split_batches)
    lexer: ClassVar[str] = "tsql"
    keywords: ClassVar[tuple[str, ...]] = (
        *SQL_KEYWORDS, "TOP", "GO", "EXEC", "DECLARE", "PRINT", "USE", "TRAN", "MERGE", "OUTPUT",
        "NVARCHAR", "IDENTITY", "CROSS APPLY", "OUTER APPLY", "GETDATE",
    )  # fmt: skip
    usage: ClassVar[str] = (
        "A line GO runs what is typed, and so does a semicolon that is not within BEGIN … END."
    )
    use_database: ClassVar[str] = "database"
    lists: ClassVar[Mapping[str, Listing]] = {
        "l": Listing(
            "databases",
            "SELECT name AS [Name], state_desc AS [State], recovery_model_desc AS [Recovery] "
            "FROM sys.databases WHERE 1 = 1{matching} ORDER BY 1",
            name="name",
        ),
        "d": _tables("tables and views", "'U', 'V'"),
        "dt": _tables("tables", "'U'"),
        "dv": _tables("views", "'V'"),
        "di": Listing(
            "indexes",
            "SELECT OBJECT_NAME(object_id) AS [Table], name AS [Index], type_desc AS [Kind] "
            "FROM sys.indexes WHERE name IS NOT NULL AND object_id > 100{matching} ORDER BY 1, 2",
            name="name",
        ),
        "dn": Listing("schemas", "SELECT name AS [Schema] FROM sys.schemas ORDER BY 1"),
        "df": Listing(
            "functions and procedures",
            "SELECT SCHEMA_NAME(schema_id) AS [Schema], name AS [Name], type_desc AS [Kind] "
            "FROM sys.objects WHERE type IN ('P', 'FN', 'IF', 'TF'){matching} ORDER BY 1, 2",
            name="name",
            schema="SCHEMA_NAME(schema_id)",
        ),
        "du": Listing(
            "users",
            "SELECT name AS [Name], type_desc AS [Kind] FROM sys.database_principals "
            "WHERE type <> 'R'{matching} ORDER BY 1",
            name="name",
        ),
    }

    _connection: Any = None
    _cursor: Any = None
    _thread: ClientThread | None = None
    _password = ""
    _cancelled = False

    @property
    @override
    def title(self) -> str:
        return f"{self.params.username}@{self.params.hostname}/{self.database}"

    @property
    @override
    def prompt(self) -> str:
        return f"{self.database or '(default)'}{self.transaction.value}> "

    @property
    @override
    def transaction(self) -> Transaction:
        open_ = self._connection is not None and self._connection._tds_socket.tds72_transaction
        return Transaction.OPEN if open_ else Transaction.NONE

    @override
    def complete(self, text: str) -> bool:
        return is_complete(text)

    # ---- connecting

    @override
    async def connect(self, password: str) -> str:
        await self.close()
        self._password = password
        self._thread = ClientThread("sqlserver", self.limits.max_threads)
        self._connection = await self._open(self._thread)
        version = await self._on_thread(
            _first_row, self._connection, "SELECT SERVERPROPERTY('ProductVersion'), DB_NAME()"
        )
        self.database = str(version[1])
        return f"SQL Server {version[0]}, database {self.database}."

    async def _open(self, thread: ClientThread) -> Any:
        params = self.params
        trust = None if params.tls == "disable" else Trust(params)
        sock = await dial(self.network, params.hostname, params.port, params.timeout)
        sock.settimeout(params.timeout)
        try:
            return await thread.call(self._log_in, sock, trust, asyncio.get_running_loop())
        except BaseException as error:
            _shut_down(sock)
            thread.submit(sock.close)  # the thread may be about to read from it
            if isinstance(error, Exception) and not isinstance(error, GuacrError):
                # the library propagates any exception, and raises bare ones
                raise self._explained(error) from None
            raise

    def _log_in(
        self, sock: socket.socket, trust: Trust | None, loop: asyncio.AbstractEventLoop
    ) -> Any:
        params = self.params
        routes.dial_with(partial(self._dial_route, loop))
        return pytds.connect(
            dsn=params.hostname,
            port=params.port,
            sock=sock,
            user=params.username,
            password=self._password,
            database=self.database or None,
            appname="guacr",
            login_timeout=params.timeout,
            autocommit=True,
            readonly=params.read_only_session,
            cafile=trust,
            validate_host=False,  # done by `Trust`
            disable_connect_retry=True,
        )

    def _dial_route(self, loop: asyncio.AbstractEventLoop, host: str, port: int) -> socket.socket:
        """Connect to another server that the server names, on the thread."""
        dialling = dial(self.network, host, port, self.params.timeout)
        return asyncio.run_coroutine_threadsafe(dialling, loop).result()

    def _explained(self, error: Exception) -> GuacrError:
        host = f"{shorten(self.params.hostname)} on port {self.params.port}"
        place = f"the server at {host}"
        number, reason = getattr(error, "number", 0), _first_line(error)
        if number in _LOGIN_FAILED:
            return UnauthorizedError(
                f"the server rejects the login of {shorten(self.params.username)}: "
                "check user and password"
            )
        if number in _NO_DATABASE:
            return NotFoundError(
                f"database {shorten(self.database)} cannot be opened: check its name and the rights"
            )
        if isinstance(error, TimeoutError | pytds.TimeoutError):
            return no_answer(host)
        if isinstance(error, TlsError) or "tls_ctx" in reason or "ncrypt" in reason:
            return UpstreamError(
                f"{place} and tls={self.params.tls} are incompatible: use another value of tls"
            )
        return UpstreamError(
            f"{place} cannot be used: {reason}: check port and tls, and that it is SQL Server"
        )

    @override
    async def close(self) -> None:
        connection, self._connection = self._connection, None
        thread, self._thread = self._thread, None
        if thread is not None:
            if connection is not None:
                _hang_up(connection, thread)
            thread.close()

    # ---- statements

    async def _on_thread(self, function: Callable[..., Result], *args: Any) -> Result:
        thread = self._thread
        if thread is None:
            raise LostError("there is no connection to the server")
        try:
            return await thread.call(function, *args)
        except (OSError, EOFError, TlsError, pytds.InterfaceError, *_BROKEN) as error:
            raise LostError(f"the connection is lost: {_first_line(error)}") from None
        except pytds.Error as error:
            raise StatementError(error_text(error)) from None

    @override
    async def execute(self, statement: str) -> AsyncGenerator[Event, None]:
        connection = self._connection
        if connection is None:
            raise LostError("there is no connection to the server")
        self._cancelled = False
        # this reads what the last one left unread
        cursor = self._cursor = await self._on_thread(connection.cursor)
        seconds = self.params.statement_timeout
        limit = asyncio.get_running_loop().call_later(seconds, self._attention) if seconds else None
        try:
            await self._on_thread(cursor.execute, statement)
            async for event in self._results(cursor):
                yield event
        except StatementError:
            for notice in self._notices(cursor):
                yield notice
            raise
        finally:
            self._cursor = None
            if limit is not None:
                limit.cancel()
        if self._cancelled:
            raise StatementError("the batch was cancelled")
        self.database = connection._tds_socket.env.database or self.database

    async def _results(self, cursor: Any) -> AsyncIterator[Event]:
        while True:
            for notice in self._notices(cursor):
                yield notice
            if cursor.description is None:
                yield Done(_affected(cursor.rowcount))
            else:
                portions = Portions()
                rows = await self._on_thread(cursor.fetchmany, portions.rows)
                yield Columns(_columns(cursor, rows))
                while rows:
                    yield Rows([tuple(map(text_of, row)) for row in rows])
                    portions.took(rows)
                    rows = await self._on_thread(cursor.fetchmany, portions.rows)
                yield Done("")
            if not await self._on_thread(cursor.nextset):
                break
        for notice in self._notices(cursor):
            yield notice

    def _notices(self, cursor: Any) -> list[Notice]:
        """The messages of the server since the last call, except errors."""
        session = cursor._session
        return session.messages.take() if session is not None else []

    @override
    async def cancel(self) -> None:
        self._attention()

    def _attention(self) -> None:
        """Request the end of the batch; the reading thread receives the answer."""
        cursor = self._cursor
        if cursor is not None and not self._cancelled:
            self._cancelled = True
            with suppress(OSError, pytds.Error):
                cursor._session.put_cancel()

    # ---- names

    @override
    async def schema(self) -> Schema:
        """Fetch the names on a separate connection."""
        thread = ClientThread("sqlserver names", self.limits.max_threads)
        try:
            connection = await self._open(thread)
            try:
                return await thread.call(_names, connection)
            except (pytds.Error, OSError, EOFError, TlsError, *_BROKEN) as error:
                raise UpstreamError(_first_line(error)) from None
            finally:
                _hang_up(connection, thread)
        finally:
            thread.close()

    @override
    def describe(self, name: str, *, more: bool) -> list[str]:
        quoted = "N'" + name.replace("'", "''") + "'"
        return [text.format(quoted) for text in (_COLUMNS, _INDEXES)]


def _hang_up(connection: Any, thread: ClientThread) -> None:
    """Abort a connection, and the read of its thread. The thread closes it, because the descriptor
    could otherwise belong to another connection when the thread reads. The library's method fails
    if TLS is broken, and leaves the connection open."""
    outer = connection._tds_socket.sock
    sock = getattr(outer, "_transport", outer)  # nested with TLS
    _shut_down(sock)
    thread.submit(sock.close)


def _shut_down(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _first_row(connection: Any, statement: str) -> tuple[object, ...]:
    cursor = connection.cursor()
    cursor.execute(statement)
    first, *_ = cursor.fetchmany(1)
    while cursor.fetchmany(NAMES_AT_ONCE):
        pass  # unread data would hold up the next statement
    return tuple(first)


def _names(connection: Any) -> Schema:
    cursor, names = connection.cursor(), Names()
    cursor.execute(_NAMES)
    while names.add((str(t), str(c)) for t, c in cursor.fetchmany(NAMES_AT_ONCE)):
        pass
    return names.schema()


def _columns(cursor: Any, rows: list[tuple[object, ...]]) -> tuple[Column, ...]:
    values = rows[0] if rows else (None,) * len(cursor.description)
    return tuple(
        Column(described[0] or "", isinstance(value, _NUMBERS))
        for described, value in zip(cursor.description, values, strict=True)
    )


def text_of(value: object) -> str | None:
    """Format a value like sqlcmd."""
    match value:
        case None | str():
            return value
        case bool():
            return str(int(value))
        case bytes():
            return f"0x{value.hex().upper()}"
        case datetime.datetime():
            zone = value.strftime("%z")
            exact = "microseconds" if value.microsecond % 1000 else "milliseconds"
            text = value.replace(tzinfo=None).isoformat(" ", exact)
            return f"{text} {zone[:3]}:{zone[3:5]}" if zone else text
        case uuid.UUID():
            return str(value).upper()
        case decimal.Decimal():
            return f"{value:f}"
    return str(value)


def error_text(error: Exception) -> str:
    """Format an error like sqlcmd."""
    if not getattr(error, "number", 0):
        return _first_line(error)
    procedure = getattr(error, "procname", "")
    place = f", Procedure {procedure}" if procedure else ""
    return (
        f"Msg {error.number}, Level {error.severity}, State {error.state}"  # type: ignore[attr-defined]
        f"{place}, Line {error.line}\n{error.text}"  # type: ignore[attr-defined]
    )


def _affected(count: int) -> str:
    many = "row" if count == 1 else "rows"
    return f"({count} {many} affected)" if count >= 0 else ""


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
