"""Databases: a console in a terminal, shared by all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import ClassVar

from typing_extensions import override

from guacr.api import (
    Check,
    Connects,
    InputStream,
    NotFoundError,
    Params,
    SessionContext,
    Settings,
    Target,
    UnauthorizedError,
    User,
    step,
)
from handlers.database import local_places
from handlers.database.adapter import Adapter
from handlers.database.console.console import Console
from handlers.database.console.files import Files
from handlers.database.history import Texts, history_of
from handlers.database.params import (
    DatabaseParams,
    MongodbParams,
    MysqlParams,
    OracleParams,
    PostgresqlParams,
    RedisParams,
    SqliteParams,
    SqlserverParams,
)
from handlers.terminal.handler import TerminalHandler


class DatabaseHandler(TerminalHandler[DatabaseParams]):
    """A console; subclasses name the database and the adapter, which is loaded on demand, because
    its library may not be installed."""

    adapter: ClassVar[str]
    """Module and class, such as "sqlite:SqliteAdapter"."""

    connects: ClassVar[Connects] = Connects.CHECKED
    asks_username: ClassVar[bool] = False
    """True if a person is asked for an empty user name, because the library would use that of the
    daemon's account."""

    def __init__(self, session: SessionContext, params: DatabaseParams) -> None:
        super().__init__(session, params)
        self._console: Console | None = None
        self._files = Files(session, params, lambda: self.typist, self.want_upload)

    @classmethod
    @override
    def checks(cls, settings: Settings, params: DatabaseParams) -> Iterator[Check]:
        yield from super().checks(settings, params)
        yield from cls.load().checks(params)

    @override
    async def run(self) -> None:
        local_places.check(self.params, self.session.origin, self.session.settings.databases)
        if self.asks_username and not self.params.username:
            self.params = replace(self.params, username=await self.ask("Username: ", echo=True))
        if local_places.has_socket(self.params):
            self.session.network.check_local()
        adapter = self.load()(self.params, self.session.settings.databases, self.session.network)
        try:
            greeting, password = await self._connect(adapter)
            step("login")
            self.session.set_name(adapter.title)
            self.feed(f"{greeting}\r\nType \\? for help.\r\n\r\n".encode())
            self._console = Console(
                adapter,
                self._draw,
                self._screen,
                files=self._files,
                history=self._history(),
                password=password,
            )
            self.start_input()
            await self._console.run()
        finally:
            await self.finish_output()
            await adapter.close()
            console, self._console = self._console, None
            if console is not None:
                console.part()

    @classmethod
    def load(cls) -> type[Adapter]:
        """Load the adapter.

        Raises:
            NotFoundError: its library is not installed.
        """
        module, _, name = cls.adapter.partition(":")
        try:
            loaded = import_module(f"handlers.database.{module}.adapter")
        except ImportError as error:
            raise NotFoundError(
                f"the library for {cls.name} is not installed: install guacr[databases]"
            ) from error
        found: type[Adapter] = getattr(loaded, name)
        return found

    async def _connect(self, adapter: Adapter) -> tuple[str, str]:
        """Connect; ask for a password if it is missing and required."""
        password = self.params.password
        try:
            return await adapter.connect(password), password
        except UnauthorizedError:
            if password:
                raise
        password = await self.ask("Password: ", echo=False)
        return await adapter.connect(password), password

    def _history(self) -> Texts:
        """The input of earlier sessions, if it is kept: by a name that a token vouches for, because
        clients can claim any."""
        params, subject = self.params, self.session.origin.subject
        if not (params.keep_history and subject):
            return Texts()
        who = (subject, self.name, params.hostname, str(params.port))
        return history_of((*who, params.username, params.database))

    def _draw(self, text: str) -> None:
        self.feed(text.encode(errors="replace"))

    def _screen(self) -> tuple[int, int]:
        return self.window[:2]

    # ---- TerminalHandler

    @override
    def reply(self, data: bytes) -> None:
        """Pass a reply to the editor, which sends a query while it draws, after that."""
        asyncio.get_running_loop().call_soon(super().reply, data)

    @override
    def send(self, data: bytes) -> None:
        if self._console is not None:
            self._console.feed(data)

    @override
    def open_stream(self, user: User, stream: InputStream) -> None:
        """Accept a file as the script that the console waits for."""
        if stream.kind == "file":
            self._files.take(stream)
        else:
            super().open_stream(user, stream)

    @override
    def window_changed(self, columns: int, rows: int, width: int, height: int) -> None:
        if self._console is not None:
            self._console.resized()


class SqliteHandler(DatabaseHandler):
    """SQLite, a file on the daemon's machine."""

    name: ClassVar[str] = "sqlite"
    connects: ClassVar[Connects] = Connects.NOWHERE
    params_type: ClassVar[type[Params]] = SqliteParams
    adapter: ClassVar[str] = "sqlite:SqliteAdapter"

    def target(self) -> Target:
        """The file, as the target of the session."""
        return Target(self.params.database)


class PostgresqlHandler(DatabaseHandler):
    """PostgreSQL."""

    name: ClassVar[str] = "postgresql"
    params_type: ClassVar[type[Params]] = PostgresqlParams
    asks_username: ClassVar[bool] = True
    adapter: ClassVar[str] = "postgresql:PostgresqlAdapter"

    @classmethod
    @override
    def warm_up(cls, settings: Settings) -> None:
        """Load the adapter, which cleans the environment."""
        super().warm_up(settings)
        with suppress(NotFoundError):  # a library is not installed
            cls.load()


class PostgresHandler(PostgresqlHandler):
    """PostgreSQL under its short name."""

    name: ClassVar[str] = "postgres"
    alias_of: ClassVar[str] = "postgresql"


class MysqlHandler(DatabaseHandler):
    """MySQL and MariaDB."""

    name: ClassVar[str] = "mysql"
    params_type: ClassVar[type[Params]] = MysqlParams
    asks_username: ClassVar[bool] = True
    adapter: ClassVar[str] = "mysql:MysqlAdapter"


class RedisHandler(DatabaseHandler):
    """Redis and compatible servers."""

    name: ClassVar[str] = "redis"
    params_type: ClassVar[type[Params]] = RedisParams
    adapter: ClassVar[str] = "redis:RedisAdapter"


class SqlserverHandler(DatabaseHandler):
    """SQL Server."""

    name: ClassVar[str] = "sqlserver"
    params_type: ClassVar[type[Params]] = SqlserverParams
    adapter: ClassVar[str] = "sqlserver:SqlserverAdapter"


class SqlServerHandler(SqlserverHandler):
    """SQL Server under its name with a hyphen."""

    name: ClassVar[str] = "sql-server"
    alias_of: ClassVar[str] = "sqlserver"


class OracleHandler(DatabaseHandler):
    """Oracle Database."""

    name: ClassVar[str] = "oracle"
    params_type: ClassVar[type[Params]] = OracleParams
    adapter: ClassVar[str] = "oracle:OracleAdapter"


class MongodbHandler(DatabaseHandler):
    """MongoDB."""

    name: ClassVar[str] = "mongodb"
    params_type: ClassVar[type[Params]] = MongodbParams
    adapter: ClassVar[str] = "mongodb:MongodbAdapter"
