"""Reports of a host's use of files on the drive of a session, for the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable

from guacr.quota import Quota
from guacr.session.events import DriveFileUsed, Events

REPORTS_MAX = 1000
"""Maximum reports in `PERIOD` that are events of their own; others are counted, so that a host
cannot fill the disk of the audit log."""
PERIOD = 60.0
"""Seconds."""


class DriveReports:
    """Publishes what a host does with files on the drive of one session."""

    __slots__ = ("_events", "_quota", "_session")

    def __init__(
        self, events: Events, session: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._events = events
        self._session = session
        self._quota = Quota(REPORTS_MAX, PERIOD, clock)

    def used(self, path: str, action: str, *, size: int | None = None, to: str = "") -> None:
        """Publish what was done with a file; the arguments are those of `DriveFileUsed`."""
        if self._quota.admits(self._publish_excess):
            self._events.publish(DriveFileUsed(self._session, action, path, to, size))

    def flush(self) -> None:
        """Publish how many uses had no event of their own."""
        if excess := self._quota.take_excess():
            self._publish_excess(excess)

    def _publish_excess(self, count: int) -> None:
        self._events.publish(DriveFileUsed(self._session, "more", count=count))
