"""Files that threads use."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from typing_extensions import override

from guacr.api import Budget

THREADS_MAX = 64
"""Threads that use files: if a disk hangs, those of the daemon remain free for everything else."""
PIECE = 1 << 16
"""Bytes that are read at a time for users."""

_T = TypeVar("_T")

_threads = ThreadPoolExecutor(THREADS_MAX, "files")


class OpenFile:
    """An open file, which is closed once nobody uses it. Whoever has made it uses it.

    Args:
        descriptor: the file, if it is open already; otherwise `descriptor` is set later.
    """

    def __init__(self, descriptor: int = -1) -> None:
        self.descriptor = descriptor
        self._uses = 1

    def use(self) -> None:
        """Keep it open until `release`."""
        self._uses += 1

    def release(self) -> None:
        """End a use."""
        self._uses -= 1
        if self._uses == 0:
            self.close()

    def close(self) -> None:
        """Close it, on a thread, as a file of another machine may be written then: nobody uses it
        any more."""
        if self.descriptor >= 0:
            asyncio.get_running_loop().run_in_executor(_threads, os.close, self.descriptor)

    async def call(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Call a function on a thread. It uses the file to its end even if nobody waits for it any
        more: the number of a closed descriptor may mean another file."""
        self.use()
        work = asyncio.get_running_loop().run_in_executor(_threads, function, *arguments)
        work.add_done_callback(self._called)
        return await asyncio.shield(work)

    def _called(self, work: asyncio.Future[Any]) -> None:
        if not work.cancelled():
            work.exception()  # not an unhandled one, if nobody waits
        self.release()

    async def pieces(self, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield the content from a place on; raises OSError."""
        self.use()
        try:
            while piece := await self.call(os.pread, self.descriptor, PIECE, offset):
                yield piece
                offset += len(piece)
        finally:
            self.release()


class StoredFile(OpenFile):
    """A temporary file without a name.

    Args:
        name: its name for the host or for users.
        memory: the limit of this file and others.
    """

    def __init__(self, name: str, memory: Budget) -> None:
        super().__init__()
        self.name = name
        self.size = 0
        self._memory = memory

    async def create(self) -> None:
        """Create the file on disk; raises OSError."""
        await self.call(self._create)

    async def append(self, data: bytes) -> None:
        """Write at the end.

        Raises:
            OverrunError: the files would be too large.
            OSError: it cannot be written to.
        """
        self._memory.take(len(data), "the file")
        start = self.size
        self.size += len(data)
        await self.call(write, self.descriptor, data, start)

    async def read(self, offset: int, size: int) -> bytes:
        """Return up to so many bytes from a place; raises OSError."""
        return await self.call(os.pread, self.descriptor, size, min(offset, self.size))

    @override
    def close(self) -> None:
        self._memory.give_back(self.size)
        super().close()

    def _create(self) -> None:
        with tempfile.TemporaryFile(buffering=0) as file:
            self.descriptor = os.dup(file.fileno())


def write(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of `data` into a file; raises OSError."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
