"""Checks that run once per second: keep-alives, time-outs, and returning memory."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from typing_extensions import override

from guacr.deadline import STANDSTILL
from guacr.memory import Trimmer
from guacr.services import Service
from guacr.session.registry import SessionRegistry

TICK = 1.0
"""Seconds between two checks."""


class Ticker(Service):
    """Keeps the sessions of a registry alive."""

    def __init__(self, registry: SessionRegistry) -> None:
        self._registry = registry
        self._task: asyncio.Task[None] | None = None

    @override
    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="ticker")

    @override
    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + TICK
        trimmer = Trimmer()
        while True:
            await asyncio.sleep(TICK)
            now = loop.time()
            if now - due > STANDSTILL:
                self._registry.stood_still(now - due)
            self._registry.keep_alive(now)
            trimmer.check(self._registry.turnover)
            due = loop.time() + TICK
