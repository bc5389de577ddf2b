"""Searching the rows of a pyte terminal.

Matches are stored by row numbers counted since the start (see `tracking`), which stay valid
while the host prints. The screen may change, and is searched again if it did; a different size, or
a different screen, restarts the search.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate, islice

from typing_extensions import override

from terminal.engines.contents import Position, Span
from terminal.engines.emulator import Emulator, Search
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.rows import HEAD, SPACER, Kept, Line, unpack, written

STEP_ROWS = 128
"""Rows per step; a step takes a millisecond if there are many matches."""
MAX_MATCHES = 100_000
"""Maximum matches; older ones are not searched for."""
MAX_WRAPPED = 256
"""Maximum rows of a wrapped line that are searched together."""
MAX_SHOWN = 4096
"""Maximum matches in the viewport that are reported."""

_COLUMN_BITS = 10
"""A cell is stored as one integer: its row number times this, plus its column (below
MAX_COLUMNS)."""


class PyteSearch(Search):
    """A search over the rows of the screen that an emulator shows."""

    def __init__(self, emulator: Emulator, grid: Grid, text: str) -> None:
        self._emulator = emulator
        self._grid = grid
        self._pattern = re.compile(re.escape(text), re.ASCII | re.IGNORECASE) if text else None
        self._longest = len(text)
        self._begin()

    def _begin(self) -> None:
        self._starts, self._ends = array("q"), array("q")
        """The start of the matches, from the oldest to the newest."""
        self._at: int | None = None
        """The start of the current match."""
        self._layout = self._current_layout
        self._revision = self._emulator.revision
        self._settled = self._line_start(self._grid.screen_top)
        """Rows from this one on may have changed since they were searched."""
        self._behind = self._ahead = self._settled
        """The range of rows that have been searched, the second excluded."""

    @override
    def step(self) -> bool:
        self._follow()
        if self._revision != self._emulator.revision:
            self._look_again()
        end = self._grid.screen_top + self._grid.lines
        if self._ahead < end:
            first = self._ahead
            self._ahead = min(first + STEP_ROWS, end)
            self._add(len(self._starts), first, self._ahead)
        elif not self._complete:
            last = self._behind
            self._behind = self._line_start(max(last - STEP_ROWS, self._oldest))
            self._add(0, self._behind, last)
        return self._ahead == end and self._complete

    @property
    def _complete(self) -> bool:
        """True if there are no older rows to search."""
        return (
            self._pattern is None
            or self._behind <= self._oldest
            or len(self._starts) >= MAX_MATCHES
        )

    def _add(self, index: int, first: int, last: int) -> None:
        found = list(self._matches(first, last))
        self._starts[index:index] = array("q", [start for start, _ in found])
        self._ends[index:index] = array("q", [end for _, end in found])
        self._drop(len(self._starts) - MAX_MATCHES)

    def _drop(self, count: int) -> None:
        """Discard the oldest matches."""
        if count > 0:
            del self._starts[:count], self._ends[:count]

    @override
    def select(self, newer: bool) -> None:
        self._follow()
        starts = self._starts
        if not starts:
            return
        if self._at is None:
            index = len(starts) - 1
        elif newer:
            index = bisect_right(starts, self._at) % len(starts)
        else:
            index = bisect_left(starts, self._at) - 1
        self._at = starts[index]
        bar, row = self._emulator.scrollbar, self._span(index).start.row
        if not bar.offset <= row < bar.offset + bar.visible:
            self._emulator.scroll_to(row - bar.visible // 2)

    @property
    @override
    def total(self) -> int:
        self._follow()
        return len(self._starts)

    @property
    @override
    def selected(self) -> tuple[int, Span] | None:
        self._follow()
        if self._at is None:
            return None
        index = bisect_left(self._starts, self._at)
        if index == len(self._starts) or self._starts[index] != self._at:
            return None
        return len(self._starts) - 1 - index, self._span(index)

    @override
    def shown(self) -> list[Span]:
        bar = self._emulator.scrollbar
        first = self._oldest + bar.offset
        matches = self._matches(self._line_start(first), first + bar.visible)
        spans = (Span(self._position(start), self._position(end)) for start, end in matches)
        return list(islice((span for span in spans if span.end.row >= bar.offset), MAX_SHOWN))

    @override
    def close(self) -> None:
        self._pattern = None
        self._drop(len(self._starts))

    # Rows by their numbers

    @property
    def _oldest(self) -> int:
        """The number of the oldest row."""
        return self._grid.oldest(self._grid.on_alternate)

    @property
    def _current_layout(self) -> tuple[bool, int]:
        """The state that determines the row numbers."""
        return self._grid.on_alternate, self._grid.tracking.renumbered

    def _row(self, number: int) -> Kept | Line:
        above = number - self._grid.screen_top
        return self._grid.rows[above] if above >= 0 else self._grid.scrollback.rows[above]

    def _line_start(self, number: int) -> int:
        """The first row of the wrapped line that contains a row."""
        limit = max(self._oldest, number - MAX_WRAPPED)
        while number > limit and written(self._row(number - 1))[1]:
            number -= 1
        return number

    def _follow(self) -> None:
        """Discard matches in rows that no longer exist."""
        if self._layout != self._current_layout:
            self._begin()
        self._drop(bisect_left(self._starts, self._oldest << _COLUMN_BITS))
        self._behind = max(self._behind, self._oldest)

    def _look_again(self) -> None:
        """Discard matches in rows that the host may have changed."""
        self._revision = self._emulator.revision
        self._ahead = max(min(self._ahead, self._settled), self._behind)
        self._settled = self._line_start(self._grid.screen_top)
        kept = bisect_left(self._starts, self._ahead << _COLUMN_BITS)
        del self._starts[kept:], self._ends[kept:]

    # Matches

    def _matches(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The first and the last cell of each match that begins in these rows."""
        if self._pattern is None:
            return
        texts = self._texts(first, last)
        offsets = [0, *accumulate(map(len, texts))]
        past = offsets[last - first]
        for match in self._pattern.finditer("".join(texts)):
            start, end = match.span()
            if start >= past:
                return
            yield (
                self._cell(first, texts, offsets, start),
                self._cell(first, texts, offsets, end - 1),
            )

    def _texts(self, first: int, last: int) -> list[str]:
        """The text of these rows, and as much of the continuation of the line as a match may
        need."""
        texts, room = [], self._longest - 1
        for number in range(first, self._grid.screen_top + self._grid.lines):
            text, wrapped = written(self._row(number))
            texts.append(text if wrapped else f"{text}\n")
            if number >= last - 1:
                room -= len(text) if number >= last else 0
                if not wrapped or room <= 0:
                    break
        return texts

    def _cell(self, first: int, texts: list[str], offsets: list[int], offset: int) -> int:
        """The cell of a character."""
        index = bisect_right(offsets, offset) - 1
        column = offset - offsets[index]
        if not texts[index].isascii():
            row = self._row(first + index)
            if not isinstance(row, Line):
                row = unpack(row, self._grid.columns, self._grid.pens)
            column = _columns(row.cells)[column]
        return (first + index) << _COLUMN_BITS | column

    def _span(self, index: int) -> Span:
        return Span(self._position(self._starts[index]), self._position(self._ends[index]))

    def _position(self, cell: int) -> Position:
        return Position(cell & (1 << _COLUMN_BITS) - 1, (cell >> _COLUMN_BITS) - self._oldest)


def _columns(cells: list[str]) -> list[int]:
    """The column of each character of a row's text."""
    return [
        column
        for column, cell in enumerate(cells)
        for _ in ("" if cell in (SPACER, HEAD) else cell)
    ]
