"""Scrolls on while a selection is dragged beyond the edge of the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from terminal.person import Person
from terminal.pointing import Pointing

INTERVAL = 0.05
"""Seconds between the steps."""


class Autoscroll:
    """`moved` is called after each step."""

    __slots__ = ("_moved", "_pointing", "_timer")

    def __init__(self, pointing: Pointing, moved: Callable[[], None]) -> None:
        self._pointing = pointing
        self._moved = moved
        self._timer: asyncio.TimerHandle | None = None

    def look(self, person: Person) -> None:
        """A person's pointer has moved: perhaps beyond the edge."""
        if self._timer is None and self._pointing.beyond_edge(person):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(INTERVAL, self._step, person)

    def stop(self) -> None:
        """The terminal is closed."""
        if self._timer is not None:
            self._timer.cancel()

    def _step(self, person: Person) -> None:
        self._timer = None
        if self._pointing.beyond_edge(person):
            self._pointing.autoscroll(person)
            self._moved()
            self.look(person)
