"""Functions of the pyte engine that insert, delete and shift columns."""

from __future__ import annotations

from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.margins import Margins
from terminal.engines.pyte.rows import BLANK
from terminal.engines.rectangles import Rectangle


class Columns:
    """Shifts columns between the margins."""

    def __init__(self, grid: Grid, cursor: Cursor, margins: Margins) -> None:
        self._grid = grid
        self._cursor = cursor
        self._margins = margins

    def insert_columns(self, count: int = 0, *_: int) -> None:
        """DECIC: blank columns at the cursor, within the margins."""
        if self._margins.hold(self._cursor):
            self._shift_columns(self._cursor.x, -(count or 1))

    def delete_columns(self, count: int = 0, *_: int) -> None:
        """DECDC."""
        if self._margins.hold(self._cursor):
            self._shift_columns(self._cursor.x, count or 1)

    def scroll_left(self, count: int = 0, *_: int) -> None:
        """SL: shift the area between the margins left."""
        if self._margins.hold(self._cursor):
            self._shift_columns(self._margins.left, count or 1)

    def scroll_right(self, count: int = 0, *_: int) -> None:
        """SR."""
        if self._margins.hold(self._cursor):
            self._shift_columns(self._margins.left, -(count or 1))

    def back_index(self) -> None:
        """DECBI: move left; at the left margin, shift the area between the margins right."""
        if self._cursor.x == self._margins.left:
            if self._margins.hold(self._cursor):
                self._shift_columns(self._cursor.x, -1)
        elif self._cursor.x:
            self._cursor.x -= 1

    def forward_index(self) -> None:
        """DECFI: move right; at the right margin, shift the area between the margins left."""
        if self._cursor.x == self._margins.right:
            if self._margins.hold(self._cursor):
                self._shift_columns(self._margins.left, 1)
        elif self._cursor.x < self._grid.columns - 1:
            self._cursor.x += 1

    def _shift_columns(self, left: int, count: int) -> None:
        """Shift cells left, or with a negative count right, up to the right margin."""
        margins, end = self._margins, self._margins.right + 1
        count = max(left - end, min(count, end - left))
        empty, blank = [BLANK] * abs(count), [self._cursor.pen.blank] * abs(count)
        for line in self._grid.touched(Rectangle(margins.top, left, margins.bottom, end - 1)):
            for edge in (left, end, left + count if count > 0 else end + count):
                if edge < self._grid.columns:
                    line.cut(edge, edge)
            cells, pens = line.cells[left:end], line.pens[left:end]
            if count > 0:
                line.cells[left:end], line.pens[left:end] = (
                    cells[count:] + empty,
                    pens[count:] + blank,
                )
            else:
                line.cells[left:end], line.pens[left:end] = (
                    empty + cells[:count],
                    blank + pens[:count],
                )
