"""The contents of a terminal, as returned by engines: cells, styles, colours, cursor, images.

Coordinates are in cells. A *viewport row* counts from the top of what is shown; an *absolute row*
counts from the top of the scrollback, so that viewport row r is absolute row
`scrollbar.offset + r`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum, IntFlag
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from guacr.display.geometry import Rect
from guacr.display.pixels import Array8

CLUSTER_BASE = 0x110000
"""Codes from here on are not code points; they number grapheme clusters of several."""

DEFAULT_COLOUR = -1
DIRECT_COLOUR = 0x1000000
"""A colour is DEFAULT_COLOUR, a palette index 0..255, or DIRECT_COLOUR | 0xRRGGBB."""

Rgb = tuple[int, int, int]


class Attributes(IntFlag):
    """Text attributes of SGR, except colours and underlines."""

    NONE = 0
    BOLD = 1
    ITALIC = 2
    FAINT = 4
    BLINK = 8
    INVERSE = 16
    INVISIBLE = 32
    STRIKE = 64
    OVERLINE = 128


class Underline(IntEnum):
    """The styles of SGR 4:n."""

    NONE = 0
    SINGLE = 1
    DOUBLE = 2
    CURLY = 3
    DOTTED = 4
    DASHED = 5


class Width(IntEnum):
    """The part of a character that a cell contains."""

    NARROW = 0

    WIDE = 1
    """The left half; the next cell is a SPACER."""

    SPACER = 2
    """The right half of the preceding character."""

    WRAP_SPACER = 3
    """A blank at the end of a row, because a wide character wrapped to the next."""


class Style(NamedTuple):
    """The look of a cell, before palette and default colours are applied."""

    foreground: int = DEFAULT_COLOUR
    background: int = DEFAULT_COLOUR
    underline_colour: int = DEFAULT_COLOUR
    attributes: Attributes = Attributes.NONE
    underline: Underline = Underline.NONE


class CursorShape(Enum):
    """The shapes of DECSCUSR."""

    BLOCK = "block"
    UNDERLINE = "underline"
    BAR = "bar"
    HOLLOW = "hollow"


class MouseTracking(Enum):
    """The pointer events that the host requested, by DEC private mode."""

    NONE = 0
    PRESS = 9
    BUTTONS = 1000
    DRAG = 1002
    MOTION = 1003


class MouseFormat(Enum):
    """The encoding of pointer events, by DEC private mode."""

    X10 = 0
    UTF8 = 1005
    SGR = 1006
    URXVT = 1015
    SGR_PIXELS = 1016


@dataclass(frozen=True, slots=True)
class Cursor:
    """The text cursor as it should be drawn."""

    visible: bool
    """True if the host shows it and it is within the viewport."""

    column: int
    row: int
    """Viewport row."""
    shape: CursorShape
    blinking: bool


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours that the numbers of a style refer to."""

    foreground: Rgb
    background: Rgb
    cursor: Rgb | None
    """None: the cursor is drawn in the cell's own colours, swapped."""
    palette: bytes
    """256 times red, green, blue."""
    minimum_contrast: float = 1.0
    """The minimum contrast of text to its background as defined by WCAG 2, from 1 (any) to 21
    (black on white)."""

    def __post_init__(self) -> None:
        if len(self.palette) != 768:
            raise ValueError("a palette has 256 colours of three bytes")


@dataclass(frozen=True, slots=True)
class ScreenUpdate:
    """The n rows of the viewport that changed since the last update."""

    full: bool
    """True if it has every row, and the numbers of styles and clusters start again."""
    rows: list[int]
    """The changed viewport rows, ascending."""
    codes: NDArray[np.uint32]
    """(n, columns): code points; 0 where nothing is drawn; clusters from CLUSTER_BASE on."""
    widths: NDArray[np.uint8]
    """(n, columns): values of `Width`."""
    styles: NDArray[np.uint16]
    """(n, columns): indices into `style_table`."""
    style_table: Sequence[Style]
    """Grows; an entry never changes until an update is `full`."""
    cluster_table: Sequence[str]
    """Cluster c is the text of code CLUSTER_BASE + c; grows like `style_table`."""
    cursor: Cursor
    colours: Colours
    """The current colours; the host may have changed them."""
    left: int = 0
    """The column at which the arrays begin. While someone types, an update is a few narrow cells of
    one row, and the arrays have only these columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedImage:
    """An image in the viewport; it may extend beyond the edges."""

    column: int
    row: int
    """The cell of its upper left corner, which may be outside the viewport."""
    x: int
    y: int
    """The offset of that corner within the cell, in pixels."""
    width: int
    height: int
    """The size in pixels."""
    z: int
    """The layer; see `terminal.drawing.images`."""
    source: Rect
    """The part of `pixels` that is shown, scaled to the size."""
    generation: int
    """Identifies its pixels."""
    opaque: bool
    """True if it is fully opaque."""
    pixels: Array8 = field(compare=False, repr=False)
    """(height, width, 4): blue, green and red, premultiplied by alpha, and alpha; never changed."""


class Scrollbar(NamedTuple):
    """The position of the viewport, in rows."""

    total: int
    """Rows of the scrollback and the screen."""
    offset: int
    """The absolute row at the top of the viewport."""
    visible: int
    """Rows of the viewport."""

    @property
    def at_bottom(self) -> bool:
        """True if the viewport shows the screen that the host writes to."""
        return self.offset + self.visible >= self.total


class Position(NamedTuple):
    """A cell, by column and absolute row."""

    column: int
    row: int


class Span(NamedTuple):
    """Cells in reading order, both ends included."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class Row:
    """One row of text, cell by cell."""

    cells: tuple[str, ...]
    """The text of each cell; a blank cell is a space, the right half of a wide one is empty."""
    wrapped: bool
    """True if the line continues in the next row."""
