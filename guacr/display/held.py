"""A surface that shows nothing new until its host marks a picture as complete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from typing_extensions import override

from guacr.display.geometry import Rect
from guacr.display.pixels import Pixels
from guacr.display.surface import Damage, Surface


class HeldSurface(Surface):
    """A wrapper whose changes wait between `hold` and `release`, within limits: half-drawn pictures
    are not sent, and a host that never completes one is no longer waited for.

    Args:
        surface: the surface that is drawn on.
        limit: seconds after which an incomplete picture is shown; nothing is held after that until
            `release` is called.
        changed: called when the limit is reached.
    """

    __slots__ = ("_changed", "_limit", "_loop", "_overdue", "_seen", "_surface", "_timer")

    def __init__(self, surface: Surface, limit: float, changed: Callable[[], None]) -> None:
        self._surface = surface
        self._limit = limit
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._overdue = False
        self._seen = False
        """True if anything has been shown: the first picture is never held."""

    @property
    def is_held(self) -> bool:
        """True if changes wait."""
        return self._timer is not None

    def hold(self) -> None:
        """Hold changes: the host has begun to draw; repeated calls do nothing."""
        if self._timer is None and not self._overdue and self._seen:
            self._timer = self._loop.call_later(self._limit, self._time_is_up)

    def release(self) -> None:
        """Show changes: the picture is complete."""
        self._overdue = False
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self) -> None:
        self._timer = None
        self._overdue = True
        self._changed()

    # ---- Surface

    @property
    @override
    def size(self) -> tuple[int, int]:
        return self._surface.size

    @property
    @override
    def keeps_pixels(self) -> bool:
        return self._surface.keeps_pixels

    @property
    @override
    def changed(self) -> bool:
        return not self.is_held and self._surface.changed

    @property
    @override
    def is_ahead(self) -> bool:
        return self.is_held or self._surface.is_ahead

    @override
    def take_damage(self) -> Damage:
        self._seen = True
        return Damage() if self.is_held else self._surface.take_damage()

    @override
    def parts(self) -> list[Rect]:
        return self._surface.parts()

    @override
    def pixels(self, rect: Rect) -> Pixels:
        return self._surface.pixels(rect)
