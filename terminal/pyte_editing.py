"""What erases, inserts and deletes cells of the pyte engine."""

from __future__ import annotations

from enum import Enum

from terminal.contents import Style
from terminal.pyte_grid import ORIGIN, PyteGrid
from terminal.pyte_rows import BLANK, SPACER, Line


class Protection(Enum):
    """What leaves protected cells: what erases selectively, or what erases otherwise."""

    DEC = 1
    ISO = 2


class PyteEditing(PyteGrid):
    """A grid whose rows are edited."""

    protection: Protection | None = None

    def insert_characters(self, count: int | None = None, *_: int) -> None:
        """ICH: what stands from the cursor on goes right, up to the margin."""
        if not self.within_sides:
            return
        self.pending = False
        line, x, edge = self._edited(), self.cursor.x, self.edge
        count = min(count or 1, edge - x)
        line.cut(x, x)
        line.part(edge)
        if line.cells[edge - count] == SPACER:
            line.cells[edge - count - 1] = BLANK
        line.cells[x:edge] = [BLANK] * count + line.cells[x : edge - count]
        line.pens[x:edge] = [self.pen.blank] * count + line.pens[x : edge - count]

    def delete_characters(self, count: int | None = None, *_: int) -> None:
        """DCH: what stands behind comes left, up to the margin."""
        if not self.within_sides:
            return
        self.pending = False
        line, x, edge = self._edited(), self.cursor.x, self.edge
        count = min(count or 1, edge - x)
        line.part(edge)
        line.cut(x, x + count)
        line.wrapped = False
        line.cells[x:edge] = line.cells[x + count : edge] + [BLANK] * count
        line.pens[x:edge] = line.pens[x + count : edge] + [self.pen.blank] * count

    def erase_characters(self, count: int | None = None, *_: int) -> None:
        """ECH."""
        end = min(self.cursor.x + (count or 1), self.columns)
        line = self._edited()
        if self.cursor.x < 2:
            self._behead(line)
        self._erase(line, self.cursor.x, end, Protection.ISO)
        line.wrapped = False

    def erase_in_line(self, how: int = 0, *_: int, private: bool = False) -> None:
        """EL."""
        self._erase_in_line(how, Protection.ISO)

    def selective_erase_in_line(self, how: int = 0, *_: int) -> None:
        """DECSEL: what DECSCA protects stays."""
        self._erase_in_line(how, Protection.DEC)

    def _erase_in_line(self, how: int, protection: Protection) -> None:
        line = self._edited()
        spans = {0: (self.cursor.x, self.columns), 1: (0, self.cursor.x + 1), 2: (0, self.columns)}
        if how in spans:
            self._erase(line, *spans[how], protection)
            line.wrapped = line.wrapped and how == 1

    def erase_in_display(self, how: int = 0, *_: int, **_private: bool) -> None:
        """ED; 3 drops the scrollback."""
        self._erase_in_display(how, Protection.ISO)
        if how == 3 and not self.on_alternate:
            self.scrollback.clear()

    def selective_erase_in_display(self, how: int = 0, *_: int) -> None:
        """DECSED: what DECSCA protects stays."""
        self._erase_in_display(how, Protection.DEC)

    def _erase_in_display(self, how: int, protection: Protection) -> None:
        y = self.cursor.y
        spans = {0: (y + 1, self.lines), 1: (0, y), 2: (0, self.lines)}
        if how in (0, 1):
            self._erase_in_line(how, protection)
        if how not in spans:
            return
        first, end = spans[how]
        if self.protection is protection:
            for line in self.rows[first:end]:
                line.erase_unprotected(0, self.columns, self.pen.blank)
                line.wrapped = False
        else:
            self.rows[first:end] = self.blank_rows(end - first)
        self.dirty.update(range(first, end))

    def _erase(self, line: Line, start: int, end: int, protection: Protection) -> None:
        if self.protection is protection:
            line.erase_unprotected(start, end, self.pen.blank)
        else:
            line.erase(start, end, self.pen.blank)

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
        """Protect what is written from now on, or no longer. Which erasing leaves it goes for all
        that is protected, as in xterm."""
        self.protection = protection or self.protection
        self.pen = self.pens_known.pen(self.pen.style, self.pen.link, protected=bool(protection))

    def alignment_display(self) -> None:
        """DECALN: E everywhere, no margins, the cursor at home."""
        self.margins = self.sides = None
        self.mode.discard(ORIGIN)
        style = self.pen.style
        colours = Style(foreground=style.foreground, background=style.background)
        self.pen = self.pens_known.pen(colours)
        self.rows = self.blank_rows(self.lines)
        for line in self.rows:
            line.cells, line.pens = ["E"] * self.columns, [self.pen] * self.columns
        self.dirty.update(range(self.lines))
        self.cursor.x = self.cursor.y = 0

    def _edited(self) -> Line:
        self.dirty.add(self.cursor.y)
        return self.rows[self.cursor.y]
