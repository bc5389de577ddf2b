"""Oracle Database, through python-oracledb, which speaks its protocol without Oracle's client."""

from __future__ import annotations

import asyncio
import datetime
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, TypeVar

import oracledb
from typing_extensions import override

from guacr.api import BadRequestError, GuacrError, UpstreamError
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
)
from handlers.database.console.completion import (
    COLUMNS_MAX,
    NAMES_AT_ONCE,
    SQL_KEYWORDS,
    TABLES_MAX,
    Names,
    Schema,
)
from handlers.database.console.portions import ROWS_FIRST, ROWS_MAX, Portions
from handlers.database.encryption import tls_context
from handlers.database.listing import Listing
from handlers.database.oracle.errors import (
    error_code,
    error_reason,
    error_text,
    full_code,
    login_error,
)
from handlers.database.oracle.sockets import Sockets, network_of
from handlers.database.oracle.text import (
    MICROSECONDS,
    affected,
    date,
    interval,
    plain,
    position,
    timestamp,
    years,
)
from handlers.database.params import OracleParams
from handlers.database.sql.plsql import first_words, is_block, is_complete, split_statements
from handlers.database.sql.statements import Dialect
from handlers.dial import connect_to, dial, resolve

LOB_MAX = 4000
"""Maximum characters or bytes of a large object that are shown."""
OUTPUT_MAX = 1_000_000
"""Maximum bytes of DBMS_OUTPUT that the server buffers for a statement."""
OUTPUT_LINES = 100
"""Lines of DBMS_OUTPUT that are fetched at a time."""
CLOSE_TIMEOUT = 2.0
"""Seconds that an orderly close may take."""
_NUMBERS = {
    oracledb.DB_TYPE_NUMBER, oracledb.DB_TYPE_BINARY_FLOAT, oracledb.DB_TYPE_BINARY_DOUBLE,
    oracledb.DB_TYPE_BINARY_INTEGER,
}  # fmt: skip
_TIMESTAMPS = {
    oracledb.DB_TYPE_TIMESTAMP, oracledb.DB_TYPE_TIMESTAMP_TZ, oracledb.DB_TYPE_TIMESTAMP_LTZ,
}  # fmt: skip
_AS_SYSDBA = " as sysdba"
_INVALID_STATEMENT = 900
_LOST = {28, 1012, 1089, 1092, 2396, 3113, 3114, 3135, 12537, 12547, 12570, 12571}
_LOST_TEXTS = ("DPY-1001", "DPY-4011")
_TIMED_OUT = "DPY-4024"
_CANCELLED = 1013
_NOT_COMPILED = (
    "Warning: stored with compilation errors: SELECT line, position, text FROM user_errors; "
    "lists them"
)
_WAS_CANCELLED = "the statement was cancelled"
_OBJECTS = """SELECT object_name AS "Name", LOWER(object_type) AS "Type",
created AS "Created" FROM user_objects
WHERE object_type IN (TYPES){matching} ORDER BY 1"""
_USERS = """SELECT username AS "Name", created AS "Created" FROM all_users
WHERE 1 = 1{matching} ORDER BY 1"""
_CURRENT = "SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')"
_COLUMNS = """SELECT column_name AS "Column", data_type AS "Type", data_length AS "Bytes",
data_precision AS "Precision", data_scale AS "Scale",
CASE nullable WHEN 'N' THEN 'not null' END AS "Nullable", data_default AS "Default"
FROM all_tab_columns WHERE owner = {owner} AND table_name IN ({name}, UPPER({name}))
ORDER BY column_id"""
_INDEXES = """SELECT i.index_name AS "Index", i.uniqueness AS "Kind",
LISTAGG(c.column_name, ', ') WITHIN GROUP (ORDER BY c.column_position) AS "Columns"
FROM all_indexes i JOIN all_ind_columns c
ON c.index_owner = i.owner AND c.index_name = i.index_name
WHERE i.table_owner = {owner} AND i.table_name IN ({name}, UPPER({name}))
GROUP BY i.index_name, i.uniqueness ORDER BY 1"""
_NAMES = f"""SELECT c.table_name, c.column_name FROM (
  SELECT DISTINCT table_name FROM user_tab_columns ORDER BY 1
  FETCH FIRST {TABLES_MAX} ROWS ONLY) t
JOIN user_tab_columns c ON c.table_name = t.table_name
WHERE c.column_id <= {COLUMNS_MAX} ORDER BY 1, c.column_id"""  # noqa: S608 - constants

Result = TypeVar("Result")


def _objects(about: str, types: str) -> Listing:
    return Listing(about, _OBJECTS.replace("TYPES", types), name="object_name")


def _users(about: str) -> Listing:
    return Listing(about, _USERS, name="username")


class OracleAdapter(Adapter):
    """A connection to Oracle. A statement is cancelled by a break; a second connection fetches
    names."""

    dialect: Dialect = Dialect(splits=split_statements)
    lexer: ClassVar[str] = "plpgsql"
    keywords: ClassVar[tuple[str, ...]] = (
        *SQL_KEYWORDS, "DUAL", "SYSDATE", "SYSTIMESTAMP", "ROWNUM", "MERGE", "MINUS", "CONNECT BY",
        "START WITH", "FETCH FIRST", "ROWS ONLY", "DECLARE", "EXCEPTION", "PROCEDURE", "FUNCTION",
        "PACKAGE", "EXECUTE IMMEDIATE", "NVL", "NVL2", "DECODE", "TO_CHAR", "TO_DATE", "TO_NUMBER",
        "LISTAGG", "VARCHAR2", "NUMBER", "DBMS_OUTPUT.PUT_LINE",
    )  # fmt: skip
    usage: ClassVar[str] = "SQL ends with a semicolon, PL/SQL with a line / alone."
    use_database: ClassVar[str] = "service"
    lists: ClassVar[Mapping[str, Listing]] = {
        "l": Listing(
            "pluggable databases",
            'SELECT name AS "Name", open_mode AS "Mode" FROM v$pdbs ORDER BY 1',
        ),
        "d": _objects(
            "tables, views, sequences and synonyms",
            "'TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE', 'SYNONYM'",
        ),
        "dt": _objects("tables", "'TABLE'"),
        "dv": _objects("views", "'VIEW', 'MATERIALIZED VIEW'"),
        "di": Listing(
            "indexes",
            'SELECT table_name AS "Table", index_name AS "Index", uniqueness AS "Kind" '
            "FROM user_indexes WHERE 1 = 1{matching} ORDER BY 1, 2",
            name="index_name",
        ),
        "dn": _users("schemas, which are users"),
        "df": _objects("functions, procedures and packages", "'FUNCTION', 'PROCEDURE', 'PACKAGE'"),
        "du": _users("users"),
    }

    params: OracleParams
    _connection: oracledb.AsyncConnection | None = None
    _password = ""
    _output = False
    """True if the server buffers DBMS_OUTPUT."""
    _waiting = False
    """True if a call is running that a break would end."""
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
        connection = self._connection
        if connection is None or self.params.read_only_session:
            return Transaction.NONE
        with suppress(oracledb.Error):
            return Transaction.OPEN if connection.transaction_in_progress else Transaction.NONE
        return Transaction.NONE

    @override
    def complete(self, text: str) -> bool:
        return is_complete(text)

    # ---- connecting

    @override
    async def connect(self, password: str) -> str:
        await self.close()
        self._password = password
        connection = self._connection = await self._open()
        connection.call_timeout = self.params.statement_timeout * 1000
        try:
            async with asyncio.timeout(self.params.timeout):
                with connection.cursor() as cursor:
                    await cursor.callproc("dbms_output.enable", [OUTPUT_MAX])
            self._output = True
        except (oracledb.Error, TimeoutError):
            self._output = False  # everything else works without it
        return f"Oracle Database {connection.version}, service {self.database or '(default)'}."

    async def _open(self) -> oracledb.AsyncConnection:
        params = self.params
        if not params.hostname:
            raise BadRequestError("parameter hostname is empty: name the host to connect to")
        tls = None if params.tls == "disable" else await tls_context(params)
        user, mode = params.username, oracledb.AuthMode.DEFAULT
        if user.lower().endswith(_AS_SYSDBA):
            user, mode = user[: -len(_AS_SYSDBA)], oracledb.AuthMode.SYSDBA
        try:
            async with asyncio.timeout(params.timeout):
                with network_of(await self._sockets()):
                    made: oracledb.AsyncConnection = await oracledb.connect_async(
                        host=params.hostname,
                        port=params.port,
                        service_name=self.database or None,
                        user=user,
                        password=self._password,
                        mode=mode,
                        protocol="tcp" if tls is None else "tcps",
                        ssl_context=tls,
                        ssl_server_dn_match=params.tls == "verify-full",
                        tcp_connect_timeout=params.timeout,
                        retry_count=0,
                        program="guacr",
                        machine="guacr",
                        osuser="guacr",
                        terminal="guacr",
                    )
                return made
        except (oracledb.Error, OSError, UnicodeError) as error:
            if isinstance(error.__cause__, GuacrError):
                raise error.__cause__ from None
            raise login_error(error, params, self.database) from None

    async def _sockets(self) -> Sockets:
        """Return how the library connects to the host, or to where its listener sends it."""
        network, params = self.network, self.params
        found = await resolve(network, params.hostname, params.port)

        async def connect(host: str, port: int) -> socket.socket:
            known = [one for one in found if one[1][:2] == (host, port)]
            if known:
                return await connect_to(known, params.hostname, port, params.timeout)
            return await dial(network, host, port, params.timeout)

        return Sockets(params.hostname, found, connect)

    @override
    async def close(self) -> None:
        """Disconnect, which rolls back uncommitted changes."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(oracledb.Error, OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await connection.close()

    # ---- statements

    @override
    async def execute(self, statement: str) -> AsyncGenerator[Event, None]:
        connection = self._connection
        if connection is None:
            raise LostError("there is no connection to the server")
        self._cancelled = False
        words = first_words(statement)
        if self.params.read_only_session and not _only_reads(words):
            raise StatementError("the session may only read: SELECT, WITH and ALTER SESSION")
        cursor = connection.cursor()
        cursor.prefetchrows, cursor.arraysize = ROWS_FIRST, ROWS_MAX
        cursor.outputtypehandler = _exact
        try:
            if self.params.read_only_session:
                await self._answer(connection.rollback())
                await self._answer(cursor.execute("SET TRANSACTION READ ONLY"))
            await self._answer(cursor.execute(statement))
            async for event in self._results(cursor, words, block=is_block(statement)):
                yield event
            async for notice in self._printed(connection):
                yield notice
        except oracledb.Error as error:
            raise self._failed(error, statement) from None
        except (OSError, EOFError) as error:
            raise LostError(f"the connection is lost: {error_reason(error)}") from None
        finally:
            with suppress(oracledb.Error):
                cursor.close()

    async def _answer(self, call: Awaitable[Result]) -> Result:
        """Wait for the server's answer; a break can end the call in the meantime."""
        self._waiting = True
        try:
            return await call
        finally:
            self._waiting = False

    async def _results(self, cursor: Any, words: list[str], *, block: bool) -> AsyncIterator[Event]:
        if cursor.warning is not None:
            yield Notice(_NOT_COMPILED)
        if cursor.description is None:
            yield Done(affected(words, cursor.rowcount, block=block))
            return
        described = cursor.description
        yield Columns(tuple(Column(d.name, d.type_code in _NUMBERS) for d in described))
        portions = Portions()
        while rows := await self._answer(cursor.fetchmany(portions.rows)):
            yield Rows([await self._answer(_texts(row, described)) for row in rows])
            if self._cancelled:
                raise StatementError(_WAS_CANCELLED)
            portions.took(rows)
        yield Done("")

    async def _printed(self, connection: oracledb.AsyncConnection) -> AsyncIterator[Notice]:
        """The output of the statement to DBMS_OUTPUT."""
        if not self._output:
            return
        with connection.cursor() as cursor:
            lines = cursor.arrayvar(oracledb.DB_TYPE_VARCHAR, OUTPUT_LINES, 32767)
            count = cursor.var(oracledb.DB_TYPE_BINARY_INTEGER)
            while True:
                count.setvalue(0, OUTPUT_LINES)
                await self._answer(cursor.callproc("dbms_output.get_lines", [lines, count]))
                number = int(count.getvalue())
                if number:
                    yield Notice("\n".join(line or "" for line in lines.getvalue()[:number]))
                if number < OUTPUT_LINES:
                    break

    def _failed(self, error: Exception, statement: str) -> GuacrError:
        code, reason = error_code(error), error_text(error)
        if code in _LOST or full_code(error) in _LOST_TEXTS:
            return LostError(f"the connection is lost: {error_reason(error)}")
        if full_code(error) == _TIMED_OUT:
            seconds = self.params.statement_timeout
            return StatementError(f"no answer came within {seconds} s: the statement was ended")
        if code == _CANCELLED:
            return StatementError(_WAS_CANCELLED)
        offset = getattr(error.args[0], "offset", 0) if error.args else 0
        place = 1 if code == _INVALID_STATEMENT and not offset else position(statement, offset)
        return StatementError(reason, place)

    @override
    async def cancel(self) -> None:
        """Send a break, but not between two calls, where it would hit the next one."""
        self._cancelled = True
        if self._connection is not None and self._waiting:
            with suppress(oracledb.Error, OSError):
                self._connection.cancel()

    # ---- names

    @override
    async def schema(self) -> Schema:
        """Fetch the names on a separate connection."""
        names = Names()
        try:
            async with await self._open() as connection:
                with connection.cursor() as cursor:
                    await cursor.execute(_NAMES)
                    while names.add(map(_pair, await cursor.fetchmany(NAMES_AT_ONCE))):
                        pass
        except oracledb.Error as error:
            raise UpstreamError(error_reason(error)) from None
        return names.schema()

    @override
    def describe(self, name: str, *, more: bool) -> list[str]:
        owner, _, table = name.strip('"').rpartition(".")
        known = f"UPPER({_literal(owner)})"
        place = {"owner": known if owner else _CURRENT, "name": _literal(table)}
        return [text.format(**place) for text in (_COLUMNS, _INDEXES)]


def _literal(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def _folded(name: str) -> str:
    """A name as people type it: in lower case if it needs no quotes."""
    return name.lower() if name.isupper() else name


def _pair(row: tuple[str, str]) -> tuple[str, str]:
    """A table and a column."""
    table, column = row
    return _folded(table), _folded(column)


def _only_reads(words: list[str]) -> bool:
    return words[:1] in (["select"], ["with"]) or words == ["alter", "session"]


def _exact(cursor: Any, described: oracledb.FetchInfo) -> Any:
    """Fetch numbers as texts, because they have 38 digits."""
    if described.type_code is oracledb.DB_TYPE_NUMBER:
        return cursor.var(oracledb.DB_TYPE_VARCHAR, arraysize=cursor.arraysize)
    return None


async def _texts(row: tuple[object, ...], described: list[oracledb.FetchInfo]) -> Row:
    return tuple(
        [
            await _large(value) if isinstance(value, oracledb.AsyncLOB) else text_of(value, column)
            for value, column in zip(row, described, strict=True)
        ]
    )


async def _large(lob: oracledb.AsyncLOB) -> str:
    """The start of a large object."""
    if lob.type is oracledb.DB_TYPE_BFILE:
        return "(bfile)"
    data = await lob.read(1, LOB_MAX + 1)
    return (plain(data[:LOB_MAX]) or "") + ("…" if len(data) > LOB_MAX else "")


def text_of(value: object, column: oracledb.FetchInfo) -> str | None:
    """Format a value like SQL*Plus; `column` is its description from the server."""
    digits = min(6 if column.scale is None else column.scale, MICROSECONDS)
    match value:
        case datetime.datetime() if column.type_code in _TIMESTAMPS:
            return timestamp(value, digits)
        case datetime.datetime():
            return date(value)
        case datetime.timedelta():
            return interval(value, column.precision or 2, digits)
        case oracledb.IntervalYM():
            return years(value, column.precision or 2)
        case oracledb.AsyncCursor():
            return "(cursor)"
    return plain(value)
