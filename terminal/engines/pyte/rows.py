"""Rows of the pyte engine: lists of cells on the screen, packed in the scrollback.

The text of a cell is one character, or a cluster of several; BLANK if nothing was written, SPACER
for the right half of a wide character, HEAD at the end of a row whose wide character wrapped to the
next.
"""

from __future__ import annotations

import re
from array import array
from itertools import groupby
from operator import attrgetter
from typing import Final

from terminal.engines.pyte.pens import Pen, Pens

BLANK = "\0"
SPACER = "\ufdd0"
HEAD = "\ufdd1"
"""Noncharacters, which never occur in a host's text, because they are replaced on input."""

SLACK_ROWS = 256
"""Rows kept beyond the limit of the scrollback, so that they are dropped in bulk."""

_RUN: Final = "H"
"""The type of pen numbers in a palette, and of run lengths."""

_AS_WRITTEN = {ord(BLANK): " ", ord(SPACER): None, ord(HEAD): None}
_SGR = re.compile("\x1b\\[([0-9;]*)m")


class Line:
    """A writable row."""

    __slots__ = ("cells", "origin", "pens", "wrapped")

    def __init__(self, columns: int, pen: Pen) -> None:
        self.cells = [BLANK] * columns
        self.pens = [pen] * columns
        self.origin: Kept | None = None
        """The packed row that it was unpacked from, until it is changed."""
        self.wrapped = False
        """True if the text continues in the next row."""

    def erase(self, start: int, end: int, pen: Pen) -> None:
        """Blank the cells of a range, including halves of wide characters at its edges."""
        if start >= end:
            return
        self.cut(start, end)
        self.cells[start:end] = [BLANK] * (end - start)
        self.pens[start:end] = [pen] * (end - start)

    def erase_unprotected(self, start: int, end: int, pen: Pen | None) -> None:
        """Erase the unprotected cells of a range; a pen of None keeps their style."""
        at = start
        for protected, run in groupby(self.pens[start:end], attrgetter("protected")):
            first, at = at, at + len(list(run))
            if not protected:
                self.blank(first, at) if pen is None else self.erase(first, at, pen)

    def blank(self, start: int, end: int) -> None:
        """Erase the characters of a range, and keep their styles."""
        self.cut(start, end)
        self.cells[start:end] = [BLANK] * (end - start)

    def cut(self, start: int, end: int, pen: Pen | None = None) -> None:
        """Blank the outer halves of wide characters at the edges of a range, with a pen or with
        their own background."""
        self.origin = None
        cells = self.cells
        if cells[start] == SPACER and start:
            cells[start - 1] = BLANK
            self.pens[start - 1] = pen or self.pens[start - 1].blank
        if end < len(cells) and cells[end] == SPACER:
            cells[end] = BLANK
            self.pens[end] = pen or self.pens[end].blank

    def part(self, at: int) -> None:
        """Blank a wide character that straddles a column boundary."""
        self.origin = None
        if 0 < at < len(self.cells) and self.cells[at] == SPACER:
            self.cells[at - 1 : at + 1] = [BLANK] * 2

    @property
    def length(self) -> int:
        """The number of cells up to the last one that was written or has a colour."""
        text = "".join(self.cells)
        if len(text) == len(self.cells):
            end = len(text.rstrip(BLANK))
            if all(pen.bare for pen in set(self.pens[end:])):
                return end
        end = len(self.cells)
        while end and self.cells[end - 1] == BLANK and self.pens[end - 1].bare:
            end -= 1
        return end


class Packed:
    """A row of the scrollback: its text, or cells if there are clusters, and runs of pens, each as
    the number of the pen in a shared palette, and a length."""

    __slots__ = ("cells", "palette", "runs", "wrapped")

    def __init__(self, cells: str | tuple[str, ...], line: Line, known: Pens) -> None:
        self.cells = cells
        self.wrapped = line.wrapped
        pens = line.pens[: len(cells)]
        self.palette, numbers = known.palette(set(pens))
        runs: list[int] = []
        for pen, run in groupby(pens):
            runs += numbers[pen], len(list(run))
        self.runs = array(_RUN, runs).tobytes()

    def unpack(self, columns: int, plain: Pen) -> Line:
        """Unpack the row for reading."""
        line = Line(columns, plain)
        end = len(self.cells)
        line.cells[:end] = self.cells
        runs = memoryview(self.runs).cast(_RUN)
        line.pens[:end] = [
            self.palette[number]
            for number, count in zip(runs[::2], runs[1::2], strict=True)
            for _ in range(count)
        ]
        line.wrapped = self.wrapped
        return line


Raw = tuple[str, Pen]
"""A row of a flood as the host sent it, unparsed printable ASCII and SGR, and the pen at its
start."""

Kept = str | Packed | Raw
"""A row of the scrollback; a string is plain text with the plain pen."""


def pack(line: Line, pens: Pens) -> Kept:
    """Pack a row for the scrollback."""
    if line.origin is not None and not line.wrapped:
        return line.origin
    end = len(line.cells) if line.wrapped else line.length
    text = "".join(line.cells[:end])
    if len(text) > end:
        return Packed(tuple(line.cells[:end]), line, pens)
    simple = not line.wrapped and line.pens[:end].count(pens.plain) == end
    return text if simple else Packed(text, line, pens)


def unpack(kept: Kept, columns: int, pens: Pens) -> Line:
    """Unpack a row of the scrollback for reading."""
    if isinstance(kept, Packed):
        return kept.unpack(columns, pens.plain)
    if isinstance(kept, tuple):
        return _draw(kept, columns, pens)
    line = Line(columns, pens.plain)
    end = len(kept)
    line.cells[:end] = kept
    return line


def pen_after(text: str, pen: Pen, pens: Pens) -> Pen:
    """The pen after a row of printable ASCII and SGR."""
    for parameters in _SGR.findall(text):
        pen = pens.step(pen, parameters)
    return pen


def visible_length(text: str) -> int:
    """The number of cells of a row of printable ASCII and SGR."""
    return len(_SGR.sub("", text))


def written(row: Kept | Line) -> tuple[str, bool]:
    """The text of a row, with spaces for blank cells, and whether it continues in the next row."""
    wrapped = False
    if isinstance(row, tuple):
        return _SGR.sub("", row[0]), wrapped
    if isinstance(row, str):
        text = row
    else:
        wrapped = row.wrapped
        cells = row.cells if isinstance(row, Packed) or wrapped else row.cells[: row.length]
        text = "".join(cells)
    return text.translate(_AS_WRITTEN), wrapped


def _draw(raw: Raw, columns: int, pens: Pens) -> Line:
    text, pen = raw
    line, at = Line(columns, pen.blank), 0
    for index, part in enumerate(_SGR.split(text)):
        if index % 2:
            pen = pens.step(pen, part)
        elif part:
            end = at + len(part)
            line.cells[at:end] = part
            line.pens[at:end] = [pen] * len(part)
            at = end
    line.origin = raw
    return line


class Scrollback:
    """The rows above the screen, oldest first."""

    def __init__(self, limit: int) -> None:
        self.rows: list[Kept] = []
        self.limit = limit
        self.dropped = 0
        """Rows dropped since the start; row n has the number n + dropped."""

    def extend(self, rows: list[Kept]) -> None:
        """Append rows; drop old ones if there are too many."""
        if self.limit:
            self.rows += rows
            if len(self.rows) > self.limit + max(SLACK_ROWS, self.limit // 8):
                self.trim()
        else:
            self.dropped += len(rows)

    def trim(self) -> None:
        """Drop rows beyond the limit."""
        surplus = max(len(self.rows) - self.limit, 0)
        del self.rows[:surplus]
        self.dropped += surplus

    def clear(self) -> None:
        """Drop all rows."""
        self.dropped += len(self.rows)
        self.rows.clear()
