"""The margins of the pyte engine: which rows and columns scroll."""

from __future__ import annotations

from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.grid import Grid


class Margins:
    """The first and the last row, and the first and the last column, that scroll."""

    __slots__ = ("_grid", "bottom", "left", "right", "sided", "top", "whole")

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.reset()

    def reset(self) -> None:
        """Remove all margins; the grid may have a new size."""
        self.top, self.bottom = 0, self._grid.lines - 1
        self.left, self.right = 0, self._grid.columns - 1
        self._settle()

    def set_rows(self, top: int, bottom: int) -> None:
        """Set the first and the last row that scroll."""
        self.top, self.bottom = top, bottom
        self._settle()

    def set_sides(self, left: int, right: int) -> None:
        """Set the first and the last column that scroll."""
        self.left, self.right = left, right
        self._settle()

    def reset_sides(self) -> None:
        """Remove the side margins."""
        self.set_sides(0, self._grid.columns - 1)

    def _settle(self) -> None:
        rows, columns = self._grid.lines, self._grid.columns
        self.sided = (self.left, self.right) != (0, columns - 1)
        """True if there are side margins."""
        self.whole = not self.sided and (self.top, self.bottom) == (0, rows - 1)
        """True if there are no margins."""

    def between_sides(self, x: int) -> bool:
        """Return whether a column is between the side margins."""
        return self.left <= x <= self.right

    def hold(self, cursor: Cursor) -> bool:
        """True if the cursor is between all margins."""
        return self.top <= cursor.y <= self.bottom and self.left <= cursor.x <= self.right

    def edge(self, x: int) -> int:
        """The end of the columns that text at column `x` is written to: after the right margin, or
        after the last column if `x` is beyond that margin."""
        return self._grid.columns if x > self.right else self.right + 1
