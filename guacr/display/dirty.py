"""The part of a picture that has to be sent again: few rectangles that do not overlap."""

from __future__ import annotations

from guacr.display.geometry import Rect

RECTS_MAX = 64
"""Rectangles kept; beyond it they grow together, and cover more than was drawn."""
MERGE_WASTE = 2048
"""Unchanged pixels that are sent rather than a further rectangle."""


class DirtyRegion:
    """Grows by `add`. It may cover more than was added, never less."""

    __slots__ = ("_rects",)

    def __init__(self) -> None:
        self._rects: list[Rect] = []

    def __bool__(self) -> bool:
        return bool(self._rects)

    def add(self, rect: Rect) -> None:
        """Cover `rect` as well, joined with a neighbour where that costs little."""
        rects = self._rects
        for index in range(len(rects) - 1, -1, -1):  # the newest first: drawing is local
            known = rects[index]
            if _waste(rect, known) <= MERGE_WASTE:
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
        return rects

    def _add_apart(self, rect: Rect) -> None:
        """Cover what no known rectangle covers."""
        pieces = [rect]
        for known in self._rects:
            if rect.intersection(known):
                pieces = [part for piece in pieces for part in piece.minus(known)]
        if len(self._rects) + len(pieces) > RECTS_MAX:
            self._absorb(rect)
        else:
            self._rects += pieces

    def _absorb(self, rect: Rect) -> None:
        """Grow together with the nearest rectangle, and with all that the growth runs into."""
        rects = self._rects
        nearest = min(rects, key=lambda known: _waste(rect, known))
        rects.remove(nearest)
        rect = rect.union(nearest)
        while met := [known for known in rects if known.intersection(rect)]:
            for known in met:
                rects.remove(known)
                rect = rect.union(known)
        rects.append(rect)


def _waste(a: Rect, b: Rect) -> int:
    """Pixels of the smallest rectangle around both that belong to neither."""
    ax, ay, aw, ah = a
    bx, by, bw, bh = b
    ar, ab, br, bb = ax + aw, ay + ah, bx + bw, by + bh
    union = (max(ar, br) - min(ax, bx)) * (max(ab, bb) - min(ay, by))
    width, height = min(ar, br) - max(ax, bx), min(ab, bb) - max(ay, by)
    both = width * height if width > 0 and height > 0 else 0
    return union - aw * ah - bw * bh + both
