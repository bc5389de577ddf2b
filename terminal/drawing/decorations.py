"""Underlines, strikethroughs, overlines and cursor shapes, as coverage of a cell.

Patterns repeat with each cell, so that neighbours join without a seam.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from guacr.display.pixels import Array8
from terminal.engines.contents import Underline


class Shape(IntEnum):
    """Cursors that do not change the colours of the cell."""

    NONE = 0
    BAR = 1
    UNDERLINE = 2
    HOLLOW = 3


@dataclass(frozen=True, slots=True)
class CellMetrics:
    """The size of a cell in pixels."""

    width: int
    height: int
    ascent: int
    """Pixels from the cell's top to the baseline."""
    line: int
    """The thickness of lines in pixels."""


@dataclass(frozen=True, slots=True)
class Decoration:
    """The lines and cursor drawn over a character."""

    underline: Underline = Underline.NONE
    strike: bool = False
    overline: bool = False
    shape: Shape = Shape.NONE


def draw(decoration: Decoration, metrics: CellMetrics) -> Array8:
    """Return the coverage of one cell, (height, width), 0 to 255."""
    picture = np.zeros((metrics.height, metrics.width), np.uint8)
    line = metrics.line
    _UNDERLINES[decoration.underline](picture, metrics)
    if decoration.strike:
        middle = round(metrics.ascent * 0.68)
        picture[middle : middle + line] = 255
    if decoration.overline:
        picture[:line] = 255
    _draw_shape(decoration.shape, picture, line)
    return picture


def _draw_shape(shape: Shape, picture: Array8, line: int) -> None:
    if shape is Shape.BAR:
        picture[:, : line * 2] = 255
    elif shape is Shape.UNDERLINE:
        picture[-line * 2 :] = 255
    elif shape is Shape.HOLLOW:
        picture[:line] = picture[-line:] = 255
        picture[:, :line] = picture[:, -line:] = 255


def _top(metrics: CellMetrics, height: int) -> int:
    """The top of an underline of some height: slightly below the baseline, within the cell."""
    return max(0, min(metrics.ascent + metrics.line, metrics.height - height))


def _none(_picture: Array8, _metrics: CellMetrics) -> None:
    """No underline."""


def _single(picture: Array8, metrics: CellMetrics) -> None:
    top = _top(metrics, metrics.line)
    picture[top : top + metrics.line] = 255


def _double(picture: Array8, metrics: CellMetrics) -> None:
    line = metrics.line
    top = _top(metrics, 3 * line)
    picture[top : top + line] = picture[top + 2 * line : top + 3 * line] = 255


def _curly(picture: Array8, metrics: CellMetrics) -> None:
    line = metrics.line
    height = max(min(metrics.height - metrics.ascent, 4 * line), line + 1)
    top = _top(metrics, height)
    x = (np.arange(metrics.width) + 0.5) * 2 * np.pi / metrics.width
    middle = top + height / 2 + np.sin(x) * (height - line) / 2
    y = np.arange(metrics.height)[:, None] + 0.5
    distance = np.abs(y - middle[None, :])
    # A slanted line is thinner than its vertical extent.
    slope = np.hypot(1, np.cos(x) * np.pi * (height - line) / metrics.width)
    np.maximum(
        picture,
        (np.clip(line / 2 + 0.5 - distance / slope, 0, 1) * 255).astype(np.uint8),
        out=picture,
    )


def _dotted(picture: Array8, metrics: CellMetrics) -> None:
    _broken(picture, metrics, max(1, metrics.width // (2 * metrics.line)))


def _dashed(picture: Array8, metrics: CellMetrics) -> None:
    _broken(picture, metrics, 1 if metrics.width < 8 else 2)


def _broken(picture: Array8, metrics: CellMetrics, count: int) -> None:
    """A line of `count` pieces, each followed by a gap of the same length."""
    top = _top(metrics, metrics.line)
    phase = (np.arange(metrics.width) * 2 * count) // metrics.width
    picture[top : top + metrics.line, phase % 2 == 0] = 255


_UNDERLINES = {
    Underline.NONE: _none,
    Underline.SINGLE: _single,
    Underline.DOUBLE: _double,
    Underline.CURLY: _curly,
    Underline.DOTTED: _dotted,
    Underline.DASHED: _dashed,
}
