"""Cursor movement of the pyte engine."""

from __future__ import annotations

from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.margins import Margins
from terminal.engines.pyte.modes import AUTOWRAP, NEW_LINE, ORIGIN, Modes
from terminal.engines.pyte.scrolling import Scrolling


class Moves:
    """Moves the cursor."""

    def __init__(
        self, grid: Grid, cursor: Cursor, margins: Margins, modes: Modes, scrolling: Scrolling
    ) -> None:
        self._grid = grid
        self._cursor = cursor
        self._margins = margins
        self._modes = modes
        self._scrolling = scrolling

    def home(self) -> None:
        """Go to the first cell, in origin mode the region's, and clear the last column flag."""
        self.cursor_position()
        self._cursor.pending = False

    def cursor_up(self, count: int = 0, *_: int) -> None:
        """CUU; the margin stops a cursor inside the region."""
        cursor, top = self._cursor, self._margins.top
        cursor.y = max(cursor.y - (count or 1), top if cursor.y >= top else 0)

    def cursor_up1(self, count: int = 0, *_: int) -> None:
        """CPL."""
        self.cursor_up(count)
        self.carriage_return()

    def cursor_down(self, count: int = 0, *_: int) -> None:
        """CUD; the margin stops a cursor inside the region."""
        cursor, bottom = self._cursor, self._margins.bottom
        last = bottom if cursor.y <= bottom else self._grid.lines - 1
        cursor.y = min(cursor.y + (count or 1), last)

    def cursor_down1(self, count: int = 0, *_: int) -> None:
        """CNL."""
        self.cursor_down(count)
        self.carriage_return()

    def cursor_position(self, line: int = 0, column: int = 0, *_: int) -> None:
        """CUP and HVP; relative to the region in origin mode."""
        cursor, margins = self._cursor, self._margins
        y, x = (line or 1) - 1, (column or 1) - 1
        if ORIGIN in self._modes:
            cursor.y = min(y + margins.top, margins.bottom)
            cursor.x = min(x + margins.left, margins.right)
        else:
            cursor.y = min(y, self._grid.lines - 1)
            cursor.x = min(x, self._grid.columns - 1)

    def cursor_to_line(self, line: int = 0, *_: int) -> None:
        """VPA."""
        x = self._cursor.x
        self.cursor_position(line)
        self._cursor.x = x

    def cursor_to_column(self, column: int = 0, *_: int) -> None:
        """CHA and HPA."""
        y = self._cursor.y
        self.cursor_position(0, column)
        self._cursor.y = y

    def cursor_line_relative(self, count: int = 0, *_: int) -> None:
        """VPR."""
        top = self._margins.top if ORIGIN in self._modes else 0
        self.cursor_to_line(self._cursor.y - top + 1 + (count or 1))

    def cursor_forward(self, count: int = 0, *_: int) -> None:
        """CUF and HPR; the margin stops a cursor to the left of it."""
        cursor = self._cursor
        cursor.x = min(cursor.x + (count or 1), self._margins.edge(cursor.x) - 1)

    def carriage_return(self) -> None:
        """CR: to the left margin, or to the first column if the cursor is left of that margin."""
        cursor, left = self._cursor, self._margins.left
        cursor.x = left if ORIGIN in self._modes or cursor.x >= left else 0

    def backspace(self) -> None:
        """BS."""
        self.cursor_back(1)

    def cursor_back(self, count: int = 0, *_: int) -> None:
        """CUB and HPB; with DECAWM and reverse wrap (45) they continue at the end of the row above
        if it is wrapped, and with extended reverse wrap (1045) in any case, around the region."""
        cursor, margins, modes = self._cursor, self._margins, self._modes
        count, extended = count or 1, modes.private(1045)
        left = margins.left if cursor.x >= margins.left else 0
        pending, cursor.pending = cursor.pending, False
        if AUTOWRAP not in modes or not (extended or modes.private(45)):
            cursor.x = max(cursor.x - count, left)
            return
        if cursor.x == left and not extended:  # as xterm: one above the region enters it
            cursor.y = max(cursor.y, margins.top)
        count -= pending
        while count > cursor.x - left:
            above = self._row_before(extended)
            if above is None:
                count = cursor.x - left
                break
            count -= cursor.x - left + 1
            cursor.y, cursor.x = above, margins.right
        cursor.x -= count

    def _row_before(self, extended: bool) -> int | None:
        """The row whose end precedes the start of the cursor's row."""
        y = self._cursor.y
        if y == self._margins.top:
            return self._margins.bottom if extended else None
        if y == 0 or not (extended or self._grid.rows[y - 1].wrapped):
            return None
        return y - 1

    def linefeed(self) -> None:
        """LF, VT and FF."""
        self._scrolling.index()
        if NEW_LINE in self._modes:
            self.carriage_return()

    def next_line(self) -> None:
        """NEL."""
        self._scrolling.index()
        self.carriage_return()
