"""The part of a picture that has to be sent again: few rectangles that do not overlap."""

from __future__ import annotations

from guacr.display.geometry import Rect

RECTS_MAX = 64
"""Rectangles kept; beyond it they grow together, and cover more than was drawn."""
MERGE_WASTE = 2048
"""Unchanged pixels that are sent rather than a further rectangle."""
COARSER = 4
"""By how much that tolerance grows each time that there would be too many rectangles."""


class DirtyRegion:
    """Grows by `add`. It may cover more than was added, never less."""

    __slots__ = ("_rects", "_tolerance")

    def __init__(self) -> None:
        self._rects: list[Rect] = []
        self._tolerance = MERGE_WASTE

    def __bool__(self) -> bool:
        return bool(self._rects)

    def add(self, rect: Rect) -> None:
        """Cover `rect` as well, joined with a neighbour where that costs little."""
        rects = self._rects
        tolerance = self._tolerance
        for index in range(len(rects) - 1, -1, -1):  # the newest first: drawing is local
            known = rects[index]
            if _waste(rect, known) <= tolerance:
                union = rect.union(known)
                if union != known:
                    del rects[index]
                    self.add(union)
                return
        self._add_apart(rect)

    def remove(self, rect: Rect) -> None:
        """No longer cover `rect`, as far as that takes no further rectangles."""
        kept: list[Rect] = []
        for known in self._rects:
            rest = known.minus(rect)
            kept += rest if len(rest) < 2 else [known]
        self._rects = kept

    def within(self, rect: Rect) -> list[Rect]:
        """The parts that lie in `rect`."""
        return [part for known in self._rects if (part := known.intersection(rect))]

    def area_within(self, rect: Rect) -> int:
        """How many pixels of `rect` are covered."""
        return sum(part.area for part in self.within(rect))

    def covers(self, rect: Rect) -> bool:
        """Whether all of `rect` is covered."""
        return self.area_within(rect) == rect.area

    def take(self) -> list[Rect]:
        """The rectangles; the region is empty afterwards."""
        rects, self._rects = self._rects, []
        self._tolerance = MERGE_WASTE
        return rects

    def _add_apart(self, rect: Rect) -> None:
        """Cover what no known rectangle covers."""
        pieces = [rect]
        x, y, right, bottom = rect.x, rect.y, rect.right, rect.bottom
        for known in self._rects:
            left, top, width, height = known
            if left < right and top < bottom and left + width > x and top + height > y:
                pieces = [part for piece in pieces for part in piece.minus(known)]
        self._rects += pieces
        if len(self._rects) > RECTS_MAX:
            self._coarsen()

    def _coarsen(self) -> None:
        """Join more freely until there are few enough: at the latest when all are one."""
        rects, self._rects = self._rects, []
        self._tolerance *= COARSER
        for rect in rects:
            self.add(rect)


def _waste(a: Rect, b: Rect) -> int:
    """Pixels of the smallest rectangle around both that belong to neither.

    Called for every known rectangle at every drawing operation: without `min` and `max` it
    takes a quarter of the time.
    """
    ax, ay, a_width, a_height = a
    bx, by, b_width, b_height = b
    a_right, a_bottom, b_right, b_bottom = ax + a_width, ay + a_height, bx + b_width, by + b_height
    left, far_left = (ax, bx) if ax < bx else (bx, ax)
    top, far_top = (ay, by) if ay < by else (by, ay)
    near_right, right = (a_right, b_right) if a_right < b_right else (b_right, a_right)
    near_bottom, bottom = (a_bottom, b_bottom) if a_bottom < b_bottom else (b_bottom, a_bottom)
    waste = (right - left) * (bottom - top) - a_width * a_height - b_width * b_height
    if near_right > far_left and near_bottom > far_top:
        waste += (near_right - far_left) * (near_bottom - far_top)
    return waste
