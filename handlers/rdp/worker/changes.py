"""Areas that have been drawn and not been reported yet. Most servers do not mark where a picture
ends, so this is judged by what they draw."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.rdp.channel.messages import RECTS_MAX

KEEP, KEEP_MAX = 0.02, 0.1
"""Seconds for which changes are kept while more of them arrive without a pause: if they belong to
several pictures, and if they may all belong to one."""
LARGE, PATIENCE = 128 * 128, 4
"""Pixels from which a change is probably a part of a larger one, and the milliseconds for which
more of it is awaited. What a key changes is smaller."""

Rect = tuple[int, int, int, int]
"""The left and upper edge, the width and the height."""


class Changes:
    """Rectangles in the order in which they were drawn; `number` is that of the last change, and
    times are in seconds."""

    __slots__ = ("_area", "_goes_on", "_rects", "_since", "_top", "has_frames", "number")

    def __init__(self) -> None:
        self.number = 0
        self.has_frames = False
        """True if each change is a whole picture: the graphics pipeline marks where they end."""
        self._since = 0.0
        self._rects: list[Rect] = []
        self._area = 0
        """The pixels in them; those that overlap are counted more than once."""
        self._top = 0
        """The upper edge of the last one."""
        self._goes_on = True
        """True if they may all belong to one picture, which servers draw from top to bottom."""

    def __bool__(self) -> bool:
        return bool(self._rects)

    def add(self, rects: Sequence[Rect], number: int, now: float) -> None:
        """Note another change."""
        if not self._rects:
            self._since = now
        for _, top, width, height in rects:
            self._area += width * height
            self._goes_on &= top >= self._top
            self._top = top
        self._rects += rects
        if len(self._rects) > RECTS_MAX:
            self._rects = [_around(self._rects)]
        self.number = number

    def take(self) -> list[Rect]:
        """Return the rectangles, and forget them."""
        rects, self._rects = self._rects, []
        self._area = self._top = 0
        self._goes_on = True
        return rects

    def is_overdue(self, now: float) -> bool:
        """Return whether to report them, although there is more to draw already."""
        keep = KEEP_MAX if self._goes_on and not self.has_frames else KEEP
        return bool(self._rects) and now - self._since > keep

    @property
    def patience(self) -> int:
        """The milliseconds for which to wait for more to draw before they are reported."""
        return PATIENCE if self._area >= LARGE and not self.has_frames else 0


def _around(rects: Sequence[Rect]) -> Rect:
    left, top = min(x for x, _, _, _ in rects), min(y for _, y, _, _ in rects)
    right = max(x + width for x, _, width, _ in rects)
    bottom = max(y + height for _, y, _, height in rects)
    return left, top, right - left, bottom - top
