"""Files that users put on the clipboard, in temporary files without names."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from guacr.api import Budget, BusyError, ConflictError, NotFoundError, TooManyError
from handlers.rdp.clipboard.file_list import CopiedFile, Tree, safe_name
from handlers.rdp.open_file import StoredFile

FILES_MAX = 256
"""Files of one copy."""


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
