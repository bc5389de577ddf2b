"""A drive's files as users see them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from itertools import islice

from typing_extensions import override

from guacr.api import (
    BadRequestError,
    BusyError,
    ConflictError,
    Entry,
    Feature,
    FileSystem,
    ForbiddenError,
    GuacrError,
    NotFoundError,
    OverrunError,
    shorten,
)
from handlers.rdp.devices.destination import open_destination
from handlers.rdp.devices.functions import NAME_BYTES_MAX
from handlers.rdp.devices.tree import Path, Tree
from handlers.rdp.open_file import OpenFile
from handlers.sftp.names import Names

ENTRIES_MAX = 131_072
"""Files of a directory that are listed."""
_NAMES = Names()
"""Shows names that are no text as SFTP does."""
AT_ONCE = 256
"""Files that are looked at on one call to a thread."""
_ERRORS: dict[int, tuple[type[GuacrError], str]] = {
    errno.ENOENT: (NotFoundError, "{} does not exist"),
    errno.ENOTDIR: (NotFoundError, "{} is in no folder"),
    errno.EISDIR: (ConflictError, "{} is a folder"),
    errno.EEXIST: (ConflictError, "{} exists already"),
    errno.ENOTEMPTY: (ConflictError, "{} is not empty"),
    errno.EBUSY: (ConflictError, "{} cannot be changed"),
    errno.EXDEV: (ConflictError, "{} cannot be moved to another disk"),
    errno.EINVAL: (ConflictError, "{} cannot be moved into itself"),
    errno.EOVERFLOW: (OverrunError, "{} contains too many files to list them"),
    errno.E2BIG: (OverrunError, "{} contains too many files to delete them together"),
    errno.EFBIG: (OverrunError, "{} would be larger than rdp.max_drive_file allows"),
    errno.ENOSPC: (BusyError, "the drive is full"),
    errno.EDQUOT: (BusyError, "the drive is full"),
    errno.EACCES: (ForbiddenError, "{} cannot be accessed"),
    errno.EPERM: (ForbiddenError, "{} cannot be accessed"),
    errno.EROFS: (ForbiddenError, "the drive cannot be written to"),
    errno.ENAMETOOLONG: (BadRequestError, "{} is too long a name"),
}


class Folder(FileSystem):
    """The files of a drive, for one user.

    Args:
        tree: the files.
        name: the drive's name.
        changed: called after a change.
        may_read: True if the user may download.
        may_write: True if the user may upload, and change files.
    """

    def __init__(
        self,
        tree: Tree,
        name: str,
        changed: Callable[[], None],
        *,
        may_read: bool,
        may_write: bool,
    ) -> None:
        self._tree = tree
        self.name = name
        self._changed = changed
        self._features = frozenset(
            feature for feature in Feature if (may_read if feature is Feature.READ else may_write)
        )

    @property
    @override
    def features(self) -> frozenset[Feature]:
        return self._features

    @override
    async def stat(self, path: str) -> Entry:
        parts = _parts(path)
        with _told(path):
            return _entry(parts[-1] if parts else "", await self._tree.call(self._tree.stat, parts))

    @override
    async def list(self, path: str) -> AsyncGenerator[Entry, None]:
        parts = _parts(path)
        with _told(path):
            names = iter(await self._tree.call(self._tree.names, parts, ENTRIES_MAX))
            while some := list(islice(names, AT_ONCE)):
                for entry in await self._tree.call(self._entries, parts, some):
                    yield entry

    def _entries(self, directory: Path, names: Sequence[str]) -> Sequence[Entry]:
        return [_entry(name, found) for name, found in self._tree.look(directory, names)]

    @override
    async def read(self, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        self.require(Feature.READ)
        with _told(path):
            file = OpenFile(await self._tree.call(self._tree.open, _parts(path), os.O_RDONLY))
            try:
                async with aclosing(file.pieces(offset)) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                file.release()

    @override
    async def write(
        self, path: str, mimetype: str, data: AsyncIterator[bytes], offset: int = 0
    ) -> None:
        self.require(Feature.WRITE)
        parts = _parts(path)
        with _told(path):
            destination = await self._tree.call(open_destination, self._tree, parts, offset)
            file = OpenFile(destination.descriptor)
            try:
                async for piece in data:
                    await file.call(self._tree.write, file.descriptor, piece, offset)
                    offset += len(piece)
                await self._tree.call(destination.finish)
            except Exception:  # not if the user has left, who may continue later
                await self._tree.call(destination.discard)
                raise
            finally:
                file.release()
                self._changed()

    @override
    async def make_directory(self, path: str) -> None:
        await self._change(path, partial(self._tree.make_directory, _parts(path)))

    @override
    async def rename(self, path: str, to: str) -> None:
        await self._change(
            path, partial(self._tree.rename, _parts(path), _parts(to), replace=False)
        )

    @override
    async def delete(self, path: str) -> None:
        await self._change(path, partial(self._tree.remove_all, _parts(path)))

    async def _change(self, path: str, change: Callable[[], None]) -> None:
        with _told(path):
            try:
                await self._tree.call(change)
            finally:
                self._changed()


def _entry(name: str, found: os.stat_result) -> Entry:
    is_directory = stat.S_ISDIR(found.st_mode)
    size = None if is_directory else found.st_size
    shown = _NAMES.decode(os.fsencode(name))
    return Entry(shown, is_directory=is_directory, size=size, modified=found.st_mtime)


def _parts(path: str) -> Path:
    """Return the names in a path.

    Raises:
        BadRequestError: one of them cannot be that of a file.
    """
    parts = [_NAMES.encode(name) for name in path.split("/") if name]
    for raw in parts:
        if len(raw) > NAME_BYTES_MAX:
            raise BadRequestError(f"{shorten(raw.decode(errors='replace'))} is too long a name")
    return tuple(map(os.fsdecode, parts))


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn errors of the system into such of which users are told, without paths of the daemon."""
    try:
        yield
    except OSError as error:
        kind, sentence = _ERRORS.get(error.errno or 0, (BusyError, "{} cannot be used"))
        raise kind(sentence.format(shorten(path))) from None
