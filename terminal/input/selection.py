"""The selection: by character, word, line or rectangle, across the scrollback.

The ends are anchors, so that a selection stays on its text while output scrolls; it is cleared
when its text changes or is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from guacr.display.geometry import Rect
from terminal.drawing import spans
from terminal.engines.contents import Position, Span
from terminal.engines.emulator import Anchor, Emulator
from terminal.text import words

CLICK_WINDOW = 0.3
"""Seconds within which clicks on one cell count as double and triple."""
SNAPSHOT_ROWS = 256
"""Rows, from the end, whose text is checked for changes; all others are in the scrollback."""


class Unit(Enum):
    """The unit in which a selection grows."""

    CHARACTER = 1
    WORD = 2
    LINE = 3
    RECTANGLE = 4


class Edge(NamedTuple):
    """A side of a cell; edges are in reading order."""

    row: int
    column: int
    right: bool

    @property
    def boundary(self) -> int:
        """The number of columns to the left of it."""
        return self.column + self.right


class ClickCounter:
    """Distinguishes single, double and triple clicks."""

    __slots__ = ("_count", "_place", "_time")

    def __init__(self) -> None:
        self._count = 0
        self._place = (-1, -1)
        self._time = 0.0

    def press(self, place: tuple[int, int], now: float) -> int:
        """Return the click count (1 to 3) of a button pressed on a cell at `now`, in seconds."""
        again = place == self._place and now - self._time <= CLICK_WINDOW and self._count < 3
        self._count = self._count + 1 if again else 1
        self._place, self._time = place, now
        return self._count


@dataclass(slots=True)
class _Fixed:
    """An edge that follows its text."""

    anchor: Anchor
    right: bool

    def edge(self) -> Edge | None:
        position = self.anchor.position()
        return None if position is None else Edge(position.row, position.column, self.right)


class Selection:
    """The selection of a terminal, at most one; `start` and `extend` make it, `clear` removes
    it."""

    __slots__ = ("_base", "_emulator", "_reach", "_revision", "_snapshot", "unit")

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._base: tuple[_Fixed, _Fixed] | None = None
        self._reach: tuple[_Fixed, _Fixed] | None = None
        self._snapshot = ""
        self._revision = -1
        self.unit = Unit.CHARACTER

    @property
    def active(self) -> bool:
        """True if any cell is selected."""
        return self.span is not None

    @property
    def begun(self) -> bool:
        """True if there is a start to extend from, even if nothing is selected yet."""
        return self._base is not None

    def edge_at(self, column: int, row: int, right: bool) -> Edge:
        """The edge of a character nearest to one half of a cell; `row` is absolute."""
        line = self._emulator.row_at(row)
        cells = line.cells if line else ()
        if column < len(cells) and cells[column] == "":
            right = True  # the right half of a wide character
        elif column + 1 < len(cells) and cells[column + 1] == "":
            right = False
        return Edge(row, column, right)

    def start(self, edge: Edge, unit: Unit) -> None:
        """Start a new selection at `edge`."""
        self.clear()
        self.unit = unit
        self._base = self._fixed(*self._unit(edge))
        self._take_snapshot()

    def extend(self, edge: Edge) -> None:
        """Extend the selection from its start to `edge`."""
        if self._base is None:
            return
        reach = self._fixed(*self._unit(edge))
        if reach is not None:
            self._release(self._reach)
            self._reach = reach
            self._take_snapshot()

    def clear(self) -> None:
        """Remove the selection."""
        self._release(self._base)
        self._release(self._reach)
        self._base = self._reach = None
        self._snapshot = ""

    def verify(self) -> None:
        """Clear the selection if its text has changed; called after output."""
        if self._base is None or self._emulator.revision == self._revision:
            return
        self._revision = self._emulator.revision
        edges = self._edges()
        if edges is None:
            self.clear()
            return
        bar = self._emulator.scrollbar
        if edges[1].row >= bar.total - bar.visible and self._watched() != self._snapshot:
            self.clear()

    @property
    def span(self) -> Span | None:
        """The selected cells; for a rectangle, two opposite corners."""
        edges = self._edges()
        if edges is None:
            return None
        first, last = edges
        if self.unit is Unit.RECTANGLE:
            left, right = sorted((first.boundary, last.boundary))
            empty = left == right
            start, end = Position(left, first.row), Position(right - 1, last.row)
        else:
            start, end = self._after(first), self._before(last)
            empty = (start.row, start.column) > (end.row, end.column)
        return None if empty else Span(start, end)

    def text(self) -> str:
        """The selected text, with wrapped rows joined and trailing blanks removed."""
        span = self.span
        if span is None:
            return ""
        return self._emulator.text(span, rectangle=self.unit is Unit.RECTANGLE)

    def rects(self) -> list[Rect]:
        """The visible selected cells, in columns and viewport rows; at most three rectangles."""
        span = self.span
        if span is None:
            return []
        return spans.shown(self._emulator, span, rectangle=self.unit is Unit.RECTANGLE)

    def _unit(self, edge: Edge) -> tuple[Edge, Edge]:
        """The unit at an edge, which is the minimum that it selects."""
        position = Position(edge.column, edge.row)
        if self.unit is Unit.WORD:
            span = words.unit_at(self._emulator, position)
        elif self.unit is Unit.LINE:
            span = words.line_at(self._emulator, position)
        else:
            return edge, edge
        start, end = span
        return Edge(start.row, start.column, False), Edge(end.row, end.column, True)

    def _fixed(self, *edges: Edge) -> tuple[_Fixed, _Fixed] | None:
        anchors = [self._emulator.anchor(Position(edge.column, edge.row)) for edge in edges]
        first, last = anchors
        if first is None or last is None:
            for anchor in anchors:
                if anchor is not None:
                    anchor.close()
            return None
        return _Fixed(first, edges[0].right), _Fixed(last, edges[1].right)

    @staticmethod
    def _release(fixed: tuple[_Fixed, _Fixed] | None) -> None:
        for end in fixed or ():
            end.anchor.close()

    def _edges(self) -> tuple[Edge, Edge] | None:
        """The first and the last edge; None if one was dropped, or there is no selection."""
        if self._base is None:
            return None
        edges = [end.edge() for end in (*self._base, *(self._reach or ()))]
        known = [edge for edge in edges if edge is not None]
        if len(known) < len(edges):
            return None
        return min(known), max(known)

    def _take_snapshot(self) -> None:
        self._snapshot = self._watched()
        self._revision = self._emulator.revision

    def _watched(self) -> str:
        span = self.span
        if span is None:
            return ""
        start, end = span
        if end.row - start.row >= SNAPSHOT_ROWS:
            start = Position(start.column, end.row - SNAPSHOT_ROWS + 1)
        return self._emulator.text(Span(start, end), rectangle=self.unit is Unit.RECTANGLE)

    def _after(self, edge: Edge) -> Position:
        """The first cell after an edge."""
        if edge.boundary < self._emulator.columns:
            return Position(edge.boundary, edge.row)
        return Position(0, edge.row + 1)

    def _before(self, edge: Edge) -> Position:
        """The last cell before an edge."""
        if edge.boundary > 0:
            return Position(edge.boundary - 1, edge.row)
        return Position(self._emulator.columns - 1, edge.row - 1)
