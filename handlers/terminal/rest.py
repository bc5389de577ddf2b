"""Has a terminal give up memory once nobody uses it."""

from __future__ import annotations

import asyncio

from terminal.emulator import Emulator

REST_AFTER = 10.0
"""Seconds without use."""
STEP = 0.05
"""Seconds between two steps of packing the scrollback."""


class Rest:
    """Counts from the last `disturb`; one timer at most, and none while a terminal rests."""

    __slots__ = ("_disturbed", "_emulator", "_loop", "_timer")

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._loop = asyncio.get_running_loop()
        self._disturbed = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.disturb()

    def disturb(self) -> None:
        """The terminal is in use."""
        self._disturbed = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(REST_AFTER, self._look)

    def stop(self) -> None:
        """Never again."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        left = self._disturbed + REST_AFTER - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        elif not self._emulator.rest():
            self._timer = self._loop.call_later(STEP, self._look)
