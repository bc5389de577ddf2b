"""The disk of SQLite's temporary files: sorts and temporary tables grow without a limit."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

PERIOD = 0.2
"""Seconds between checks of the disk."""
_PLACES = ("/var/tmp", "/usr/tmp", "/tmp", ".")  # noqa: S108 - as SQLite looks for them
_VARIABLES = ("SQLITE_TMPDIR", "TMPDIR")


def temporary_directory() -> Path:
    """The directory of SQLite's temporary files (https://www.sqlite.org/tempfiles.html, section
    5)."""
    named = [os.environ[name] for name in _VARIABLES if name in os.environ]
    for place in (*named, *_PLACES):
        if Path(place).is_dir() and os.access(place, os.W_OK | os.X_OK):
            return Path(place)
    return Path()


def free_bytes(directory: Path) -> int:
    """The bytes that this account can still write in a directory."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


class DiskGuard:
    """Detects a lack of disk space; the disk is checked at intervals.

    Args:
        reserve: bytes that must stay free.
        free: returns the free bytes; by default of SQLite's directory.
    """

    def __init__(
        self,
        reserve: int,
        free: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        directory = temporary_directory()
        self._reserve = reserve
        self._free = free or (lambda: free_bytes(directory))
        self._clock = clock
        self._next = 0.0

    def is_short(self) -> bool:
        """Return whether a statement must end, so that others can write."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + PERIOD
        return self._free() < self._reserve
