"""Functions of the pyte engine that erase, insert and delete cells."""

from __future__ import annotations

from enum import Enum

from terminal.engines.contents import Style
from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.margins import Margins
from terminal.engines.pyte.modes import ORIGIN, Modes
from terminal.engines.pyte.rows import BLANK, SPACER, Line


class Protection(Enum):
    """The functions that keep protected cells: selective erasure, or other erasure."""

    DEC = 1
    ISO = 2


class Editing:
    """Edits the grid at the cursor."""

    def __init__(self, grid: Grid, cursor: Cursor, margins: Margins, modes: Modes) -> None:
        self._grid = grid
        self._cursor = cursor
        self._margins = margins
        self._modes = modes
        self.protection: Protection | None = None
        """The kind of protection that protected cells have."""

    def reset(self) -> None:
        """Protect no cells."""
        self.protection = None

    def insert_characters(self, count: int = 0, *_: int) -> None:
        """ICH: shift the rest of the row right, up to the margin."""
        cursor, x = self._cursor, self._cursor.x
        if not self._margins.between_sides(x):
            return
        cursor.pending = False
        line, edge, blank = self._edited(), self._margins.edge(x), cursor.pen.blank
        count = min(count or 1, edge - x)
        line.cut(x, x)
        line.part(edge)
        if line.cells[edge - count] == SPACER:
            line.cells[edge - count - 1] = BLANK
        line.cells[x:edge] = [BLANK] * count + line.cells[x : edge - count]
        line.pens[x:edge] = [blank] * count + line.pens[x : edge - count]

    def delete_characters(self, count: int = 0, *_: int) -> None:
        """DCH: shift the rest of the row left, up to the margin."""
        cursor, x = self._cursor, self._cursor.x
        if not self._margins.between_sides(x):
            return
        cursor.pending = False
        line, edge, blank = self._edited(), self._margins.edge(x), cursor.pen.blank
        count = min(count or 1, edge - x)
        line.part(edge)
        line.cut(x, x + count)
        line.wrapped = False
        line.cells[x:edge] = line.cells[x + count : edge] + [BLANK] * count
        line.pens[x:edge] = line.pens[x + count : edge] + [blank] * count

    def erase_characters(self, count: int = 0, *_: int) -> None:
        """ECH."""
        x = self._cursor.x
        line = self._edited()
        if x < 2:
            self._grid.unmark_row_above(self._cursor.y)
        self._erase(line, x, min(x + (count or 1), self._grid.columns), Protection.ISO)
        line.wrapped = False

    def erase_in_line(self, how: int = 0, *_: int) -> None:
        """EL."""
        self._erase_in_line(how, Protection.ISO)

    def selective_erase_in_line(self, how: int = 0, *_: int) -> None:
        """DECSEL: keep what DECSCA protects."""
        self._erase_in_line(how, Protection.DEC)

    def _erase_in_line(self, how: int, protection: Protection) -> None:
        line, x, columns = self._edited(), self._cursor.x, self._grid.columns
        spans = {0: (x, columns), 1: (0, x + 1), 2: (0, columns)}
        if how in spans:
            self._erase(line, *spans[how], protection)
            line.wrapped = line.wrapped and how == 1

    def erase_in_display(self, how: int = 0, *_: int) -> None:
        """ED; 3 drops the scrollback."""
        self._erase_in_display(how, Protection.ISO)
        if how == 3 and not self._grid.on_alternate:
            self._grid.scrollback.clear()

    def selective_erase_in_display(self, how: int = 0, *_: int) -> None:
        """DECSED: keep what DECSCA protects."""
        self._erase_in_display(how, Protection.DEC)

    def _erase_in_display(self, how: int, protection: Protection) -> None:
        grid, y, blank = self._grid, self._cursor.y, self._cursor.pen.blank
        spans = {0: (y + 1, grid.lines), 1: (0, y), 2: (0, grid.lines)}
        if how in (0, 1):
            self._erase_in_line(how, protection)
        if how not in spans:
            return
        first, end = spans[how]
        if self.protection is protection:
            for line in grid.rows[first:end]:
                line.erase_unprotected(0, grid.columns, blank)
                line.wrapped = False
        else:
            grid.rows[first:end] = grid.blank_rows(end - first, blank)
        grid.dirty.update(range(first, end))

    def _erase(self, line: Line, start: int, end: int, protection: Protection) -> None:
        if self.protection is protection:
            line.erase_unprotected(start, end, self._cursor.pen.blank)
        else:
            line.erase(start, end, self._cursor.pen.blank)

    def _edited(self) -> Line:
        """The cursor's row, to be changed."""
        self._grid.dirty.add(self._cursor.y)
        return self._grid.rows[self._cursor.y]

    # Protection

    def protect(self, how: int = 0, *_: int) -> None:
        """DECSCA."""
        if how <= 2:
            self._protect(Protection.DEC if how == 1 else None)

    def start_protected(self) -> None:
        """SPA."""
        self._protect(Protection.ISO)

    def end_protected(self) -> None:
        """EPA."""
        self._protect(None)

    def _protect(self, protection: Protection | None) -> None:
        """Start or stop protecting what is written. As in xterm, the kind of protection applies to
        everything that is protected."""
        self.protection = protection or self.protection
        pen = self._cursor.pen
        self._cursor.pen = self._grid.pens.pen(pen.style, pen.link, protected=bool(protection))

    def alignment_display(self) -> None:
        """DECALN: fill the screen with E, reset margins, home the cursor."""
        grid, cursor = self._grid, self._cursor
        self._margins.reset()
        self._modes.discard(ORIGIN)
        style = cursor.pen.style
        colours = Style(foreground=style.foreground, background=style.background)
        cursor.pen = grid.pens.pen(colours)
        grid.rows = grid.blank_rows(grid.lines, cursor.pen.blank)
        for line in grid.rows:
            line.cells, line.pens = ["E"] * grid.columns, [cursor.pen] * grid.columns
        grid.touch_all()
        cursor.x = cursor.y = 0
