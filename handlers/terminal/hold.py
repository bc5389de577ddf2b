"""Synchronized output (DEC private mode 2026): half-drawn screens are not shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from guacr.display.geometry import Rect
from guacr.display.pixels import Pixels
from guacr.display.surface import Damage, Surface
from terminal.emulator import Emulator

HOLD_MAX = 0.15
"""Seconds after which a screen is shown even though the host has not finished it."""
SYNCHRONIZED = 2026


class Hold:
    """A terminal's surface that shows nothing new while the host draws; `release` is called when
    the time is up."""

    __slots__ = ("_emulator", "_loop", "_overdue", "_release", "_seen", "_surface", "_timer")

    def __init__(self, surface: Surface, emulator: Emulator, release: Callable[[], None]) -> None:
        self._surface = surface
        self._emulator = emulator
        self._release = release
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._overdue = False
        self._seen = False

    def look(self) -> None:
        """The host has written something: is it drawing?"""
        if not self._emulator.mode(SYNCHRONIZED):
            self.end()
            self._overdue = False
        elif self._timer is None and not self._overdue and self._seen:
            self._timer = self._loop.call_later(HOLD_MAX, self._time_is_up)

    def end(self) -> None:
        """Show what there is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self) -> None:
        self._timer = None
        self._overdue = True
        self._release()

    # ---- the surface

    @property
    def size(self) -> tuple[int, int]:
        """See `Surface.size`."""
        return self._surface.size

    @property
    def changed(self) -> bool:
        """See `Surface.changed`."""
        return self._timer is None and self._surface.changed

    def take_damage(self) -> Damage:
        """See `Surface.take_damage`."""
        self._seen = True
        return self._surface.take_damage() if self._timer is None else Damage()

    def parts(self) -> list[Rect]:
        """See `Surface.parts`."""
        return self._surface.parts()

    def pixels(self, rect: Rect) -> Pixels:
        """See `Surface.pixels`."""
        return self._surface.pixels(rect)
