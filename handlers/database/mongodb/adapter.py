"""MongoDB, with the subset of mongosh in `handlers.database.mongodb.commands`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import suppress
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

import pymongo
from pymongo import errors
from typing_extensions import override

from guacr.api import (
    BadRequestError,
    GuacrError,
    UnauthorizedError,
    UpstreamError,
    UpstreamTimeoutError,
    compute,
    shorten,
)
from handlers.database.adapter import (
    TEXT,
    Adapter,
    Column,
    Columns,
    Done,
    Event,
    LostError,
    Rows,
    StatementError,
)
from handlers.database.console.completion import TABLES_MAX, Schema, Suggestions
from handlers.database.console.portions import CHARACTERS, ROWS_MAX, Portions
from handlers.database.listing import Listing
from handlers.database.mongodb.commands import (
    METHODS,
    WRITING,
    MongoCommand,
    is_complete,
    parse_command,
    split_commands,
)
from handlers.database.mongodb.relay import Relay
from handlers.database.mongodb.values import WRONG_VALUES, printed, raw_size, undecoded
from handlers.database.params import MongodbParams
from handlers.database.sql.statements import Dialect, Statement

CLOSE_TIMEOUT = 2.0
"""Seconds for the library to end its connections, some of which may be to servers that are gone."""
BATCH = 100
"""Documents per batch of the server."""
PRINTED_HERE = 4096
"""Maximum bytes of a document that is formatted without a thread."""
_AUTHENTICATION_FAILED = 18
_LOST = (errors.ConnectionFailure, OSError, EOFError)
_CALLS = {
    "findOne": "find_one", "countDocuments": "count_documents", "distinct": "distinct",
    "estimatedDocumentCount": "estimated_document_count", "insertOne": "insert_one",
    "insertMany": "insert_many", "updateOne": "update_one", "updateMany": "update_many",
    "deleteOne": "delete_one", "deleteMany": "delete_many",
}  # fmt: skip
"""Methods of mongosh that return one value, by their names in the library."""
_COLLECTION = re.compile(r"\bdb\.([\w$.]*)$")
_SECRET = re.compile(r"\bpwd\b|\bauthenticate\b|\bsasl", re.IGNORECASE)

Result = TypeVar("Result")
Client = pymongo.AsyncMongoClient[dict[str, Any]]


def _statements(text: str) -> list[Statement]:
    return list(map(Statement, split_commands(text)))


class _Suggestions(Suggestions):
    """Commands, then collections, then methods."""

    __slots__ = ()

    def _candidates(self, before: str, word: str) -> Iterator[tuple[str, str]]:
        if match := _COLLECTION.search(before):
            if match[1]:
                yield from ((name, "method") for name in METHODS)
            else:
                yield from ((name, "collection") for name in self.schema.tables)
        elif not before.strip() and word:
            yield from ((name, "command") for name in ("show", "use", "db"))
        elif before.strip() == "show":
            yield from ((name, "names") for name in ("dbs", "collections"))


class MongodbAdapter(Adapter):
    """A connection to MongoDB. A command is cancelled by closing its connection, and the server
    then stops reading for it; the client reconnects by itself."""

    dialect: Dialect = Dialect(splits=_statements)
    lexer: ClassVar[str] = "javascript"
    usage: ClassVar[str] = "A command ends with its line, or with the brackets that are open there."
    use_database: ClassVar[str] = "database"
    alters: ClassVar[re.Pattern[str]] = re.compile(r"\s*(?:use\b|db\..*(?:insert|runCommand))")
    lists: ClassVar[Mapping[str, Listing]] = {
        "l": Listing("databases", "show dbs"),
        "d": Listing("collections", "show collections"),
        "dt": Listing("collections", "show collections"),
        "du": Listing("users", "db.runCommand({usersInfo: 1})"),
    }
    describes: ClassVar[str] = "indexes of a collection"
    tabular: ClassVar[bool] = False

    params: MongodbParams
    _relay: Relay | None = None
    _client: Client | None = None
    _waiting: asyncio.Task[Any] | None = None
    _cancelled = False

    @property
    @override
    def title(self) -> str:
        user = f"{self.params.username}@" if self.params.username else ""
        return f"{user}{self.params.hostname}/{self.database}"

    @property
    @override
    def prompt(self) -> str:
        return f"{self.database}> "

    @override
    def complete(self, text: str) -> bool:
        return is_complete(text)

    @override
    def suggestions(self) -> Suggestions:
        return _Suggestions(())

    @override
    def is_secret(self, text: str) -> bool:
        return super().is_secret(text) or _SECRET.search(text) is not None

    @override
    def describe(self, name: str, *, more: bool) -> list[str]:
        collection = printed(name.strip('"'))
        return [f"db.getCollection({collection}).getIndexes()"]

    # ---- connecting

    @override
    async def connect(self, password: str) -> str:
        await self.close()
        params = self.params
        if params.username and not password:
            raise UnauthorizedError("the server requires a password")
        relay = self._relay = Relay(self.network, params)
        try:
            await relay.open()
            client = self._client = await asyncio.to_thread(self._made, password, relay.path)
            async with asyncio.timeout(params.timeout + 1):
                await client.admin.command("ping")
                version = (await client.server_info()).get("version", "")
        except BaseException as error:
            await self.close()
            if isinstance(error, (errors.PyMongoError, OSError, *WRONG_VALUES)):
                if relay.failure is not None:
                    raise relay.failure from None
                raise self._explained(error) from None
            raise
        return f"MongoDB {str(version)[:40]}, database {self.database}."

    def _made(self, password: str, path: str) -> Client:
        """Create a client of a Unix socket, in a thread because it reads files."""
        params = self.params
        login: dict[str, Any] = {
            "username": params.username, "password": password, "authSource": params.auth_source,
        }  # fmt: skip
        return pymongo.AsyncMongoClient(
            host=f"mongodb://{quote(path, safe='')}",
            directConnection=True,  # connect to no other host that a server names
            appname="guacr",
            serverSelectionTimeoutMS=params.timeout * 1000,
            connectTimeoutMS=params.timeout * 1000,
            uuidRepresentation="standard",
            datetime_conversion="DATETIME_AUTO",
            unicode_decode_error_handler="replace",
            **(login if params.username else {}),
        )

    def _explained(self, error: BaseException) -> GuacrError:
        params = self.params
        place = f"the server at {shorten(params.hostname)} on port {params.port}"
        reason = _reason(error)
        if getattr(error, "code", 0) == _AUTHENTICATION_FAILED:
            return UnauthorizedError(
                f"the server rejects the login of {shorten(params.username)}: "
                "check user, password and auth-source"
            )
        if "certificate" in reason.lower():
            return UpstreamError(
                f"the certificate of {place} is not trusted: check tls-ca, or tls: {reason}"
            )
        if "SSL" in reason:
            return UpstreamError(f"{place} does not speak TLS: check port and tls")
        if isinstance(error, errors.ConfigurationError | ValueError):
            return BadRequestError(f"the parameters cannot be used: {reason}")
        if isinstance(error, TimeoutError) or "timed out" in reason or "No servers" in reason:
            return UpstreamTimeoutError(f"{place} does not answer in time: check port and tls")
        return UpstreamError(
            f"{place} cannot be used: {reason}: check port and tls, and that it is MongoDB"
        )

    @override
    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(errors.PyMongoError, OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await client.close()
        relay, self._relay = self._relay, None
        if relay is not None:
            await relay.close()

    # ---- commands

    @override
    async def execute(self, statement: str) -> AsyncGenerator[Event, None]:
        if self._client is None:
            raise LostError("there is no connection to the server")
        command = parse_command(statement)
        if self.params.read_only_session and command.writes:
            raise StatementError("the session may only read")
        self._cancelled = False
        try:
            async for event in self._run(self._client, command):
                yield event
        except errors.PyMongoError as error:
            raise self._failed(error) from None
        except (OSError, EOFError) as error:
            raise LostError(f"the connection is lost: {_reason(error)}") from None
        except WRONG_VALUES as error:
            raise StatementError(f"the command cannot be sent: {_reason(error)}") from None

    async def _answer(self, call: Coroutine[Any, Any, Result]) -> Result:
        """Wait for the server's answer, with the time-out and cancellation."""

        async def limited() -> Result:
            with pymongo.timeout(self.params.statement_timeout or None):
                return await call

        task = self._waiting = asyncio.create_task(limited(), name="mongodb")
        try:
            answer: Result = await task
            return answer
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
            raise StatementError("the command was cancelled") from None
        finally:
            self._waiting = None
            call.close()  # it was never started if it was cancelled at once

    async def _run(self, client: Client, command: MongoCommand) -> AsyncIterator[Event]:
        database = client[self.database]
        method, arguments = command.method, command.arguments
        if method == "use":
            self.database = arguments[0]
            yield Done(f"switched to db {self.database}")
        elif method == "databases":
            found = await self._answer(client.admin.command("listDatabases"))
            columns = Columns((Column("Name"), Column("Bytes", right=True)))
            rows = [(d["name"], str(int(d.get("sizeOnDisk", 0)))) for d in found["databases"]]
            yield columns
            yield Rows(sorted(rows), last=True)
            yield Done("")
        elif method == "runCommand":
            call = database.command(arguments[0], codec_options=undecoded(database.codec_options))
            async for event in self._shown(await self._answer(call)):
                yield event
        elif method in ("find", "aggregate", "getIndexes", "collections"):
            cursor = await self._answer(_cursor(database, command))
            async for event in self._documents(cursor):
                yield event
        else:
            async for event in self._shown(await self._answer(_single(database, command))):
                yield event

    async def _documents(self, cursor: Any) -> AsyncIterator[Event]:
        """The documents of a cursor, on demand."""
        yield TEXT
        portions = Portions()
        try:
            while texts := await self._answer(self._texts(cursor, portions.rows)):
                for text in texts:
                    for rows in _portions(text):
                        yield rows
                    if self._cancelled:
                        raise StatementError("the command was cancelled")
                portions.took([(text,) for text in texts])
        finally:
            with suppress(errors.PyMongoError, OSError):
                await cursor.close()
        yield Done("")

    async def _texts(self, cursor: Any, count: int) -> list[str]:
        """The next documents as printed: `count` of them, or fewer if they are long."""
        texts: list[str] = []
        length = 0
        while len(texts) < count and length < CHARACTERS:
            try:
                found = await cursor.next()
            except StopAsyncIteration:
                break
            texts.append(await self._text(found))
            length += len(texts[-1])
        return texts

    async def _text(self, value: object) -> str:
        """Format a value; in a thread if it is long, because a document may have 16 MiB.

        Raises:
            StatementError: it exceeds the limit of a value.
        """
        size = raw_size(value)
        if size > self.limits.max_value:
            raise StatementError(
                f"a document has {size} bytes, and {self.limits.max_value} are allowed "
                "(databases.max_value): leave out fields by a projection"
            )
        return printed(value) if 0 < size <= PRINTED_HERE else await compute(printed, value)

    async def _shown(self, value: object) -> AsyncIterator[Event]:
        yield TEXT
        for rows in _portions(await self._text(value)):
            yield rows
        yield Done("")

    def _failed(self, error: errors.PyMongoError) -> GuacrError:
        if error.timeout and self.params.statement_timeout:
            seconds = self.params.statement_timeout
            return StatementError(f"no answer came within {seconds} s: the command was ended")
        if isinstance(error, _LOST):
            return LostError(f"the connection is lost: {_reason(error)}")
        return StatementError(error_text(error))

    @override
    async def cancel(self) -> None:
        self._cancelled = True
        if self._waiting is not None:
            self._waiting.cancel()

    # ---- names

    @override
    async def schema(self) -> Schema:
        """Fetch the names; the client uses a separate connection."""
        if self._client is None:
            return Schema()
        try:
            names = await self._client[self.database].list_collection_names()
        except errors.PyMongoError as error:
            raise UpstreamError(_reason(error)) from None
        return Schema(dict.fromkeys(sorted(names)[:TABLES_MAX], ()))


def _portions(text: str) -> Iterator[Rows]:
    """The lines of a text, in portions."""
    lines = text.split("\n")
    for start in range(0, len(lines), ROWS_MAX):
        yield Rows([(line,) for line in lines[start : start + ROWS_MAX]])


async def _cursor(database: Any, command: MongoCommand) -> Any:
    collection, arguments = database[command.collection or "unnamed"], command.arguments
    if command.method == "collections":
        return await database.list_collections(filter={}, nameOnly=True)
    if command.method == "getIndexes":
        return await collection.list_indexes()
    collection = collection.with_options(codec_options=undecoded(database.codec_options))
    if command.method == "aggregate":
        stages = arguments[0] if isinstance(arguments[0], list) else [arguments[0]]
        return await collection.aggregate(stages, batchSize=BATCH)
    limits = command.modifiers
    cursor = collection.find(*arguments, batch_size=BATCH)
    if limits.get("sort"):
        cursor = cursor.sort(list(limits["sort"].items()))
    return cursor.skip(limits.get("skip", 0)).limit(limits.get("limit", 0))


async def _single(database: Any, command: MongoCommand) -> object:
    """The result of a command that returns one value."""
    collection, arguments = database[command.collection], command.arguments
    if command.method == "findOne":
        collection = collection.with_options(codec_options=undecoded(database.codec_options))
    call = getattr(collection, _CALLS[command.method])
    if command.method in ("findOne", "countDocuments"):
        return await call(*arguments or ({},))
    if command.method.startswith("update"):
        return _told(await call(*arguments[:2], **dict(*arguments[2:])))
    result = await call(*arguments)
    return _told(result) if command.method in WRITING else result


def _told(result: Any) -> object:
    """The message of mongosh about a change."""
    names = {
        "inserted_id": "insertedId", "inserted_ids": "insertedIds", "upserted_id": "upsertedId",
        "matched_count": "matchedCount", "modified_count": "modifiedCount",
        "deleted_count": "deletedCount",
    }  # fmt: skip
    found = {shown: getattr(result, name) for name, shown in names.items() if hasattr(result, name)}
    return {"acknowledged": result.acknowledged, **found}


def error_text(error: errors.PyMongoError) -> str:
    """Format an error like mongosh."""
    details = getattr(error, "details", None) or {}
    written = details.get("writeErrors") or [{}]
    message = written[0].get("errmsg") or details.get("errmsg") or _reason(error)
    name = details.get("codeName") or ""
    return f"MongoServerError[{name}]: {message}" if name else str(message)


def _reason(error: BaseException) -> str:
    """The first line, without the library's own details."""
    text = (str(error).strip().splitlines() or [""])[0]
    return re.split(r" \(configured timeouts|, Timeout: |, full error", text)[0] or "no reason"
