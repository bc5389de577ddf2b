"""How late the event loop runs what is due: the delay that everything in the process has."""

from __future__ import annotations

import asyncio
from collections import deque

from typing_extensions import override

from guacr.histogram import Histogram
from guacr.services import Service

INTERVAL = 0.25
"""Seconds between two measurements."""
RECENT = 40
"""Measurements that `recent` is the maximum of: ten seconds."""


class LoopLag(Service):
    """Measures the lag of the event loop while it runs."""

    def __init__(self) -> None:
        self.seconds = Histogram()
        """All measurements."""
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._loop: asyncio.AbstractEventLoop
        self._handle: asyncio.TimerHandle | None = None

    @property
    def recent(self) -> float:
        """The longest delay of the last ten seconds, in seconds."""
        return max(self._recent, default=0.0)

    @override
    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wait()

    @override
    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    @override
    async def close(self) -> None:
        """Do nothing: `stop` has ended everything."""

    def _wait(self) -> None:
        due = self._loop.time() + INTERVAL
        self._handle = self._loop.call_at(due, self._measure, due)

    def _measure(self, due: float) -> None:
        lag = max(0.0, self._loop.time() - due)
        self.seconds.observe(lag)
        self._recent.append(lag)
        self._wait()
