"""Rewrap the rows of the pyte engine for a new width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from terminal.engines.pyte.pens import Pen, Pens
from terminal.engines.pyte.rows import (
    BLANK,
    HEAD,
    SPACER,
    Kept,
    Line,
    Packed,
    unpack,
    visible_length,
)

MAX_LINE = 65_536
"""Maximum cells of a wrapped line that stay together; a longer line is split."""


@dataclass(slots=True)
class Place:
    """A cell to track: row and column, before and after."""

    row: int
    column: int
    solid: bool = False
    """True if the cells before it count as written, as with the cursor."""


@dataclass(slots=True)
class _Paragraph:
    """A line of text without its wraps."""

    cells: list[str] = field(default_factory=list)
    pens: list[Pen] = field(default_factory=list)
    places: list[tuple[Place, int]] = field(default_factory=list)
    """Tracked places by offset."""
    open: bool = False
    """True if any of its rows was unpacked."""


def reflow(
    rows: Sequence[Kept | Line], columns: int, pens: Pens, places: list[Place]
) -> list[Kept | Line]:
    """Wrap the rows at `columns` and update the places. Rows of the scrollback that fit are not
    changed."""
    by_row: dict[int, list[Place]] = {}
    for place in places:
        by_row.setdefault(place.row, []).append(place)
    out: list[Kept | Line] = []
    paragraph = _Paragraph()
    for row, kept in enumerate(rows):
        here = by_row.get(row, [])
        if not paragraph.open and _fits(kept, columns):
            for place in here:
                place.row, place.column = len(out), min(place.column, columns - 1)
            out.append(kept)
            continue
        line = kept if isinstance(kept, Line) else unpack(kept, _width(kept), pens)
        _append(paragraph, line, here)
        if not line.wrapped or len(paragraph.cells) >= MAX_LINE:
            out += _wrap(paragraph, columns, pens.plain, len(out))
            paragraph = _Paragraph()
    if paragraph.open:
        out += _wrap(paragraph, columns, pens.plain, len(out))
    return out


def _fits(row: Kept | Line, columns: int) -> bool:
    """Return whether a row of the scrollback is a line of its own and fits."""
    if isinstance(row, tuple):
        return len(row[0]) <= columns or visible_length(row[0]) <= columns
    if isinstance(row, Packed):
        return not row.wrapped and len(row.cells) <= columns
    return isinstance(row, str) and len(row) <= columns


def _width(row: Kept) -> int:
    """The number of cells of a row in the scrollback."""
    if isinstance(row, tuple):
        return max(visible_length(row[0]), 1)
    return max(len(row.cells if isinstance(row, Packed) else row), 1)


def _append(paragraph: _Paragraph, line: Line, places: list[Place]) -> None:
    start, paragraph.open = len(paragraph.cells), True
    end = len(line.cells) if line.wrapped else line.length
    if line.wrapped and line.cells[-1] == HEAD:
        end -= 1
    solid = max((place.column + 1 for place in places if place.solid), default=0)
    end = max(end, min(solid, len(line.cells)))
    paragraph.cells += line.cells[:end]
    paragraph.pens += line.pens[:end]
    paragraph.places += [(place, start + place.column) for place in places]


def _wrap(paragraph: _Paragraph, columns: int, plain: Pen, first: int) -> list[Line]:
    starts = _starts(paragraph.cells, columns)
    lines = []
    for index, start in enumerate(starts):
        last = index == len(starts) - 1
        end = len(paragraph.cells) if last else starts[index + 1]
        line = Line(columns, plain)
        line.cells[: end - start] = paragraph.cells[start:end]
        line.pens[: end - start] = paragraph.pens[start:end]
        line.wrapped = not last
        if line.wrapped and end - start < columns:
            line.cells[-1] = HEAD
        lines.append(line)
    for place, offset in paragraph.places:
        index = max(number for number, start in enumerate(starts) if start <= offset)
        place.row = first + index
        place.column = min(offset - starts[index], columns - 1)
    return lines


def _starts(cells: list[str], columns: int) -> list[int]:
    """The offsets of rows; wide characters are not split, unless rows are too narrow for any."""
    starts, at = [0], columns
    while at < len(cells):
        if cells[at] == SPACER:
            if columns > 1:
                at -= 1
            else:
                cells[at] = BLANK
        starts.append(at)
        at += columns
    return starts
