"""Window sizes for hosts that are slow to resize: one at a time, always the newest."""

from __future__ import annotations

import asyncio
from typing import Self

INTERVAL = 0.5
"""Minimum seconds between two sizes."""


class WindowSizes:
    """An asynchronous iterator over the sizes of the owner's window.

    A task makes the host follow them, and the handler's `resize` calls `put`:

        async for width, height in self._sizes:
            await self._host.resize(width, height)

    A size is yielded when the host has processed the previous one, and no more often than every
    `interval` seconds. Outdated sizes are skipped. The iteration never ends: cancel the task.

    Args:
        width: the current width of the host's picture, in pixels.
        height: its height.
        interval: minimum seconds between two sizes.
    """

    __slots__ = ("_due", "_interval", "_newest", "_news", "_yielded")

    def __init__(self, width: int, height: int, interval: float = INTERVAL) -> None:
        self._newest = self._yielded = (width, height)
        self._interval = interval
        self._due = 0.0
        """The earliest time of the next size, on the event loop's clock."""
        self._news = asyncio.Event()

    def put(self, width: int, height: int) -> None:
        """Note a new size of the window."""
        self._newest = (width, height)
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        while self._newest == self._yielded or loop.time() < self._due:
            if self._newest == self._yielded:
                self._news.clear()
                await self._news.wait()
            else:
                await asyncio.sleep(self._due - loop.time())
        self._due = loop.time() + self._interval
        self._yielded = self._newest
        return self._yielded
