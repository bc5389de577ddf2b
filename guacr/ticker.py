"""Checks that run once per second: keep-alives, time-outs, and returning memory."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from typing_extensions import override

from guacr.memory import Trimmer
from guacr.services import Service
from guacr.session.registry import SessionRegistry
from guacr.standstill import STANDSTILL

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
        due = loop.time()
        trimmer = Trimmer()
        while True:
            asked = loop.time()
            # neither drifting, so that a client's `nop` comes before each keep-alive, nor piling up
            due = due + TICK if due + TICK > asked else asked + TICK
            await asyncio.sleep(due - asked)
            now = loop.time()
            if now - due > STANDSTILL:
                self._registry.stood_still(now - due)
            while self._registry.keep_alive(now):  # noqa: ASYNC110 - it waits for nothing
                await asyncio.sleep(0)
            trimmer.check(self._registry.turnover)
