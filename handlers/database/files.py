"""Files between a console and the person at it: results to download, scripts to upload."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from guacr.errors import ClosedError, ConflictError, ForbiddenError, UnsupportedError
from guacr.session.outputs import OutputStream
from guacr.session.session import Session
from guacr.session.streams import InputStream
from guacr.session.user import User
from handlers.database.adapter import Column
from handlers.database.formats import Format, format_of
from handlers.database.params import DatabaseParams
from handlers.database.result import Result
from handlers.database.scripts import Upload

SCRIPT_MAX = 8 << 20
"""Bytes of a script that has to be read whole, for databases whose statements do not end with
lines."""


class Export:
    """A file that results are written into while a person receives it.

    What its methods raise beside the database's errors comes from the person's client: see
    `OutputStream.write`.
    """

    __slots__ = ("_format", "_stream", "count", "name")

    def __init__(self, name: str, stream: OutputStream, form: Format) -> None:
        self.name = name
        self.count = 0
        """Rows in it."""
        self._stream = stream
        self._format = form

    async def write(self, columns: Sequence[Column], result: Result) -> None:
        """A whole result, as quickly as the database gives it and the person takes it."""
        await self._send(self._format.head(columns))
        while not result.ended:
            rows = await result.more()
            await self._send(self._format.rows(rows))
            self.count += len(rows)

    async def write_raw(self, data: bytes) -> None:
        """Bytes as they are."""
        await self._stream.write(data)

    async def end(self) -> None:
        """It is whole."""
        await self._send(self._format.tail())
        await self._stream.end()

    def abort(self) -> None:
        """It stays as it is."""
        self._stream.abort()

    async def _send(self, text: str) -> None:
        if text:
            await self._stream.write(text.encode(errors="replace"))


class Files:
    """Who gets a download is who typed last, as `typist` tells; who uploads may be anybody who
    may type. `want_upload` is told whether a script would be taken."""

    __slots__ = ("_params", "_session", "_typist", "_waiting", "_want_upload")

    def __init__(
        self,
        session: Session,
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
        """Begin a download; its name's ending tells its format, unless that is given.

        Raises:
            BadRequestError: it tells none.
            ForbiddenError: downloads are not allowed.
            ClosedError: who typed has left.
            TooManyError: too many downloads are under way.
        """
        form = form or format_of(name)
        if self._params.disable_download:
            raise ForbiddenError("downloads are not allowed for this connection (disable-download)")
        user = self._typist()
        if user is None or user.id not in self._session.users:
            raise ClosedError("who asked for the file has left")
        return Export(name, user.outputs.open_file(name, form.mimetype), form)

    async def upload(self) -> Upload:
        """Wait for an upload; cancelling gives it up.

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
        """Somebody sends a file.

        Raises:
            UnsupportedError: nobody waits for one.
            ConflictError: another one has come already.
        """
        waiting = self._waiting
        if waiting is None:
            raise UnsupportedError("type \\i and Enter first, then send the script")
        if waiting.done():
            raise ConflictError("another script has come already")
        waiting.set_result(Upload(stream))
        stream.ack("ready for the script")
