"""Areas of a picture that have changed."""

from __future__ import annotations

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; the last two are not part of it."""

BOXES_MAX = 32
"""More boxes become the one around them."""


class Damage:
    """Boxes that have changed since they were taken; they may overlap."""

    def __init__(self) -> None:
        self._boxes: list[Box] = []

    def add(self, box: Box) -> None:
        """Add a box, which may be empty."""
        if box[0] >= box[2] or box[1] >= box[3]:
            return
        if any(_contains(other, box) for other in self._boxes):
            return
        self._boxes = [other for other in self._boxes if not _contains(box, other)]
        self._boxes.append(box)
        if len(self._boxes) > BOXES_MAX:
            lefts, tops, rights, bottoms = zip(*self._boxes, strict=True)
            self._boxes = [(min(lefts), min(tops), max(rights), max(bottoms))]

    def take(self) -> list[Box]:
        """Return the boxes, and forget them."""
        boxes, self._boxes = self._boxes, []
        return boxes


def clip(box: Box, width: int, height: int) -> Box:
    """Return the part of a box that is within a width and a height; it may be empty."""
    left, top, right, bottom = box
    return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


def moved(box: Box, x: int, y: int) -> Box:
    """Return a box so many pixels further right and down."""
    left, top, right, bottom = box
    return left + x, top + y, right + x, bottom + y


def _contains(box: Box, other: Box) -> bool:
    return box[0] <= other[0] and box[1] <= other[1] and box[2] >= other[2] and box[3] >= other[3]
