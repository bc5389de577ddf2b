"""Parts of rectangles in the order in which they are requested."""

from __future__ import annotations

from guacr.api import Rect


def take_part(rects: list[Rect], area: int, place: tuple[int, int]) -> Rect:
    """Take about `area` pixels out of rectangles, of which there is at least one: whole rows, those
    nearest to the pointer at `place`, because people look there."""
    x, y = place
    rect = min(rects, key=lambda one: _distance(one, x, y))
    rects.remove(rect)
    rows = min(max(1, area // rect.width), rect.height)
    top = min(max(y - rows // 2, rect.y), rect.bottom - rows)
    part = Rect(rect.x, top, rect.width, rows)
    rects.extend(rect.minus(part))
    return part


def _distance(rect: Rect, x: int, y: int) -> int:
    """Return the square of the distance of a point from a rectangle."""
    across = max(rect.x - x, 0, x - rect.right + 1)
    down = max(rect.y - y, 0, y - rect.bottom + 1)
    return across * across + down * down
