"""Searching the rows of a pyte terminal.

Matches are kept by the numbers of their rows, counted since the start (see `pyte_tracking`), which
stay true while the host prints. What stands on the screen may change, and is searched anew when it
did; another size, or another screen, begins the search anew.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate, islice

from terminal.contents import Position, Span
from terminal.emulator import Emulator, Search
from terminal.pyte_rows import HEAD, SPACER, Kept, Line, unpack, written
from terminal.pyte_screen import PyteScreen

STEP_ROWS = 128
"""Rows that a step searches, in a millisecond when there is much to find."""
MAX_MATCHES = 100_000
"""Matches that are kept: older ones are not looked for."""
MAX_WRAPPED = 256
"""Rows of a wrapped line that are searched together."""
MAX_SHOWN = 4096
"""Matches in the viewport that are told of."""

_COLUMN_BITS = 10
"""A cell is kept as one number: its row's, then its column, below MAX_COLUMNS."""


class PyteSearch(Search):
    """A search over the screen that an emulator shows."""

    def __init__(self, emulator: Emulator, screen: PyteScreen, text: str) -> None:
        self._emulator = emulator
        self._screen = screen
        self._pattern = re.compile(re.escape(text), re.ASCII | re.IGNORECASE) if text else None
        self._longest = len(text)
        self._begin()

    def _begin(self) -> None:
        self._starts, self._ends = array("q"), array("q")
        """The matches from the oldest to the newest."""
        self._at: int | None = None
        """Where the match begins that was gone to."""
        self._layout = self._current_layout
        self._revision = self._emulator.revision
        self._settled = self._line_start(self._screen.screen_top)
        """Rows from this one on may have changed since they were searched."""
        self._behind = self._ahead = self._settled
        """All rows from the one to the other, which is not among them, have been searched."""

    def step(self) -> bool:
        """See `Search.step`."""
        self._follow()
        if self._revision != self._emulator.revision:
            self._look_again()
        end = self._screen.screen_top + self._screen.lines
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
        """Whether nothing older is to be searched."""
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
        """Forget the oldest matches."""
        if count > 0:
            del self._starts[:count], self._ends[:count]

    def select(self, newer: bool) -> None:
        """See `Search.select`."""
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
    def total(self) -> int:
        """See `Search.total`."""
        self._follow()
        return len(self._starts)

    @property
    def selected(self) -> tuple[int, Span] | None:
        """See `Search.selected`."""
        self._follow()
        if self._at is None:
            return None
        index = bisect_left(self._starts, self._at)
        if index == len(self._starts) or self._starts[index] != self._at:
            return None
        return len(self._starts) - 1 - index, self._span(index)

    def shown(self) -> list[Span]:
        """See `Search.shown`."""
        bar = self._emulator.scrollbar
        first = self._oldest + bar.offset
        matches = self._matches(self._line_start(first), first + bar.visible)
        spans = (Span(self._position(start), self._position(end)) for start, end in matches)
        return list(islice((span for span in spans if span.end.row >= bar.offset), MAX_SHOWN))

    def close(self) -> None:
        """See `Search.close`."""
        self._pattern = None
        self._drop(len(self._starts))

    # Rows by their numbers

    @property
    def _oldest(self) -> int:
        """The number of the first row that there is."""
        screen = self._screen
        return screen.screen_top if screen.on_alternate else screen.scrollback.dropped

    @property
    def _current_layout(self) -> tuple[bool, int]:
        """What, when it changes, gives the rows other numbers."""
        return self._screen.on_alternate, self._screen.tracking.renumbered

    def _row(self, number: int) -> Kept | Line:
        above = number - self._screen.screen_top
        return self._screen.rows[above] if above >= 0 else self._screen.scrollback.rows[above]

    def _line_start(self, number: int) -> int:
        """The first row of the wrapped line that a row belongs to."""
        limit = max(self._oldest, number - MAX_WRAPPED)
        while number > limit and written(self._row(number - 1))[1]:
            number -= 1
        return number

    def _follow(self) -> None:
        """Forget what is no more."""
        if self._layout != self._current_layout:
            self._begin()
        self._drop(bisect_left(self._starts, self._oldest << _COLUMN_BITS))
        self._behind = max(self._behind, self._oldest)

    def _look_again(self) -> None:
        """Forget what has been found where the host may have written since."""
        self._revision = self._emulator.revision
        self._ahead = max(min(self._ahead, self._settled), self._behind)
        self._settled = self._line_start(self._screen.screen_top)
        kept = bisect_left(self._starts, self._ahead << _COLUMN_BITS)
        del self._starts[kept:], self._ends[kept:]

    # Matches

    def _matches(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The first and the last cell of the matches that begin in these rows."""
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
        """The text of these rows, and as much of what their line goes on with as a match takes."""
        texts, room = [], self._longest - 1
        for number in range(first, self._screen.screen_top + self._screen.lines):
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
                row = unpack(row, self._screen.columns, self._screen.pens_known)
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
