"""File transfers between a console and its users: results to download, scripts to upload."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from guacr.api import (
    ClosedError,
    ConflictError,
    ForbiddenError,
    InputStream,
    OutputStream,
    SessionContext,
    UnsupportedError,
    User,
)
from handlers.database.adapter import Column
from handlers.database.console.formats import Format, format_of
from handlers.database.console.result import Result
from handlers.database.console.scripts import Upload
from handlers.database.params import DatabaseParams

SCRIPT_MAX = 8 << 20
"""Maximum bytes of a script that must be read completely, for databases whose statements do not end
with lines."""


class Export:
    """A file that results are written into while a person receives it.

    Exceptions other than the database's come from the person's client: see `OutputStream.write`.
    """

    __slots__ = ("_format", "_stream", "count", "name")

    def __init__(self, name: str, stream: OutputStream, form: Format) -> None:
        self.name = name
        self.count = 0
        """The number of rows."""
        self._stream = stream
        self._format = form

    async def write(self, columns: Sequence[Column], result: Result) -> None:
        """Write a complete result, at the pace of the database and the client."""
        await self._send(self._format.head(columns))
        while not result.ended:
            rows = await result.more()
            await self._send(self._format.rows(rows))
            self.count += len(rows)

    async def write_raw(self, data: bytes) -> None:
        """Write bytes unchanged."""
        await self._stream.write(data)

    async def end(self) -> None:
        """Complete the file."""
        await self._send(self._format.tail())
        await self._stream.end()

    def abort(self) -> None:
        """End the file although it is incomplete."""
        self._stream.abort()

    async def _send(self, text: str) -> None:
        if text:
            await self._stream.write(text.encode(errors="replace"))


class Files:
    """The downloads and uploads of a console. A download goes to the user who typed last, `typist`;
    an upload may come from anyone who may type. `want_upload` is called with whether a script is
    expected."""

    __slots__ = ("_params", "_session", "_typist", "_waiting", "_want_upload")

    def __init__(
        self,
        session: SessionContext,
        params: DatabaseParams,
        typist: Callable[[], User | None],
        want_upload: Callable[[bool], None],
    ) -> None:
        self._session = session
        self._params = params
        self._typist = typist
        self._want_upload = want_upload
        self._waiting: asyncio.Future[Upload] | None = None

    def export(self, name: str, form: Format | None = None) -> Export:
        """Start a download; its format follows from the file name, unless it is given.

        Raises:
            BadRequestError: the name has no known ending.
            ForbiddenError: downloads are not allowed.
            ClosedError: the user who typed has left.
            TooManyError: there are too many downloads.
        """
        form = form or format_of(name)
        if self._params.disable_download:
            raise ForbiddenError("downloads are not allowed for this connection (disable-download)")
        user = self._typist()
        if user is None or user not in self._session.users:
            raise ClosedError("who asked for the file has left")
        return Export(name, user.outputs.open_file(name, form.mimetype), form)

    async def upload(self) -> Upload:
        """Wait for an upload; cancelling stops waiting.

        Raises:
            ForbiddenError: uploads are not allowed.
        """
        if self._params.disable_upload:
            raise ForbiddenError("uploads are not allowed for this connection (disable-upload)")
        self._waiting = asyncio.get_running_loop().create_future()
        self._want_upload(True)
        try:
            return await self._waiting
        finally:
            self._waiting = None
            self._want_upload(False)

    def take(self, stream: InputStream) -> None:
        """Accept a file from a user.

        Raises:
            UnsupportedError: no file is expected.
            ConflictError: another one has already arrived.
        """
        waiting = self._waiting
        if waiting is None:
            raise UnsupportedError("type \\i and Enter first, then send the script")
        if waiting.done():
            raise ConflictError("another script has come already")
        waiting.set_result(Upload(stream))
        stream.ack("ready for the script")
