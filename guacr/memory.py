"""The memory of processes; that which the C library keeps after many sessions have started or ended
is returned."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import resource
from collections.abc import Callable
from pathlib import Path

_PROC = Path("/proc")
TURNOVER = 32
"""The number of started or ended sessions after which trimming is worthwhile."""

log = logging.getLogger("guacr.memory")


class Trimmer:
    """Returns free memory to the system once sessions no longer start and end.

    A login takes several times the memory that its session needs afterwards, in pieces that the C
    library keeps between those in use.
    """

    def __init__(self, trim: Callable[[int], int] | None = None) -> None:
        self._trim = trim or _malloc_trim()
        self._before = self._trimmed = 0

    def check(self, turnover: int) -> bool:
        """Check whether to trim; called once per second with the number of sessions ever started
        plus those ended. Return whether memory is being returned now, in a thread."""
        quiet, self._before = turnover == self._before, turnover
        if self._trim is None or not quiet or turnover - self._trimmed < TURNOVER:
            return False
        self._trimmed = turnover
        asyncio.get_running_loop().run_in_executor(None, self._trim, 0)
        return True


def _malloc_trim() -> Callable[[int], int] | None:
    """Return GNU's malloc_trim(3), or None with other C libraries."""
    try:
        function = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        log.debug("this C library cannot return memory")
        return None
    function.argtypes, function.restype = [ctypes.c_size_t], ctypes.c_int
    trim: Callable[[int], int] = function
    return trim


def resident(process: str = "self") -> int:
    """Return the bytes of memory that a process has: this one, or one with an id.

    Raises:
        OSError: it has ended, or the system does not tell.
    """
    pages = int((_PROC / process / "statm").read_text().split()[1])  # proc(5)
    return pages * resource.getpagesize()
