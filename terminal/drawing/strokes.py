"""The primitives of the characters that guacr draws itself: a cell, and strokes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guacr.display.pixels import Array8

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cell:
    """The cell to draw in, and the thickness of a light line in it."""

    width: int
    height: int
    line: int

    def blank(self) -> Array8:
        """An empty picture of the cell's size."""
        return np.zeros((self.height, self.width), np.uint8)

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of a light line; lines are aligned to whole pixels."""
        x = (self.width - self.line) // 2 + self.line / 2
        return x, (self.height - self.line) // 2 + self.line / 2

    def pixels(self) -> tuple[Floats, Floats]:
        """The centres of the pixels: (1, width) and (height, 1)."""
        x = np.arange(self.width, dtype=np.float64) + 0.5
        y = np.arange(self.height, dtype=np.float64) + 0.5
        return x[None, :], y[:, None]


def stroke(distance: Floats, line: int) -> Array8:
    """The coverage of a line at a `distance` in pixels from its middle."""
    return filled(line / 2 - distance)


def filled(inside: Floats) -> Array8:
    """The coverage at a distance `inside` an edge, in pixels."""
    return (np.clip(inside + 0.5, 0, 1) * 255).astype(np.uint8)
