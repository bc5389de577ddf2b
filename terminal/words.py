"""Words, addresses and lines at a cell, as double and triple clicks select them."""

from __future__ import annotations

import re

from terminal.emulator import Emulator, Position, Span

ROWS_MAX = 64
"""Rows of one wrapped line that are searched in each direction."""

_URI = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,15}://|mailto:|www\.)[^\s<>\"'`{}|\\^\x00-\x20]+", re.IGNORECASE
)
_CLOSING = {")": "(", "]": "["}
_TRAILING = ".,;:!?"


def unit_at(emulator: Emulator, position: Position) -> Span:
    """The address or the word around a cell, or the cell alone."""
    return uri_at(emulator, position) or emulator.word_at(position) or Span(position, position)


def line_at(emulator: Emulator, position: Position) -> Span:
    """The rows of the line that a cell belongs to, from edge to edge."""
    first, last = _line_rows(emulator, position.row)
    return Span(Position(0, first), Position(emulator.columns - 1, last))


def uri_at(emulator: Emulator, position: Position) -> Span | None:
    """The address (URI) that covers a cell, across wrapped rows."""
    first, last = _line_rows(emulator, position.row)
    text: list[str] = []
    cells: list[Position] = []
    for number in range(first, last + 1):
        row = emulator.row_at(number)
        for column, cell in enumerate(row.cells if row else ()):
            text.append(cell)
            cells += [Position(column, number)] * len(cell)
    for match in _URI.finditer("".join(text)):
        length = len(_without_trailing(match[0]))
        span = Span(cells[match.start()], cells[match.start() + length - 1])
        if _before(span.start) <= _before(position) <= _before(span.end):
            return span
    return None


def _line_rows(emulator: Emulator, row: int) -> tuple[int, int]:
    first = last = row
    while first > row - ROWS_MAX and _wraps(emulator, first - 1):
        first -= 1
    while last < row + ROWS_MAX and _wraps(emulator, last):
        last += 1
    return first, last


def _wraps(emulator: Emulator, number: int) -> bool:
    row = emulator.row_at(number) if number >= 0 else None
    return row is not None and row.wrapped


def _without_trailing(uri: str) -> str:
    """Without the punctuation of the sentence around it."""
    while uri[-1] in _TRAILING or (
        uri[-1] in _CLOSING and uri.count(uri[-1]) > uri.count(_CLOSING[uri[-1]])
    ):
        uri = uri[:-1]
    return uri


def _before(position: Position) -> tuple[int, int]:
    """What orders positions as they are read."""
    return position.row, position.column
