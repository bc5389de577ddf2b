"""What a terminal engine does: bytes of the host in, cells, replies and events out.

Coordinates are in cells. A *viewport row* counts from the top of what is shown; an *absolute row*
counts from the top of the scrollback, so that viewport row r is absolute row
`scrollbar.offset + r`. When a full scrollback drops rows, or a resize reflows them, the absolute
rows of what is left change: what has to survive that (the ends of a selection) is an `Anchor`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from enum import Enum, IntEnum, IntFlag
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from guacr.display.geometry import Rect
from guacr.display.pixels import Array8
from guacr.errors import GuacrError

MAX_COLUMNS = 1024
MAX_ROWS = 1024
"""guacd's own bounds of a terminal; an engine clamps to them."""

CLUSTER_BASE = 0x110000
"""Codes from here on are not code points: they number grapheme clusters of several."""

DEFAULT_COLOUR = -1
DIRECT_COLOUR = 0x1000000
"""A colour is DEFAULT_COLOUR, a palette index 0..255, or DIRECT_COLOUR | 0xRRGGBB."""

Rgb = tuple[int, int, int]

XTERM_VERSION = 379
"""What DA2 is answered with: the xterm whose control sequences are understood. Programs go by it:
Emacs asks for the background, and Vim for more than clicks of the mouse, from some version on."""


class EngineError(GuacrError):
    """A terminal engine cannot be used here, or failed."""


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


class Anchor(ABC):
    """A cell that is followed through scrolling and reflow."""

    @abstractmethod
    def position(self) -> Position | None:
        """Where the cell is now, on the screen (primary or alternate) it was made on; None when it
        was dropped."""

    @abstractmethod
    def close(self) -> None:
        """Stop following; may be called twice."""


class Search(ABC):
    """All places of a text, regardless of the case of ASCII letters, as far as they are found."""

    @abstractmethod
    def step(self) -> bool:
        """Search on for about a millisecond; returns whether all has been searched."""

    @abstractmethod
    def select(self, newer: bool) -> None:
        """Go to the next match, first the newest one, towards older or newer ones, around the
        ends; the viewport shows it."""

    @property
    @abstractmethod
    def total(self) -> int:
        """Matches found so far."""

    @property
    @abstractmethod
    def selected(self) -> tuple[int, Span] | None:
        """The number of the match that was gone to, 0 for the newest, and its cells."""

    @abstractmethod
    def shown(self) -> list[Span]:
        """The matches in the viewport."""

    @abstractmethod
    def close(self) -> None:
        """End it; may be called twice."""


class EmulatorListener(Protocol):
    """Who hears of what the host asks for. The calls come from within `Emulator.feed`; they may
    not call the emulator. What they raise is raised by `feed`, after all bytes are taken."""

    def reply(self, data: bytes) -> None:
        """Bytes for the host: the answer to a query."""
        ...

    def title_changed(self, title: str) -> None:
        """OSC 0 or 2; never longer than MAX_TITLE_BYTES of the engine."""
        ...

    def bell(self) -> None:
        """BEL."""
        ...

    def clipboard_written(self, data: bytes) -> None:
        """OSC 52 with its content decoded; empty clears the clipboard."""
        ...

    def clipboard_read(self) -> bytes | None:
        """OSC 52 that asks for the clipboard; None refuses."""
        ...

    def osc(self, number: int, text: str) -> None:
        """A command that the engine does not know; those longer than its bound are dropped."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorOptions:
    """How an engine starts."""

    columns: int = 80
    rows: int = 24
    cell_width: int = 10
    cell_height: int = 19
    scrollback_rows: int = 1000
    colours: Colours
    clipboard_bytes: int = 1 << 20
    """Of an OSC 52 that writes; a longer one is dropped."""
    answerback: bytes = b""
    """What ENQ is answered with."""
    image_bytes: int = 16 << 20
    """Of the images that each screen keeps, and of one while it arrives; 0 for no images."""
    executor: Executor | None = None
    """Threads that unpack images; without them `Emulator.feed` does it."""


class Emulator(ABC):
    """A terminal engine. None of its methods blocks; only one thread may use it at a time.

    After `close` nothing but `close` may be called.
    """

    @property
    @abstractmethod
    def columns(self) -> int:
        """Cells a row."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """Rows of the screen."""

    @property
    @abstractmethod
    def revision(self) -> int:
        """Counts the calls that may have changed what is shown."""

    @abstractmethod
    def feed(self, data: bytes) -> None:
        """Take bytes of the host, cut anywhere.

        Raises:
            Exception: what the listener raised first.
        """

    @property
    def pending(self) -> Future[Any] | None:
        """What another thread still does for `feed`, of which a part waits for that. The next
        `feed` goes on with it, and waits as well unless it is done; there may be more then."""
        return None

    @abstractmethod
    def resize(self, columns: int, rows: int, cell_width: int, cell_height: int) -> None:
        """Change the size, clamped to 1..MAX_COLUMNS and 1..MAX_ROWS; long lines of the primary
        screen are wrapped anew. The cell's size in pixels only serves size queries."""

    @abstractmethod
    def update(self, full: bool = False) -> ScreenUpdate:
        """What changed since the last call; with `full`, everything. The arrays are the
        caller's."""

    def images(self) -> Sequence[PlacedImage]:
        """The images in the viewport, the lowest first; none where the engine takes none."""
        return ()

    @abstractmethod
    def reset(self) -> None:
        """As RIS: everything but the scrollback limit and the default colours."""

    @abstractmethod
    def rest(self) -> None:
        """Free what only makes updates quick, for a terminal that is idle; the next update costs
        as much as a full one."""

    def pack(self) -> bool:
        """Pack a part of the scrollback, in less than a millisecond.

        Returns:
            Whether nothing is left to do before the next `feed`.
        """
        return True

    @abstractmethod
    def close(self) -> None:
        """Free what the engine holds; may be called twice."""

    @property
    @abstractmethod
    def largest_copy(self) -> int:
        """Bytes that a program may copy by OSC 52, whatever the options say; the engine drops
        more without a word."""

    # Colours

    @abstractmethod
    def set_colours(self, colours: Colours) -> None:
        """Change the defaults; what the host has set by OSC 4, 10, 11 or 12 stays in force."""

    def show_cursor(self, shown: bool) -> None:
        """Whether updates have the cursor, as far as the host shows it: false in the dark half
        of its blinking."""

    @property
    def background(self) -> Rgb | None:
        """The background that holds now, which the host may have changed; None where the engine
        only tells by `update`."""
        return None

    # Scrollback

    @abstractmethod
    def set_scrollback(self, rows: int) -> None:
        """Keep this many rows above the screen, or some more: rows are dropped many at once. With
        0 none are kept."""

    @property
    @abstractmethod
    def scrollbar(self) -> Scrollbar:
        """Where the viewport stands."""

    @abstractmethod
    def scroll_by(self, rows: int) -> None:
        """Move the viewport: negative towards older rows."""

    @abstractmethod
    def scroll_to(self, row: int) -> None:
        """Put an absolute row at the top of the viewport, as far as there are rows."""

    @abstractmethod
    def scroll_to_top(self) -> None:
        """Show the oldest rows."""

    @abstractmethod
    def scroll_to_bottom(self) -> None:
        """Show the screen, and follow it from now on."""

    # Modes

    @abstractmethod
    def mode(self, number: int, ansi: bool = False) -> bool:
        """Whether a DEC private mode (or an ANSI mode) is set; unknown ones are not. 1 is
        application cursor keys, 66 the application keypad, 1004 focus events, 2004 bracketed
        paste, 2026 synchronized output."""

    @property
    @abstractmethod
    def kitty_keyboard(self) -> int:
        """The flags of the Kitty keyboard protocol that the host has set."""

    @property
    @abstractmethod
    def alternate_screen(self) -> bool:
        """Whether the alternate screen is shown."""

    @property
    @abstractmethod
    def mouse_tracking(self) -> MouseTracking:
        """Which pointer events the host wants."""

    @property
    @abstractmethod
    def mouse_format(self) -> MouseFormat:
        """How it wants them."""

    # Text

    @abstractmethod
    def search(self, text: str) -> Search:
        """Begin to search everything from the newest row back. Its owner closes it before the
        emulator."""

    @abstractmethod
    def text(self, span: Span, rectangle: bool = False) -> str:
        """Plain text of the cells from start to end in reading order (the ends may be given in
        either order), or of the rectangle between them. Rows end with a line feed unless the
        line was wrapped; blanks at the end of lines are left out."""

    @abstractmethod
    def row_at(self, row: int) -> Row | None:
        """One absolute row, or None where there is none."""

    @abstractmethod
    def word_at(self, position: Position, boundaries: str | None = None) -> Span | None:
        """The word around a cell, across wrapped rows; `boundaries` are the characters that end
        words. None where nothing was written."""

    @abstractmethod
    def line_at(self, position: Position) -> Span | None:
        """The whole line around a cell, wrapped rows included, without blanks at its ends. None
        where nothing was written."""

    @abstractmethod
    def hyperlink_at(self, position: Position) -> str | None:
        """The URI that OSC 8 gave the cell."""

    @abstractmethod
    def anchor(self, position: Position) -> Anchor | None:
        """Follow a cell; None where there is none. Its owner closes it before the emulator."""
