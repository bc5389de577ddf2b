"""Reports of a host's use of files on the drive of a session, for the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable

from guacr.session.events import DriveFileUsed, Events

REPORTS_MAX = 1000
"""Maximum reports in `PERIOD` that are events of their own; others are counted, so that a host
cannot fill the disk of the audit log."""
PERIOD = 60.0
"""Seconds."""


class DriveReports:
    """Publishes what a host does with files on the drive of one session."""

    __slots__ = ("_clock", "_count", "_events", "_session", "_since")

    def __init__(
        self, events: Events, session: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._events = events
        self._session = session
        self._clock = clock
        self._count = 0
        self._since = clock()

    def used(self, path: str, action: str, *, size: int | None = None, to: str = "") -> None:
        """Publish what was done with a file; the arguments are those of `DriveFileUsed`."""
        now = self._clock()
        if now - self._since >= PERIOD:
            self.flush()
            self._since = now
        self._count += 1
        if self._count <= REPORTS_MAX:
            self._events.publish(DriveFileUsed(self._session, action, path, to, size))

    def flush(self) -> None:
        """Publish how many uses had no event of their own."""
        more, self._count = self._count - REPORTS_MAX, 0
        if more > 0:
            self._events.publish(DriveFileUsed(self._session, "more", count=more))
