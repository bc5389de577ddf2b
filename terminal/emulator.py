"""What a terminal engine does: bytes of the host in, contents, replies and events out.

Coordinates are those of `terminal.contents`. When a full scrollback drops rows, or a resize reflows
them, the absolute rows of what is left change: what has to survive that (the ends of a selection)
is an `Anchor`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Protocol

from guacr.errors import GuacrError
from terminal.contents import (
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
"""guacd's own bounds of a terminal; an engine clamps to them."""

XTERM_VERSION = 379
"""What DA2 is answered with: the xterm whose control sequences are understood. Programs go by it:
Emacs asks for the background, and Vim for more than clicks of the mouse, from some version on."""


class EngineError(GuacrError):
    """A terminal engine cannot be used here, or failed."""


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
    screen_reports: bool = False
    """Whether the host may read the screen (DECRQCRA) and the title (XTWINOPS 20 and 21)."""
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
        """What another thread still does for `feed`, of which a part waits for that; or a future
        that is done, if a part was costly and others should have their turn before the rest. The
        next `feed` goes on with it, and waits as well unless it is done; there may be more then."""
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
