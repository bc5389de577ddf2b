"""Cells that are followed through scrolling: the anchors of the pyte engine.

Rows are numbered from the start of the terminal, so that a number stays true while rows leave the
screen for the scrollback, and while the scrollback drops its oldest.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable

from terminal.contents import Position
from terminal.emulator import Anchor


class Mark:
    """A cell by column and row number; None once it was dropped."""

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
        """Which screen scrolls."""
        self.alternate_top = 0
        """The number of the alternate screen's first row."""
        self.renumbered = 0
        """How often rows were given other numbers, by another size."""

    def cut(self, first: int, last: int, rows: int) -> None:
        """Rows from `first` to `last` moved; what passed the ends is gone."""
        for mark in self.marks:
            if mark.alternate is not self.alternate or mark.row is None:
                continue
            if first <= mark.row <= last:
                moved = mark.row + rows
                mark.row = moved if first <= moved <= last else None

    def shift(self, first: int, rows: int) -> None:
        """All rows from `first` on moved."""
        for mark in self.marks:
            if mark.alternate is self.alternate and mark.row is not None and mark.row >= first:
                mark.row += rows


class PyteAnchor(Anchor):
    """A mark, as long as it is wanted; `oldest` tells the number of the oldest row of the primary
    or the alternate screen."""

    def __init__(self, mark: Mark, oldest: Callable[[bool], int]) -> None:
        self._mark: Mark | None = mark
        self._oldest = oldest

    def position(self) -> Position | None:
        """See `Anchor.position`."""
        if self._mark is None or self._mark.row is None:
            return None
        row = self._mark.row - self._oldest(self._mark.alternate)
        return Position(self._mark.column, row) if row >= 0 else None

    def close(self) -> None:
        """See `Anchor.close`."""
        self._mark = None
