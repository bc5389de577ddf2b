"""A surface of one colour."""

from __future__ import annotations

from guacr.display.geometry import Rect
from guacr.display.pixels import IndexedPixels
from guacr.display.surface import Damage


class SolidSurface:
    """The background behind other layers; holds no pixels."""

    __slots__ = ("_colour", "_size", "changed")

    def __init__(self, width: int, height: int, colour: tuple[int, int, int]) -> None:
        self._size = (width, height)
        self._colour = colour
        self.changed = True

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._size

    def resize(self, width: int, height: int) -> None:
        """Take a new size."""
        self.changed |= (width, height) != self._size
        self._size = (width, height)

    def paint(self, colour: tuple[int, int, int]) -> None:
        """Take a new colour."""
        self.changed |= colour != self._colour
        self._colour = colour

    def take_damage(self) -> Damage:
        """All of it, if anything changed."""
        changed, self.changed = self.changed, False
        return Damage(rects=[Rect(0, 0, *self._size)] if changed else [])

    def parts(self) -> list[Rect]:
        """See `Surface.parts`."""
        return [Rect(0, 0, *self._size)]

    def pixels(self, rect: Rect) -> IndexedPixels:
        """The colour, as often as needed."""
        return IndexedPixels.of_one_colour(rect.width, rect.height, self._colour)
