"""The interface between a console and a database: one adapter for each kind."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from guacr.api import (
    Check,
    DatabaseSettings,
    GuacrError,
    Network,
    UpstreamError,
    UpstreamTimeoutError,
    unrestricted,
)
from handlers import tls
from handlers.database.console.completion import Schema, Suggestions
from handlers.database.console.scripts import Source
from handlers.database.encryption import terms_of
from handlers.database.listing import Listing
from handlers.database.params import DatabaseParams
from handlers.database.sql.splitter import unfinished
from handlers.database.sql.statements import Dialect

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result; numbers are right-aligned."""

    name: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """The start of a result."""

    columns: tuple[Column, ...]
    text: bool = False
    """True if the result is a text, and each row one of its lines."""


TEXT = Columns((Column(""),), text=True)
"""The start of a text."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Further rows of the result, as texts; None is NULL."""

    rows: list[Row]
    last: bool = False
    """True if these are known to be the last."""


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a statement, or of a result; `text` is the server's message."""

    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of the server, or a reply that is not a table."""

    text: str


_SECRET = re.compile("password|identified", re.IGNORECASE)
"""Matches statements that set passwords; mysql excludes the same ones from its history."""

Event = Columns | Rows | Done | Notice


class Transaction(Enum):
    """The transaction state of a connection; the value is shown in the prompt."""

    NONE = ""
    OPEN = "*"
    FAILED = "!"


class StatementError(GuacrError):
    """The server rejected a statement.

    Args:
        message: the server's message, one or more lines.
        position: the position in the statement, in characters from 1; 0 if unknown.
    """

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class LostError(UpstreamError):
    """The connection is lost; the running statement may or may not have taken effect."""


def no_answer(place: str) -> UpstreamTimeoutError:
    """Return the error for a server that is silent while somebody connects to it."""
    return UpstreamTimeoutError(
        f"the server at {place} does not answer in time: check host and port, and whether it is "
        "overloaded"
    )


class Adapter(ABC):
    """A connection to a database, and the properties of its kind.

    One statement runs at a time; `cancel` and `schema` may be called in the meantime.
    """

    dialect: Dialect = Dialect()
    lexer: ClassVar[str] = "sql"
    """Pygments' name of the language."""
    keywords: ClassVar[tuple[str, ...]] = ()
    lists: ClassVar[Mapping[str, Listing]] = {}
    """The listings of backslash commands, by command without the backslash."""
    describes: ClassVar[str] = "columns and indexes of a table"
    """The contents of `\\d NAME`."""
    describes_more: ClassVar[str] = ""
    """The additional contents of `\\d+ NAME`."""
    columnless: ClassVar[bool] = False
    """True if tables can have no columns; if not, a table for which `\\d` lists none does not
    exist."""
    tabular: ClassVar[bool] = True
    """True if results are tables, and statements may end with `\\g`, `\\gx`, `\\G` and
    `\\watch`."""
    alters: ClassVar[re.Pattern[str]] = re.compile(
        r"\s*(?:create|drop|alter|rename|attach|detach|use)\b", re.IGNORECASE
    )
    """Statements after which the names are fetched again."""
    word: ClassVar[re.Pattern[str]] = re.compile(r"[\w$]+")
    """The pattern of a word that is completed."""
    usage: ClassVar[str] = "Statements end with a semicolon and may have several lines."
    """The sentence of `\\?` about the end of statements."""
    use_database: ClassVar[str] = ""
    """The word for a database in `\\c`, such as "database"; empty if there is no `\\c`."""

    def __init__(
        self,
        params: DatabaseParams,
        limits: DatabaseSettings | None = None,
        network: Network | None = None,
    ) -> None:
        self.params = params
        self.network = network or unrestricted()
        """The hosts that the session may connect to."""
        self.limits = limits or DatabaseSettings()
        self.database = params.database
        self.input: Source | None = None
        """The source of data for COPY."""
        self.output: Callable[[bytes], Awaitable[None]] | None = None
        """The destination of COPY, instead of the screen."""
        self.raw: bool | None = None
        """True if replies are shown without types and quotes; None if there are none."""
        self.in_script = False
        """True if a script is running, which may set its own encoding."""

    @classmethod
    def checks(cls, params: DatabaseParams) -> Iterator[Check]:
        """Yield functions that raise the errors with which `connect` would fail before it reaches
        the server."""
        if params.tls != "disable" and not params.hostname.startswith("/"):
            yield lambda: tls.check(terms_of(params))

    @abstractmethod
    async def connect(self, password: str) -> str:
        """Connect to `self.database`; return a line about the server.

        Raises:
            GuacrError: the server cannot be reached, rejects the login, or lacks the database.
        """

    @abstractmethod
    async def close(self) -> None:
        """Disconnect; harmless without a connection."""

    @abstractmethod
    def execute(self, statement: str) -> AsyncGenerator[Event, None]:
        """Run a statement, reading no further than requested.

        Raises:
            StatementError: the server rejected it.
            LostError: the connection is lost.
        """

    @abstractmethod
    async def cancel(self) -> None:
        """Make the server end the statement; `execute` then raises. Harmless if it is idle.

        Raises:
            UpstreamTimeoutError: the server does not answer.
            GuacrError: the request cannot be sent.
        """

    @abstractmethod
    async def schema(self) -> Schema:
        """Fetch the current names, without disturbing a running statement."""

    @property
    def transaction(self) -> Transaction:
        """The transaction state."""
        return Transaction.NONE

    @property
    def prompt(self) -> str:
        """The prompt of each statement."""
        return f"{self.database}={self.transaction.value}> "

    @property
    def title(self) -> str:
        """The title of the session, without secrets."""
        return self.database

    def complete(self, text: str) -> bool:
        """Return whether `text` can be run, as opposed to continuing in the next line."""
        return not unfinished(text, self.spoken)

    @property
    def spoken(self) -> Dialect:
        """The dialect with the current settings of the server."""
        return self.dialect

    def suggestions(self) -> Suggestions:
        """Create the completer, which receives the result of `schema`."""
        return Suggestions(self.keywords)

    def is_secret(self, text: str) -> bool:
        """Return whether a text may contain a password and must not be kept in the history."""
        return bool(_SECRET.search(text))

    @abstractmethod
    def describe(self, name: str, *, more: bool) -> list[str]:
        """The statements that describe a table, beginning with its columns, by its name as typed;
        with `more`, also `describes_more`."""
