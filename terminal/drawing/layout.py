"""The layout of a terminal in its window: margins, cells, scroll bar."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.display.geometry import Rect
from terminal.engines.emulator import MAX_COLUMNS, MAX_ROWS

MARGIN_MM = 2
"""The margin around the text."""
SCROLLBAR_WIDTH = 16
"""The width at the right edge, in pixels."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes in pixels unless noted; a window too small for margins has none."""

    width: int
    height: int
    margin: int
    cell_width: int
    cell_height: int
    columns: int
    rows: int

    @classmethod
    def of(cls, window: tuple[int, int], dpi: int, cell: tuple[int, int]) -> Layout:
        """Fit as many cells of (width, height) as possible into a window of (width, height), but at
        least one in each direction."""
        margin = int(MARGIN_MM * dpi / 25.4)
        width, height = window
        room = min(width - SCROLLBAR_WIDTH - cell[0], height - cell[1]) // 2
        margin = max(min(margin, room), 0)
        columns = (width - SCROLLBAR_WIDTH - 2 * margin) // cell[0]
        rows = (height - 2 * margin) // cell[1]
        return cls(
            *window,
            margin,
            *cell,
            min(max(columns, 1), MAX_COLUMNS),
            min(max(rows, 1), MAX_ROWS),
        )

    @property
    def text(self) -> Rect:
        """The area of the cells."""
        size = self.columns * self.cell_width, self.rows * self.cell_height
        return Rect(self.margin, self.margin, *size)

    @property
    def scrollbar(self) -> Rect:
        """The track of the scroll bar."""
        x = max(self.width - SCROLLBAR_WIDTH, 0)
        return Rect(x, 0, min(SCROLLBAR_WIDTH, self.width), self.height)

    def cell_at(self, x: int, y: int) -> tuple[int, int]:
        """The column and viewport row at a pixel of the window, the nearest ones if it is
        outside."""
        column = (x - self.margin) // self.cell_width
        row = (y - self.margin) // self.cell_height
        return min(max(column, 0), self.columns - 1), min(max(row, 0), self.rows - 1)
