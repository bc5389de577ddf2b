"""Has a terminal give up memory: old rows are packed soon, and more goes when nobody uses it."""

from __future__ import annotations

import asyncio
from time import perf_counter

from terminal.terminal import Terminal

REST_AFTER = 10.0
"""Seconds without use."""
PACK_AFTER = 1 << 20
"""Bytes of output after which old rows are packed, in use or not."""
STEP = 0.05
"""Seconds between two turns of packing."""
TURN = 0.001
"""Seconds that a turn of packing takes."""


class Rest:
    """Counts seconds from the last `disturb`, and bytes from the last packing; no timer runs while
    a terminal rests."""

    __slots__ = ("_disturbed", "_grown", "_loop", "_packing", "_terminal", "_timer")

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._loop = asyncio.get_running_loop()
        self._disturbed = 0.0
        self._grown = 0
        self._timer: asyncio.TimerHandle | None = None
        self._packing: asyncio.TimerHandle | None = None
        self.disturb()

    def disturb(self) -> None:
        """The terminal is in use."""
        self._disturbed = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(REST_AFTER, self._look)

    def grew(self, size: int) -> None:
        """The host has printed so many bytes."""
        self._grown += size
        if self._grown >= PACK_AFTER and self._packing is None:
            self._packing = self._loop.call_later(STEP, self._pack)

    def stop(self) -> None:
        """Never again."""
        for timer in (self._timer, self._packing):
            if timer is not None:
                timer.cancel()

    def _look(self) -> None:
        self._timer = None
        left = self._disturbed + REST_AFTER - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
            return
        self._terminal.rest()
        if self._packing is None:
            self._pack()

    def _pack(self) -> None:
        self._packing = None
        self._grown = 0
        until = perf_counter() + TURN
        while not self._terminal.emulator.pack():
            if perf_counter() >= until:
                self._packing = self._loop.call_later(STEP, self._pack)
                return
