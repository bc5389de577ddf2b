"""The scroll bar: the position of its handle, and dragging."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.display.geometry import Rect
from terminal.engines.contents import Scrollbar

PADDING = 2
"""Pixels between the handle and the edges of the track."""
HANDLE_MIN = 64
"""Minimum height of the handle in pixels, if the track has room."""


@dataclass(frozen=True, slots=True)
class ScrollbarGeometry:
    """A track in pixels of the window, and the rows that it represents."""

    track: Rect
    rows: Scrollbar

    @property
    def hidden(self) -> bool:
        """True if there is nothing to scroll."""
        return self.rows.total <= self.rows.visible

    @property
    def handle(self) -> Rect:
        """The handle, in pixels of the window."""
        height = self._handle_height
        scrollable = self.rows.total - self.rows.visible
        y = self._travel * self.rows.offset // scrollable if scrollable > 0 else 0
        width = max(self.track.width - 2 * PADDING, 1)
        return Rect(self.track.x + PADDING, self.track.y + PADDING + y, width, height)

    def row_at(self, top: int) -> int:
        """The absolute row at the top of the viewport when the top of the handle is at `top`, a
        pixel row of the window."""
        scrollable = max(self.rows.total - self.rows.visible, 0)
        if self._travel == 0:
            return 0
        way = min(max(top - self.track.y - PADDING, 0), self._travel)
        return round(way * scrollable / self._travel)

    @property
    def _handle_height(self) -> int:
        room = self._room
        share = room * self.rows.visible // max(self.rows.total, 1)
        return min(max(share, HANDLE_MIN), room)

    @property
    def _room(self) -> int:
        return max(self.track.height - 2 * PADDING, 1)

    @property
    def _travel(self) -> int:
        return self._room - self._handle_height


class ScrollbarDrag:
    """A drag of the handle, which follows the pointer."""

    __slots__ = ("_grip",)

    def __init__(self, geometry: ScrollbarGeometry, y: int) -> None:
        handle = geometry.handle
        if handle.y <= y < handle.bottom:
            self._grip = y - handle.y
        else:  # a click on the track grabs the handle by its middle, and therefore jumps
            self._grip = handle.height // 2

    def row(self, geometry: ScrollbarGeometry, y: int) -> int:
        """The absolute row at the top of the viewport with the pointer at `y`."""
        return geometry.row_at(y - self._grip)
