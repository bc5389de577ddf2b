"""Deadlines for peers, which do not expire because this process stood still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

STEP = 1.0
"""Seconds that are counted at a time."""
STANDSTILL = 0.5
"""The delay, in seconds, from which on the process counts as having been suspended: stopped by a
signal, or blocked. In the meantime it has received nothing."""


class Deadline:
    """Calls `expired` once `seconds` have passed in which the event loop ran.

    A peer whose data arrived while the process stood still has another `STEP` in which it is read.
    """

    __slots__ = ("_due", "_expired", "_handle", "_left", "_loop")

    def __init__(self, seconds: float, expired: Callable[[], None]) -> None:
        self._expired = expired
        self._left = seconds
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._handle: asyncio.TimerHandle
        self._wait()

    def cancel(self) -> None:
        """Never expire; harmless when repeated."""
        self._handle.cancel()
        self._expired = _nothing  # releases the owner from memory

    def _wait(self) -> None:
        step = min(self._left, STEP)
        self._left -= step
        self._due = self._loop.time() + step
        self._handle = self._loop.call_at(self._due, self._step)

    def _step(self) -> None:
        if self._left <= 0 and self._loop.time() - self._due > STANDSTILL:
            self._left = STEP
        if self._left > 0:
            self._wait()
        else:
            self._expired()


def _nothing() -> None:
    """Do nothing after the end."""


@asynccontextmanager
async def time_limit(seconds: float) -> AsyncIterator[None]:
    """Limit what a block waits for as `asyncio.timeout` does, but with a `Deadline`.

    Raises:
        TimeoutError: the deadline has expired in the block.
    """
    async with asyncio.timeout(None) as limit:
        deadline = Deadline(seconds, lambda: limit.reschedule(0))  # 0: at once
        try:
            yield
        finally:
            deadline.cancel()
