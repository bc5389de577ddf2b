"""Scrolling while a selection is dragged beyond the edge of the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from terminal.input.person import Person
from terminal.input.pointing import Pointing

INTERVAL = 0.05
"""Seconds between two steps."""


class Autoscroll:
    """Scrolls step by step; `moved` is called after each step."""

    __slots__ = ("_moved", "_pointing", "_timer")

    def __init__(self, pointing: Pointing, moved: Callable[[], None]) -> None:
        self._pointing = pointing
        self._moved = moved
        self._timer: asyncio.TimerHandle | None = None

    def update(self, person: Person) -> None:
        """Start to scroll if a person's pointer has moved beyond the edge."""
        if self._timer is None and self._pointing.beyond_edge(person):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(INTERVAL, self._step, person)

    def stop(self) -> None:
        """Stop, because the terminal is closed."""
        if self._timer is not None:
            self._timer.cancel()

    def _step(self, person: Person) -> None:
        self._timer = None
        if self._pointing.beyond_edge(person):
            self._pointing.autoscroll(person)
            self._moved()
            self.update(person)
