"""Redis and compatible servers, presented like redis-cli."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import ClassVar

from typing_extensions import override

from guacr.api import (
    BadRequestError,
    Check,
    DatabaseSettings,
    GuacrError,
    Network,
    NotFoundError,
    UpstreamError,
    UpstreamTimeoutError,
    shorten,
)
from handlers.database.adapter import (
    TEXT,
    Adapter,
    Columns,
    Done,
    Event,
    LostError,
    Notice,
    Rows,
    StatementError,
    Transaction,
)
from handlers.database.console.portions import CHARACTERS, ROWS_MAX
from handlers.database.console.table import shown
from handlers.database.listing import Listing
from handlers.database.params import DatabaseParams, RedisParams
from handlers.database.redis.cluster import REDIRECTIONS_MAX, Redirection
from handlers.database.redis.connection import (
    RedisConnection,
    ReplyError,
    login_error,
    open_connection,
)
from handlers.database.redis.keys import COLUMNS, describe_key
from handlers.database.redis.names import CommandSuggestions, RedisSchema, fetch_names, write_flags
from handlers.database.redis.raw import RawReplyWriter
from handlers.database.redis.resp import RespError, Token
from handlers.database.redis.text import ReplyWriter, holds_password, is_raw, quoted, words
from handlers.database.sql.statements import Dialect

_ENDLESS = {b"subscribe", b"psubscribe", b"ssubscribe", b"monitor"}
"""Commands with replies until the connection ends."""
_DESCRIBE = "\\d "
"""The internal prefix for describing a key; no server command begins like this."""
_LEAVING = {b"unsubscribe", b"punsubscribe", b"sunsubscribe"}
"""Commands whose reply is a push."""


class RedisAdapter(Adapter):
    """A connection to Redis. As in redis-cli, a command is cancelled by reconnecting, because the
    protocol has no other way to end it."""

    dialect: Dialect = Dialect(lines=True)
    lexer: ClassVar[str] = "text"
    alters: ClassVar[re.Pattern[str]] = re.compile(
        r"\s*(?:select|flushall|flushdb|swapdb|auth|module)\b", re.IGNORECASE
    )
    word: ClassVar[re.Pattern[str]] = re.compile(r"[^\s\"']+")
    usage: ClassVar[str] = "Each line is a command."
    use_database: ClassVar[str] = "database"
    lists: ClassVar[Mapping[str, Listing]] = {
        "l": Listing("databases", "INFO keyspace"),
        "d": Listing("keys, some of them", "SCAN 0 COUNT 100"),
        "df": Listing("functions", "FUNCTION LIST"),
        "du": Listing("users", "ACL LIST"),
    }
    describes: ClassVar[str] = "type, encoding, length, life and memory of a key"
    tabular: ClassVar[bool] = False

    params: RedisParams
    _connection: RedisConnection | None = None
    _at: tuple[str, int] = ("", 0)
    """The connected node, which in a cluster may differ from the parameters."""
    _login: tuple[str, str] | None = None
    """The user and password of a typed AUTH."""
    _password = ""
    _protocol = "2"
    _queued: str | None = None
    """The database to be selected when the transaction is executed."""
    _in_transaction = False
    _running = False
    _cancelled = False
    _writing: Mapping[str, bool] = {}
    """True if each command writes; only fetched if needed."""

    def __init__(
        self,
        params: RedisParams,
        limits: DatabaseSettings | None = None,
        network: Network | None = None,
    ) -> None:
        super().__init__(params, limits, network)
        self.raw = params.raw

    @property
    @override
    def title(self) -> str:
        return f"{self._place}/{self.database}"

    @property
    def _place(self) -> str:
        host, port = self._at
        return host if host.startswith("/") else f"{host}:{port}"

    @property
    @override
    def prompt(self) -> str:
        """The prompt of redis-cli."""
        number = "" if self.database == "0" else f"[{self.database}]"
        return f"{self._place}{number}{'(TX)' if self._in_transaction else ''}> "

    @property
    @override
    def transaction(self) -> Transaction:
        return Transaction.OPEN if self._in_transaction else Transaction.NONE

    # ---- connecting

    @classmethod
    @override
    def checks(cls, params: DatabaseParams) -> Iterator[Check]:
        yield partial(_check_database, params.database)
        if params.tls != "prefer":
            yield from super().checks(params)

    @override
    async def connect(self, password: str) -> str:
        await self.close()
        _check_database(self.database)
        self._password = password
        self._protocol = "2"
        self._at = (self.params.hostname, self.params.port)
        connection = await self._open()
        try:
            async with asyncio.timeout(self.params.timeout):
                version = await _version(connection)
                if self.params.read_only_session:
                    self._writing = await write_flags(connection)
        except (OSError, EOFError, ReplyError):
            await connection.close()
            raise UpstreamError("the server does not tell what it is and what it can") from None
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        return f"{version}, database {self.database}."

    async def _open(self) -> RedisConnection:
        """Open a connection that is logged in and has the database selected."""
        host, port = self._at
        connection = await open_connection(
            self.network, replace(self.params, hostname=host, port=port)
        )
        try:
            async with asyncio.timeout(self.params.timeout):
                await self._log_in(connection)
            return connection
        except TimeoutError:
            await connection.close()
            raise UpstreamTimeoutError(
                f"the server at {shorten(self._place)} accepts the connection, but does not "
                "answer: check port and tls"
            ) from None
        except (OSError, EOFError):
            await connection.close()
            raise UpstreamError(
                f"the server at {shorten(self._place)} closes the connection: check port and tls"
            ) from None
        except BaseException:
            await connection.close()
            raise

    async def _log_in(self, connection: RedisConnection) -> None:
        user, password = self._login or (self.params.username, self._password)
        try:
            if password:
                await connection.call("AUTH", *filter(None, (user, password)))
            if self._protocol != "2":
                await connection.call("HELLO", self._protocol)
            await connection.call("PING")
        except ReplyError as error:
            if told := login_error(error, user):
                raise told from None
            if not str(error).startswith("NOPERM"):
                raise UpstreamError(f"the server refuses: {shorten(str(error), 200)}") from None
        if self.database == "0":
            return
        try:
            await connection.call("SELECT", self.database)
        except ReplyError as error:
            raise NotFoundError(
                f"database {self.database} cannot be opened: {shorten(str(error), 200)}"
            ) from None

    @override
    async def close(self) -> None:
        connection, self._connection = self._connection, None
        self._in_transaction = False
        self._queued = None
        if connection is not None:
            await connection.close()

    async def _again(self) -> None:
        """Reconnect, and abandon the running command."""
        await self.close()
        try:
            self._connection = await self._open()
        except GuacrError as error:
            raise LostError(f"the connection is lost: {error}") from None

    # ---- commands

    @override
    async def execute(self, statement: str) -> AsyncGenerator[Event, None]:
        describes = statement.startswith(_DESCRIBE)
        try:
            arguments = words(statement.removeprefix(_DESCRIBE))
        except BadRequestError as error:
            raise StatementError(str(error)) from None
        connection = self._connection
        if connection is None:
            raise LostError("there is no connection to the server")
        if not describes:
            self._refuse_writing(arguments)
        self._cancelled, self._running = False, True
        endless = arguments[0].lower() in _ENDLESS and not describes
        try:
            if describes:
                events = self._describe(connection, arguments[0])
            else:
                await connection.send(arguments)
                events = (self._stream if endless else self._reply)(connection, arguments)
            async for event in events:
                yield event
        except (OSError, EOFError, RespError) as error:
            if not self._cancelled:
                raise LostError(f"the connection is lost: {error}") from None
            await self._again()
            if not endless:
                raise StatementError("cancelled; the connection was reopened") from None
        finally:
            self._running = False

    async def _stream(
        self, connection: RedisConnection, arguments: list[bytes]
    ) -> AsyncIterator[Event]:
        """Show replies until the command is cancelled."""
        yield Done("Reading messages... (press Ctrl-C to quit)")
        redirections = 0
        while True:
            writer = self._reply_writer()
            lines: list[str] = []
            while not writer.ended:
                token = await connection.token()
                lines += writer.add(token)
            redirection = self._redirection(token.data if token.kind == b"-" else b"")
            if redirection is not None and redirections < REDIRECTIONS_MAX:
                redirections += 1
                connection = await self._redirected(redirection)
                yield self._told(redirection)
                await connection.send(arguments)
                continue
            yield Done("\n".join(map(shown, lines)))
            if token.kind == b"-" and len(lines) == 1:
                return

    async def _describe(self, connection: RedisConnection, key: bytes) -> AsyncIterator[Event]:
        if self._in_transaction:
            raise StatementError("keys cannot be read between MULTI and EXEC")
        asking = False
        for _ in range(REDIRECTIONS_MAX):
            try:
                await connection.call("TYPE", key)
                break
            except ReplyError as error:
                redirection = self._redirection(str(error).encode())
            if redirection is None:
                break
            connection, asking = await self._redirected(redirection), redirection.asking
            yield self._told(redirection)
        row = await describe_key(connection, key, asking=asking)
        if row is not None:
            yield Columns(COLUMNS)
            yield Rows([row], last=True)
            yield Done("")

    async def _reply(
        self, connection: RedisConnection, arguments: list[bytes]
    ) -> AsyncIterator[Event]:
        token = await self._first(connection)
        name = arguments[0].lower()
        while token.kind == b">" and name not in _LEAVING:
            async for event in self._lines(connection, token, self._reply_writer()):
                yield event
            token = await self._first(connection)
        for _ in range(REDIRECTIONS_MAX):
            redirection = self._redirection(token.data if token.kind == b"-" else b"")
            if redirection is None:
                break
            connection = await self._redirected(redirection)
            yield self._told(redirection)
            await connection.send(arguments)
            token = await self._first(connection)
        self._follow(arguments, token)
        if token.kind == b"-":
            raise StatementError(f"(error) {token.data.decode(errors='replace')}")
        writer = self._reply_writer(text=is_raw(arguments))
        async for event in self._lines(connection, token, writer):
            yield event

    def _reply_writer(self, *, text: bool = False) -> ReplyWriter | RawReplyWriter:
        return RawReplyWriter() if self.raw else ReplyWriter(raw=text)

    def _redirection(self, error: bytes) -> Redirection | None:
        if not self.params.cluster or self._in_transaction:
            return None
        return Redirection.read(error)

    def _told(self, redirection: Redirection) -> Notice:
        return Notice(f"-> Redirected to slot [{redirection.slot}] located at {shown(self._place)}")

    async def _redirected(self, redirection: Redirection) -> RedisConnection:
        """Connect to the node that a command must go to; close the previous connection."""
        before, at = self._connection, self._at
        self._at = (redirection.host or self._at[0], redirection.port)
        try:
            connection = await self._open()
            if redirection.asking:
                await self._ask(connection)
        except GuacrError as error:
            self._at = at
            raise StatementError(f"the node that the cluster names: {error}") from None
        self._connection = connection
        if before is not None:
            await before.close()
        return connection

    async def _ask(self, connection: RedisConnection) -> None:
        """Send ASKING before a redirected command. The connection is closed if the node rejects it,
        because nothing else owns it yet."""
        try:
            async with asyncio.timeout(self.params.timeout):
                await connection.call("ASKING")
        except (OSError, EOFError, ReplyError) as error:  # TimeoutError is an OSError
            await connection.close()
            raise UpstreamError(
                f"it does not accept ASKING: {shorten(str(error) or 'no answer', 200)}"
            ) from None
        except BaseException:
            await connection.close()
            raise

    async def _first(self, connection: RedisConnection) -> Token:
        """The start of the reply, which must arrive in time."""
        try:
            async with asyncio.timeout(self.params.statement_timeout or None):
                return await connection.token()
        except TimeoutError:
            await self._again()
            raise StatementError(
                f"ended after {self.params.statement_timeout} s; the connection was reopened"
            ) from None

    async def _lines(
        self, connection: RedisConnection, token: Token, writer: ReplyWriter | RawReplyWriter
    ) -> AsyncIterator[Event]:
        yield TEXT
        lines = writer.add(token)
        weight = 0
        while not writer.ended:
            added = writer.add(await connection.token())
            lines += added
            weight += sum(map(len, added))
            if len(lines) >= ROWS_MAX or weight > CHARACTERS:
                yield Rows([(line,) for line in lines])
                lines, weight = [], 0
        self._running = False  # there is nothing left to cancel
        yield Rows([(line,) for line in lines], last=True)
        yield Done("")

    def _follow(self, arguments: list[bytes], reply: Token) -> None:
        """Track what a command changes for the following ones."""
        name, *rest = (argument.decode(errors="replace") for argument in arguments)
        name = name.lower()
        if name in ("exec", "discard") and reply.data[:3] != b"ERR":
            if name == "exec" and reply.kind == b"*" and self._queued is not None:
                self.database = self._queued
            self._in_transaction, self._queued = False, None
        if reply.kind == b"-":
            return
        if name == "multi":
            self._in_transaction = True
        elif name == "select" and rest:
            if reply.data == b"QUEUED":
                self._queued = rest[0]
            else:
                self.database = rest[0]
        elif name == "auth" and rest:
            self._login = (rest[0] if rest[1:] else "", rest[-1])
        elif name == "hello" and rest:
            self._protocol = rest[0]
        elif name == "reset":
            self.database, self._protocol, self._in_transaction = "0", "2", False

    def _refuse_writing(self, arguments: list[bytes]) -> None:
        if not self.params.read_only_session:
            return
        name, *rest = (argument.decode(errors="replace").lower() for argument in arguments)
        inner = f"{name}|{rest[0]}" if rest else name
        if self._writing.get(inner, self._writing.get(name, True)):
            raise StatementError(
                f"(error) {shorten(name)} may write, and this session may only read"
            )

    @override
    async def cancel(self) -> None:
        if self._running and self._connection is not None:
            self._cancelled = True
            self._connection.abort()

    @override
    def is_secret(self, text: str) -> bool:
        return any(map(holds_password, text.splitlines()))

    # ---- names

    @override
    def suggestions(self) -> CommandSuggestions:
        return CommandSuggestions(())

    @override
    async def schema(self) -> RedisSchema:
        """Fetch the names on a separate connection."""
        connection = await self._open()
        try:
            return await fetch_names(connection)
        except (ReplyError, EOFError) as error:
            raise UpstreamError(f"names cannot be fetched: {error}") from None
        finally:
            await connection.close()

    @override
    def describe(self, name: str, *, more: bool) -> list[str]:
        return [_DESCRIBE + (name if name[:1] in ("'", '"') else quoted(name.encode()))]


async def _version(connection: RedisConnection) -> str:
    """The server's name and version, as far as this user may know them."""
    try:
        info = str(await connection.call("INFO", "server"))
    except ReplyError:
        return "Redis"
    found = re.search(r"^(redis|valkey)_version:(\S{1,40})", info, re.MULTILINE)
    return f"{found[1].capitalize()} {shown(found[2])}" if found else "Redis"


def _check_database(database: str) -> None:
    if not (database.isascii() and database.isdigit() and len(database) < 10):
        raise BadRequestError(
            f"parameter database must be a number from 0, not {shorten(database)}"
        )
