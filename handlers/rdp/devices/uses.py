"""Reports of what a host does with files of its drive, from any thread."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

from guacr.api import DriveReports
from handlers.rdp.devices.tree import Path


class Uses:
    """Reports uses of files on the event loop in which it was created. It does not refer to the
    drive, which would otherwise stay in memory."""

    def __init__(self, reports: DriveReports) -> None:
        self._reports = reports
        self._loop = asyncio.get_running_loop()

    def put(self, action: str, path: Path, size: int | None, to: Path) -> None:
        """Report a use, as `guacr.session.events.DriveFileUsed` describes it."""
        report = partial(
            self._reports.used, _shown(path), action, size=size, to=_shown(to) if to else ""
        )
        with suppress(RuntimeError):  # the daemon has ended
            self._loop.call_soon_threadsafe(report)


def _shown(path: Path) -> str:
    return "/" + "/".join(path)
