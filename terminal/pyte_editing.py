"""What erases, inserts and deletes cells of the pyte engine."""

from __future__ import annotations

from terminal.contents import Style
from terminal.pyte_grid import ORIGIN, PyteGrid
from terminal.pyte_rows import BLANK, SPACER, Line


class PyteEditing(PyteGrid):
    """A grid whose rows are edited."""

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
        line.erase(self.cursor.x, end, self.pen.blank)
        line.wrapped = False

    def erase_in_line(self, how: int = 0, *_: int, private: bool = False) -> None:
        """EL; nothing is protected, so DECSEL is the same."""
        line = self._edited()
        spans = {0: (self.cursor.x, self.columns), 1: (0, self.cursor.x + 1), 2: (0, self.columns)}
        if how in spans:
            line.erase(*spans[how], self.pen.blank)
            line.wrapped = line.wrapped and how == 1

    def erase_in_display(self, how: int = 0, *_: int, **_private: bool) -> None:
        """ED; 3 drops the scrollback."""
        y = self.cursor.y
        spans = {0: (y + 1, self.lines), 1: (0, y), 2: (0, self.lines)}
        if how in (0, 1):
            self.erase_in_line(how)
        if how in spans:
            first, end = spans[how]
            self.rows[first:end] = self.blank_rows(end - first)
            self.dirty.update(range(first, end))
        if how == 3 and not self.on_alternate:
            self.scrollback.clear()

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
