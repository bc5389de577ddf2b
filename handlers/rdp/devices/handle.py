"""A file or directory of a drive that a server has open."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections import deque
from dataclasses import dataclass, field

from handlers.rdp.devices.functions import RefusedError, Status
from handlers.rdp.devices.pattern import matches
from handlers.rdp.devices.tree import Path, Tree, names_in, seen

_SHARED, _ALONE = 2, 3
"""Kinds of locks (MS-RDPEFS 2.2.3.3.12); others end them."""
_FLOCK = struct.Struct("hhqqi4x")
"""The structure of the same name of fcntl(2)."""
_OFFSET_MAX = (1 << 63) - 1


@dataclass(slots=True)
class Handle:
    """A file or directory that a server has open. Its methods block, and raise OSError."""

    path: Path
    descriptor: int
    is_directory: bool
    deletes: bool = False
    """True if it is deleted when it is closed."""
    was_changed: bool = False
    """True if it was created, emptied or made smaller."""
    was_written: bool = False
    read: int = 0
    """Bytes read."""
    written: int = 0
    """Bytes written."""
    pattern: str = ""
    entries: deque[str] = field(default_factory=deque)
    """The names of a directory that are still to be listed."""
    was_listed: bool = False
    """True if any of them has matched."""

    def is_in_place(self, tree: Tree) -> bool:
        """Return whether its path still leads to it."""
        there, here = tree.stat(self.path), os.fstat(self.descriptor)
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def is_empty(self) -> bool:
        """Return whether there is nothing in the directory."""
        with os.scandir(self.descriptor) as entries:
            return next(entries, None) is None

    # ---- listing

    def begin_list(self, pattern: str, most: int) -> None:
        """List the directory from the beginning, if it has no more than `most` names."""
        self.entries, self.pattern, self.was_listed = deque(), pattern, False
        self.entries = deque((".", "..", *names_in(self.descriptor, most)))

    def next_entry(self) -> tuple[os.stat_result, str] | None:
        """Return the next entry that matches, and its name; None if there is no other."""
        while self.entries:
            name = self.entries.popleft()
            found = self._entry(name) if matches(name, self.pattern) else None
            if found is not None:
                self.was_listed = True
                return found, name
        return None

    def _entry(self, name: str) -> os.stat_result | None:
        """Return what is known of an entry; None if it is not shown."""
        if name in (".", ".."):
            return os.fstat(self.descriptor)
        if "\\" in name:  # which separates directories
            return None
        return seen(name, self.descriptor)

    # ---- locks

    def lock(self, operation: int, offset: int, size: int) -> None:
        """Lock a part for this handle, against all others of this machine, or end its lock. The
        lock that a file would have alone is shared if the file cannot be written to.

        Raises:
            RefusedError: others have locked it.
        """
        if not size or offset > _OFFSET_MAX:
            return  # nothing can be there
        size = min(size, _OFFSET_MAX - offset)
        kinds = {_SHARED: (fcntl.F_RDLCK,), _ALONE: (fcntl.F_WRLCK, fcntl.F_RDLCK)}
        for kind in kinds.get(operation, (fcntl.F_UNLCK,)):
            terms = _FLOCK.pack(kind, os.SEEK_SET, offset, size, 0)
            try:
                fcntl.fcntl(self.descriptor, fcntl.F_OFD_SETLK, terms)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EACCES):
                    raise RefusedError(Status.LOCK_NOT_GRANTED) from None
                if error.errno != errno.EBADF:
                    raise
            else:
                return
        raise RefusedError(Status.ACCESS_DENIED)
