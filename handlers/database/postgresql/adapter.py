"""PostgreSQL, through libpq like psql: statements and values are texts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar, TypeVar

import psycopg
from psycopg import generators, pq, waiting
from psycopg.abc import PQGen
from typing_extensions import override

from guacr.api import (
    GuacrError,
    UpstreamError,
    UpstreamTimeoutError,
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
)
from handlers.database.console.completion import (
    COLUMNS_MAX,
    FUNCTIONS_MAX,
    SQL_KEYWORDS,
    TABLES_MAX,
    Names,
    Schema,
)
from handlers.database.console.portions import Portions
from handlers.database.console.scripts import encoded
from handlers.database.console.table import shown
from handlers.database.listing import Listing
from handlers.database.notices import Notices
from handlers.database.postgresql import catalog
from handlers.database.postgresql.connection import Login, log_in
from handlers.database.postgresql.errors import first_line, statement_error
from handlers.database.postgresql.guard import Guard
from handlers.database.postgresql.relay import Connection, Relay
from handlers.database.sql.statements import Dialect

CANCEL_TIMEOUT = 5.0
"""Seconds within which the server must accept a cancel request."""
CLOSE_TIMEOUT = 2.0
"""The same, if nobody waits for the statement any more."""
WAIT_INTERVAL = 60.0
"""Seconds between checks of a silent socket."""
SCHEMA_MAX = 16 << 20
"""Maximum bytes of the names for completion."""
_NUMBERS = {20, 21, 23, 26, 28, 700, 701, 790, 1700}
"""Types (OIDs) that are right-aligned, as in psql."""
_STATES = {
    pq.TransactionStatus.INTRANS: Transaction.OPEN,
    pq.TransactionStatus.ACTIVE: Transaction.OPEN,
    pq.TransactionStatus.INERROR: Transaction.FAILED,
}
_SCHEMA = f"""SELECT c.relname, a.attname FROM (
  SELECT oid, relname, relnamespace = 'pg_catalog'::regnamespace AS own FROM pg_catalog.pg_class
  WHERE relkind IN ('r','p','v','m','f') AND pg_catalog.pg_table_is_visible(oid)
  ORDER BY own, relname LIMIT {TABLES_MAX}) c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE a.attnum BETWEEN 1 AND {COLUMNS_MAX} AND NOT a.attisdropped
ORDER BY c.own, 1, a.attnum"""  # noqa: S608 - a constant
_FUNCTIONS = f"""SELECT DISTINCT proname FROM pg_catalog.pg_proc WHERE proname !~ '^_'
LIMIT {FUNCTIONS_MAX}"""  # noqa: S608 - a constant

Outcome = TypeVar("Outcome")


class PostgresqlAdapter(Adapter):
    """A connection to PostgreSQL. psycopg connects and waits; statements and results use libpq
    directly, which is the only way to combine several results, single rows, and values as printed
    by psql."""

    dialect: Dialect = Dialect(dollars=True)
    lexer: ClassVar[str] = "postgresql"
    keywords: ClassVar[tuple[str, ...]] = (
        *SQL_KEYWORDS, "RETURNING", "ILIKE", "LATERAL", "VACUUM", "COPY", "LISTEN", "MATERIALIZED",
    )  # fmt: skip
    use_database: ClassVar[str] = "database"
    lists: ClassVar[Mapping[str, Listing]] = catalog.LISTS
    columnless: ClassVar[bool] = True
    describes: ClassVar[str] = "columns, indexes, constraints and triggers of a table"
    describes_more: ClassVar[str] = "storage, descriptions, sizes, what a view stands for"

    _connection: Connection | None = None
    _password = ""
    _relay: Relay
    """The relay of the connection."""
    _given_up = False
    """True if the running statement was cancelled."""

    @property
    @override
    def title(self) -> str:
        return f"{self.params.username}@{self.params.hostname}/{self.database}"

    @property
    @override
    def transaction(self) -> Transaction:
        if self._connection is None:
            return Transaction.NONE
        return _STATES.get(self._connection.info.transaction_status, Transaction.NONE)

    @property
    @override
    def spoken(self) -> Dialect:
        if self._connection is None:
            return self.dialect
        told = self._connection.pgconn.parameter_status(b"standard_conforming_strings")
        return replace(self.dialect, standard=told != b"off")

    @property
    @override
    def prompt(self) -> str:
        return f"{self.database}={self.transaction.value}> "

    @override
    async def connect(self, password: str) -> str:
        await self.close()
        self._password = password
        self._notices = Notices()
        relay = self._relay = Relay(self.limits.max_value)
        connection = self._connection = await self._open(relay)
        connection.add_notice_handler(self._notice)
        connection.add_notify_handler(self._notification)
        self._guard = Guard(
            lambda: connection.info.transaction_status,
            self._tell,
            read_only=self.params.read_only_session,
        )
        self.database = connection.info.dbname
        status = connection.pgconn.parameter_status(b"server_version") or b""
        version = shown(status.decode(errors="replace"))
        tls = ", encrypted" if connection.pgconn.ssl_in_use else ""
        return f"PostgreSQL {version}, database {self.database}{tls}."

    async def _open(self, relay: Relay) -> Connection:
        login = Login(self.database or self.params.username, self._password)
        try:
            return await log_in(self.params, login, relay, self.network)
        except BaseException:
            await relay.close()
            if relay.exceeded:
                raise UpstreamError(f"the login fails: {self._too_much}") from None
            raise

    @property
    def _too_much(self) -> str:
        return (
            f"the server sent a value of more than {self.limits.max_value} bytes "
            "(databases.max_value)"
        )

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        lines = [f"{diagnostic.severity}:  {diagnostic.message_primary}"]
        if diagnostic.message_detail:
            lines.append(f"DETAIL:  {diagnostic.message_detail}")
        if diagnostic.message_hint:
            lines.append(f"HINT:  {diagnostic.message_hint}")
        self._notices.add("\n".join(lines))
        self._relay.start_count()

    def _notification(self, notify: psycopg.Notify) -> None:
        payload = f' with payload "{notify.payload}"' if notify.payload else ""
        self._notices.add(
            f'Asynchronous notification "{notify.channel}"{payload} received from server process '
            f"with PID {notify.pid}."
        )
        self._relay.start_count()

    @override
    async def close(self) -> None:
        """Disconnect, and cancel a running statement."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if connection.info.transaction_status is pq.TransactionStatus.ACTIVE:
                with suppress(psycopg.Error):
                    await connection.cancel_safe(timeout=CLOSE_TIMEOUT)
            await connection.close()
            await self._relay.close()

    # ---- statements

    @override
    async def execute(self, statement: str) -> AsyncGenerator[Event, None]:
        connection = self._connection
        if connection is None:
            raise LostError("there is no connection to the server")
        pgconn = connection.pgconn
        self._given_up = False
        try:
            await self._guard.before(statement)
            pgconn.send_query(encoded(statement))
            await self._wait(generators.send(pgconn))
            pgconn.set_single_row_mode()
            async for event in self._results(pgconn):
                yield event
            await self._guard.after()
            if not self.in_script and pgconn.parameter_status(b"client_encoding") != b"UTF8":
                await self._tell("SET client_encoding = 'UTF8'")
                yield Notice("this console speaks UTF8, and keeps to it")
        except StatementError:
            with suppress(psycopg.Error):  # reported by the next statement
                await self._guard.after()
            if self._given_up:
                with suppress(psycopg.Error):  # reported by the next statement
                    await self._guard.undo()
            raise
        except psycopg.Error as error:
            raise self._broken(error) from None
        for notice in self._notices.take():
            yield notice
        if pgconn.status == pq.ConnStatus.BAD:
            raise self._lost("the server closed it")

    async def _results(self, pgconn: pq.abc.PGconn) -> AsyncIterator[Event]:
        rows: list[Row] = []
        portions = Portions()
        begun = False
        failure: Exception | None = None
        while (result := await self._wait(generators.fetch(pgconn))) is not None:
            status = result.status
            if status in (pq.ExecStatus.SINGLE_TUPLE, pq.ExecStatus.TUPLES_OK):
                if not begun:
                    begun = True
                    yield Columns(_columns(result))
                rows += _rows(result)
            if status == pq.ExecStatus.SINGLE_TUPLE:
                if portions.is_full(rows):
                    yield Rows(rows)
                    portions.took(rows)
                    rows = []
                continue
            if rows:
                yield Rows(rows, last=status == pq.ExecStatus.TUPLES_OK)
                rows = []
            for notice in self._notices.take():
                yield notice
            if status == pq.ExecStatus.FATAL_ERROR:
                failure = self._failure(result, pgconn)
            elif status == pq.ExecStatus.COPY_IN:
                await self._copy_in(pgconn)
            elif status == pq.ExecStatus.COPY_OUT:
                async for notice in self._copied(pgconn):
                    yield notice
            else:
                tag = (result.command_status or b"").decode()
                yield Done("" if begun else tag)
            begun = False
        if failure is not None:
            raise failure

    async def _copy_in(self, pgconn: pq.abc.PGconn) -> None:
        """Send the data for COPY, until its end or until it is cancelled."""
        error: bytes | None = None
        try:
            if self.input is None:
                error = b"there is no input for COPY here"
            else:
                async for data in self.input.data():
                    if self._given_up:
                        break
                    await self._wait(generators.copy_to(pgconn, data))
        except GuacrError as failed:
            error = encoded(str(failed))
        if self._given_up:
            error = b"cancelled"
        pgconn.put_copy_end(error)
        await self._wait(generators.send(pgconn))

    @override
    async def cancel(self) -> None:
        if self._connection is None:
            return
        self._given_up = True
        try:
            await self._connection.cancel_safe(timeout=CANCEL_TIMEOUT)
        except psycopg.errors.CancellationTimeout:
            raise UpstreamTimeoutError("the server does not answer in time") from None
        except psycopg.Error as error:
            raise UpstreamError(first_line(str(error))) from None

    async def _wait(self, generator: PQGen[Outcome]) -> Outcome:
        """Wait for the server's next answer. Cancelling this does not cancel the statement, which
        psycopg's own method would do and wait for."""
        connection = self._connection
        if connection is None:
            raise LostError("there is no connection to the server")
        self._relay.start_count()
        return await waiting.wait_async(generator, connection.pgconn.socket, WAIT_INTERVAL)

    async def _tell(self, statement: str) -> None:
        """Run an internal statement without rows.

        Raises:
            psycopg.Error: as for statements.
        """
        connection = self._connection
        if connection is None:
            raise LostError("there is no connection to the server")
        connection.pgconn.send_query(statement.encode())
        for result in await self._wait(generators.execute(connection.pgconn)):
            if result.status == pq.ExecStatus.FATAL_ERROR:
                raise psycopg.errors.error_from_result(result)

    async def _copied(self, pgconn: pq.abc.PGconn) -> AsyncIterator[Notice]:
        """The lines from COPY TO STDOUT."""
        while isinstance(data := await self._wait(generators.copy_from(pgconn)), memoryview):
            if self.output is None:
                yield Notice(bytes(data).decode(errors="replace").rstrip("\n"))
            else:
                await self.output(bytes(data))

    # ---- what goes wrong

    def _lost(self, reason: str) -> LostError:
        return LostError(
            f"the connection is lost: {self._too_much if self._relay.exceeded else reason}"
        )

    def _broken(self, error: psycopg.Error) -> GuacrError:
        """The error for a failure while waiting for the server, or in an internal statement."""
        reason = first_line(str(error).removeprefix("consuming input failed: "))
        lost = isinstance(error, psycopg.OperationalError)
        if lost and not isinstance(error, psycopg.errors.QueryCanceled):
            return self._lost(reason)
        return StatementError(f"ERROR:  {reason}")

    def _failure(self, result: pq.abc.PGresult, pgconn: pq.abc.PGconn) -> Exception:
        error = statement_error(result)
        if pgconn.status == pq.ConnStatus.BAD or error is None:
            return self._lost(first_line(result.get_error_message()))
        return error

    # ---- names

    @override
    async def schema(self) -> Schema:
        """Fetch the names on a separate connection."""
        relay = Relay(SCHEMA_MAX)
        connection = await self._open(relay)
        try:
            names = Names()
            names.add((table, column) for table, column in await self._fetch(connection, _SCHEMA))
            functions = [name for (name,) in await self._fetch(connection, _FUNCTIONS)]
        except psycopg.Error as error:
            raise UpstreamError(first_line(str(error))) from None
        finally:
            await connection.close()
            await relay.close()
        return names.schema(functions)

    @staticmethod
    async def _fetch(connection: Connection, statement: str) -> list[tuple[str, ...]]:
        cursor = await connection.execute(statement.encode())
        return [tuple(map(str, row)) for row in await cursor.fetchall()]

    @override
    def describe(self, name: str, *, more: bool) -> list[str]:
        return catalog.describe(name, more=more)


def _columns(result: pq.abc.PGresult) -> tuple[Column, ...]:
    return tuple(
        Column((result.fname(i) or b"").decode(errors="replace"), result.ftype(i) in _NUMBERS)
        for i in range(result.nfields)
    )


def _rows(result: pq.abc.PGresult) -> list[Row]:
    columns = range(result.nfields)
    return [
        tuple(
            None if (value := result.get_value(row, i)) is None else value.decode(errors="replace")
            for i in columns
        )
        for row in range(result.ntuples)
    ]
