"""Cells tracked through scrolling: the anchors of the pyte engine.

Rows are numbered from the start of the terminal, so that a number stays valid when rows move to the
scrollback, and when the scrollback drops its oldest rows.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable

from typing_extensions import override

from terminal.engines.contents import Position
from terminal.engines.emulator import Anchor


class Mark:
    """A cell by column and row number; None once it has been dropped."""

    __slots__ = ("__weakref__", "alternate", "column", "row")

    def __init__(self, column: int, row: int, alternate: bool) -> None:
        self.column = column
        self.row: int | None = row
        self.alternate = alternate


class Tracking:
    """All marks of a terminal."""

    def __init__(self) -> None:
        self.marks: weakref.WeakSet[Mark] = weakref.WeakSet()
        self.alternate = False
        """The screen that scrolls."""
        self.alternate_top = 0
        """The number of the first row of the alternate screen."""
        self.renumbered = 0
        """How often rows were renumbered by a resize."""

    def cut(self, first: int, last: int, rows: int) -> None:
        """Move rows from `first` to `last`; those beyond the ends are dropped."""
        for mark in self.marks:
            if mark.alternate is not self.alternate or mark.row is None:
                continue
            if first <= mark.row <= last:
                moved = mark.row + rows
                mark.row = moved if first <= moved <= last else None

    def shift(self, first: int, rows: int) -> None:
        """Move all rows from `first` on."""
        for mark in self.marks:
            if mark.alternate is self.alternate and mark.row is not None and mark.row >= first:
                mark.row += rows


class PyteAnchor(Anchor):
    """A mark, until it is closed; `oldest` returns the number of the oldest row of the primary or
    the alternate screen."""

    def __init__(self, mark: Mark, oldest: Callable[[bool], int]) -> None:
        self._mark: Mark | None = mark
        self._oldest = oldest

    @override
    def position(self) -> Position | None:
        if self._mark is None or self._mark.row is None:
            return None
        row = self._mark.row - self._oldest(self._mark.alternate)
        return Position(self._mark.column, row) if row >= 0 else None

    @override
    def close(self) -> None:
        self._mark = None
