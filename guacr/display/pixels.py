"""Pixels of a rectangle, in the two forms that surfaces hand to the encoders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guacr.display.geometry import Rect

Array8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class IndexedPixels:
    """One palette index a pixel: a terminal's picture, known exactly and cheap to encode.

    Neither array changes once it is here, so that what is found out of them can be remembered.
    """

    indices: Array8
    """(height, width)."""
    palette: Array8
    """(colours, 3): red, green, blue of each index; at most 256 colours."""
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What was found out, and is worth keeping as long as the pixels are kept."""

    @classmethod
    def of_one_colour(cls, width: int, height: int, colour: tuple[int, int, int]) -> IndexedPixels:
        """Red, green and blue everywhere: takes no memory, and no time to find out."""
        indices = np.broadcast_to(np.uint8(0), (height, width))
        return cls(indices, np.array([colour], np.uint8), {"solid": colour})

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.indices.shape[1])

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.indices.shape[0])

    def solid(self) -> tuple[int, int, int] | None:
        """The one colour (red, green, blue) that all pixels have, or None."""
        if "solid" not in self.memo:
            self.memo["solid"] = self._solid()
        colour: tuple[int, int, int] | None = self.memo["solid"]
        return colour

    def _solid(self) -> tuple[int, int, int] | None:
        first = self.indices[0, 0]
        if not (self.indices == first).all():
            return None
        red, green, blue = self.palette[first].tolist()
        return red, green, blue

    def bgrx(self) -> BgrxPixels:
        """The same picture in true colour."""
        colours = np.zeros((len(self.palette), 4), np.uint8)
        colours[:, :3] = self.palette[:, ::-1]
        return BgrxPixels(
            colours.view(np.uint32)[:, 0][self.indices]
            .view(np.uint8)
            .reshape(self.height, self.width, 4)
        )


@dataclass(frozen=True, slots=True)
class BgrxPixels:
    """True colour: blue, green, red and an unused byte, as desktops' framebuffers are laid out."""

    array: Array8
    """(height, width, 4); rows may be strided, pixels within a row may not."""

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.array.shape[1])

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.array.shape[0])

    def solid(self) -> tuple[int, int, int] | None:
        """The one colour (red, green, blue) that all pixels have, or None."""
        first = self.array[0, 0, :3]
        if not (self.array[0, :, :3] == first).all() or not (self.array[..., :3] == first).all():
            return None
        blue, green, red = first.tolist()
        return red, green, blue

    def words(self) -> NDArray[np.uint32]:
        """The same pixels as (height, width) of 32-bit words."""
        return self.array.view(np.uint32)[..., 0]

    def crop(self, rect: Rect) -> BgrxPixels:
        """A view of a part of it."""
        return BgrxPixels(self.array[rect.y : rect.bottom, rect.x : rect.right])

    def pixel(self, x: int, y: int) -> tuple[int, int, int]:
        """Red, green and blue at (x, y)."""
        blue, green, red = self.array[y, x, :3].tolist()
        return red, green, blue


Pixels = IndexedPixels | BgrxPixels
