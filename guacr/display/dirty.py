"""The part of a picture that must be sent again, as a few rectangles that do not overlap."""

from __future__ import annotations

from guacr.display.geometry import Rect

RECTS_MAX = 64
"""Maximum rectangles; beyond it, they are merged and cover more than was drawn."""
MERGE_WASTE = 2048
"""Unchanged pixels that cost less than another rectangle."""
COARSER = 4
"""The factor by which that tolerance grows whenever there are too many rectangles."""


class DirtyRegion:
    """A region that grows with `add`. It may cover more than was added, never less: rectangles are
    merged if this adds at most `tolerance` unchanged pixels."""

    __slots__ = ("_initial", "_rects", "_tolerance")

    def __init__(self, tolerance: int = MERGE_WASTE) -> None:
        self._rects: list[Rect] = []
        self._initial = self._tolerance = tolerance

    def __bool__(self) -> bool:
        return bool(self._rects)

    def add(self, rect: Rect) -> None:
        """Cover `rect`, and merge it with neighbours if that costs little."""
        rects, tolerance = self._rects, self._tolerance
        index = len(rects)
        while index:  # the newest first: drawing is local
            index -= 1
            known = rects[index]
            union = _union(rect, known, tolerance)
            if union == known:
                return
            if union is not None:
                del rects[index]
                rect, index = union, len(rects)
        self._add_apart(rect)

    def remove(self, rect: Rect) -> None:
        """Stop covering `rect`, as far as this needs no additional rectangles."""
        kept: list[Rect] = []
        for known in self._rects:
            rest = known.minus(rect)
            kept += rest if len(rest) < 2 else [known]
        self._rects = kept

    def within(self, rect: Rect) -> list[Rect]:
        """Return the parts that lie within `rect`."""
        return [part for known in self._rects if (part := known.intersection(rect))]

    def area_within(self, rect: Rect) -> int:
        """Return how many pixels of `rect` are covered."""
        return sum(part.area for part in self.within(rect))

    def covers(self, rect: Rect) -> bool:
        """Return whether all of `rect` is covered."""
        return self.area_within(rect) == rect.area

    def take(self) -> list[Rect]:
        """Return the rectangles, and leave the region empty."""
        rects, self._rects = self._rects, []
        self._tolerance = self._initial
        return rects

    def _add_apart(self, rect: Rect) -> None:
        """Cover the parts that no known rectangle covers."""
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
        """Merge with a growing tolerance until there are few enough, or only one."""
        rects, self._rects = self._rects, []
        self._tolerance *= COARSER
        for rect in rects:
            self.add(rect)


def _union(a: Rect, b: Rect, tolerance: int) -> Rect | None:
    """Return the smallest rectangle around both, if at most `tolerance` of its pixels belong to
    neither.

    This is called for every known rectangle at every drawing operation; without `min` and `max` it
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
    return Rect(left, top, right - left, bottom - top) if waste <= tolerance else None
