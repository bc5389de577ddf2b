"""Floods: many plain or coloured lines at once, most of which are never read.

Whole lines of printable ASCII and SGR that scroll off the screen go to the scrollback as the host
sent them, and are parsed when someone looks. Lines that stay on the screen are drawn.
"""

from __future__ import annotations

import re
from itertools import islice

from terminal.engines.pyte.charsets import Charsets
from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.margins import Margins
from terminal.engines.pyte.modes import INSERT, Modes
from terminal.engines.pyte.rows import Kept, Line, pack, pen_after, unpack, visible_length

# A host may end lines with several CRs. Fewer than four lines are drawn individually.
_LINES = re.compile("(?:[ -~]*+(?:\x1b\\[[0-9;]*+m[ -~]*+)*+\r++\n){4,}+")
_RESETS = ("m", "0m")


class Flood:
    """The fast path for floods."""

    def __init__(
        self, grid: Grid, cursor: Cursor, margins: Margins, modes: Modes, charsets: Charsets
    ) -> None:
        self._grid = grid
        self._cursor = cursor
        self._margins = margins
        self._modes = modes
        self._charsets = charsets

    @property
    def may_begin(self) -> bool:
        """True if a line feed would scroll the whole screen and start an empty row."""
        cursor = self._cursor
        return (
            cursor.x == 0
            and cursor.y == self._grid.lines - 1
            and self._margins.whole
            and not cursor.pending
        )

    def take(self, data: str, at: int) -> int:
        """Process lines that begin on the empty row of the cursor; return where they end."""
        found = _LINES.match(data, at)
        if found is None or INSERT in self._modes or not self._charsets.plain:
            return at
        parts = data[at : found.end() - 1].split("\n")
        lines = [part.rstrip("\r") for part in parts]
        columns = self._grid.columns
        fitting = next(
            (
                index
                for index, line in enumerate(lines)
                if len(line) > columns and visible_length(line) > columns
            ),
            len(lines),
        )
        if not fitting:
            return at
        lines = lines[:fitting]
        self._scroll_in(self._raw(lines))
        return at + sum(map(len, parts[:fitting])) + fitting

    def _raw(self, lines: list[str]) -> list[Kept]:
        """The rows of these lines; the pen is updated."""
        pens = self._grid.pens
        pen, plain = self._cursor.pen, pens.plain
        rows: list[Kept] = []
        for line in lines:
            if "\x1b" not in line:
                rows.append(line if pen is plain else (line, pen))
                continue
            rows.append((line, pen))
            if pen.resets and line.startswith(_RESETS, line.rfind("\x1b[") + 2):
                pen = plain
            else:
                pen = pen_after(line, pen, pens)
        self._cursor.pen = pen
        return rows

    def _scroll_in(self, rows: list[Kept]) -> None:
        """Scroll rows in at the bottom of the screen, with an empty one below them."""
        grid = self._grid
        pens, stays = grid.pens, grid.lines - 1
        leaving = grid.rows[: min(len(rows), stays)]
        above: list[Kept] = [] if grid.on_alternate else [pack(line, pens) for line in leaving]
        above += [""] * (len(leaving) - len(above))
        surplus = max(len(rows) - stays, 0)
        grid.keep(above + rows[:surplus])
        kept = grid.rows[len(leaving) : stays]
        drawn = [unpack(row, grid.columns, pens) for row in islice(rows, surplus, None)]
        grid.rows = [*kept, *drawn, Line(grid.columns, self._cursor.pen.blank)]
        grid.touch_all()
