"""File systems that one user sees: `filesystem`, `get`, `body`, `put`, `undefine`, and `files` of
guacr's extension (docs/protocol.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from guacr.errors import (
    BadRequestError,
    ForbiddenError,
    GuacrError,
    NotFoundError,
    TooManyError,
)
from guacr.protocol.instruction import encode
from guacr.session.rights import Rights
from guacr.session.streams.bodies import FILE_TYPE, INDEX_TYPE, Bodies, Body
from guacr.session.streams.directories import index_of
from guacr.session.streams.file_requests import FileRequests
from guacr.session.streams.files import Feature, FileSystem, normalised
from guacr.session.streams.inputs import InputStream
from guacr.session.streams.outputs import OutputStreams
from guacr.session.streams.transfers import Transfers

OBJECTS_MAX = 64
"""Maximum objects of one user, as in libguac."""


class Objects:
    """The file systems that are offered to one user, by index."""

    __slots__ = ("_bodies", "_offered", "_requests", "_rights", "_send", "_transfers")

    def __init__(
        self,
        rights: Rights,
        send: Callable[[bytes], None],
        outputs: OutputStreams,
        transfers: Transfers,
    ) -> None:
        self._rights = rights
        self._send = send
        self._transfers = transfers
        self._bodies = Bodies(outputs, transfers.refused)
        self._requests = FileRequests(self._bodies, transfers)
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
            self._bodies.refuse(index, name, error)
            self._transfers.refused(name, error)

    def put(self, index: int, stream: InputStream, offset: int = 0) -> None:
        """Receive a file that the user sends.

        Raises:
            NotFoundError: the object is unknown.
            BadRequestError: the path or the offset is invalid.
            ForbiddenError: the file system accepts no uploads.
            TooManyError: too many transfers are running.
        """
        files = self._find(index)
        files.require(Feature.WRITE)
        if offset < 0:
            raise BadRequestError("an offset is not below 0")
        if offset:
            files.require(Feature.RESUME)
        path = normalised(stream.name)
        self._transfers.receive(
            stream, lambda data: files.write(path, stream.mimetype, data, offset)
        )

    def request(self, index: int, number: int, operation: str, arguments: Sequence[str]) -> None:
        """Carry out a request of the extension, and answer it."""
        try:
            if self._rights.read_only:
                raise ForbiddenError("this connection is read-only")
            self._requests.start(self._find(index), index, str(number), operation, arguments)
        except GuacrError as error:
            self._bodies.refuse(index, str(number), error)
            self._requests.refused(operation, arguments, error)

    async def _send_body(self, files: FileSystem, index: int, path: str, name: str) -> None:
        try:
            directory = (await files.stat(path)).is_directory
            if not directory:
                files.require(Feature.READ)
        except Exception as error:
            self._bodies.refuse(index, name, error)
            self._transfers.refused(path, error)
            raise
        if directory:
            body = Body(INDEX_TYPE, index_of(files, path))
        else:
            body = Body(FILE_TYPE, files.read(path), path)
        await self._bodies.send(index, name, body)

    def _find(self, index: int) -> FileSystem:
        files = self._offered.get(index)
        if files is None:
            raise NotFoundError("unknown file system: it may have been closed")
        return files
