"""Has a terminal give up memory: old rows are packed soon, and more goes when nobody uses it."""

from __future__ import annotations

import asyncio
from time import perf_counter

from terminal.emulator import Emulator

REST_AFTER = 10.0
"""Seconds without use."""
PACK_EVERY = 2.0
"""Seconds of use after which old rows are packed."""
STEP = 0.05
"""Seconds between two turns of packing."""
TURN = 0.001
"""Seconds that a turn of packing takes."""


class Rest:
    """Counts from the last `disturb`; one timer at most, and none while a terminal rests."""

    __slots__ = ("_disturbed", "_emulator", "_loop", "_resting", "_timer")

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._loop = asyncio.get_running_loop()
        self._disturbed = 0.0
        self._resting = False
        self._timer: asyncio.TimerHandle | None = None
        self.disturb()

    def disturb(self) -> None:
        """The terminal is in use."""
        self._disturbed = self._loop.time()
        self._resting = False
        if self._timer is None:
            self._timer = self._loop.call_later(PACK_EVERY, self._look)

    def stop(self) -> None:
        """Never again."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        left = self._disturbed + REST_AFTER - self._loop.time()
        if left <= 0 and not self._resting:
            self._resting = True
            self._emulator.rest()
        if not self._pack():
            self._timer = self._loop.call_later(STEP, self._look)
        elif not self._resting:
            self._timer = self._loop.call_later(min(max(left, STEP), PACK_EVERY), self._look)

    def _pack(self) -> bool:
        """Pack for a turn; whether nothing is left to do."""
        until = perf_counter() + TURN
        while not self._emulator.pack():
            if perf_counter() >= until:
                return False
        return True
