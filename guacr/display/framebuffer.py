"""A surface of true-colour pixels, for handlers that receive pixels from a remote desktop."""

from __future__ import annotations

import numpy as np

from guacr.display.dirty import DirtyRegion
from guacr.display.geometry import Rect
from guacr.display.pixels import Array8, BgrxPixels
from guacr.display.surface import Copy, Damage
from guacr.errors import UnsupportedError

SIDE_MAX = 8192
"""Pixels in either direction; a larger picture is refused."""
COPIES_MAX = 32
"""Copies kept between two frames; what further ones move is sent as pixels."""
COPY_AREA_MIN = 256
"""Pixels below which a copy is no cheaper than the pixels."""


class FrameBuffer:
    """A `Surface` held as an array of pixels; all drawing is clipped to it.

    What outside of the dirty region a viewer shows after the recorded copies is the present
    picture: this holds after every call, and is what makes `take_damage` right.
    """

    __slots__ = ("_copies", "_dirty", "array")

    def __init__(self, width: int, height: int) -> None:
        self.array: Array8 = _black(width, height)
        """(height, width, 4): blue, green, red, unused. Whoever writes to it calls `touch`."""
        self._copies: list[Copy] = []
        self._dirty = DirtyRegion()
        self.touch(self._bounds)

    # ---- Surface

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.array.shape[:2]
        return width, height

    @property
    def changed(self) -> bool:
        """Whether anything was drawn since the last `take_damage`."""
        return bool(self._dirty or self._copies)

    def take_damage(self) -> Damage:
        """What changed since the last call."""
        copies, self._copies = self._copies, []
        while copies and self._dirty.covers(_target(copies[-1])):
            copies.pop()
        return Damage(copies, self._dirty.take())

    def parts(self) -> list[Rect]:
        """See `Surface.parts`; what is one colour is found by tiles."""
        return [Rect(0, 0, *self.size)]

    def pixels(self, rect: Rect) -> BgrxPixels:
        """A view of the array."""
        return BgrxPixels(self.array[rect.y : rect.bottom, rect.x : rect.right])

    # ---- drawing

    def touch(self, rect: Rect) -> None:
        """`array` was written to within `rect`."""
        if visible := rect.intersection(self._bounds):
            self._dirty.add(visible)

    def blit(self, rect: Rect, pixels: Array8) -> None:
        """Put `pixels`, (rect.height, rect.width, 4) in the order of `array`, at `rect`."""
        if visible := rect.intersection(self._bounds):
            x, y = visible.x - rect.x, visible.y - rect.y
            self._view(visible)[:] = pixels[y : y + visible.height, x : x + visible.width]
            self._dirty.add(visible)

    def fill(self, rect: Rect, rgb: tuple[int, int, int]) -> None:
        """Give every pixel of `rect` one colour: red, green, blue from 0 to 255."""
        if visible := rect.intersection(self._bounds):
            red, green, blue = rgb
            pixel = np.array([blue, green, red, 0], np.uint8).view(np.uint32)
            self._view(visible).view(np.uint32)[:] = pixel  # many times as quick as by bytes
            self._dirty.add(visible)

    def copy_rect(self, source: Rect, x: int, y: int) -> None:
        """Put the pixels of `source` at (x, y); the two may overlap."""
        dx, dy = x - source.x, y - source.y
        inside = source.intersection(self._bounds)
        target = inside and inside.moved(dx, dy).intersection(self._bounds)
        if target is None or (dx, dy) == (0, 0):
            return
        copy = Copy(target.moved(-dx, -dy), target.x, target.y)
        self._view(target)[:] = self._view(copy.source)
        if self._is_worth(copy):
            self._record(copy)
        else:
            self._dirty.add(target)

    def resize(self, width: int, height: int) -> None:
        """Change the size; what fits stays where it is, what is new is black.

        Raises:
            UnsupportedError: a side is below 1 or above `SIDE_MAX`.
        """
        before, self.array = self.array, _black(width, height)
        rows, columns = min(height, len(before)), min(width, before.shape[1])
        self.array[:rows, :columns] = before[:rows, :columns]
        self._copies.clear()
        self._dirty = DirtyRegion()
        self.touch(self._bounds)

    @property
    def _bounds(self) -> Rect:
        return Rect(0, 0, *self.size)

    def _view(self, rect: Rect) -> Array8:
        return self.array[rect.y : rect.bottom, rect.x : rect.right]

    # ---- copies

    def _is_worth(self, copy: Copy) -> bool:
        """Whether telling the viewers of a copy is cheaper than sending what it moved."""
        return (
            copy.source.area >= COPY_AREA_MIN
            and len(self._copies) < COPIES_MAX
            and self._dirty.area_within(copy.source) * 2 <= copy.source.area
            and not self._dirty.covers(_target(copy))
        )

    def _record(self, copy: Copy) -> None:
        """Keep a copy. A viewer copies before it gets the dirty pixels, so that what it copies
        from dirty places is wrong: their images become dirty too. What was dirty below the
        target no longer is."""
        dx, dy = _shift(copy)
        carried = self._dirty.within(copy.source)
        self._dirty.remove(_target(copy))
        for rect in carried:
            self._dirty.add(rect.moved(dx, dy))
        joined = self._copies and self._join(self._copies[-1], copy)
        if joined:
            self._copies[-1] = joined
        else:
            self._copies.append(copy)

    def _join(self, first: Copy, second: Copy) -> Copy | None:
        """The one copy that does what two do, but for places that are dirty anyway: a text that
        scrolls three times between two frames has scrolled once by more."""
        dx, dy = _shift(second)
        between, last = _target(first), _target(second)
        through = between.moved(dx, dy)
        kept = last.intersection(through)
        different = between.minus(last) + last.minus(through)
        if kept is None or not all(map(self._dirty.covers, different)):
            return None
        first_dx, first_dy = _shift(first)
        return Copy(kept.moved(-dx - first_dx, -dy - first_dy), kept.x, kept.y)


def _target(copy: Copy) -> Rect:
    """Where the pixels of a copy arrive."""
    return Rect(copy.x, copy.y, copy.source.width, copy.source.height)


def _shift(copy: Copy) -> tuple[int, int]:
    return copy.x - copy.source.x, copy.y - copy.source.y


def _black(width: int, height: int) -> Array8:
    if not (1 <= width <= SIDE_MAX and 1 <= height <= SIDE_MAX):
        raise UnsupportedError(
            f"a picture of {width}x{height} pixels cannot be shown: "
            f"1 to {SIDE_MAX} pixels are allowed in each direction"
        )
    return np.zeros((height, width, 4), np.uint8)
