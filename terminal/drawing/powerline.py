"""Draw the symbols of Powerline, used in prompts and status lines.

The separators (U+E0B0 to U+E0BF) fill their cell from edge to edge, so that they meet the colours
of their neighbours. The other symbols are for fonts that lack them.
"""

from __future__ import annotations

import numpy as np

from guacr.display.pixels import Array8
from terminal.drawing.strokes import Cell, Floats, filled, stroke

SEPARATORS = range(0xE0B0, 0xE0C0)
BRANCH, PADLOCK = 0xE0A0, 0xE0A2

_MIRRORED = frozenset((0xE0B2, 0xE0B3, 0xE0B6, 0xE0B7, 0xE0BA, 0xE0BB, 0xE0BE, 0xE0BF))
"""The mirrored separators."""


def draw_separator(code: int, cell: Cell) -> Array8:
    """Draw one of `SEPARATORS`; odd numbers are outlines, even ones are filled."""
    x, y = cell.pixels()
    if code in _MIRRORED:
        x = cell.width - x
    if code < 0xE0B4:
        inside = _triangle(x, y, cell)
    elif code < 0xE0B8:
        inside = _half_circle(x, y, cell, cell.line if code % 2 else 0)
    elif code < 0xE0BC:
        inside = _corner(x, y, cell)
    else:
        inside = _corner(x, cell.height - y, cell)
    return stroke(np.abs(inside), cell.line) if code % 2 else filled(inside)


def _triangle(x: Floats, y: Floats, cell: Cell) -> Floats:
    """The distance of pixels inside a triangle with its base on the left edge."""
    middle = cell.height / 2
    length = float(np.hypot(cell.width, middle))
    return (cell.width * (middle - np.abs(y - middle)) - x * middle) / length


def _half_circle(x: Floats, y: Floats, cell: Cell, line: int) -> Floats:
    """The same for half an ellipse, which leaves room for a line on its edge."""
    across, along = cell.width - line / 2, max((cell.height - line) / 2, 0.5)
    radius = np.hypot(x / across, (y - cell.height / 2) / along)
    slope = np.hypot(x / across**2, (y - cell.height / 2) / along**2) / np.maximum(radius, 1e-6)
    inside: Floats = (1 - radius) / np.maximum(slope, 1e-6)
    return inside


def _corner(x: Floats, y: Floats, cell: Cell) -> Floats:
    """The same for the half of the cell below the falling diagonal."""
    length = float(np.hypot(cell.width, cell.height))
    return (y * cell.width - x * cell.height) / length


def draw_branch(cell: Cell) -> Array8:
    """Draw a trunk with a branch: version control."""
    x, y = cell.pixels()
    trunk, tip, top, bottom = (
        cell.width * 0.25, cell.width * 0.75, cell.height * 0.2, cell.height * 0.8
    )  # fmt: skip
    fork = cell.height * 0.6
    distance = np.minimum(
        _from_segment(x, y, (trunk, top), (trunk, bottom)),
        _from_segment(x, y, (trunk, fork), (tip, cell.height * 0.42)),
    )
    distance = np.minimum(
        distance, _from_segment(x, y, (tip, cell.height * 0.42), (tip, cell.height * 0.25))
    )
    return stroke(distance, max(cell.line, cell.width // 7))


def draw_padlock(cell: Cell) -> Array8:
    """Draw a closed padlock: read-only."""
    picture = cell.blank()
    left, right = round(cell.width * 0.15), round(cell.width * 0.85)
    picture[round(cell.height * 0.45) : round(cell.height * 0.75), left:right] = 255
    x, y = cell.pixels()
    radius, middle = cell.width * 0.22, cell.height * 0.4
    bow = np.abs(np.hypot(x - cell.width / 2, np.minimum(y - middle, 0)) - radius)
    bow = np.where(y > cell.height * 0.5, cell.height, bow)
    return np.maximum(picture, stroke(bow, max(cell.line, cell.width // 8)))


def _from_segment(
    x: Floats, y: Floats, start: tuple[float, float], end: tuple[float, float]
) -> Floats:
    """The distance of pixels from a straight line between two points."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    part = ((x - start[0]) * along_x + (y - start[1]) * along_y) / (along_x**2 + along_y**2)
    part = np.clip(part, 0, 1)
    distance: Floats = np.hypot(x - start[0] - part * along_x, y - start[1] - part * along_y)
    return distance
