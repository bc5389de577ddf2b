"""The cursor's moves, margins and tab stops of the pyte engine."""

from __future__ import annotations

from terminal.pyte_flood import PyteFlood
from terminal.pyte_grid import AUTOWRAP, ORIGIN
from terminal.pyte_library import Margins

NEW_LINE = 20


class PyteMoves(PyteFlood):
    """A grid whose cursor moves."""

    def private(self, number: int) -> bool:
        """Whether a DEC private mode is set."""
        return number << 5 in self.mode

    def cursor_up(self, count: int | None = None, *_: int) -> None:
        """CUU; the margin stops a cursor within."""
        top = self.region[0] if self.cursor.y >= self.region[0] else 0
        self.cursor.y = max(self.cursor.y - (count or 1), top)

    def cursor_down(self, count: int | None = None, *_: int) -> None:
        """CUD; the margin stops a cursor within."""
        bottom = self.region[1] if self.cursor.y <= self.region[1] else self.lines - 1
        self.cursor.y = min(self.cursor.y + (count or 1), bottom)

    def cursor_position(self, line: int | None = None, column: int | None = None, *_: int) -> None:
        """CUP and HVP; within the region in origin mode."""
        within = ORIGIN in self.mode
        top, bottom = self.region if within else (0, self.lines - 1)
        left, right = self.span if within else (0, self.columns - 1)
        self.cursor.y = min((line or 1) - 1 + top, bottom)
        self.cursor.x = min((column or 1) - 1 + left, right)

    def cursor_to_line(self, line: int | None = None, *_: int) -> None:
        """VPA."""
        x = self.cursor.x
        self.cursor_position(line)
        self.cursor.x = x

    def cursor_to_column(self, column: int | None = None, *_: int) -> None:
        """CHA and HPA."""
        y = self.cursor.y
        self.cursor_position(None, column)
        self.cursor.y = y

    def cursor_line_relative(self, count: int | None = None, *_: int) -> None:
        """VPR."""
        top = self.region[0] if ORIGIN in self.mode else 0
        self.cursor_to_line(self.cursor.y - top + 1 + (count or 1))

    def cursor_forward(self, count: int | None = None, *_: int) -> None:
        """CUF and HPR; the margin stops a cursor before it."""
        self.cursor.x = min(self.cursor.x + (count or 1), self.edge - 1)

    def carriage_return(self) -> None:
        """CR, to the left margin; a cursor before that goes to the first column."""
        left = self.sides[0] if self.sides else 0
        self.cursor.x = left if ORIGIN in self.mode or self.cursor.x >= left else 0

    def backspace(self) -> None:
        """BS."""
        self.cursor_back(1)

    def cursor_back(self, count: int | None = None, *_: int) -> None:
        """CUB and HPB; with DECAWM and reverse wrap (45) they go on at the end of the row above if
        that was wrapped, and with the extended one (1045) in any case, around the region."""
        count, extended = count or 1, self.private(1045)
        left, right = self.span
        left = left if self.cursor.x >= left else 0
        pending, self.pending = self.pending, False
        if AUTOWRAP not in self.mode or not (extended or self.private(45)):
            self.cursor.x = max(self.cursor.x - count, left)
            return
        if self.cursor.x == left and not extended:  # as xterm: one above the region enters it
            self.cursor.y = max(self.cursor.y, self.region[0])
        count -= pending
        while count > self.cursor.x - left:
            above = self._row_before(extended)
            if above is None:
                count = self.cursor.x - left
                break
            count -= self.cursor.x - left + 1
            self.cursor.y, self.cursor.x = above, right
        self.cursor.x -= count

    def _row_before(self, extended: bool) -> int | None:
        """The row whose end comes before the start of the cursor's row."""
        top, bottom = self.region
        y = self.cursor.y
        if y == top:
            return bottom if extended else None
        if y == 0 or not (extended or self.rows[y - 1].wrapped):
            return None
        return y - 1

    def linefeed(self) -> None:
        """LF, VT and FF."""
        self.index()
        if NEW_LINE in self.mode:
            self.carriage_return()

    def next_line(self) -> None:
        """NEL."""
        self.index()
        self.carriage_return()

    def set_margins(self, top: int | None = None, bottom: int | None = None, *_: int) -> None:
        """DECSTBM; a region has two rows at least."""
        first, last = max(top or 1, 1), min(bottom or self.lines, self.lines)
        if first < last:
            whole = (first, last) == (1, self.lines)
            self.margins = None if whole else Margins(first - 1, last - 1)
            self.cursor_position()
            self.pending = False

    def set_sides(self, left: int, right: int) -> None:
        """DECSLRM; there are two columns between them at least."""
        first, last = max(left, 1), min(right or self.columns, self.columns)
        if first < last:
            whole = (first, last) == (1, self.columns)
            self.sides = None if whole else (first - 1, last - 1)
            self.cursor_position()
            self.pending = False

    # Tab stops

    def tab(self) -> None:
        """HT."""
        edge = self.edge
        stops = (stop for stop in self.tabstops if self.cursor.x < stop < edge)
        self.cursor.x = min(stops, default=edge - 1)

    def tab_forward(self, count: int = 0, *_: int) -> None:
        """CHT."""
        for _index in range(min(count or 1, self.columns)):
            self.tab()

    def tab_back(self, count: int = 0, *_: int) -> None:
        """CBT; in origin mode the left margin stops it."""
        left = self.span[0] if ORIGIN in self.mode else 0
        for _index in range(min(count or 1, self.columns)):
            stops = (stop for stop in self.tabstops if left < stop < self.cursor.x)
            self.cursor.x = max(stops, default=min(left, self.cursor.x))

    def reset_tab_stops(self, how: int = 0, *_: int) -> None:
        """DECST8C."""
        if how == 5:
            self.tabstops = set(range(8, self.columns, 8))
