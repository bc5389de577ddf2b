"""The words, addresses and lines that double and triple clicks select."""

from __future__ import annotations

import re

from terminal.engines.contents import Position, Span
from terminal.engines.emulator import Emulator

URI_ROWS = 8
"""Maximum rows of a wrapped line that are searched for an address in each direction."""

_URI = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,15}://|mailto:|www\.)[^\s<>\"'`{}|\\^\x00-\x20]+", re.IGNORECASE
)
_CLOSING = {")": "(", "]": "["}
_TRAILING = ".,;:!?"


def unit_at(emulator: Emulator, position: Position) -> Span:
    """The address or the word around a cell, or just the cell."""
    return uri_at(emulator, position) or emulator.word_at(position) or Span(position, position)


def line_at(emulator: Emulator, position: Position) -> Span:
    """The rows of the line that contains a cell, from edge to edge."""
    line = emulator.line_at(position) or Span(position, position)
    first, last = min(line.start.row, position.row), max(line.end.row, position.row)
    return Span(Position(0, first), Position(emulator.columns - 1, last))


def uri_at(emulator: Emulator, position: Position) -> Span | None:
    """The address (URI) at a cell, across wrapped rows."""
    line = line_at(emulator, position)
    first = max(line.start.row, position.row - URI_ROWS)
    last = min(line.end.row, position.row + URI_ROWS)
    if not _URI.search(emulator.text(Span(Position(0, first), Position(line.end.column, last)))):
        return None  # fast path: most lines have none
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
        if _order(span.start) <= _order(position) <= _order(span.end):
            return span
    return None


def _without_trailing(uri: str) -> str:
    """Remove trailing punctuation of the surrounding sentence."""
    while uri[-1] in _TRAILING or (
        uri[-1] in _CLOSING and uri.count(uri[-1]) > uri.count(_CLOSING[uri[-1]])
    ):
        uri = uri[:-1]
    return uri


def _order(position: Position) -> tuple[int, int]:
    """The sort key of positions in reading order."""
    return position.row, position.column
