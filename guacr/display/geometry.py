"""Rectangles in pixels."""

from __future__ import annotations

from typing import NamedTuple


class Rect(NamedTuple):
    """`width` by `height` pixels with the upper left corner at (x, y)."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column past the rectangle."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row past the rectangle."""
        return self.y + self.height

    @property
    def area(self) -> int:
        """Pixels in it."""
        return self.width * self.height

    def intersection(self, other: Rect) -> Rect | None:
        """What both cover, or None."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Rect(x, y, right - x, bottom - y) if right > x and bottom > y else None

    def union(self, other: Rect) -> Rect:
        """The smallest rectangle that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right, bottom = max(self.right, other.right), max(self.bottom, other.bottom)
        return Rect(x, y, right - x, bottom - y)

    def contains(self, other: Rect) -> bool:
        """Whether `other` lies within."""
        return (
            self.x <= other.x
            and self.y <= other.y
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    def minus(self, hole: Rect) -> list[Rect]:
        """What of it lies outside `hole`: at most four rectangles that do not overlap."""
        inner = self.intersection(hole)
        if inner is None:
            return [self]
        parts = [
            Rect(self.x, self.y, self.width, inner.y - self.y),
            Rect(self.x, inner.bottom, self.width, self.bottom - inner.bottom),
            Rect(self.x, inner.y, inner.x - self.x, inner.height),
            Rect(inner.right, inner.y, self.right - inner.right, inner.height),
        ]
        return [part for part in parts if part.width and part.height]

    def moved(self, dx: int, dy: int) -> Rect:
        """The same size, elsewhere."""
        return Rect(self.x + dx, self.y + dy, self.width, self.height)
