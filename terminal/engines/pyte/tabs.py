"""Tab stops of the pyte engine."""

from __future__ import annotations

from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.margins import Margins
from terminal.engines.pyte.modes import ORIGIN, Modes


class TabStops:
    """The columns at which tabs stop, and the cursor's moves to them."""

    def __init__(self, grid: Grid, cursor: Cursor, margins: Margins, modes: Modes) -> None:
        self._grid = grid
        self._cursor = cursor
        self._margins = margins
        self._modes = modes
        self.reset()

    def reset(self) -> None:
        """Set a stop in every eighth column."""
        self._stops = set(range(8, self._grid.columns, 8))

    def tab(self) -> None:
        """HT."""
        cursor = self._cursor
        x, edge = cursor.x, self._margins.edge(cursor.x)
        cursor.x = min((stop for stop in self._stops if x < stop < edge), default=edge - 1)

    def tab_forward(self, count: int = 0, *_: int) -> None:
        """CHT."""
        for _index in range(min(count or 1, self._grid.columns)):
            self.tab()

    def tab_back(self, count: int = 0, *_: int) -> None:
        """CBT; in origin mode the left margin stops it."""
        left = self._margins.left if ORIGIN in self._modes else 0
        cursor = self._cursor
        for _index in range(min(count or 1, self._grid.columns)):
            x = cursor.x
            stops = (stop for stop in self._stops if left < stop < x)
            cursor.x = max(stops, default=min(left, x))

    def set_tab_stop(self) -> None:
        """HTS."""
        self._stops.add(self._cursor.x)

    def clear_tab_stop(self, how: int = 0, *_: int) -> None:
        """TBC: the one at the cursor, or with 3 all."""
        if how == 0:
            self._stops.discard(self._cursor.x)
        elif how == 3:
            self._stops.clear()

    def reset_tab_stops(self, how: int = 0, *_: int) -> None:
        """DECST8C."""
        if how == 5:
            self.reset()
