"""The memory that the daemon and a worker share: a header, and the pixels of the desktop.

Pixels are rows of blue, green, red and an undefined byte, without gaps between rows.
"""

from __future__ import annotations

import fcntl
import mmap
import os

SIDE_MAX = 8192
"""Pixels of a side of a desktop, the maximum of RDP (MS-RDPEDISP 2.2.2.2.1)."""
BYTES = 4
"""Bytes of a pixel."""
PIXELS = mmap.PAGESIZE
"""The offset of the pixels."""
SIZE = PIXELS + SIDE_MAX * SIDE_MAX * BYTES
"""Only pages that are written to take memory."""

PAINTING, HANDLED, BUSY_SINCE = 0, 1, 2
"""Places of the header's 64-bit numbers: how often the worker has begun to draw, how many messages
it has handled, and since when it is busy in nanoseconds of the system's monotonic clock, or 0."""


def create() -> int:
    """Return the descriptor of new memory, whose size no process can change: a worker that cut it
    off would end the daemon with a bus error.

    Raises:
        OSError: the system has none.
    """
    descriptor = os.memfd_create("guacr-rdp", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, SIZE)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def header(memory: mmap.mmap) -> memoryview:
    """Return the numbers of the header."""
    return memoryview(memory)[:PIXELS].cast("Q")
