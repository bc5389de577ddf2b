"""File systems that one user sees: `filesystem`, `get`, `body`, `put` and `undefine`.

A `get` that cannot be answered has no stream that an error could be told on, and guacd says nothing
at all; guacr answers it with a body of the type `ERROR_TYPE`, complete at once. When a file breaks
off, that body comes before the `end` of the file's.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from guacr.errors import GuacrError, InternalError, NotFoundError, TooManyError
from guacr.protocol.instruction import BLOB_MAX, encode
from guacr.session.files import PATH_MAX, FileSystem, normalised
from guacr.session.outputs import OutputStream
from guacr.session.streams import InputStream

if TYPE_CHECKING:
    from guacr.session.user import User

OBJECTS_MAX = 64
"""Objects that one user has, as libguac has it."""
INDEX_TYPE = "application/vnd.glyptodon.guacamole.stream-index+json"
"""A directory: a JSON object with the type of each path."""
FILE_TYPE = "application/octet-stream"
ERROR_TYPE = "application/vnd.guacr.error+json"
"""A `get` that failed: a JSON object with `message` and `status`."""


class Objects:
    """The file systems that one user has been offered, by index."""

    __slots__ = ("_offered", "_user")

    def __init__(self, user: User) -> None:
        self._user = user
        self._offered: dict[int, FileSystem] = {}

    def offer(self, files: FileSystem) -> int | None:
        """Offer a file system; its index, or None if the user may only watch.

        Raises:
            TooManyError: the user has `OBJECTS_MAX` already.
        """
        if self._user.rights.read_only:
            return None
        free = (index for index in range(OBJECTS_MAX) if index not in self._offered)
        index = next(free, None)
        if index is None:
            raise TooManyError(f"{OBJECTS_MAX} file systems are open: close one before")
        self._offered[index] = files
        self._user.send(encode("filesystem", index, files.name))
        return index

    def withdraw(self, index: int) -> None:
        """Take a file system back; what is under way goes on."""
        if self._offered.pop(index, None) is not None:
            self._user.send(encode("undefine", index))

    def get(self, index: int, name: str) -> None:
        """The user asks for a file, or for what is in a directory."""
        try:
            files = self._find(index)
            path = normalised(name)
            self._user.transfers.start(
                self._send(files, index, path, name), f"download of {self._user.id}"
            )
        except GuacrError as error:
            self._refuse(index, name, error)

    def put(self, index: int, stream: InputStream) -> None:
        """The user sends a file.

        Raises:
            NotFoundError: there is no such object.
            BadRequestError: its path cannot be used.
            TooManyError: too many files are under way.
        """
        files = self._find(index)
        path = normalised(stream.name)
        self._user.transfers.receive(stream, lambda data: files.write(path, stream.mimetype, data))

    async def _send(self, files: FileSystem, index: int, path: str, name: str) -> None:
        body: OutputStream | None = None
        try:
            directory = await files.is_directory(path)
            async with aclosing(_index(files, path) if directory else files.read(path)) as source:
                first = await anext(source, b"")
                mimetype = INDEX_TYPE if directory else FILE_TYPE
                body = self._user.outputs.open_body(index, name, mimetype)
                await body.write(first)
                async for piece in source:
                    await body.write(piece)
                await body.end()
        except BaseException as error:
            if isinstance(error, Exception) and (body is None or body.is_open):
                self._refuse(index, name, error)  # before the end, which says that it is whole
            if body is not None:
                body.abort()
            raise

    def _refuse(self, index: int, name: str, error: Exception) -> None:
        told = error if isinstance(error, GuacrError) else InternalError()
        answer = json.dumps({"message": str(told), "status": told.status}).encode()
        self._user.outputs.send_body(index, name[:PATH_MAX], ERROR_TYPE, answer)

    def _find(self, index: int) -> FileSystem:
        files = self._offered.get(index)
        if files is None:
            raise NotFoundError("there is no such file system here")
        return files


async def _index(files: FileSystem, path: str) -> AsyncGenerator[bytes, None]:
    """A directory as a JSON object, in pieces of about a blob."""
    directory = path.rstrip("/")
    text, between = "{", ""
    async with aclosing(files.list(path)) as entries:
        async for entry in entries:
            if entry.name in ("", ".", "..") or "/" in entry.name:
                continue
            mimetype = INDEX_TYPE if entry.is_directory else FILE_TYPE
            text += f"{between}{json.dumps(f'{directory}/{entry.name}')}:{json.dumps(mimetype)}"
            between = ","
            if len(text) >= BLOB_MAX:
                yield text.encode()
                text = ""
    yield (text + "}").encode()
