"""Reports problems of recordings and configured connections at the start and after SIGHUP."""

from __future__ import annotations

import asyncio
import logging

from typing_extensions import override

from guacr.recording.check import connection_problems, connection_remarks
from guacr.recording.check import problems as recording_problems
from guacr.services import TaskService
from guacr.session import configured
from guacr.session.protocols import Protocols
from guacr.settings.models import Connection, Settings

log = logging.getLogger("guacr.connections")


class ConnectionCheck(TaskService):
    """Checks the directory of recordings and the connections of the settings on a thread, one at a
    time, and logs their problems.
    Nobody waits for it, because it may read files on slow disks."""

    def __init__(self, settings: Settings, protocols: Protocols) -> None:
        super().__init__(settings, "connection check")
        self._protocols = protocols

    @override
    def begin(self) -> None:
        self._task.start(self._run(self._settings))

    def _problems(self, settings: Settings, connection: Connection) -> list[str]:
        return [
            *configured.problems(self._protocols, settings, connection),
            *connection_problems(connection),
            *connection_remarks(connection),
        ]

    async def _run(self, settings: Settings) -> None:
        for problem in await asyncio.to_thread(lambda: list(recording_problems(settings))):
            log.warning("%s", problem)
        for name, connection in settings.connections.items():
            try:
                problems = await asyncio.to_thread(self._problems, settings, connection)
            except Exception:
                log.exception("connections.%s cannot be checked", name)
                continue
            for problem in problems:
                log.warning("connections.%s: %s", name, problem)
