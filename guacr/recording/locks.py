"""Locks of files that are being written.

They belong to an open file description (Linux), so that they keep off other sessions of this
process, too, and do not end when it closes the same file elsewhere, as those of guacd would
(fcntl(2), "Open file description locks"). Both kinds exclude each other. Systems other than Linux
have only guacd's kind.
"""

from __future__ import annotations

import fcntl
import os
import struct

_SET, _GET = getattr(fcntl, "F_OFD_SETLK", None), getattr(fcntl, "F_OFD_GETLK", None)
_LOCK = struct.Struct("@hhqqi4x")
"""struct flock with 64-bit offsets: type, whence, start, length, process."""


def lock(descriptor: int) -> None:
    """Lock a file for writing.

    Raises:
        OSError: it is locked already.
    """
    if _SET is None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        lock = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        fcntl.fcntl(descriptor, _SET, lock)


def is_locked(descriptor: int) -> bool:
    """Return whether a file that is open for reading is locked by its writer."""
    if _GET is None:
        return False
    lock = _LOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
    found, *_ = _LOCK.unpack(fcntl.fcntl(descriptor, _GET, lock))
    return bool(found != fcntl.F_UNLCK)
