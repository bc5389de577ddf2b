"""What one layer shows: the interface between those who draw and the display that sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from guacr.display.geometry import Rect
from guacr.display.pixels import Pixels


@dataclass(frozen=True, slots=True)
class Copy:
    """Pixels that moved within a surface: what was in `source` is now at (x, y) as well."""

    source: Rect
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Damage:
    """The difference between two pictures of a surface: first the copies, in order, each from
    the picture that the ones before it left; then new pixels for the rectangles, which do not
    overlap."""

    copies: list[Copy] = field(default_factory=list)
    rects: list[Rect] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.copies or self.rects)


class Surface(Protocol):
    """A picture that changes. Drawing on it costs no encoding: the display asks when a frame
    is due, for what changed since it asked before."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    @property
    def changed(self) -> bool:
        """Whether `take_damage` may have something to return."""
        ...

    def take_damage(self) -> Damage:
        """What changed since the last call. After a change of `size` it is the whole surface."""
        ...

    def parts(self) -> list[Rect]:
        """The whole picture as of the last `take_damage` in rectangles that do not overlap: what is
        one colour costs nothing if it has one of its own."""
        ...

    def pixels(self, rect: Rect) -> Pixels:
        """The picture within `rect` as of the last `take_damage`; the caller may keep it until
        the surface is drawn on again."""
        ...
