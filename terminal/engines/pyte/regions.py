"""Functions of the pyte engine that set margins."""

from __future__ import annotations

from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.margins import Margins
from terminal.engines.pyte.moves import Moves


class Regions:
    """Sets the region that scrolls."""

    def __init__(self, grid: Grid, cursor: Cursor, margins: Margins, moves: Moves) -> None:
        self._grid = grid
        self._cursor = cursor
        self._margins = margins
        self._moves = moves

    def set_margins(self, top: int = 0, bottom: int = 0, *_: int) -> None:
        """DECSTBM; a region has at least two rows."""
        lines = self._grid.lines
        first, last = max(top, 1), min(bottom or lines, lines)
        if first < last:
            self._margins.set_rows(first - 1, last - 1)
            self._moves.home()

    def set_sides(self, left: int, right: int) -> None:
        """DECSLRM; there are at least two columns between the margins."""
        columns = self._grid.columns
        first, last = max(left, 1), min(right or columns, columns)
        if first < last:
            self._margins.set_sides(first - 1, last - 1)
            self._moves.home()

    def lock_memory(self) -> None:
        """HP's memory lock: the rows above the cursor do not scroll."""
        if self._cursor.y < self._grid.lines - 1:
            self._set_top(self._cursor.y)

    def unlock_memory(self) -> None:
        """End HP's memory lock."""
        self._set_top(0)

    def _set_top(self, top: int) -> None:
        if top < self._margins.bottom:
            self._margins.set_rows(top, self._margins.bottom)
