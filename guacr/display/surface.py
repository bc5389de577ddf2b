"""The content of one layer: the interface between drawing code and the display."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from guacr.display.geometry import Rect
from guacr.display.pixels import Pixels


@dataclass(frozen=True, slots=True)
class Copy:
    """A move within a surface: what was in `source` is now also at (x, y)."""

    source: Rect
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Damage:
    """The difference between two pictures of a surface: first the copies, in order, each applied to
    the result of the previous ones; then new pixels for the rectangles, which do not overlap."""

    copies: list[Copy] = field(default_factory=list)
    rects: list[Rect] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.copies or self.rects)


class Surface(Protocol):
    """A picture that changes. Drawing does not encode anything: when a frame is due, the display
    asks for the changes since it last asked."""

    __slots__ = ()

    @property
    def size(self) -> tuple[int, int]:
        """The width and height in pixels."""
        ...

    @property
    def changed(self) -> bool:
        """True if `take_damage` may have something to return."""
        ...

    @property
    def keeps_pixels(self) -> bool:
        """True if it consists of true-colour pixels whose meaning it does not know: a copy of what
        viewers have is then kept and compared."""
        ...

    @property
    def is_ahead(self) -> bool:
        """True if `pixels` may show changes that `take_damage` does not return yet."""
        return False

    def take_damage(self) -> Damage:
        """Return the changes since the last call; after a change of `size`, the whole surface."""
        ...

    def parts(self) -> list[Rect]:
        """Return the whole picture as of the last `take_damage`, as rectangles that do not overlap;
        areas of one colour are free if they have their own rectangles."""
        ...

    def pixels(self, rect: Rect) -> Pixels:
        """Return the picture within `rect` as of the last `take_damage`; the caller may keep it
        until the surface is drawn on again."""
        ...
