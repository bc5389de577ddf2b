"""The folder that users see of the files on the clipboard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from typing_extensions import override

from guacr.api import Entry, Feature, FileSystem, NotFoundError, shorten
from handlers.rdp.clipboard.file_list import Path, Tree
from handlers.rdp.clipboard.host_files import HostFiles
from handlers.rdp.clipboard.user_files import UserFiles

AT_ONCE = 256
"""Names that are listed at once."""
Source = HostFiles | UserFiles


class Folder(FileSystem):
    """The files on the clipboard, for one user.

    Args:
        source: returns what has the files that were copied last.
        uploads: stores what users send.
        may_read: True if the user may download.
        may_write: True if the user may upload.
    """

    name = "Clipboard"

    def __init__(
        self, source: Callable[[], Source], uploads: UserFiles, *, may_read: bool, may_write: bool
    ) -> None:
        self._source = source
        self._uploads = uploads
        self._may_read = may_read
        self._may_write = may_write

    @property
    @override
    def features(self) -> frozenset[Feature]:
        allowed = {Feature.READ: self._may_read, Feature.WRITE: self._may_write}
        return frozenset(feature for feature, may in allowed.items() if may)

    @override
    async def stat(self, path: str) -> Entry:
        tree, parts = self._tree(), _parts(path)
        if parts in tree.directories:
            return Entry(parts[-1] if parts else "", is_directory=True)
        if parts in tree.files:
            return Entry(parts[-1], size=tree.files[parts].size)
        raise _gone(path)

    @override
    async def list(self, path: str) -> AsyncGenerator[Entry, None]:
        tree, directory = self._tree(), _parts(path)
        for number, (name, is_directory) in enumerate(
            tree.directories.get(directory, {}).items(), 1
        ):
            size = None if is_directory else tree.files[(*directory, name)].size
            yield Entry(name, is_directory=is_directory, size=size)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    @override
    async def read(self, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        self.require(Feature.READ)
        source = self._source()
        file = source.tree.files.get(_parts(path))
        if file is None:
            raise _gone(path)
        async with aclosing(source.read(file, offset)) as pieces:
            async for piece in pieces:
                yield piece

    def _tree(self) -> Tree:
        return self._source().tree if self._may_read else Tree()

    @override
    async def write(
        self, path: str, mimetype: str, data: AsyncIterator[bytes], offset: int = 0
    ) -> None:
        self.require(Feature.WRITE)
        if offset:
            self.require(Feature.RESUME)
        await self._uploads.write(path, data)


def _parts(path: str) -> Path:
    return tuple(filter(None, path.split("/")))


def _gone(path: str) -> NotFoundError:
    return NotFoundError(f"{shorten(path)} is no longer on the clipboard")
