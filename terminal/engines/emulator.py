"""The interface of a terminal engine: host bytes in; contents, replies and events out.

Coordinates are those of `terminal.engines.contents`. When a full scrollback drops rows, or a resize
reflows them, the absolute numbers of the remaining rows change. Positions that must survive this,
such as the ends of a selection, are `Anchor`s.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Protocol

from guacr.errors import GuacrError
from terminal.engines.contents import (
    Colours,
    MouseFormat,
    MouseTracking,
    PlacedImage,
    Position,
    Rgb,
    Row,
    ScreenUpdate,
    Scrollbar,
    Span,
)

MAX_COLUMNS = 1024
MAX_ROWS = 1024
"""guacd's limits of a terminal's size; an engine clamps to them."""

XTERM_VERSION = 379
"""The reply to DA2: the xterm version whose control sequences are supported. Programs rely on it:
from some version on, Emacs asks for the background, and Vim for more than mouse clicks."""


class EngineError(GuacrError):
    """A terminal engine is not usable on this machine, or failed."""


class Anchor(ABC):
    """A cell tracked through scrolling and reflow."""

    @abstractmethod
    def position(self) -> Position | None:
        """The current position on the screen (primary or alternate) where it was created; None if
        the cell was dropped."""

    @abstractmethod
    def close(self) -> None:
        """Stop tracking; may be called twice."""


class Search(ABC):
    """The matches of a text found so far; the case of ASCII letters is ignored."""

    @abstractmethod
    def step(self) -> bool:
        """Search for about a millisecond; return whether everything has been searched."""

    @abstractmethod
    def select(self, newer: bool) -> None:
        """Go to the next older or newer match, beginning with the newest and wrapping around;
        scroll the viewport to it."""

    @property
    @abstractmethod
    def total(self) -> int:
        """Matches found so far."""

    @property
    @abstractmethod
    def selected(self) -> tuple[int, Span] | None:
        """The number of the current match, 0 for the newest, and its cells."""

    @abstractmethod
    def shown(self) -> list[Span]:
        """The matches in the viewport."""

    @abstractmethod
    def close(self) -> None:
        """End the search; may be called twice."""


class EmulatorListener(Protocol):
    """Receives the requests of the host.

    The methods are called from within `Emulator.feed` and must not call the emulator. Exceptions
    that they raise are raised by `feed`, after all bytes have been processed.
    """

    def reply(self, data: bytes) -> None:
        """Send bytes to the host: the reply to a query."""
        ...

    def title_changed(self, title: str) -> None:
        """Handle OSC 0 or 2; the title never exceeds MAX_TITLE_BYTES of the engine."""
        ...

    def bell(self) -> None:
        """Handle BEL."""
        ...

    def clipboard_written(self, data: bytes) -> None:
        """Handle OSC 52 with its content decoded; empty content clears the clipboard."""
        ...

    def clipboard_read(self) -> bytes | None:
        """Answer an OSC 52 that reads the clipboard; None refuses."""
        ...

    def osc(self, number: int, text: str) -> None:
        """Handle a command that the engine does not know; longer ones than its limit are
        dropped."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorOptions:
    """The options of an engine."""

    columns: int = 80
    rows: int = 24
    cell_width: int = 10
    cell_height: int = 19
    scrollback_rows: int = 1000
    colours: Colours
    clipboard_bytes: int = 1 << 20
    """Maximum bytes of an OSC 52 that writes; a longer one is dropped."""
    answerback: bytes = b""
    """The reply to ENQ."""
    image_bytes: int = 16 << 20
    """Maximum bytes of the images that each screen keeps, and of one in transfer; 0 for no
    images."""
    screen_reports: bool = False
    """True if the host may read the screen (DECRQCRA) and the title (XTWINOPS 20 and 21)."""
    executor: Executor | None = None
    """Threads that decompress images; without them `Emulator.feed` does it."""


class Emulator(ABC):
    """A terminal engine. Its methods do not block; only one thread may use it at a time.

    After `close`, only `close` may be called.
    """

    @property
    @abstractmethod
    def columns(self) -> int:
        """The number of columns."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """The number of rows of the screen."""

    @property
    @abstractmethod
    def revision(self) -> int:
        """The number of calls that may have changed the contents."""

    @abstractmethod
    def feed(self, data: bytes) -> None:
        """Process bytes from the host, cut anywhere.

        Raises:
            Exception: the first exception that the listener raised.
        """

    @property
    def pending(self) -> Future[Any] | None:
        """The work of another thread that the rest of the bytes given to `feed` waits for.

        A future that is already done means that a part was costly, and that others should have
        their turn before the rest. The next `feed` continues with the rest, and its bytes wait as
        well unless the future is done; afterwards there may be another one.
        """
        return None

    @abstractmethod
    def resize(self, columns: int, rows: int, cell_width: int, cell_height: int) -> None:
        """Change the size, clamped to 1..MAX_COLUMNS and 1..MAX_ROWS, and rewrap long lines of the
        primary screen. The size of a cell in pixels is only used for size queries."""

    @abstractmethod
    def update(self, full: bool = False) -> ScreenUpdate:
        """Return what changed since the last call; with `full`, everything. The caller owns the
        arrays."""

    def images(self) -> Sequence[PlacedImage]:
        """The images in the viewport, the lowest first; none if the engine does not support
        them."""
        return ()

    @abstractmethod
    def reset(self) -> None:
        """Reset everything but the scrollback limit and the default colours, like RIS."""

    @abstractmethod
    def trim(self) -> None:
        """Free the state that only speeds up updates, when the terminal is idle; the next update
        costs as much as a full one."""

    def pack(self) -> bool:
        """Compress a part of the scrollback, in less than a millisecond.

        Returns:
            Whether nothing is left to do before the next `feed`.
        """
        return True

    @abstractmethod
    def close(self) -> None:
        """Free the engine's resources; may be called twice."""

    @property
    @abstractmethod
    def largest_copy(self) -> int:
        """Maximum bytes that a program can copy with OSC 52, regardless of the options; the engine
        silently drops more."""

    # Colours

    @abstractmethod
    def set_colours(self, colours: Colours) -> None:
        """Change the defaults; colours that the host has set by OSC 4, 10, 11 or 12 remain."""

    def show_cursor(self, shown: bool) -> None:
        """Set whether updates include the cursor, if the host shows it; false in the dark phase of
        blinking."""

    @property
    def background(self) -> Rgb | None:
        """The current background, which the host may have changed; None if the engine only reports
        it by `update`."""
        return None

    # Scrollback

    @abstractmethod
    def set_scrollback(self, rows: int) -> None:
        """Keep this many rows above the screen, or slightly more, because rows are dropped in bulk;
        0 keeps none."""

    @property
    @abstractmethod
    def scrollbar(self) -> Scrollbar:
        """The position of the viewport."""

    @abstractmethod
    def scroll_by(self, rows: int) -> None:
        """Move the viewport: negative towards older rows."""

    @abstractmethod
    def scroll_to(self, row: int) -> None:
        """Move the viewport so that an absolute row is at its top, as far as there are rows."""

    @abstractmethod
    def scroll_to_top(self) -> None:
        """Show the oldest rows."""

    @abstractmethod
    def scroll_to_bottom(self) -> None:
        """Show the screen, and follow it."""

    # Modes

    @abstractmethod
    def mode(self, number: int, ansi: bool = False) -> bool:
        """Return whether a DEC private mode (or an ANSI mode) is set; unknown ones are not.

        1 is application cursor keys, 66 the application keypad, 1004 focus events, 2004 bracketed
        paste, 2026 synchronized output.
        """

    @property
    @abstractmethod
    def kitty_keyboard(self) -> int:
        """The flags of the Kitty keyboard protocol that the host has set."""

    @property
    @abstractmethod
    def alternate_screen(self) -> bool:
        """True if the alternate screen is shown."""

    @property
    @abstractmethod
    def mouse_tracking(self) -> MouseTracking:
        """The pointer events that the host requested."""

    @property
    @abstractmethod
    def mouse_format(self) -> MouseFormat:
        """The encoding that the host requested for them."""

    # Text

    @abstractmethod
    def search(self, text: str) -> Search:
        """Start a search from the newest row back. The caller closes it before the emulator."""

    @abstractmethod
    def text(self, span: Span, rectangle: bool = False) -> str:
        """The plain text of the cells of a span, whose ends may be in either order, or of the
        rectangle between them. Rows end with a line feed unless the line wraps; trailing blanks are
        omitted."""

    @abstractmethod
    def row_at(self, row: int) -> Row | None:
        """An absolute row, or None if it does not exist."""

    @abstractmethod
    def word_at(self, position: Position, boundaries: str | None = None) -> Span | None:
        """The word around a cell, across wrapped rows, or None if nothing was written there.
        `boundaries` are the characters that separate words."""

    @abstractmethod
    def line_at(self, position: Position) -> Span | None:
        """The line around a cell, including wrapped rows, without blanks at its ends, or None if
        nothing was written there."""

    @abstractmethod
    def hyperlink_at(self, position: Position) -> str | None:
        """The URI that OSC 8 assigned to the cell."""

    @abstractmethod
    def anchor(self, position: Position) -> Anchor | None:
        """Track a cell; None if it does not exist. The caller closes it before the emulator."""
