"""The requests of guacr's extension for files (docs/protocol.md), and their answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from guacr.errors import BadRequestError, ForbiddenError, UnsupportedError, shorten
from guacr.protocol.files import ARCHIVE_TYPE, DIRECTORY_TYPE, entry_fields
from guacr.session.streams.archive import collect, packed
from guacr.session.streams.bodies import FILE_TYPE, Bodies, Body
from guacr.session.streams.directories import directory_of
from guacr.session.streams.files import Feature, FileSystem, normalised
from guacr.session.streams.outputs import NAME_MAX
from guacr.session.streams.transfers import Transfers

OFFSET_DIGITS = 16
"""Maximum digits of an offset."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is known, with as many arguments as it needs."""

    files: FileSystem
    index: int
    """Of the file system."""
    number: str
    arguments: Sequence[str]

    @property
    def path(self) -> str:
        """The first argument; raises BadRequestError if it is not a path."""
        return normalised(self.arguments[0])


@dataclass(frozen=True, slots=True)
class Operation:
    """A kind of request.

    Args:
        run: carries it out, and returns the answer: a body, or a JSON object.
        arguments: the number of arguments that are needed.
        feature: the feature that is needed.
    """

    run: Callable[[FileRequests, Request], Awaitable[Body | dict[str, Any]]]
    arguments: int = 1
    feature: Feature | None = None


class FileRequests:
    """The requests of one user. Each is a transfer, so that their number is limited, and they end
    with the user."""

    __slots__ = ("_bodies", "_transfers")

    def __init__(self, bodies: Bodies, transfers: Transfers) -> None:
        self._bodies = bodies
        self._transfers = transfers

    def start(
        self,
        files: FileSystem,
        index: int,
        number: str,
        operation: str,
        arguments: Sequence[str],
    ) -> None:
        """Carry out a request, and answer it.

        Raises:
            UnsupportedError: the operation is unknown.
            BadRequestError: arguments are missing.
            ForbiddenError: the file system does not have the feature.
            TooManyError: too many transfers are running.
        """
        known = OPERATIONS.get(operation)
        if known is None:
            raise UnsupportedError(f"{shorten(operation)} is not supported")
        if len(arguments) < known.arguments:
            raise BadRequestError(f"{operation} needs {known.arguments} arguments")
        if known.feature is not None:
            files.require(known.feature)
        request = Request(files, index, number, arguments)
        self._transfers.start(self._answer(operation, request), operation)

    def refused(self, operation: str, arguments: Sequence[str], error: Exception) -> None:
        """Report that a request was refused, unless it is one that only looks for files."""
        known, path = OPERATIONS.get(operation), next(iter(arguments), "")
        if known is not None and known.feature is not None:
            self._transfers.refused(path, error, is_download=known.feature is Feature.READ)

    async def _answer(self, operation: str, request: Request) -> None:
        try:
            answer = await OPERATIONS[operation].run(self, request)
        except Exception as error:
            self._bodies.refuse(request.index, request.number, error)
            self.refused(operation, request.arguments, error)
            raise
        if isinstance(answer, Body):
            await self._bodies.send(request.index, request.number, answer)
        else:
            self._bodies.answer(request.index, request.number, answer)

    # ---- operations

    async def _list(self, request: Request) -> Body:
        files, path = request.files, request.path
        if not (await files.stat(path)).is_directory:
            raise BadRequestError(f"{shorten(path)} is not a folder")
        return Body(DIRECTORY_TYPE, directory_of(files, path))

    async def _stat(self, request: Request) -> dict[str, Any]:
        entry = await request.files.stat(request.path)
        return entry_fields(
            entry.name, is_directory=entry.is_directory, size=entry.size, modified=entry.modified
        )

    async def _read(self, request: Request) -> Body:
        files, path, offset = request.files, request.path, _offset(request.arguments[1])
        if (await files.stat(path)).is_directory:
            raise BadRequestError(f"{shorten(path)} is a folder")
        return Body(FILE_TYPE, files.read(path, offset), path)

    async def _archive(self, request: Request) -> Body:
        files, path = request.files, request.path
        found = await collect(files, path, request.arguments[1:])
        about = {"files": len(found.members), "size": found.size}
        self._bodies.answer(request.index, request.number, about)
        names = ", ".join(request.arguments[1:])
        reported = f"{path}: {names}"[:NAME_MAX] if names else path
        return Body(ARCHIVE_TYPE, packed(files, found), reported)

    async def _make_directory(self, request: Request) -> dict[str, Any]:
        await request.files.make_directory(_changed(request.path))
        return self._done(request, "created the directory")

    async def _rename(self, request: Request) -> dict[str, Any]:
        to = normalised(request.arguments[1])
        await request.files.rename(_changed(request.path), _changed(to))
        return self._done(request, f"renamed to {shorten(to)}:")

    async def _delete(self, request: Request) -> dict[str, Any]:
        await request.files.delete(_changed(request.path))
        return self._done(request, "deleted")

    def _done(self, request: Request, what: str) -> dict[str, Any]:
        self._transfers.note(f"{what} {shorten(request.path)} in {request.files.name}")
        return {}


def _changed(path: str) -> str:
    if path == "/":
        raise ForbiddenError("the root folder can be neither renamed nor deleted")
    return path


def _offset(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= OFFSET_DIGITS:
        return int(text)
    raise BadRequestError(f"{shorten(text)} is not an offset")


OPERATIONS = {
    "list": Operation(FileRequests._list),
    "stat": Operation(FileRequests._stat),
    "read": Operation(FileRequests._read, 2, Feature.READ),
    "archive": Operation(FileRequests._archive, 1, Feature.READ),
    "make-directory": Operation(FileRequests._make_directory, 1, Feature.MAKE_DIRECTORY),
    "rename": Operation(FileRequests._rename, 2, Feature.RENAME),
    "delete": Operation(FileRequests._delete, 1, Feature.DELETE),
}
