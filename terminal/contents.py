"""What a terminal shows, as engines hand it out: cells, styles, colours, cursor, images.

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
"""Codes from here on are not code points: they number grapheme clusters of several."""

DEFAULT_COLOUR = -1
DIRECT_COLOUR = 0x1000000
"""A colour is DEFAULT_COLOUR, a palette index 0..255, or DIRECT_COLOUR | 0xRRGGBB."""

Rgb = tuple[int, int, int]


class Attributes(IntFlag):
    """What SGR switches on, apart from colours and underlines."""

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
    """What part of a character a cell holds."""

    NARROW = 0

    WIDE = 1
    """The left half; the next cell is a SPACER."""

    SPACER = 2
    """The right half of the character before."""

    WRAP_SPACER = 3
    """Blank at the end of a row, because a wide character went to the next."""


class Style(NamedTuple):
    """How a cell is drawn, before palette and default colours are applied."""

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
    """Which pointer events the host asked for, by DEC private mode."""

    NONE = 0
    PRESS = 9
    BUTTONS = 1000
    DRAG = 1002
    MOTION = 1003


class MouseFormat(Enum):
    """How pointer events are written, by DEC private mode."""

    X10 = 0
    UTF8 = 1005
    SGR = 1006
    URXVT = 1015
    SGR_PIXELS = 1016


@dataclass(frozen=True, slots=True)
class Cursor:
    """The text cursor as it is to be drawn."""

    visible: bool
    """Whether the host shows it and it lies within the viewport."""

    column: int
    row: int
    """Viewport row."""
    shape: CursorShape
    blinking: bool


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours that a style's numbers stand for."""

    foreground: Rgb
    background: Rgb
    cursor: Rgb | None
    """None: the cursor is drawn in the cell's own colours, swapped."""
    palette: bytes
    """256 times red, green, blue."""
    minimum_contrast: float = 1.0
    """The least contrast of text to its background, from 1 (any) to 21 (black on white), as
    WCAG 2 has it."""

    def __post_init__(self) -> None:
        if len(self.palette) != 768:
            raise ValueError("a palette has 256 colours of three bytes")


@dataclass(frozen=True, slots=True)
class ScreenUpdate:
    """What changed in the viewport since the last update, n rows of it, in bulk."""

    full: bool
    """Whether it holds every row, and the numbers of styles and clusters start anew."""
    rows: list[int]
    """The changed viewport rows, ascending."""
    codes: NDArray[np.uint32]
    """(n, columns): code points; 0 where nothing is drawn; from CLUSTER_BASE on, clusters."""
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
    """The colours that hold now; the host may have changed them."""
    left: int = 0
    """The column at which the arrays begin. While somebody types, an update is a few narrow
    cells of one row, and the arrays have those columns alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedImage:
    """An image in the viewport, which may reach beyond its edges."""

    column: int
    row: int
    """The cell that holds its upper left corner, and may be outside."""
    x: int
    y: int
    """Pixels of that corner from the cell's."""
    width: int
    height: int
    """Pixels that it covers."""
    z: int
    """The layer; see `terminal.images`."""
    source: Rect
    """The part of `pixels` that is shown, scaled."""
    generation: int
    """What tells its pixels from all others."""
    opaque: bool
    """Whether nothing is to be seen through it."""
    pixels: Array8 = field(compare=False, repr=False)
    """(height, width, 4): blue, green and red, each as bright as alpha has it, and alpha. They
    never change."""


class Scrollbar(NamedTuple):
    """Where the viewport stands, in rows."""

    total: int
    """Rows of the scrollback and the screen."""
    offset: int
    """The absolute row at the top of the viewport."""
    visible: int
    """Rows of the viewport."""

    @property
    def at_bottom(self) -> bool:
        """Whether the viewport shows the screen that the host writes on."""
        return self.offset + self.visible >= self.total


class Position(NamedTuple):
    """A cell, by column and absolute row."""

    column: int
    row: int


class Span(NamedTuple):
    """Cells in reading order; both ends belong to it."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class Row:
    """One row of text, cell by cell."""

    cells: tuple[str, ...]
    """The text of each cell; a blank cell is a space, the right half of a wide one is empty."""
    wrapped: bool
    """Whether the line goes on in the next row."""
