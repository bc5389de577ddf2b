"""A surface of one colour."""

from __future__ import annotations

from typing_extensions import override

from guacr.display.geometry import Rect
from guacr.display.pixels import IndexedPixels
from guacr.display.surface import Damage, Surface


class SolidSurface(Surface):
    """The background behind other layers; contains no pixels."""

    __slots__ = ("_changed", "_colour", "_size")

    def __init__(self, width: int, height: int, colour: tuple[int, int, int]) -> None:
        self._size = (width, height)
        self._colour = colour
        self._changed = True

    @property
    @override
    def size(self) -> tuple[int, int]:
        return self._size

    @property
    @override
    def changed(self) -> bool:
        return self._changed

    def resize(self, width: int, height: int) -> None:
        """Change the size."""
        self._changed |= (width, height) != self._size
        self._size = (width, height)

    def paint(self, colour: tuple[int, int, int]) -> None:
        """Change the colour."""
        self._changed |= colour != self._colour
        self._colour = colour

    @property
    @override
    def keeps_pixels(self) -> bool:
        return False

    @override
    def take_damage(self) -> Damage:
        changed, self._changed = self._changed, False
        return Damage(rects=[Rect(0, 0, *self._size)] if changed else [])

    @override
    def parts(self) -> list[Rect]:
        return [Rect(0, 0, *self._size)]

    @override
    def pixels(self, rect: Rect) -> IndexedPixels:
        return IndexedPixels.of_one_colour(rect.width, rect.height, self._colour)
