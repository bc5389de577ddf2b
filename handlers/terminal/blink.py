"""A blinking text cursor, as long as somebody uses the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from terminal.engines.emulator import Emulator

HALF_PERIOD = 0.53
"""Seconds for which the cursor is shown, and then hidden."""
BLINK_FOR = 8.0
"""Seconds without use after which it stops blinking: an idle terminal sends nothing."""
CURSOR_BLINKS, CURSOR_SHOWN = 12, 25
"""DEC private modes; DECSCUSR sets the first, too."""


class Blink:
    """Counts from the last `restart`; one timer while the cursor blinks, otherwise none."""

    __slots__ = ("_changed", "_disturbed", "_emulator", "_loop", "_shown", "_timer")

    def __init__(self, emulator: Emulator, changed: Callable[[], None]) -> None:
        self._emulator = emulator
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._disturbed = 0.0
        self._shown = True

    def restart(self) -> None:
        """Show the cursor, because the terminal is in use; it blinks if the host wants it to."""
        self._disturbed = self._loop.time()
        if not self._shown:
            self._show(True)
        if self._timer is None and self._emulator.mode(CURSOR_BLINKS):
            self._timer = self._loop.call_later(HALF_PERIOD, self._turn)

    def stop(self) -> None:
        """Stop permanently."""
        if self._timer is not None:
            self._timer.cancel()

    def _turn(self) -> None:
        self._timer = None
        idle = self._loop.time() - self._disturbed
        wanted = self._emulator.mode(CURSOR_BLINKS) and self._emulator.mode(CURSOR_SHOWN)
        goes_on = wanted and idle < BLINK_FOR
        if idle >= HALF_PERIOD or not goes_on:
            self._show(not (goes_on and self._shown))
            self._changed()
        if goes_on:
            self._timer = self._loop.call_later(HALF_PERIOD, self._turn)

    def _show(self, shown: bool) -> None:
        self._shown = shown
        self._emulator.show_cursor(shown)
