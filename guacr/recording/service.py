"""Has recordings in directories deleted once they are too old, or too many."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from typing_extensions import override

from guacr.errors import GuacrError
from guacr.recording.directories import own_directories
from guacr.retention import RetentionClock
from guacr.services import TaskService
from guacr.session.events import Expired
from guacr.settings.models import Settings
from guacr.threads import apart

if TYPE_CHECKING:
    from guacr.recording.retention import Deleted

FIRST, EVERY = 60.0, 3600.0
"""Seconds after the start, and between two looks."""
END_TIMEOUT = 2.0
"""Seconds for what is being deleted when the service ends."""
NAME = "retention of recordings"

log = logging.getLogger("guacr.recording")


class RetentionService(TaskService):
    """Looks at the directories of an operator now and then, if a limit is set. A daemon of several
    processes has one.

    Args:
        settings: those that it begins with.
        note: puts into the audit log what was deleted; raises a GuacrError if it cannot.
    """

    def __init__(self, settings: Settings, note: Callable[[Expired], Awaitable[None]]) -> None:
        super().__init__(settings, NAME)
        self._note = note
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
                await self._look()
            except Exception:
                log.exception("old recordings cannot be deleted")
            await asyncio.sleep(EVERY)

    async def _look(self) -> None:
        ends = Event()
        work = asyncio.create_task(apart(partial(self._expire, ends.is_set), NAME), name=NAME)
        try:
            await asyncio.wait((work,))
        except asyncio.CancelledError:
            ends.set()
            with suppress(Exception):  # such as a disk that hangs
                async with asyncio.timeout(END_TIMEOUT):
                    await self._report(await work)
            raise
        await self._report(work.result())

    def _expire(self, ends: Callable[[], bool]) -> list[Deleted]:
        from guacr.recording.retention import expire  # not loaded without limits

        settings, limits = self._settings, self._settings.recording
        directories = [*own_directories(settings), *own_directories(settings, "typescript-path")]
        now = self._clock.now()
        return expire(directories, days=limits.days, size=limits.size, now=now, ends=ends)

    async def _report(self, found: list[Deleted]) -> None:
        for deleted in found:
            _log(deleted)
            if deleted.count:
                try:
                    await self._note(deleted.event())
                except GuacrError as error:
                    log.warning("the audit log does not say what was deleted: %s", error)


def _log(deleted: Deleted) -> None:
    if deleted.count:
        log.info(
            "deleted %d old recordings in %s, %d bytes",
            deleted.count,
            deleted.directory,
            deleted.size,
        )
    if deleted.failed:
        log.warning(
            "%d old recordings in %s cannot be deleted: let this account write to it",
            deleted.failed,
            deleted.directory,
        )
    if deleted.undated:
        log.warning(
            "%d recordings in %s are dated before 2010, when the clock must have been wrong: they "
            "are not deleted for their age",
            deleted.undated,
            deleted.directory,
        )
