"""Searching the scrollback, in turns that leave time to other sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

from terminal.engines.contents import Span
from terminal.engines.emulator import Emulator, Search

TURN = 0.003
"""Approximate seconds of searching in one turn of the event loop; the last step may exceed it."""
TEXT_MAX = 256
"""Maximum characters of the searched text."""


class Finder:
    """Runs one search at a time; `report` is called with the number of the match that is shown,
    from 1 (0 for none), and the total."""

    __slots__ = ("_emulator", "_loop", "_newer", "_report", "_search", "_text", "_turn")

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._loop = asyncio.get_running_loop()
        self._search: Search | None = None
        self._text = ""
        self._newer = False
        self._turn: asyncio.Handle | None = None
        self._report: Callable[[int, int], None] = lambda number, total: None

    def find(self, text: str, newer: bool, report: Callable[[int, int], None]) -> None:
        """Select the next older or newer match of a text; an empty text ends the search."""
        self._newer, self._report = newer, report
        if text != self._text or self._search is None:
            self.stop()
            self._text = text[:TEXT_MAX]
            if text:
                self._search = self._emulator.search(self._text)
        if self._search is None:
            report(0, 0)
        elif self._turn is None:
            self._work()

    def stop(self) -> None:
        """End the search, and hide its matches."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        if self._search is not None:
            self._search.close()
            self._search = None

    def shown(self) -> tuple[list[Span], Span | None]:
        """Return the matches in the viewport, and the selected one."""
        if self._search is None:
            return [], None
        selected = self._search.selected
        return self._search.shown(), None if selected is None else selected[1]

    def _work(self) -> None:
        self._turn = None
        search = self._search
        if search is None:
            return
        until = perf_counter() + TURN  # the loop's clock may stand still within a turn
        while not search.step():
            if perf_counter() >= until:
                self._turn = self._loop.call_soon(self._work)
                return
        search.select(self._newer)
        selected = search.selected
        self._report(0 if selected is None else selected[0] + 1, search.total)
