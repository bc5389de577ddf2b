"""Frees a terminal's memory: old rows are compressed soon, and more is freed when it is idle."""

from __future__ import annotations

import asyncio
from time import perf_counter

from terminal.terminal import Terminal

IDLE_AFTER = 10.0
"""Seconds without use."""
PACK_AFTER = 1 << 20
"""Bytes of output after which old rows are compressed, even in use."""
STEP = 0.05
"""Seconds between two turns of compression."""
TURN = 0.001
"""Seconds of compression in a turn."""


class IdleTrim:
    """Counts seconds from the last `used`, and bytes from the last compression; no timer runs while
    a terminal is idle."""

    __slots__ = ("_grown", "_last_used", "_loop", "_packing", "_terminal", "_timer")

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._loop = asyncio.get_running_loop()
        self._last_used = 0.0
        self._grown = 0
        self._timer: asyncio.TimerHandle | None = None
        self._packing: asyncio.TimerHandle | None = None
        self.used()

    def used(self) -> None:
        """Note that the terminal is in use."""
        self._last_used = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(IDLE_AFTER, self._look)

    def grew(self, size: int) -> None:
        """Note that the host has printed `size` bytes."""
        self._grown += size
        if self._grown >= PACK_AFTER and self._packing is None:
            self._packing = self._loop.call_later(STEP, self._pack)

    def stop(self) -> None:
        """Stop permanently."""
        for timer in (self._timer, self._packing):
            if timer is not None:
                timer.cancel()

    def _look(self) -> None:
        self._timer = None
        left = self._last_used + IDLE_AFTER - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
            return
        self._terminal.trim()
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
