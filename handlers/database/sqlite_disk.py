"""The disk of SQLite's temporary files: sorts and temporary tables grow without bound."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

PERIOD = 0.2
"""Seconds between two looks at the disk."""
_PLACES = ("/var/tmp", "/usr/tmp", "/tmp", ".")  # noqa: S108 - as SQLite looks for them
_VARIABLES = ("SQLITE_TMPDIR", "TMPDIR")


def temporary_directory() -> Path:
    """Where SQLite puts temporary files (https://www.sqlite.org/tempfiles.html, section 5)."""
    named = [os.environ[name] for name in _VARIABLES if name in os.environ]
    for place in (*named, *_PLACES):
        if Path(place).is_dir() and os.access(place, os.W_OK | os.X_OK):
            return Path(place)
    return Path()


def free_bytes(directory: Path) -> int:
    """Bytes that this account can still write there."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


class DiskGuard:
    """Says when too little of the disk is left; asked often, it looks seldom.

    Args:
        reserve: bytes that have to stay free.
        free: how many are, in the place of SQLite's own directory.
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
        """Whether a statement has to end, so that others can write."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + PERIOD
        return self._free() < self._reserve
