"""Functions of the pyte engine that scroll rows."""

from __future__ import annotations

from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.margins import Margins
from terminal.engines.rectangles import Rectangle


class Scrolling:
    """Scrolls the rows between the margins."""

    def __init__(self, grid: Grid, cursor: Cursor, margins: Margins) -> None:
        self._grid = grid
        self._cursor = cursor
        self._margins = margins

    def index(self) -> None:
        """IND: move down a row; scroll at the bottom margin."""
        cursor, margins = self._cursor, self._margins
        if cursor.y == margins.bottom:
            if margins.between_sides(cursor.x):
                self._up(margins.top, 1, keep=margins.top == 0)
        elif cursor.y < self._grid.lines - 1:
            cursor.y += 1

    def reverse_index(self) -> None:
        """RI: move up a row; scroll at the top margin."""
        cursor, margins = self._cursor, self._margins
        if cursor.y == margins.top:
            if margins.between_sides(cursor.x):
                self._down(margins.top, 1)
        elif cursor.y:
            cursor.y -= 1

    def scroll_up(self, count: int = 0, *_: int) -> None:
        """SU: scroll the region up."""
        top = self._margins.top
        self._up(top, count or 1, keep=top == 0)
        if top:
            self._grid.part(top, self._margins.bottom)

    def scroll_down(self, count: int = 0, *rest: int) -> None:
        """SD: scroll the region down; with more parameters this is mouse highlighting."""
        if not rest:
            self._down(self._margins.top, count or 1)

    def insert_lines(self, count: int = 0, *_: int) -> None:
        """IL, within the region."""
        if self._margins.hold(self._cursor):
            self._down(self._cursor.y, count or 1)
            self._cursor.x, self._cursor.pending = self._margins.left, False

    def delete_lines(self, count: int = 0, *_: int) -> None:
        """DL, within the region."""
        if self._margins.hold(self._cursor):
            self._up(self._cursor.y, count or 1)
            self._grid.part(self._cursor.y, self._margins.bottom)
            self._cursor.x, self._cursor.pending = self._margins.left, False

    def _up(self, top: int, count: int, keep: bool = False) -> None:
        """Scroll up from a row to the bottom margin; with `keep` into the scrollback."""
        margins, blank = self._margins, self._cursor.pen.blank
        count = min(count, margins.bottom - top + 1)
        if margins.sided:
            self._grid.shift_cells(self._from(top), count, blank)
        else:
            self._grid.shift_up(top, margins.bottom, count, blank, keep)

    def _down(self, top: int, count: int) -> None:
        """Scroll down from a row to the bottom margin."""
        margins, blank = self._margins, self._cursor.pen.blank
        count = min(count, margins.bottom - top + 1)
        if margins.sided:
            self._grid.shift_cells(self._from(top), -count, blank)
        else:
            self._grid.shift_down(top, margins.bottom, count, blank)

    def _from(self, top: int) -> Rectangle:
        """The cells between the margins from a row on."""
        margins = self._margins
        return Rectangle(top, margins.left, margins.bottom, margins.right)
