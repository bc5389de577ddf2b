"""The folder that users see of the files on the clipboard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from typing_extensions import override

from guacr.api import Entry, FileSystem, ForbiddenError, NotFoundError, shorten
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

    @override
    async def is_directory(self, path: str) -> bool:
        tree, parts = self._tree(), _parts(path)
        if parts not in tree.directories and parts not in tree.files:
            raise _gone(path)
        return parts in tree.directories

    @override
    async def list(self, path: str) -> AsyncGenerator[Entry, None]:
        names = self._tree().directories.get(_parts(path), {})
        for number, (name, is_directory) in enumerate(names.items(), 1):
            yield Entry(name, is_directory=is_directory)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    @override
    async def read(self, path: str) -> AsyncGenerator[bytes, None]:
        if not self._may_read:
            raise ForbiddenError("downloading from the clipboard is disabled for this connection")
        source = self._source()
        file = source.tree.files.get(_parts(path))
        if file is None:
            raise _gone(path)
        async with aclosing(source.read(file)) as pieces:
            async for piece in pieces:
                yield piece

    def _tree(self) -> Tree:
        return self._source().tree if self._may_read else Tree()

    @override
    async def write(self, path: str, mimetype: str, data: AsyncIterator[bytes]) -> None:
        if not self._may_write:
            raise ForbiddenError("uploading to the clipboard is disabled for this connection")
        await self._uploads.write(path, data)


def _parts(path: str) -> Path:
    return tuple(filter(None, path.split("/")))


def _gone(path: str) -> NotFoundError:
    return NotFoundError(f"{shorten(path)} is no longer on the clipboard")
