"""Mouse cursors: small pictures with a hot spot, and those that guacr brings along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from guacr.display.pixels import Array8
from guacr.display.png import rgba_png

_INK = {" ": (0, 0, 0, 0), "#": (0, 0, 0, 255), ".": (255, 255, 255, 255)}


@dataclass(frozen=True, slots=True, eq=False)
class Cursor:
    """`rgba` is (height, width, 4); the hot spot is the pixel that points."""

    rgba: Array8
    hot_x: int
    hot_y: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self.rgba.shape[1]), int(self.rgba.shape[0])

    def png(self) -> bytes:
        """The picture as a file."""
        return rgba_png(self.rgba)


def _drawn(hot_x: int, hot_y: int, *rows: str) -> Cursor:
    width = max(map(len, rows))
    pixels = [[_INK[ink] for ink in row.ljust(width)] for row in rows]
    return Cursor(np.array(pixels, np.uint8), hot_x, hot_y)


NONE = _drawn(0, 0, " ")
"""Nothing, while typing."""

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
