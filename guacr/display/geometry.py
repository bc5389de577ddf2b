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
        """The number of pixels."""
        return self.width * self.height

    def intersection(self, other: Rect) -> Rect | None:
        """Return what both cover, or None.

        This is called for many pairs, most of which are apart: comparisons take a third of the time
        of `min` and `max`.
        """
        x, y, width, height = self
        left, top, other_width, other_height = other
        right, bottom, far_right, far_bottom = (
            x + width,
            y + height,
            left + other_width,
            top + other_height,
        )
        if left >= right or x >= far_right or top >= bottom or y >= far_bottom:
            return None
        x, y = (left if left > x else x), (top if top > y else y)
        right = far_right if far_right < right else right
        bottom = far_bottom if far_bottom < bottom else bottom
        return Rect(x, y, right - x, bottom - y) if right > x and bottom > y else None

    def union(self, other: Rect) -> Rect:
        """Return the smallest rectangle that contains both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right, bottom = max(self.right, other.right), max(self.bottom, other.bottom)
        return Rect(x, y, right - x, bottom - y)

    def contains(self, other: Rect) -> bool:
        """Return whether `other` lies within this rectangle."""
        return (
            self.x <= other.x
            and self.y <= other.y
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    def minus(self, hole: Rect) -> list[Rect]:
        """Return the part outside `hole`: at most four rectangles that do not overlap."""
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
        """Return a rectangle of the same size, moved by (dx, dy)."""
        return Rect(self.x + dx, self.y + dy, self.width, self.height)
