"""Text, words, lines and links from a pyte terminal, anywhere in the scrollback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from terminal.engines.contents import Position, Row, Span
from terminal.engines.pyte.rows import BLANK, HEAD, SPACER, Line

WORD_ENDS = " \t'\"│`|:;,()[]{}<>$"
"""The default characters that separate words."""

MAX_WRAPPED_ROWS = 4096
"""Maximum rows of a wrapped line that are examined in each direction."""

_NOTHING = (BLANK, HEAD)
_SPACES = (BLANK, HEAD, SPACER, " ", "\t")


class PyteText:
    """Reads rows; `line_at` returns an absolute row, or None if it does not exist."""

    def __init__(self, line_at: Callable[[int], Line | None]) -> None:
        self._line_at = line_at

    def row(self, row: int) -> Row | None:
        """Implement `Emulator.row_at`."""
        line = self._line_at(row)
        if line is None:
            return None
        return Row(tuple(map(_plain, line.cells)), line.wrapped)

    def text(self, span: Span, rectangle: bool) -> str:
        """Implement `Emulator.text`."""
        start, end = sorted(span, key=lambda position: (position.row, position.column))
        if self._line_at(start.row) is None or self._line_at(end.row) is None:
            return ""
        left, right = sorted((start.column, end.column))
        parts: list[str] = []
        for row in range(start.row, end.row + 1):
            line = self._line_at(row)
            if line is None:
                break
            first = left if rectangle else start.column if row == start.row else 0
            last = right if rectangle else end.column if row == end.row else len(line.cells)
            goes_on = line.wrapped and not rectangle and row < end.row
            part = _text(line, first, last)
            parts.append(part if goes_on else f"{part.rstrip()}\n")
        return "".join(parts).rstrip()

    def word(self, position: Position, boundaries: str | None) -> Span | None:
        """Implement `Emulator.word_at`."""
        ends = boundaries or WORD_ENDS
        here = self._cell(position)
        if here is None or here in _NOTHING:
            return None
        apart = here in ends

        def same(cell: str) -> bool:
            return cell == SPACER or (cell not in _NOTHING and (cell in ends) is apart)

        start = self._last_same(position, self._before(position), same)
        end = self._last_same(position, self._after(position), same)
        return Span(start, end)

    def line(self, position: Position) -> Span | None:
        """Implement `Emulator.line_at`."""
        if self._cell(position) is None:
            return None
        first, last = self._ends(position.row)
        written = [
            Position(column, row)
            for row in range(first, last + 1)
            for column, cell in enumerate(self._cells(row))
            if cell not in _SPACES
        ]
        return Span(written[0], written[-1]) if written else None

    def link(self, position: Position) -> str | None:
        """Implement `Emulator.hyperlink_at`."""
        line = self._line_at(position.row)
        if line is None or not 0 <= position.column < len(line.pens):
            return None
        return line.pens[position.column].link

    def _cells(self, row: int) -> list[str]:
        line = self._line_at(row)
        return line.cells if line else []

    def _cell(self, position: Position) -> str | None:
        cells = self._cells(position.row)
        return cells[position.column] if 0 <= position.column < len(cells) else None

    def _wraps(self, row: int) -> bool:
        line = self._line_at(row)
        return line is not None and line.wrapped

    def _ends(self, row: int) -> tuple[int, int]:
        """The first and the last row of a wrapped line."""
        first = last = row
        while row - first < MAX_WRAPPED_ROWS and first and self._wraps(first - 1):
            first -= 1
        while last - row < MAX_WRAPPED_ROWS and self._wraps(last) and self._cells(last + 1):
            last += 1
        return first, last

    def _before(self, position: Position) -> Iterator[Position]:
        first, _ = self._ends(position.row)
        for row in range(position.row, first - 1, -1):
            begin = position.column if row == position.row else len(self._cells(row))
            for column in range(begin - 1, -1, -1):
                yield Position(column, row)

    def _after(self, position: Position) -> Iterator[Position]:
        _, last = self._ends(position.row)
        for row in range(position.row, last + 1):
            begin = position.column + 1 if row == position.row else 0
            for column in range(begin, len(self._cells(row))):
                yield Position(column, row)

    def _last_same(
        self, position: Position, others: Iterator[Position], same: Callable[[str], bool]
    ) -> Position:
        found = position
        for other in others:
            cell = self._cell(other)
            if cell is None or not (same(cell) or cell == HEAD):
                break
            if cell != HEAD:
                found = other
        return found


def _plain(cell: str) -> str:
    return " " if cell in _NOTHING else "" if cell == SPACER else cell


def _text(line: Line, first: int, last: int) -> str:
    if 0 < first < len(line.cells) and line.cells[first] == SPACER:
        first -= 1
    cells = line.cells[first : last + 1]
    return "".join("" if cell == HEAD else _plain(cell) for cell in cells)
