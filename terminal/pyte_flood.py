"""Floods: many plain or coloured lines at once, of which most are never read.

Whole lines of printable ASCII and SGR that scroll off the screen go to the scrollback as the host
sent them; they are read when someone looks. Lines that stay on the screen are drawn.
"""

from __future__ import annotations

import re
from itertools import islice

from terminal.pyte_editing import PyteEditing
from terminal.pyte_grid import INSERT
from terminal.pyte_rows import Kept, Line, pack, pen_after, unpack, visible_length

# A host may end lines with more than one CR. Fewer than four are drawn one by one.
_LINES = re.compile("(?:[ -~]*+(?:\x1b\\[[0-9;]*+m[ -~]*+)*+\r++\n){4,}+")
_RESETS = ("m", "0m")


class PyteFlood(PyteEditing):
    """A grid that takes floods."""

    @property
    def at_bottom_left(self) -> bool:
        """Whether a line feed now scrolls the whole screen and starts an empty row."""
        return (
            self.cursor.x == 0
            and self.cursor.y == self.lines - 1
            and self.margins is None
            and self.sides is None
            and not self.pending
        )

    def take_flood(self, data: str, at: int) -> int:
        """Take lines that begin on the empty row the cursor is on; gives where they end."""
        found = _LINES.match(data, at)
        if found is None or INSERT in self.mode or not self.charset_is_plain:
            return at
        parts = data[at : found.end() - 1].split("\n")
        lines = [part.rstrip("\r") for part in parts]
        fitting = next(
            (
                index
                for index, line in enumerate(lines)
                if len(line) > self.columns and visible_length(line) > self.columns
            ),
            len(lines),
        )
        if not fitting:
            return at
        lines = lines[:fitting]
        self._scroll_in(self._raw(lines))
        return at + sum(map(len, parts[:fitting])) + fitting

    def _raw(self, lines: list[str]) -> list[Kept]:
        """The rows of these lines; the pen becomes the one after them."""
        pen, plain = self.pen, self.pens_known.plain
        rows: list[Kept] = []
        for line in lines:
            if "\x1b" not in line:
                rows.append(line if pen is plain else (line, pen))
                continue
            rows.append((line, pen))
            if pen.resets and line.startswith(_RESETS, line.rfind("\x1b[") + 2):
                pen = plain
            else:
                pen = pen_after(line, pen, self.pens_known)
        self.pen = pen
        return rows

    def _scroll_in(self, rows: list[Kept]) -> None:
        """Put rows at the bottom of the screen, and an empty one below them."""
        pens = self.pens_known
        stays = self.lines - 1
        leaving = self.rows[: min(len(rows), stays)]
        above: list[Kept] = [] if self.on_alternate else [pack(line, pens) for line in leaving]
        above += [""] * (len(leaving) - len(above))
        surplus = max(len(rows) - stays, 0)
        self.keep_packed(above + rows[:surplus])
        kept = self.rows[len(leaving) : stays]
        drawn = [unpack(row, self.columns, pens) for row in islice(rows, surplus, None)]
        self.rows = [*kept, *drawn, Line(self.columns, self.pen.blank)]
        self.dirty.update(range(self.lines))

    @property
    def charset_is_plain(self) -> bool:
        """Whether characters are drawn as they come."""
        raise NotImplementedError
