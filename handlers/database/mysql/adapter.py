"""MySQL and MariaDB, with values as the texts that the server sends."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from asyncmy import errors
from asyncmy.constants import CLIENT
from asyncmy.cursors import SSCursor
from typing_extensions import override

from guacr.api import (
    GuacrError,
    NotFoundError,
    UnauthorizedError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
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
    Row,
    Rows,
    StatementError,
    Transaction,
    no_answer,
)
from handlers.database.console.completion import (
    COLUMNS_MAX,
    NAMES_AT_ONCE,
    SQL_KEYWORDS,
    TABLES_MAX,
    Names,
    Schema,
)
from handlers.database.console.portions import CHARACTERS, Portions, weight_of
from handlers.database.console.table import shown
from handlers.database.encryption import tls_context
from handlers.database.listing import Listing
from handlers.database.mysql import catalog
from handlers.database.mysql.connection import BoundedConnection
from handlers.database.notices import NOTICES_MAX, not_shown
from handlers.database.sql.statements import Dialect
from handlers.dial import dial, unknown_host
from handlers.link import keep_alive

_NUMBERS = {0, 1, 2, 3, 4, 5, 8, 9, 13, 246}
"""Types that are right-aligned."""
_OLD_PREFIX = "5.5.5-"
"""The prefix of MariaDB's version, for old replicas."""
_IN_TRANSACTION = 1
_IN_READ_ONLY_TRANSACTION = 8192
_NO_BACKSLASH_ESCAPES = 512
"""The bit of the server's status flags."""
_ASKS = re.compile(r"\s*show\s+(?:warnings|errors)\b", re.IGNORECASE)
"""The statements with which a person shows warnings."""
_USES = re.compile(r"\s*use\s+\S+\s*", re.IGNORECASE)
"""Commands that end with their line."""
_SETS_NAMES = re.compile(
    r"\s*set\s+(?:session\s+|@@(?:session\.)?)?(?:names|charset|character[ _]set)", re.IGNORECASE
)
"""Statements that may change the encoding of the connection."""
_BROKEN = (
    ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, RuntimeError,
    TypeError, ValueError, struct.error,
)  # fmt: skip
"""The exceptions that the library raises for unexpected data."""
_NO_MYSQL = "the server sends what is not MySQL's protocol"
_LOST = {2006, 2013, 2055, 1927, 4031}
_DENIED = {1044, 1045, 1698}
_UNKNOWN_DATABASE = 1049
_UNKNOWN_THREAD = 1094
_SCHEMA = f"""SELECT c.table_name, c.column_name FROM (
  SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()
  ORDER BY 1 LIMIT {TABLES_MAX}) t
JOIN information_schema.columns c
  ON c.table_schema = DATABASE() AND c.table_name = t.table_name
WHERE c.ordinal_position <= {COLUMNS_MAX} ORDER BY 1, c.ordinal_position"""  # noqa: S608 - constants


ROWS_AT_ONCE = 4
"""Rows of any size that are fetched without checking their length."""
CLOSE_TIMEOUT = 2.0
"""Seconds that an orderly close may take."""


class NoEncryptionError(UpstreamError):
    """The server has no encryption."""


class MysqlAdapter(Adapter):
    """A connection to MySQL. A second one cancels (KILL QUERY), and a third one fetches names."""

    dialect: Dialect = Dialect(backticks=True, hashes=True, delimiters=True)
    lexer: ClassVar[str] = "mysql"
    keywords: ClassVar[tuple[str, ...]] = (
        *SQL_KEYWORDS, "SHOW", "TABLES", "DATABASES", "DESCRIBE", "USE", "REPLACE", "STATUS",
    )  # fmt: skip
    use_database: ClassVar[str] = "database"
    lists: ClassVar[Mapping[str, Listing]] = catalog.LISTS
    describes_more: ClassVar[str] = "collations, comments, its size"

    _connection: Any = None
    _password = ""
    _warnings = 0
    """The number of warnings of the last result."""
    _left = False
    """True if a statement was abandoned while it ran."""

    @property
    @override
    def title(self) -> str:
        return f"{self.params.username}@{self.params.hostname}/{self.database}"

    @property
    @override
    def transaction(self) -> Transaction:
        flags = self._connection.server_status if self._connection is not None else 0
        return Transaction.OPEN if flags & _IN_TRANSACTION else Transaction.NONE

    @property
    @override
    def spoken(self) -> Dialect:
        flags = self._connection.server_status if self._connection is not None else 0
        return replace(self.dialect, escapes=not flags & _NO_BACKSLASH_ESCAPES)

    @property
    @override
    def prompt(self) -> str:
        return f"mysql {self.database or '(none)'}{self.transaction.value}> "

    @override
    def complete(self, text: str) -> bool:
        """Return whether a text can be run; as in mysql, USE needs no semicolon."""
        return _USES.fullmatch(text) is not None or super().complete(text)

    # ---- connecting

    @override
    async def connect(self, password: str) -> str:
        await self.close()
        self._password = password
        connection = self._connection = await self._open()
        version = connection.get_server_info().removeprefix(_OLD_PREFIX)
        kind = "MariaDB" if _is_mariadb(connection) else "MySQL"
        return f"{kind} {shown(version)}, database {self.database or '(none)'}."

    async def _open(self) -> Any:
        """Open a connection; encrypted if that is preferred and the server supports it."""
        params = self.params
        if params.tls == "disable" or params.hostname.startswith("/"):
            return await self._open_with(None)
        try:
            return await self._open_with(await tls_context(params))
        except NoEncryptionError:
            if params.tls != "prefer":
                raise
            return await self._open_with(None)

    async def _open_with(self, tls: ssl.SSLContext | None) -> Any:
        params = self.params
        path = params.hostname if params.hostname.startswith("/") else None
        sock = None if path else await self._dialled()
        connection: Any = BoundedConnection(
            self.limits.max_value,
            sock=sock,
            tls=tls,
            host=params.hostname or "127.0.0.1",
            port=params.port,
            unix_socket=path,
            user=params.username,
            password=self._password,
            database=self.database or None,
            connect_timeout=2 * params.timeout,  # only for TCP; the one below covers everything
            charset="utf8mb4",
            conv={},
            autocommit=True,
            local_infile=False,
        )
        if params.read_only_session:  # what is set before a statement applies to that one only
            connection._client_flag &= ~CLIENT.MULTI_STATEMENTS
        try:
            await self._log_in(connection)
        except TimeoutError:
            raise no_answer(self._host) from None
        except errors.MySQLError as error:
            if tls is not None and not _offers_tls(connection):
                raise NoEncryptionError(
                    f"the server at {self._host} has no encryption, which parameter "
                    f"tls={params.tls} asks for"
                ) from None
            raise self._explained(error) from None
        except _BROKEN as error:
            if isinstance(error, UnicodeError) and not isinstance(error, UnicodeDecodeError):
                raise unknown_host(params.hostname) from None  # resolvers do not accept such a name
            raise UpstreamError(
                f"the server at {self._host} cannot be used: check port, and that it is MySQL"
            ) from None
        return connection

    async def _dialled(self) -> socket.socket:
        params = self.params
        host = params.hostname or "127.0.0.1"
        sock = await dial(self.network, host, params.port, params.timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keep_alive(sock)
        return sock

    async def _log_in(self, connection: Any) -> None:
        try:
            async with asyncio.timeout(self.params.timeout):
                await connection.connect()
                await self._limit(connection)
        except BaseException:
            connection.drop_socket()
            _abort(connection)
            raise

    async def _limit(self, connection: Any) -> None:
        """Make the server end statements that take too long."""
        if seconds := self.params.statement_timeout:
            name, value = ("max_statement_time", seconds) if _is_mariadb(connection) else (
                "max_execution_time", seconds * 1000)  # fmt: skip
            await connection.query(f"SET SESSION {name} = {value}")

    @property
    def _host(self) -> str:
        return f"{shorten(self.params.hostname)} on port {self.params.port}"

    def _explained(self, error: Exception) -> GuacrError:
        code, reason = _parts(error)
        host = self._host
        if code in _DENIED:
            return UnauthorizedError(
                f"the server rejects the login of {shorten(self.params.username)}: "
                "check user and password"
            )
        if code == _UNKNOWN_DATABASE:
            return NotFoundError(f"{reason}: check the connection's parameters")
        if isinstance(error.__cause__, socket.gaierror):
            return unknown_host(self.params.hostname)
        if "timed out" in reason.lower() or "timeout" in reason.lower():
            return no_answer(host)
        if "refused" in reason or "No such file" in reason or "Connect call failed" in reason:
            return UpstreamUnavailableError(
                f"the server at {host} refuses connections: check the port, and whether it runs"
            )
        if "SSL" in reason:
            return UpstreamError(
                f"the server at {host} and parameter tls={self.params.tls} are incompatible: "
                f"{reason}"
            )
        return UpstreamError(f"the server at {host} cannot be used: {reason}")

    @override
    async def close(self) -> None:
        """Disconnect, and cancel a running statement."""
        if self._left:
            self._left = False
            with suppress(GuacrError, OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            await _close(connection)

    # ---- statements

    @override
    async def execute(self, statement: str) -> AsyncGenerator[Event, None]:
        if self._connection is None:
            raise LostError("there is no connection to the server")
        self._left = False
        cursor = SSCursor(self._connection)
        text = statement.rstrip("; \t\r\n")
        try:
            if self.params.read_only_session and not _ASKS.match(text):
                await self._end_writing()
                await self._connection.query("SET SESSION TRANSACTION READ ONLY")
            await cursor.execute(text)
            async for event in self._results(cursor):
                yield event
            if self.params.read_only_session:
                await self._end_writing()
            if _SETS_NAMES.match(text):
                await self._connection.query(
                    "SET character_set_client = utf8mb4, character_set_results = utf8mb4"
                )
                yield Notice("this console speaks utf8mb4, and keeps to it")
            if self._warnings and not _ASKS.match(text):
                async for notice in self._told(cursor, self._warnings):
                    yield notice
        except errors.MySQLError as error:
            code, reason = _parts(error)
            if code in _LOST or not code or not self._connection.connected:
                raise LostError(f"the connection is lost: {reason}") from None
            raise StatementError(f"ERROR {code}: {reason}") from None
        except _BROKEN:
            raise LostError(f"the connection is lost: {_NO_MYSQL}") from None
        except (OSError, EOFError) as error:
            raise LostError(f"the connection is lost: {_reason(error)}") from None
        except (asyncio.CancelledError, GeneratorExit):
            self._left = True
            raise
        if text[:4].lower() == "use " and len(text.split()) == 2:
            self.database = text.split()[1].strip("`")

    async def _end_writing(self) -> None:
        """Roll back a transaction that may write, because it was begun with READ WRITE.

        Raises:
            StatementError: there was one.
        """
        flags = self._connection.server_status
        if flags & _IN_TRANSACTION and not flags & _IN_READ_ONLY_TRANSACTION:
            await self._connection.query("ROLLBACK")
            raise StatementError(
                "this session may only read: the transaction that might write was rolled back"
            )

    async def _results(self, cursor: Any) -> AsyncIterator[Event]:
        while True:
            if cursor.description is None:
                yield Done(_tag(cursor))
            else:
                yield Columns(tuple(Column(d[0], d[1] in _NUMBERS) for d in cursor.description))
                portions = Portions()
                ended = False
                while not ended:
                    rows, ended = await _fetch(cursor, portions.rows)
                    yield Rows([_texts(row) for row in rows], last=ended)
                    if rows:
                        portions.took(rows)
                yield Done("")
            self._warnings = cursor._result.warning_count
            if not await cursor.nextset():
                break

    async def _told(self, cursor: Any, count: int) -> AsyncIterator[Notice]:
        """The `count` warnings of the last statement; the server keeps up to `max_error_count` of
        them."""
        await cursor.execute("SHOW WARNINGS")
        shown_ = 0
        while row := await cursor.fetchone():
            if shown_ < NOTICES_MAX:
                yield Notice("{} (Code {}): {}".format(*row))
                shown_ += 1
        if count > shown_:
            yield Notice(not_shown(count - shown_, "warning"))

    @override
    async def cancel(self) -> None:
        if self._connection is None:
            return
        number = int(self._connection.thread_id())
        other = await self._open()
        try:
            async with asyncio.timeout(self.params.timeout):
                await other.query(f"KILL QUERY {number}")
        except TimeoutError:
            raise UpstreamTimeoutError("the server does not answer in time") from None
        except errors.MySQLError as error:
            if (code := _parts(error)[0]) != _UNKNOWN_THREAD:
                raise UpstreamError(f"{code}: {_parts(error)[1]}") from None
        except _BROKEN:
            raise UpstreamError(_NO_MYSQL) from None
        finally:
            await _close(other)

    # ---- names

    @override
    async def schema(self) -> Schema:
        """Fetch the names on a separate connection."""
        connection = await self._open()
        names = Names()
        try:
            cursor = SSCursor(connection)
            await cursor.execute(_SCHEMA)
            while names.add(map(_pair, await cursor.fetchmany(NAMES_AT_ONCE))):
                pass
        except errors.MySQLError as error:
            raise UpstreamError(_parts(error)[1]) from None
        except _BROKEN:
            raise UpstreamError(_NO_MYSQL) from None
        finally:
            await _close(connection)
        return names.schema()

    @override
    def describe(self, name: str, *, more: bool) -> list[str]:
        return catalog.describe(name, more=more)


async def _fetch(cursor: Any, count: int) -> tuple[list[Any], bool]:
    """Fetch up to `count` rows, fewer if they are large; return them, and whether they were the
    last."""
    rows: list[Any] = []
    weight = 0
    while len(rows) < count and weight < CHARACTERS:
        wanted = min(ROWS_AT_ONCE, count - len(rows))
        some = await cursor.fetchmany(wanted)
        rows += some
        weight += sum(map(weight_of, some))
        if len(some) < wanted:
            return rows, True
    return rows, False


def _is_mariadb(connection: Any) -> bool:
    return "MariaDB" in connection.get_server_info()


def _offers_tls(connection: Any) -> bool:
    """Return whether the server supports encryption, or has not sent a greeting."""
    return bool(getattr(connection, "server_capabilities", CLIENT.SSL) & CLIENT.SSL)


async def _close(connection: Any) -> None:
    """Close a connection within `CLOSE_TIMEOUT`."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await connection.send_quit()
    except (errors.MySQLError, OSError, TimeoutError):
        pass  # it is closed all the same
    finally:
        _abort(connection)


def _abort(connection: Any) -> None:
    """Abort a connection. The library's method waits for the end of TLS, half a minute if the
    server is silent, and a transport that was closed twice cannot be aborted."""
    protocol = connection._proto
    if protocol is not None and protocol.transport is not None:
        protocol.transport.abort()
    connection.close()


def _tag(cursor: Any) -> str:
    """The message of the client about a statement without rows."""
    many = "row" if cursor.rowcount == 1 else "rows"
    warnings = cursor._result.warning_count
    more = f", {warnings} {'warning' if warnings == 1 else 'warnings'}" if warnings else ""
    told = (cursor._result.message or b"")[1:].decode(errors="replace")  # after its length
    return f"Query OK, {cursor.rowcount} {many} affected{more}" + (f"\n{told}" if told else "")


def _texts(row: tuple[object, ...]) -> Row:
    return tuple(map(_text, row))


def _pair(row: tuple[object, ...]) -> tuple[str, str]:
    """A table and a column."""
    table, column = row
    return _text(table) or "", _text(column) or ""


def _text(value: object) -> str | None:
    """Format a value like the client; binary ones as hexadecimal numbers."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray):
        return f"0x{value.hex().upper()}"
    return str(value)


def _parts(error: Exception) -> tuple[int, str]:
    """The number and the message of an error."""
    args = error.args
    code = args[0] if args and isinstance(args[0], int) else 0
    return code, _reason(Exception(args[1] if len(args) > 1 else error))


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
