"""The terminal engine on pyte, for machines without libghostty's wheel.

pyte's parser and screen are extended by the modules named `terminal.pyte_*`; this one adds what
`Emulator` promises. docs/conformance.md says how far it goes.
"""

from __future__ import annotations

import codecs
from concurrent.futures import Future
from dataclasses import replace

from terminal.contents import (
    Colours,
    Cursor,
    CursorShape,
    MouseFormat,
    MouseTracking,
    Position,
    Rgb,
    Row,
    ScreenUpdate,
    Scrollbar,
    Span,
)
from terminal.emulator import (
    MAX_COLUMNS,
    MAX_ROWS,
    Anchor,
    Emulator,
    EmulatorListener,
    EmulatorOptions,
    EngineError,
)
from terminal.pyte_modes import ANSI_MODES, SIZE_REPORTS
from terminal.pyte_resize import resize
from terminal.pyte_rows import HEAD, SPACER, Line, unpack
from terminal.pyte_screen import PyteScreen
from terminal.pyte_search import PyteSearch
from terminal.pyte_stream import MAX_COPY_BYTES, PyteStream
from terminal.pyte_text import PyteText
from terminal.pyte_tracking import Mark, PyteAnchor
from terminal.pyte_update import PyteTables

MAX_SCROLLBACK_ROWS = 1_000_000
"""What a user may ask for."""

_DONE: Future[None] = Future()
_DONE.set_result(None)
_TRACKING = (
    MouseTracking.MOTION,
    MouseTracking.DRAG,
    MouseTracking.BUTTONS,
    MouseTracking.PRESS,
)
_FORMATS = (MouseFormat.SGR_PIXELS, MouseFormat.SGR, MouseFormat.URXVT, MouseFormat.UTF8)
_SHAPES = (CursorShape.BLOCK, CursorShape.UNDERLINE, CursorShape.BAR)


class PyteEmulator(Emulator):
    """A terminal of pyte."""

    def __init__(self, options: EmulatorOptions, listener: EmulatorListener) -> None:
        self._open_screen: PyteScreen | None = PyteScreen(options, listener)
        self._stream = PyteStream(self._open_screen)
        self._cursor_shown = True
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = PyteText(self._line_at)
        self._tables: PyteTables | None = None
        self._view: int | None = None
        """The number of the row at the top of the viewport; None follows the screen."""
        self._shown: tuple[object, ...] = ()
        self._revision = 0
        self.set_scrollback(options.scrollback_rows)
        self.resize(options.columns, options.rows, options.cell_width, options.cell_height)

    @property
    def _screen(self) -> PyteScreen:
        if self._open_screen is None:
            raise EngineError("the terminal engine was closed: start another one")
        return self._open_screen

    @property
    def columns(self) -> int:
        """See `Emulator.columns`."""
        return self._screen.columns

    @property
    def rows(self) -> int:
        """See `Emulator.rows`."""
        return self._screen.lines

    @property
    def revision(self) -> int:
        """See `Emulator.revision`."""
        return self._revision

    def feed(self, data: bytes) -> None:
        """See `Emulator.feed`."""
        screen, text = self._screen, self._decoder.decode(data)
        if not text.isascii() and (SPACER in text or HEAD in text):
            text = text.replace(SPACER, "\ufffd").replace(HEAD, "\ufffd")
        self._stream.feed(text)
        self._revision += 1
        _raise_kept(screen)

    @property
    def pending(self) -> Future[None] | None:
        """See `Emulator.pending`: nobody works on it, but others have their turn."""
        return _DONE if self._stream.waiting else None

    def resize(self, columns: int, rows: int, cell_width: int, cell_height: int) -> None:
        """See `Emulator.resize`."""
        screen = self._screen
        before = (screen.lines, screen.columns, screen.cell_size)
        screen.cell_size = (max(cell_width, 1), max(cell_height, 1))
        self._view = resize(
            screen, _clamp(columns, MAX_COLUMNS), _clamp(rows, MAX_ROWS), self._view
        )
        if screen.private(SIZE_REPORTS) and before != (
            screen.lines,
            screen.columns,
            screen.cell_size,
        ):
            screen.report_size()
            _raise_kept(screen)
        self._tables = None
        self._revision += 1

    def update(self, full: bool = False) -> ScreenUpdate:
        """See `Emulator.update`."""
        if self._tables is None or self._tables.full:
            self._tables, full = PyteTables(), True
        screen, tables = self._screen, self._tables
        bar, colours = self.scrollbar, self._colours()
        rows = range(self.rows) if full else self._changed(bar)
        lines = [self._required(bar.offset + row) for row in rows]
        codes, widths, styles = tables.read(lines, screen.columns)
        screen.dirty.clear()
        self._shown = self._state(bar)
        return ScreenUpdate(
            full=full,
            rows=list(rows),
            codes=codes,
            widths=widths,
            styles=styles,
            style_table=tables.styles,
            cluster_table=tables.clusters,
            cursor=self._cursor(bar),
            colours=colours,
        )

    def _state(self, bar: Scrollbar) -> tuple[object, ...]:
        """What, when it changes, changes every row that is shown."""
        return (bar.at_bottom or bar.offset + self._oldest(False), self._screen.on_alternate)

    def _changed(self, bar: Scrollbar) -> list[int]:
        if self._state(bar) != self._shown or (self._screen.dirty and not bar.at_bottom):
            return list(range(self.rows))
        return sorted(self._screen.dirty)

    def _cursor(self, bar: Scrollbar) -> Cursor:
        screen = self._screen
        row = bar.total - screen.lines + screen.cursor.y - bar.offset
        column = screen.cursor.x
        column -= screen.rows[screen.cursor.y].cells[column] == SPACER
        return Cursor(
            visible=self._cursor_shown and not screen.cursor.hidden and row < screen.lines,
            column=column,
            row=min(row, screen.lines - 1),
            shape=_SHAPES[max(screen.cursor_shape - 1, 0) // 2],
            blinking=screen.private(12),
        )

    def _colours(self) -> Colours:
        now = self._screen.colours.now
        if self._screen.private(5):
            return replace(now, foreground=now.background, background=now.foreground)
        return now

    def reset(self) -> None:
        """See `Emulator.reset`."""
        self._stream.reset()
        self._decoder.reset()
        self._screen.reset()
        self._view, self._tables = None, None
        self._revision += 1

    def rest(self) -> None:
        """See `Emulator.rest`."""
        self._screen.dirty.clear()
        self._tables = None

    def close(self) -> None:
        """See `Emulator.close`."""
        self._open_screen = None

    @property
    def largest_copy(self) -> int:
        """See `Emulator.largest_copy`."""
        return MAX_COPY_BYTES

    def set_colours(self, colours: Colours) -> None:
        """See `Emulator.set_colours`."""
        self._screen.set_default_colours(colours)
        self._revision += 1

    def set_scrollback(self, rows: int) -> None:
        """See `Emulator.set_scrollback`."""
        self._screen.scrollback.limit = min(max(rows, 0), MAX_SCROLLBACK_ROWS)
        self._screen.scrollback.trim()
        self._revision += 1

    def show_cursor(self, shown: bool) -> None:
        """See `Emulator.show_cursor`."""
        self._revision += shown != self._cursor_shown
        self._cursor_shown = shown

    @property
    def background(self) -> Rgb:
        """See `Emulator.background`."""
        return self._colours().background

    # Scrollback

    @property
    def scrollbar(self) -> Scrollbar:
        """See `Emulator.scrollbar`."""
        screen = self._screen
        above = 0 if screen.on_alternate else len(screen.scrollback.rows)
        offset = above
        if self._view is not None and not screen.on_alternate:
            offset = min(max(self._view - screen.scrollback.dropped, 0), above)
        return Scrollbar(above + screen.lines, offset, screen.lines)

    def scroll_by(self, rows: int) -> None:
        """See `Emulator.scroll_by`."""
        self.scroll_to(self.scrollbar.offset + rows)

    def scroll_to(self, row: int) -> None:
        """See `Emulator.scroll_to`."""
        above = self.scrollbar.total - self.rows
        self._view = None
        if row < above and not self._screen.on_alternate:
            self._view = max(row, 0) + self._screen.scrollback.dropped
        self._revision += 1

    def scroll_to_top(self) -> None:
        """See `Emulator.scroll_to_top`."""
        self.scroll_to(0)

    def scroll_to_bottom(self) -> None:
        """See `Emulator.scroll_to_bottom`."""
        self._view = None
        self._revision += 1

    # Modes

    def mode(self, number: int, ansi: bool = False) -> bool:
        """See `Emulator.mode`."""
        if ansi:
            return number in ANSI_MODES and number in self._screen.mode
        return self._screen.private(number)

    @property
    def kitty_keyboard(self) -> int:
        """See `Emulator.kitty_keyboard`."""
        return self._screen.keyboard.flags

    @property
    def alternate_screen(self) -> bool:
        """See `Emulator.alternate_screen`."""
        return self._screen.on_alternate

    @property
    def mouse_tracking(self) -> MouseTracking:
        """See `Emulator.mouse_tracking`."""
        return next((kind for kind in _TRACKING if self.mode(kind.value)), MouseTracking.NONE)

    @property
    def mouse_format(self) -> MouseFormat:
        """See `Emulator.mouse_format`."""
        return next((kind for kind in _FORMATS if self.mode(kind.value)), MouseFormat.X10)

    # Text

    def search(self, text: str) -> PyteSearch:
        """See `Emulator.search`."""
        return PyteSearch(self, self._screen, text)

    def text(self, span: Span, rectangle: bool = False) -> str:
        """See `Emulator.text`."""
        return self._text.text(span, rectangle)

    def row_at(self, row: int) -> Row | None:
        """See `Emulator.row_at`."""
        return self._text.row(row)

    def word_at(self, position: Position, boundaries: str | None = None) -> Span | None:
        """See `Emulator.word_at`."""
        return self._text.word(position, boundaries)

    def line_at(self, position: Position) -> Span | None:
        """See `Emulator.line_at`."""
        return self._text.line(position)

    def hyperlink_at(self, position: Position) -> str | None:
        """See `Emulator.hyperlink_at`."""
        return self._text.link(position)

    def anchor(self, position: Position) -> Anchor | None:
        """See `Emulator.anchor`."""
        if not (0 <= position.column < self.columns and 0 <= position.row < self.scrollbar.total):
            return None
        alternate = self._screen.on_alternate
        mark = Mark(position.column, position.row + self._oldest(alternate), alternate)
        self._screen.tracking.marks.add(mark)
        return PyteAnchor(mark, self._oldest)

    def _oldest(self, alternate: bool) -> int:
        screen = self._screen
        return screen.tracking.alternate_top if alternate else screen.scrollback.dropped

    def _line_at(self, row: int) -> Line | None:
        screen = self._screen
        above = 0 if screen.on_alternate else len(screen.scrollback.rows)
        if 0 <= row < above:
            return unpack(screen.scrollback.rows[row], screen.columns, screen.pens_known)
        return screen.rows[row - above] if 0 <= row - above < screen.lines else None

    def _required(self, row: int) -> Line:
        line = self._line_at(row)
        return Line(self.columns, self._screen.pens_known.plain) if line is None else line


def _clamp(value: int, limit: int) -> int:
    return max(1, min(value, limit))


def _raise_kept(screen: PyteScreen) -> None:
    """Raise what the listener has raised."""
    error, screen.error = screen.error, None
    if error is not None:
        raise error
