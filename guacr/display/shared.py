"""A surface whose pixels another process draws into shared memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from typing_extensions import override

from guacr.budget import Budget
from guacr.display.dirty import DirtyRegion
from guacr.display.encoded import SIDE_MAX
from guacr.display.framebuffer import BYTES, COPIES_OF_PIXELS, DAMAGE_WASTE
from guacr.display.geometry import Rect
from guacr.display.pixels import Array8, BgrxPixels, Pixels, without_padding
from guacr.display.surface import Damage, Surface
from guacr.errors import UnsupportedError


class SharedSurface(Surface):
    """A `Surface` of true-colour pixels that the handler only reads.

    The other process draws at any time, and reports afterwards where, so `pixels` may be ahead of
    `take_damage`. A picture that was read while it was drawn on is corrected by the report.

    Args:
        memory: the budget to which the bytes count, if there is one.
        is_ahead: returns True if something has been drawn that has not been reported.
    """

    __slots__ = ("_array", "_dirty", "_is_ahead", "_memory", "_taken")

    def __init__(self, memory: Budget | None, is_ahead: Callable[[], bool]) -> None:
        self._memory = memory
        self._is_ahead = is_ahead
        self._taken = 0
        self._array: Array8 = np.zeros((1, 1, BYTES), np.uint8)
        self._dirty = DirtyRegion(DAMAGE_WASTE)

    def show(self, pixels: memoryview, width: int, height: int) -> None:
        """Show a picture of another size: `pixels` are rows of blue, green, red and an undefined
        byte.

        Raises:
            UnsupportedError: a side is below 1 or above `SIDE_MAX`.
            OverrunError: the budget would be exceeded; the picture is not changed.
        """
        if not (1 <= width <= SIDE_MAX and 1 <= height <= SIDE_MAX):
            raise UnsupportedError(
                f"a picture of {width}x{height} pixels cannot be shown: "
                f"1 to {SIDE_MAX} pixels are allowed in each direction"
            )
        size = width * height * BYTES
        self._take(size * COPIES_OF_PIXELS, width, height)
        self._array = np.frombuffer(pixels[:size], np.uint8).reshape(height, width, BYTES)
        self._dirty = DirtyRegion(DAMAGE_WASTE)
        self.touch(Rect(0, 0, width, height))

    def touch(self, rect: Rect) -> None:
        """Note that the other process has drawn in `rect`."""
        if visible := rect.intersection(Rect(0, 0, *self.size)):
            self._dirty.add(visible)

    # ---- Surface

    @property
    @override
    def size(self) -> tuple[int, int]:
        height, width = self._array.shape[:2]
        return width, height

    @property
    @override
    def keeps_pixels(self) -> bool:
        return True

    @property
    @override
    def changed(self) -> bool:
        return bool(self._dirty)

    @property
    @override
    def is_ahead(self) -> bool:
        return self._is_ahead()

    @override
    def take_damage(self) -> Damage:
        return Damage([], self._dirty.take())

    @override
    def parts(self) -> list[Rect]:
        return [Rect(0, 0, *self.size)]

    @override
    def pixels(self, rect: Rect) -> Pixels:
        return SharedPixels(self._array[rect.y : rect.bottom, rect.x : rect.right])

    def __del__(self) -> None:
        if self._memory is not None:
            self._memory.give_back(self._taken)

    def _take(self, size: int, width: int, height: int) -> None:
        if self._memory is not None:
            self._memory.take(size - self._taken, f"a picture of {width}x{height} pixels")
            self._taken = size


class SharedPixels(BgrxPixels):
    """Pixels that may change at any time, and whose unused byte is undefined."""

    __slots__ = ()

    is_shared: ClassVar[bool] = True

    @override
    def detached(self, room: Array8 | None = None) -> BgrxPixels:
        copy = np.empty(self.array.shape, np.uint8) if room is None else room
        without_padding(self.array, copy)
        return BgrxPixels(copy)

    @override
    def drawable(self) -> Array8:
        return self.detached().array
