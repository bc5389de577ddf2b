"""File systems that one user sees: `filesystem`, `get`, `body`, `put` and `undefine`.

The protocol has no error for a `get` that fails, because there is no stream for it, and guacd sends
nothing at all. guacr answers with a complete body of the type `ERROR_TYPE`. If a file is aborted,
this body is sent before the `end` of the file.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from guacr.errors import GuacrError, InternalError, NotFoundError, TooManyError
from guacr.protocol.instruction import BLOB_MAX, encode
from guacr.session.rights import Rights
from guacr.session.streams.files import PATH_MAX, Feature, FileSystem, normalised
from guacr.session.streams.inputs import InputStream
from guacr.session.streams.outputs import OutputStream, OutputStreams
from guacr.session.streams.transfers import Transfers

OBJECTS_MAX = 64
"""Maximum objects of one user, as in libguac."""
INDEX_TYPE = "application/vnd.glyptodon.guacamole.stream-index+json"
"""The type of a directory: a JSON object with the type of each path."""
FILE_TYPE = "application/octet-stream"
ERROR_TYPE = "application/vnd.guacr.error+json"
"""The type of an error: a JSON object with `message` and `status`."""


class Objects:
    """The file systems that are offered to one user, by index."""

    __slots__ = ("_offered", "_outputs", "_rights", "_send", "_transfers")

    def __init__(
        self,
        rights: Rights,
        send: Callable[[bytes], None],
        outputs: OutputStreams,
        transfers: Transfers,
    ) -> None:
        self._rights = rights
        self._send = send
        self._outputs = outputs
        self._transfers = transfers
        self._offered: dict[int, FileSystem] = {}

    def offer(self, files: FileSystem) -> int | None:
        """Offer a file system and return its index, or None if the user is read-only.

        Raises:
            TooManyError: the user already has `OBJECTS_MAX` file systems.
        """
        if self._rights.read_only:
            return None
        free = (index for index in range(OBJECTS_MAX) if index not in self._offered)
        index = next(free, None)
        if index is None:
            raise TooManyError(f"{OBJECTS_MAX} file systems are open: close one first")
        self._offered[index] = files
        self._send(encode("filesystem", index, files.name))
        return index

    def withdraw(self, index: int) -> None:
        """Withdraw a file system; running transfers continue."""
        if self._offered.pop(index, None) is not None:
            self._send(encode("undefine", index))

    def get(self, index: int, name: str) -> None:
        """Send the file or directory that the user requests."""
        try:
            files = self._find(index)
            path = normalised(name)
            self._transfers.start(self._send_body(files, index, path, name), "download")
        except GuacrError as error:
            self._refuse(index, name, error)

    def put(self, index: int, stream: InputStream) -> None:
        """Receive a file that the user sends.

        Raises:
            NotFoundError: the object is unknown.
            BadRequestError: the path is invalid.
            ForbiddenError: the file system accepts no uploads.
            TooManyError: too many transfers are running.
        """
        files = self._find(index)
        files.require(Feature.WRITE)
        path = normalised(stream.name)
        self._transfers.receive(stream, lambda data: files.write(path, stream.mimetype, data))

    async def _send_body(self, files: FileSystem, index: int, path: str, name: str) -> None:
        body: OutputStream | None = None
        try:
            directory = (await files.stat(path)).is_directory
            if not directory:
                files.require(Feature.READ)
            async with aclosing(_index(files, path) if directory else files.read(path)) as source:
                first = await anext(source, b"")
                mimetype = INDEX_TYPE if directory else FILE_TYPE
                body = self._outputs.open_body(index, name, mimetype, is_file=not directory)
                await body.write(first)
                async for piece in source:
                    await body.write(piece)
                await body.end()
        except BaseException as error:
            if isinstance(error, Exception) and (body is None or body.is_open):
                self._refuse(index, name, error)  # before the end, which would mean success
            if body is not None:
                body.abort()
            raise

    def _refuse(self, index: int, name: str, error: Exception) -> None:
        told = error if isinstance(error, GuacrError) else InternalError()
        answer = json.dumps({"message": str(told), "status": told.status}).encode()
        self._outputs.send_body(index, name[:PATH_MAX], ERROR_TYPE, answer)

    def _find(self, index: int) -> FileSystem:
        files = self._offered.get(index)
        if files is None:
            raise NotFoundError("unknown file system: it may have been closed")
        return files


async def _index(files: FileSystem, path: str) -> AsyncGenerator[bytes, None]:
    """Yield a directory as a JSON object, in pieces of about the size of a blob."""
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
