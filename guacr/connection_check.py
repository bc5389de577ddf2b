"""Reports what is wrong with configured connections, when the daemon starts and after SIGHUP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from typing_extensions import override

from guacr.services import Service
from guacr.session import configured
from guacr.session.protocols import Protocols
from guacr.settings.models import Settings

log = logging.getLogger("guacr.connections")


class ConnectionCheck(Service):
    """Checks the connections of the settings on a thread, one at a time, and logs their problems.
    Nobody waits for it, because it may read files on slow disks."""

    def __init__(self, settings: Settings, protocols: Protocols) -> None:
        self._settings = settings
        self._protocols = protocols
        self._task: asyncio.Task[None] | None = None

    @override
    async def start(self) -> None:
        self._begin()

    @override
    def reload(self, settings: Settings) -> Callable[[], None]:
        def apply() -> None:
            self._settings = settings
            self.stop()
            self._begin()

        return apply

    @override
    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    @override
    async def close(self) -> None:
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await self._task

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._run(self._settings), name="connection check")

    async def _run(self, settings: Settings) -> None:
        for name, connection in settings.connections.items():
            try:
                problems = await asyncio.to_thread(
                    configured.problems, self._protocols, settings, connection
                )
            except Exception:
                log.exception("connections.%s cannot be checked", name)
                continue
            for problem in problems:
                log.warning("connections.%s: %s", name, problem)
