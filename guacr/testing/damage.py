"""Areas of a picture that have changed."""

from __future__ import annotations

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; the last two are not part of it."""

BOXES_MAX = 32
"""More boxes become the one around them."""
WASTE_MAX = 1 << 15
"""Two boxes become the one around them if it has at most so many pixels more: a box takes as long
as some ten thousand pixels."""


class Damage:
    """Boxes that have changed since they were taken; they may overlap."""

    def __init__(self) -> None:
        self._boxes: list[Box] = []

    def add(self, box: Box) -> None:
        """Add a box, which may be empty."""
        if box[0] >= box[2] or box[1] >= box[3]:
            return
        others = []
        for other in self._boxes:
            around = _around([box, other])
            if _area(around) <= _area(box) + _area(other) + WASTE_MAX:
                box = around
            else:
                others.append(other)
        self._boxes = [*others, box] if len(others) < BOXES_MAX else [_around([*others, box])]

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


def _around(boxes: list[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
