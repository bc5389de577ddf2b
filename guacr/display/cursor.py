"""Mouse cursors: small pictures with a hot spot, and the built-in ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from guacr.display.pixels import Array8
from guacr.display.png import rgba_png

_INK = {" ": (0, 0, 0, 0), "#": (0, 0, 0, 255), ".": (255, 255, 255, 255)}


@dataclass(frozen=True, slots=True, eq=False)
class Cursor:
    """A picture `rgba` of (height, width, 4), and the hot spot, which is the pixel that points."""

    rgba: Array8
    hot_x: int
    hot_y: int

    @property
    def size(self) -> tuple[int, int]:
        """The width and height in pixels."""
        return int(self.rgba.shape[1]), int(self.rgba.shape[0])

    def png(self) -> bytes:
        """Return the picture as a PNG file."""
        return rgba_png(self.rgba)


def _drawn(hot_x: int, hot_y: int, *rows: str) -> Cursor:
    width = max(map(len, rows))
    pixels = [[_INK[ink] for ink in row.ljust(width)] for row in rows]
    return Cursor(np.array(pixels, np.uint8), hot_x, hot_y)


NONE = _drawn(0, 0, " ")
"""No cursor, while typing."""

POINTER = _drawn(
    0, 0,
    "#",
    "##",
    "#.#",
    "#..#",
    "#...#",
    "#....#",
    "#.....#",
    "#......#",
    "#.......#",
    "#........#",
    "#.....#####",
    "#..#..#",
    "#.# #..#",
    "##  #..#",
    "#    #..#",
    "     #..#",
    "      ##",
)  # fmt: skip
"""An arrow."""

DOT = _drawn(
    1, 1,
    "...",
    ".#.",
    "...",
)  # fmt: skip
"""A dot, where the host draws the pointer itself."""

TEXT = _drawn(
    3, 7,
    "### ###",
    "#..#..#",
    "###.###",
    "  #.#",
    "  #.#",
    "  #.#",
    "  #.#",
    "  #.#",
    "  #.#",
    "  #.#",
    "  #.#",
    "  #.#",
    "###.###",
    "#..#..#",
    "### ###",
)  # fmt: skip
"""An I-beam."""

LINK = _drawn(
    5, 0,
    "     ##",
    "    #..#",
    "    #..#",
    "    #..#",
    "    #..###",
    "    #..#..###",
    "    #..#..#..##",
    " ## #..#..#..#.#",
    "#..##..........#",
    "#...#..........#",
    " #.............#",
    "  #............#",
    "  #...........#",
    "   #..........#",
    "    #........#",
    "    #........#",
    "    ##########",
)  # fmt: skip
"""A hand."""
