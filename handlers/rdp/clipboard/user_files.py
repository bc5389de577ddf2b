"""Files that users put on the clipboard, in temporary files without names."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from guacr.api import Budget, BusyError, ConflictError, NotFoundError, TooManyError
from handlers.rdp.clipboard.file_list import CopiedFile, Tree, safe_name

FILES_MAX = 256
"""Files of one copy."""
PIECE = 1 << 16
"""Bytes that are read at a time for users."""

_T = TypeVar("_T")


class StoredFile:
    """A temporary file, which is closed once nobody uses it. Whoever has made it uses it.

    Args:
        name: its name on the host.
        memory: the limit of all files.
    """

    def __init__(self, name: str, memory: Budget) -> None:
        self.name = name
        self.size = 0
        self._memory = memory
        self._descriptor = -1
        self._uses = 1

    async def create(self) -> None:
        """Create the file on disk; raises OSError."""
        await self._call(self._create)

    async def append(self, data: bytes) -> None:
        """Write at the end.

        Raises:
            OverrunError: the files would be too large.
            OSError: it cannot be written to.
        """
        self._memory.take(len(data), "the file")
        start = self.size
        self.size += len(data)
        await self._call(_write, self._descriptor, data, start)

    async def read(self, offset: int, size: int) -> bytes:
        """Return up to so many bytes from a place; raises OSError."""
        return await self._call(os.pread, self._descriptor, size, min(offset, self.size))

    async def pieces(self, offset: int) -> AsyncGenerator[bytes, None]:
        """Yield the content from byte `offset`."""
        self.use()
        try:
            for start in range(offset, self.size, PIECE):
                yield await self.read(start, PIECE)
        finally:
            self.release()

    def use(self) -> None:
        """Keep it open until `release`."""
        self._uses += 1

    def release(self) -> None:
        """End a use."""
        self._uses -= 1
        if self._uses == 0:
            self._memory.give_back(self.size)
            if self._descriptor >= 0:
                os.close(self._descriptor)

    async def _call(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Call a function on a thread. It uses the file to its end even if nobody waits for it any
        more: the number of a closed descriptor may mean another file."""
        self.use()
        work = asyncio.get_running_loop().run_in_executor(None, function, *arguments)
        work.add_done_callback(self._called)
        return await asyncio.shield(work)

    def _called(self, work: asyncio.Future[Any]) -> None:
        if not work.cancelled():
            work.exception()  # not an unhandled one, if nobody waits
        self.release()

    def _create(self) -> None:
        with tempfile.TemporaryFile(buffering=0) as file:
            self._descriptor = os.dup(file.fileno())


class UserFiles:
    """The files that users have put on the clipboard together: those whose transfers overlap.

    Args:
        limit: maximum bytes of all files.
    """

    def __init__(self, limit: int) -> None:
        self._memory = Budget(limit, "rdp.max_clipboard_files")
        self.on_complete = _nothing
        """Called when all of them have arrived; not after `close`, as it keeps others in memory."""
        self._files: list[StoredFile] = []
        self._arriving = 0

    @property
    def is_complete(self) -> bool:
        """True if there are files, and all of them have arrived."""
        return bool(self._files) and not self._arriving

    @property
    def files(self) -> list[CopiedFile]:
        """The list of the files, if all of them have arrived."""
        if not self.is_complete:
            return []
        return [CopiedFile(at, (file.name,), file.size) for at, file in enumerate(self._files)]

    @property
    def tree(self) -> Tree:
        """The files of the list."""
        return Tree(self.files)

    def stored(self, index: int) -> StoredFile | None:
        """Return a file of the list."""
        return self._files[index] if self.is_complete and 0 <= index < len(self._files) else None

    async def read(self, file: CopiedFile, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield the content of a file from byte `offset`.

        Raises:
            NotFoundError: it is no longer there.
        """
        stored = self.stored(file.index)
        if stored is None:
            raise NotFoundError("the file is no longer on the clipboard")
        async with aclosing(stored.pieces(offset)) as pieces:
            async for piece in pieces:
                yield piece

    def clear(self) -> None:
        """Forget all files; those that are arriving are refused."""
        files, self._files, self._arriving = self._files, [], 0
        for file in files:
            file.release()

    def hold(self) -> list[StoredFile]:
        """Return the files of the list, each of which has to be released."""
        files = self._files[:] if self.is_complete else []
        for file in files:
            file.use()
        return files

    def close(self) -> None:
        """Forget all files, and do not call `on_complete` any more."""
        self.clear()
        self.on_complete = _nothing

    async def write(self, name: str, data: AsyncIterator[bytes]) -> None:
        """Store a file. The first one of several replaces those before.

        Raises:
            OverrunError: the files are too large.
            TooManyError: there are too many.
            ConflictError: something else has been copied meanwhile.
            BusyError: the file cannot be stored.
        """
        if not self._arriving:
            self.clear()
        if len(self._files) >= FILES_MAX:
            raise TooManyError(f"up to {FILES_MAX} files can be copied at a time")
        together = self._files
        file = StoredFile(safe_name(name, (one.name for one in together)), self._memory)
        together.append(file)
        self._arriving += 1
        file.use()
        is_whole = False
        try:
            await file.create()
            async for piece in data:
                self._check(together)
                await file.append(piece)
            self._check(together)
            is_whole = True
        except OSError as error:
            reason = os.strerror(error.errno or 0)  # without the paths of directories
            raise BusyError(f"the daemon cannot store the file: {reason}") from None
        finally:
            file.release()
            if together is self._files:
                self._arriving -= 1
                if not is_whole:
                    together.remove(file)
                    file.release()
                if self.is_complete:
                    self.on_complete()

    def _check(self, together: list[StoredFile]) -> None:
        if together is not self._files:
            raise ConflictError("something else has been copied meanwhile: send the file again")


def _nothing() -> None:
    """Do nothing."""


def _write(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
