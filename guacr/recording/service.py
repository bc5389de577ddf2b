"""Has recordings in directories deleted once they are too old, or too many."""

from __future__ import annotations

import asyncio
import logging

from typing_extensions import override

from guacr.recording.directories import own_directories
from guacr.recording.retention import Deleted, expire
from guacr.retention import RetentionClock
from guacr.services import TaskService
from guacr.settings.models import Settings
from guacr.threads import apart

FIRST, EVERY = 60.0, 3600.0
"""Seconds after the start, and between two looks."""

log = logging.getLogger("guacr.recording")


class RetentionService(TaskService):
    """Looks at the directories of an operator now and then, if a limit is set."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "retention of recordings")
        self._clock = RetentionClock()

    @override
    def begin(self) -> None:
        limits = self._settings.recording
        if limits.days or limits.size:
            self._task.start(self._run())
        else:
            self._task.stop()

    async def _run(self) -> None:
        await asyncio.sleep(FIRST)
        while True:
            try:
                _report(await apart(self._expire, "retention of recordings"))
            except Exception:
                log.exception("old recordings cannot be deleted")
            await asyncio.sleep(EVERY)

    def _expire(self) -> Deleted:
        limits = self._settings.recording
        directories = [
            *own_directories(self._settings),
            *own_directories(self._settings, "typescript-path"),
        ]
        return expire(directories, days=limits.days, size=limits.size, now=self._clock.now())


def _report(deleted: Deleted) -> None:
    if deleted.count:
        log.info("deleted %d old recordings, %d bytes", deleted.count, deleted.size)
    if deleted.failed:
        log.warning(
            "%d old recordings cannot be deleted: let this account write to their directories",
            deleted.failed,
        )
    if deleted.undated:
        log.warning(
            "%d recordings are dated before 2010, when the clock must have been wrong: they are "
            "not deleted for their age",
            deleted.undated,
        )
