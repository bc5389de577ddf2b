"""The files of a container, as `FileSystem`: each operation is a program in it."""

from __future__ import annotations

import asyncio
import posixpath
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress

from typing_extensions import override

from guacr.api import (
    ConflictError,
    Entry,
    Feature,
    ForbiddenError,
    GuacrError,
    NotFoundError,
    OverrunError,
    Turns,
    UnsupportedError,
    UpstreamError,
    shorten,
)
from handlers.kubernetes import scripts
from handlers.kubernetes.execution import ProgramError, Programs
from handlers.kubernetes.listing import ListingParser
from handlers.kubernetes.scripts import Code, words
from handlers.offer import HostFiles
from handlers.sftp.names import Names

ENTRIES_MAX = 250_000
"""Maximum entries of a directory."""
DELETE_TIMEOUT = 600.0
"""Seconds within which a directory must be deleted."""
CLEANUP_TIMEOUT = 5.0
"""Seconds that removing an incomplete upload may take."""
ROOT = b"/"
_CHANGES = (Feature.WRITE, Feature.MAKE_DIRECTORY, Feature.RENAME, Feature.DELETE)

_REFUSALS: dict[int, tuple[type[GuacrError], str]] = {
    Code.MISSING: (NotFoundError, "{} does not exist"),
    Code.NOT_A_DIRECTORY: (NotFoundError, "{} is in no folder"),
    Code.OUTSIDE: (ForbiddenError, "{} is a link that leads out of the offered folder"),
    Code.EXISTS: (ConflictError, "{} exists already: choose a different name"),
    Code.IS_A_DIRECTORY: (ConflictError, "{} is a folder, not a file"),
    Code.IS_SPECIAL: (ForbiddenError, "{} is a device, a socket or a named pipe, not a file"),
    Code.NO_PERMISSION: (ForbiddenError, "{} cannot be accessed: check its permissions"),
    Code.NO_TOOL: (
        UnsupportedError,
        "{} is a link, and the container lacks the program readlink: use what it leads to",
    ),
}
_SAID: dict[str, type[GuacrError]] = {
    "permission denied": ForbiddenError,
    "operation not permitted": ForbiddenError,
    "read-only file system": ForbiddenError,
    "no such file": NotFoundError,
    "file exists": ConflictError,
}
"""Words of programs, and the errors."""


class ContainerFiles(HostFiles):
    """The files below a directory of a container.

    Args:
        programs: runs programs in the container.
        root: the directory; one that does not begin with / is in the container's working directory.
        names: the conversion of names.
        may_read: True if users may download files.
        may_write: True if users may upload and change files.
    """

    def __init__(
        self, programs: Programs, root: str, names: Names, *, may_read: bool, may_write: bool
    ) -> None:
        self.name = root
        self._programs = programs
        self._names = names
        self._root = posixpath.join(b"." if root else ROOT, names.encode(root))
        self._real_root = self._home = ROOT
        """The real path of the root, and where programs start in the container."""
        self._features = frozenset(
            ((Feature.READ,) if may_read else ()) + (_CHANGES if may_write else ())
        )

    @property
    @override
    def features(self) -> frozenset[Feature]:
        return self._features

    @override
    async def prepare(self) -> None:
        with _refusals("files-root-directory"):
            answer = await self._programs.answer(words(scripts.PROBE, self._root))
        root, separator, home = answer.removesuffix(b"\0").partition(b"\0")
        if not separator or not root.startswith(ROOT) or b"\0" in home:
            raise UpstreamError("the container's shell does not answer as it should: check its sh")
        self._real_root, self._home = root, home

    @override
    async def path_of(self, host_path: str) -> str:
        full = posixpath.normpath(posixpath.join(self._home, self._names.encode(host_path)))
        root = self._real_root.rstrip(ROOT)
        if full != root and not full.startswith(root + ROOT):
            raise ForbiddenError(
                f"{shorten(host_path)} is not in the offered folder {shorten(self.name)}"
            )
        return self._names.decode(full[len(root) :] or ROOT)

    @override
    def close(self) -> None:
        """Do nothing: every program has its own connection, which ends with it."""

    @override
    async def stat(self, path: str) -> Entry:
        parser = ListingParser(self._names.decode)
        with _refusals(path):
            answer = await self._programs.answer(words(scripts.STAT, *self._place(path)))
        found = list(parser.feed(answer))
        parser.end()
        if len(found) != 1:
            raise UpstreamError(f"the container does not say what {shorten(path)} is: try again")
        (entry,) = found
        name = path.rpartition("/")[2]
        return Entry(name, entry.is_directory, entry.size, entry.modified)

    @override
    async def list(self, path: str) -> AsyncGenerator[Entry, None]:
        parser, turns, count = ListingParser(self._names.decode), Turns(), 0
        command = words(scripts.LIST, self._root, self._names.encode(path))
        with _refusals(path):
            async with aclosing(self._programs.output(command)) as pieces:
                async for piece in pieces:
                    for entry in parser.feed(piece):
                        count += 1
                        if count > ENTRIES_MAX:
                            raise OverrunError(
                                f"the folder has more than {ENTRIES_MAX} entries: use a program "
                                "in the container"
                            )
                        yield entry
                        await turns.give_way()
        parser.end()

    @override
    async def read(self, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        command = words(scripts.READ, *self._place(path), str(offset + 1).encode())
        with _refusals(path):
            async with aclosing(self._programs.output(command)) as pieces:
                async for piece in pieces:
                    yield piece

    @override
    async def write(
        self, path: str, mimetype: str, data: AsyncIterator[bytes], offset: int = 0
    ) -> None:
        if offset:
            self.require(Feature.RESUME)
        beside = f".guacr-{secrets.token_hex(8)}".encode()
        arguments = (*self._place(path), beside)
        with _refusals(path):
            try:
                await self._programs.feed(words(scripts.WRITE, *arguments), data)
            except ProgramError:
                raise  # it has cleaned up
            except BaseException:
                await self._discard(words(scripts.DISCARD, *arguments))
                raise

    async def _discard(self, command: Sequence[str]) -> None:
        """Remove an incomplete upload, as far as the container can be reached."""
        with suppress(ProgramError, GuacrError, TimeoutError):
            async with asyncio.timeout(CLEANUP_TIMEOUT):
                await self._programs.answer(command)

    @override
    async def make_directory(self, path: str) -> None:
        with _refusals(path):
            await self._programs.answer(words(scripts.MAKE_DIRECTORY, *self._place(path)))

    @override
    async def rename(self, path: str, to: str) -> None:
        _, directory, name = self._place(to)
        command = words(scripts.RENAME, *self._place(path), directory, name)
        with _refusals(path, to):
            await self._programs.answer(command)

    @override
    async def delete(self, path: str) -> None:
        if path == "/":
            raise ForbiddenError("the offered folder itself cannot be deleted")
        command = words(scripts.DELETE, *self._place(path))
        with _refusals(path):
            await self._programs.answer(command, silence=DELETE_TIMEOUT)

    def _place(self, path: str) -> tuple[bytes, bytes, bytes]:
        """Return the arguments that name a file: the root, the directory below it, and the name."""
        directory, name = posixpath.split(path)
        return self._root, self._names.encode(directory), self._names.encode(name or ".")


@contextmanager
def _refusals(path: str, new: str = "") -> Iterator[None]:
    """Turn failures of programs into errors for the user; `new` is the path that must be free."""
    try:
        yield
    except ProgramError as error:
        about = shorten(new if new and error.code == Code.EXISTS else path)
        if error.code in _REFUSALS:
            kind, sentence = _REFUSALS[error.code]
            raise kind(sentence.format(about)) from None
        said = error.said
        kind = next((found for text, found in _SAID.items() if text in said.lower()), UpstreamError)
        reason = said or f"a program ended with status {error.code}"
        raise kind(f"the container refuses this for {about}: {reason}") from None
