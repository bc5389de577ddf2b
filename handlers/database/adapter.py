"""What a console needs of a database: one adapter for each kind."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from guacr.errors import GuacrError, UpstreamError
from guacr.settings import DatabaseSettings
from handlers.database.completion import Schema, Suggestions
from handlers.database.listing import Listing
from handlers.database.params import DatabaseParams
from handlers.database.scripts import Source
from handlers.database.splitter import unfinished
from handlers.database.statements import Dialect

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result; numbers stand at the right."""

    name: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """A result begins."""

    columns: tuple[Column, ...]
    text: bool = False
    """Whether it is a text, and each row a line of it."""


TEXT = Columns((Column(""),), text=True)
"""A text begins."""


@dataclass(frozen=True, slots=True)
class Rows:
    """More rows of the result, as texts; None stands for NULL."""

    rows: list[Row]
    last: bool = False
    """Whether it is known that no more follow."""


@dataclass(frozen=True, slots=True)
class Done:
    """A statement, or a result, has ended; `text` is what the server says of it."""

    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """The server remarks something; or answers in a form that is no table."""

    text: str


_SECRET = re.compile("password|identified", re.IGNORECASE)
"""What the statements have in common that set passwords; mysql leaves out the same."""

Event = Columns | Rows | Done | Notice


class Transaction(Enum):
    """Where the connection stands; the value is shown in the prompt."""

    NONE = ""
    OPEN = "*"
    FAILED = "!"


class StatementError(GuacrError):
    """The server refused a statement.

    Args:
        message: what the server says, one or more lines.
        position: where in the statement, in characters from 1; 0 if it does not say.
    """

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class LostError(UpstreamError):
    """The server is gone; what was being done may or may not have happened."""


class Adapter(ABC):
    """One connection to a database, and what is special about its kind.

    One statement runs at a time; `cancel` and `schema` may be called meanwhile.
    """

    dialect: Dialect = Dialect()
    lexer: ClassVar[str] = "sql"
    """What Pygments calls the language."""
    keywords: ClassVar[tuple[str, ...]] = ()
    lists: ClassVar[Mapping[str, Listing]] = {}
    """What the backslash commands list, by command without backslash."""
    describes: ClassVar[str] = "columns and indexes of a table"
    """What `\\d NAME` tells."""
    describes_more: ClassVar[str] = ""
    """What `\\d+ NAME` tells besides."""
    columnless: ClassVar[bool] = False
    """Whether there are tables without columns: where not, one of which `\\d` tells no columns is
    not there."""
    tabular: ClassVar[bool] = True
    """Whether results are tables, and statements may end in `\\g`, `\\gx`, `\\G` and `\\watch`."""
    alters: ClassVar[re.Pattern[str]] = re.compile(
        r"\s*(?:create|drop|alter|rename|attach|detach|use)\b", re.IGNORECASE
    )
    """Statements after which names are fetched anew."""
    word: ClassVar[re.Pattern[str]] = re.compile(r"[\w$]+")
    """What is completed as one."""
    usage: ClassVar[str] = "Statements end with a semicolon and may have several lines."
    """What `\\?` says of where they end."""
    use_database: ClassVar[str] = ""
    """Whether `\\c` works: how the database is called there, such as "database"."""

    def __init__(self, params: DatabaseParams, limits: DatabaseSettings | None = None) -> None:
        self.params = params
        self.limits = limits or DatabaseSettings()
        self.database = params.database
        self.input: Source | None = None
        """Where COPY takes its data from."""
        self.output: Callable[[bytes], Awaitable[None]] | None = None
        """Where COPY puts its data, instead of the screen."""
        self.in_script = False
        """Whether a script runs, which may set the encoding of its own text."""

    @abstractmethod
    async def connect(self, password: str) -> str:
        """Connect to `self.database`; what the server says of itself, in a line.

        Raises:
            GuacrError: it cannot be reached, refuses the login, or has no such database.
        """

    @abstractmethod
    async def close(self) -> None:
        """Disconnect; harmless when there is no connection."""

    @abstractmethod
    def execute(self, statement: str) -> AsyncGenerator[Event, None]:
        """Run one statement, reading no further than what is asked for.

        Raises:
            StatementError: the server refused it.
            LostError: the server is gone.
        """

    @abstractmethod
    async def cancel(self) -> None:
        """Have the server end what it does; `execute` then raises. Harmless when it is idle.

        Raises:
            UpstreamTimeoutError: it does not answer.
            GuacrError: it cannot be told.
        """

    @abstractmethod
    async def schema(self) -> Schema:
        """The names of now, without disturbing a statement that runs."""

    @property
    def transaction(self) -> Transaction:
        """Where the connection stands."""
        return Transaction.NONE

    @property
    def prompt(self) -> str:
        """What stands before each statement."""
        return f"{self.database}={self.transaction.value}> "

    @property
    def title(self) -> str:
        """The session's name; without secrets."""
        return self.database

    def complete(self, text: str) -> bool:
        """Whether `text` can be run, or goes on in the next line."""
        return not unfinished(text, self.spoken)

    @property
    def spoken(self) -> Dialect:
        """The dialect as the server's settings have it now."""
        return self.dialect

    def suggestions(self) -> Suggestions:
        """What completes names; it gets what `schema` gives."""
        return Suggestions(self.keywords)

    def is_secret(self, text: str) -> bool:
        """Whether a text may hold a password, and is not to be kept in the history."""
        return bool(_SECRET.search(text))

    @abstractmethod
    def describe(self, name: str, *, more: bool) -> list[str]:
        """Statements that tell of a table, first of its columns, by its name as it was typed; with
        `describes_more` if there is `more` to tell."""
