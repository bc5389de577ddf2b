"""Files that a host puts into the drive's directory for downloads, which their owner is sent."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

from guacr.api import GuacrError, SessionContext, User, shorten
from handlers.rdp.devices.drive import DOWNLOADS
from handlers.rdp.devices.tree import Path, Tree
from handlers.rdp.open_file import OpenFile

MIMETYPE = "application/octet-stream"
DOWNLOADS_MAX = 32
"""Files that are sent at a time; others stay in the directory."""


class Downloads:
    """Sends the owner of a session files of its drive.

    Args:
        session: the session.
        tree: the files.
    """

    def __init__(self, session: SessionContext, tree: Tree) -> None:
        self._session = session
        self._tree = tree
        self._loop = asyncio.get_running_loop()
        self._running = 0

    def put(self, path: Path, descriptor: int) -> None:
        """Have a file sent, which is closed afterwards; called on any thread."""
        try:
            self._loop.call_soon_threadsafe(self._start, path, OpenFile(descriptor))
        except RuntimeError:  # the daemon has ended
            os.close(descriptor)

    def _start(self, path: Path, file: OpenFile) -> None:
        owner = self._session.owner
        if owner is None or self._session.closed or self._running >= DOWNLOADS_MAX:
            self._session.log.warning("%s is not sent: nobody accepts it", shorten(path[-1]))
            file.release()
            return
        self._running += 1
        task = self._session.start_task(self._send(owner, path, file), "download from the drive")
        task.add_done_callback(lambda _: self._end(file))

    def _end(self, file: OpenFile) -> None:
        self._running -= 1
        file.release()

    async def _send(self, owner: User, path: Path, file: OpenFile) -> None:
        """Send a file, and delete it if it is in the directory for downloads: one that cannot be
        sent stays there."""
        try:
            before = await file.call(os.fstat, file.descriptor)
            async with owner.outputs.open_file(path[-1], MIMETYPE) as output:
                async for piece in file.pieces():
                    await output.write(piece)
            if path[0] == DOWNLOADS:
                await self._tree.call(self._delete, path, before)
        except (GuacrError, OSError) as error:
            self._session.log.warning("%s is not sent: %s", shorten(path[-1]), error)

    def _delete(self, path: Path, before: os.stat_result) -> None:
        """Delete a file unless it has changed."""
        with suppress(OSError):
            found = self._tree.stat(path)
            if _identity(found) == _identity(before):
                self._tree.remove(path)


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
