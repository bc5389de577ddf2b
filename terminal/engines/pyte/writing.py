"""Functions of the pyte engine that write text."""

from __future__ import annotations

from terminal.engines.pyte.charsets import Charsets
from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.editing import Editing
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.margins import Margins
from terminal.engines.pyte.modes import AUTOWRAP, CLUSTERED, INSERT, Modes
from terminal.engines.pyte.rows import BLANK, HEAD, SPACER, Line
from terminal.engines.pyte.scrolling import Scrolling
from terminal.engines.pyte.widths import (
    MAX_CLUSTER,
    NARROW,
    attaches,
    joined_width,
    joins,
    width_of,
)


class Writing:
    """Writes characters and clusters at the cursor, which moves past them."""

    def __init__(
        self,
        grid: Grid,
        cursor: Cursor,
        margins: Margins,
        modes: Modes,
        *,
        charsets: Charsets,
        scrolling: Scrolling,
        editing: Editing,
    ) -> None:
        self._grid = grid
        self._cursor = cursor
        self._margins = margins
        self._modes = modes
        self._charsets = charsets
        self._scrolling = scrolling
        self._editing = editing
        self._last = ""
        """The last character that was drawn."""

    def reset(self) -> None:
        """Forget the last character."""
        self._last = ""

    def draw(self, data: str) -> None:
        """Write text without control characters, in the current character sets."""
        if not self._charsets.plain:
            for part in self._charsets.translated(data):
                self._draw_any(part)
        elif data.isascii():
            self._draw_narrow(data)
        else:
            self._draw_any(data)

    def repeat(self, count: int = 0, *_: int) -> None:
        """REP: write the last character again."""
        if self._last:
            count = min(count or 1, self._grid.columns * self._grid.lines)
            self._grid.work += count
            self.draw(self._last * count)

    def select_graphic_rendition(self, parameters: str) -> None:
        """SGR, with its parameters as received."""
        cursor = self._cursor
        cursor.pen = self._grid.pens.step(cursor.pen, parameters)

    def _draw_any(self, data: str) -> None:
        at = 0
        while at < len(data):
            if run := NARROW.match(data, at):
                self._draw_narrow(run[0])
                at = run.end()
            else:
                self._draw_other(data[at])
                at += 1

    def _draw_narrow(self, text: str) -> None:
        """Write characters of one cell each."""
        self._last = text[-1]
        cursor, margins, modes = self._cursor, self._margins, self._modes
        while text:
            if cursor.pending and AUTOWRAP in modes:
                self._wrap()
            edge = margins.edge(cursor.x) if margins.sided else self._grid.columns
            room = edge - cursor.x
            if len(text) > room and AUTOWRAP not in modes:
                text = text[: room - 1] + text[-1]
            if INSERT in modes:
                room = self._insert(min(len(text), room))
            part, text = text[:room], text[room:]
            self._put(part, edge)

    def _insert(self, count: int) -> int:
        """Make room for characters; to the left of the left margin, up to it. Return the number."""
        before = self._margins.left - self._cursor.x
        count = min(count, before) if before > 0 else count
        self._editing.insert_characters(count)
        return count

    def _put(self, part: str, edge: int) -> None:
        """Write one-cell characters that fit before the edge."""
        grid, cursor = self._grid, self._cursor
        start, count, pen = cursor.x, len(part), cursor.pen
        end, line = start + count, grid.rows[cursor.y]
        if start < 2:
            grid.unmark_row_above(cursor.y)
        line.cut(start, end, pen.blank)
        line.cells[start:end] = part
        line.pens[start:end] = [pen] * count
        grid.dirty.add(cursor.y)
        cursor.pending = end == edge
        cursor.x = end - cursor.pending

    def _draw_other(self, char: str) -> None:
        if CLUSTERED in self._modes and self._join(char):
            return
        width = width_of(char)
        if width == 0:
            if CLUSTERED not in self._modes:
                self._attach(char)
            return
        self._last = char
        if width == 1:
            self._draw_narrow(char)
        else:
            self._draw_wide(char)

    def _draw_wide(self, text: str) -> None:
        """Write a character or cluster of two cells."""
        cursor, margins, modes = self._cursor, self._margins, self._modes
        if cursor.pending and AUTOWRAP in modes:
            self._wrap()
        edge = margins.edge(cursor.x)
        if edge - margins.left < 2:
            return
        if cursor.x == edge - 1:
            if AUTOWRAP not in modes:
                return
            self._put(HEAD if edge == self._grid.columns else BLANK, edge)
            self._wrap()
            edge = margins.edge(cursor.x)
        if INSERT in modes:
            self._editing.insert_characters(2)
        self._put_wide(text, edge)

    def _put_wide(self, text: str, edge: int) -> None:
        """Write a character or cluster of two cells that fits before the edge."""
        grid, cursor = self._grid, self._cursor
        start, end, line = cursor.x, cursor.x + 2, grid.rows[cursor.y]
        if start < 2:
            grid.unmark_row_above(cursor.y)
        line.cut(start, end, cursor.pen.blank)
        line.cells[start:end] = [text, SPACER]
        line.pens[start:end] = [cursor.pen] * 2
        grid.dirty.add(cursor.y)
        cursor.pending = end == edge
        cursor.x = end - cursor.pending

    def _before(self) -> int | None:
        """The column of the character before the cursor; None if nothing was written."""
        cursor = self._cursor
        cells, x = self._grid.rows[cursor.y].cells, cursor.x - (not cursor.pending)
        if x < 0:
            return None
        x -= cells[x] == SPACER
        return None if cells[x] in (BLANK, HEAD) else x

    def _attach(self, char: str) -> None:
        """Add a character without a cell to the one before the cursor."""
        x = self._before()
        if x is not None and attaches(self._grid.rows[self._cursor.y].cells[x], char):
            self._append(x, char)

    def _append(self, x: int, char: str) -> None:
        line = self._grid.rows[self._cursor.y]
        line.cells[x], line.origin = (line.cells[x] + char)[:MAX_CLUSTER], None
        self._grid.dirty.add(self._cursor.y)

    def _join(self, char: str) -> bool:
        """Add a character to the cluster before the cursor, if it belongs there."""
        x, line = self._before(), self._grid.rows[self._cursor.y]
        if x is None or not joins(before := line.cells[x], char):
            return False
        width = 1 + (x + 1 < self._grid.columns and line.cells[x + 1] == SPACER)
        self._append(x, char)
        self._widen(line, x, width, joined_width(before, char, width))
        return True

    def _widen(self, line: Line, x: int, width: int, wanted: int) -> None:
        """Give a cluster that just grew the cells that it needs."""
        if wanted == 2 and width == 1:
            text = line.cells[x]
            line.cells[x] = BLANK
            self._cursor.x, self._cursor.pending = x, False
            self._draw_wide(text)
        elif wanted == 1 and width == 2:
            line.cells[x + 1] = BLANK
            self._cursor.x, self._cursor.pending = x + 1, False

    def _wrap(self) -> None:
        """Go to the start of the next row."""
        cursor = self._cursor
        if cursor.x == self._grid.columns - 1:
            self._grid.rows[cursor.y].wrapped = True
        self._scrolling.index()
        cursor.x, cursor.pending = self._margins.left, False
